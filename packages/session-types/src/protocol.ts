import { assert, must } from '@quorate/kernel'
import type { Dual, Process } from './process.ts'
import { compile } from './state-table.ts'
import type { Role, State, StateTable } from './state-table.ts'

/** How long a receive waits where neither state nor protocol says: 10 s. */
export const RECEIVE_TIMEOUT_MS = 10_000

/** A protocol: one value for both roles. `P` is the client's view, the client being the side that opens a session. */
export interface Protocol<P> {
  readonly name: string
  /** Names the protocol on a multiplexed connection: 0 to 65,535. */
  readonly id: number
  /** 0 to 65,535. Raise it with every change of the messages: their tags follow the order of definition. */
  readonly version: number
  readonly client: P
  readonly table: StateTable
}

/** A protocol as `R` sees it. */
export type View<P, R extends Role> = R extends 'client' ? P : Dual<P>

/** A protocol of which only the table matters. */
export type AnyProtocol = Protocol<unknown>

const U16_MAX = 65_535

/**
 * Defines a protocol from its client's view. What cannot be a protocol is refused at once, by an assertion.
 * @param options.timeoutMs - Of every receive that names none: {@link RECEIVE_TIMEOUT_MS} where absent.
 */
export function protocol<P extends Process>(options: {
  readonly name: string
  readonly id?: number
  readonly version?: number
  readonly timeoutMs?: number
  readonly client: P
}): Protocol<P> {
  const { name, id = 0, version = 1, timeoutMs = RECEIVE_TIMEOUT_MS, client } = options
  for (const number of [id, version]) assert(Number.isInteger(number) && number >= 0 && number <= U16_MAX, 'not a u16')
  return { name, id, version, client, table: compile(client, timeoutMs) }
}

/** Where sessions of a protocol begin. */
export function startOf(table: StateTable): State {
  return must(table.states[0], 'a table has a state')
}

/** The other role. */
export function otherRole(role: Role): Role {
  return role === 'client' ? 'server' : 'client'
}
