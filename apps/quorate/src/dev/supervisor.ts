// A local cluster: one process for each replica, watched and told what to do. It decides nothing about the ledger; each
// replica is the same `quorate start` that runs anywhere else.

import type { LedgerStatus } from '@quorate/client'
import { parseStatus } from '@quorate/client'
import { CliError } from '../errors.ts'
import type { Command } from './admin.ts'
import { Child } from './child.ts'
import type { Launch } from './child.ts'
import type { Sample } from './table.ts'

/** A replica of the cluster. */
export interface Seat {
  readonly name: string
  /** Base URL of its HTTP side. */
  readonly url: string
  readonly launch: Launch
}

/** Longest wait for a status: a replica that takes longer shows as not answering. */
const STATUS_MS_MAX = 900
const READY_POLL_MS = 100
/** Longest time that a replica gets to end in order. */
const STOP_MS_MAX = 10_000
/** Time over which transactions per second are counted. */
const RATE_MS = 3000

interface Member {
  readonly seat: Seat
  readonly child: Child
  misbehave: string | undefined
  /** Recent (time, transactions executed), oldest first. */
  counts: { readonly atMs: number; readonly transactions: number }[]
}

async function get(url: string, timeoutMs: number): Promise<Response | undefined> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  } catch {
    return undefined
  }
}

async function statusOf(url: string): Promise<LedgerStatus | undefined> {
  const response = await get(`${url}/v1/status`, STATUS_MS_MAX)
  if (response === undefined || !response.ok) return undefined
  try {
    return parseStatus(await response.json())
  } catch {
    return undefined
  }
}

export class Supervisor {
  readonly #members: readonly Member[]
  #ids = new Map<string, string>()

  /** @param onDeath - Called when a replica ended by itself. */
  constructor(seats: readonly Seat[], onDeath: (name: string, how: string, lastLines: readonly string[]) => void) {
    this.#members = seats.map((seat): Member => {
      const child: Child = new Child(seat.launch, () => {
        const { state } = child
        if (state.kind === 'died') onDeath(seat.name, state.how, state.lastLines)
      })
      return { seat, child, misbehave: undefined, counts: [] }
    })
  }

  /** Member ids by replica, as far as any has told its own. */
  get ids(): ReadonlyMap<string, string> {
    return this.#ids
  }

  /** Starts every replica. */
  start(): void {
    for (const { child } of this.#members) child.start([])
  }

  /** Waits until every replica is ready. @throws CliError DIED, NOT_READY */
  async ready(boundMs: number): Promise<void> {
    const end = performance.now() + boundMs
    await Promise.all(
      this.#members.map(async ({ seat, child }) => {
        for (;;) {
          const response = await get(`${seat.url}/v1/ready`, STATUS_MS_MAX)
          await response?.body?.cancel()
          if (response?.status === 200) return
          const { state } = child
          if (state.kind === 'died') throw new CliError('DIED', `${seat.name} died at its start (${state.how})`)
          if (performance.now() > end)
            throw new CliError(
              'NOT_READY',
              `${seat.name} was not ready within ${boundMs} ms; see ${seat.launch.logPath}`,
            )
          await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS))
        }
      }),
    )
  }

  /** Looks at every replica, at once. */
  async sample(): Promise<readonly Sample[]> {
    return Promise.all(
      this.#members.map(async (member): Promise<Sample> => {
        const { seat, child, misbehave } = member
        const status = child.state.kind === 'running' ? await statusOf(seat.url) : undefined
        if (status !== undefined) this.#ids.set(seat.name, status.member)
        return { name: seat.name, state: child.state, misbehave, status, perSecond: rate(member, status) }
      }),
    )
  }

  /** Carries out an order. @throws CliError NO_SUCH_REPLICA, WRONG_STATE */
  async handle({ order, replica, how }: Command): Promise<string> {
    const member = this.#members[replica - 1]
    if (member === undefined) {
      throw new CliError('NO_SUCH_REPLICA', `there is no replica ${replica}; they are 1 to ${this.#members.length}`)
    }
    const { child, seat } = member
    const isAlive = child.state.kind === 'running' || child.state.kind === 'stopped'
    const wrong = (wanted: string): CliError =>
      new CliError('WRONG_STATE', `${seat.name} is ${child.state.kind}, not ${wanted}`)
    switch (order) {
      case 'kill':
        if (!isAlive) throw wrong('running')
        await child.kill()
        return `${seat.name} killed (SIGKILL)`
      case 'stop':
        if (child.state.kind !== 'running') throw wrong('running')
        child.pause()
        return `${seat.name} stopped (SIGSTOP); quorate dev cont ${replica} wakes it`
      case 'cont':
        if (child.state.kind !== 'stopped') throw wrong('stopped')
        child.resume()
        return `${seat.name} goes on (SIGCONT)`
      case 'restart':
        await this.#again(member, undefined)
        return `${seat.name} restarted`
      case 'corrupt': {
        const lie = how ?? 'equivocate'
        await this.#again(member, lie)
        return `${seat.name} restarted, telling lies: ${lie}; quorate dev restart ${replica} makes it honest again`
      }
    }
  }

  async #again(member: Member, misbehave: string | undefined): Promise<void> {
    await member.child.stop(STOP_MS_MAX)
    member.misbehave = misbehave
    member.counts = []
    member.child.start(misbehave === undefined ? [] : ['--misbehave', misbehave])
  }

  /** Ends every replica, in order where they can. True: all in order. */
  async stop(): Promise<boolean> {
    const ends = await Promise.all(this.#members.map(({ child }) => child.stop(STOP_MS_MAX)))
    for (const { child } of this.#members) child.close()
    return ends.every(Boolean)
  }

  /** SIGKILL for all. */
  async kill(): Promise<void> {
    await Promise.all(this.#members.map(({ child }) => child.kill()))
  }
}

function rate(member: Member, status: LedgerStatus | undefined): number {
  if (status === undefined) return 0
  const now = performance.now()
  member.counts = [
    ...member.counts.filter(({ atMs }) => now - atMs <= RATE_MS),
    { atMs: now, transactions: status.transactions },
  ]
  const [oldest] = member.counts
  if (oldest === undefined || now - oldest.atMs < 1) return 0
  return Math.max(0, ((status.transactions - oldest.transactions) * 1000) / (now - oldest.atMs))
}
