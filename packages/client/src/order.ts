// A member's order: the transaction it signs, and what the ledger answers.

import type { Digest, GovernanceAction, MemberId, Millis } from '@quorate/types'
import { encodeTransaction, governanceSignedBytes, SIGNATURE_BYTES } from '@quorate/types'
import type { Placed } from './statement.ts'

/** How long a signed order may wait to be executed. Afterwards it is void, whoever has it. */
export const ORDER_MS_MAX = 60 * 60 * 1000

/** What a member orders. */
export interface Order {
  /** From a genesis.json that the member trusts, not from a replica: an order for another ledger would be valid there. */
  readonly ledger: Digest
  readonly author: MemberId
  readonly action: GovernanceAction
  readonly id: string
  /** Now: the later of this machine's clock and the ledger's newest block. */
  readonly nowMs: number
}

/** An order that the ledger has carried out. */
export interface Ordered {
  readonly id: string
  readonly height: number
  /** It stood in the ledger before; this is what it gave then. */
  readonly duplicate: boolean
  /** Of the proposal that it was about, if it was about one. */
  readonly proposal:
    | {
        readonly number: number
        readonly state: string
        readonly approvals: number
        readonly needed: number
      }
    | undefined
}

/** The transaction's bytes. @param sign - With the author's identity key. */
export function signOrder(order: Order, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
  const { ledger, author, action, id, nowMs } = order
  const seal = (signature: Uint8Array): Uint8Array => {
    const expiresMs = (nowMs + ORDER_MS_MAX) as Millis
    return encodeTransaction({ id, expiresMs, governance: { ledger, author, action, signature } })
  }
  return seal(sign(governanceSignedBytes(seal(new Uint8Array(SIGNATURE_BYTES)))))
}

/** The answer to the order `id`; undefined where it isn't one. */
export function parseOrdered(id: string, { height, duplicate, results }: Placed): Ordered | undefined {
  const [result] = results
  if (result === undefined || results.length !== 1) return undefined
  const [row] = result.rows
  if (row === undefined) return { id, height, duplicate, proposal: undefined }
  const cell = (name: string): unknown => row[result.columns.indexOf(name)]
  const [number, approvals, needed] = [cell('proposal'), cell('approvals'), cell('needed')]
  const state = cell('state')
  if (typeof number !== 'bigint' || typeof approvals !== 'bigint' || typeof needed !== 'bigint') return undefined
  if (typeof state !== 'string') return undefined
  const proposal = { number: Number(number), state, approvals: Number(approvals), needed: Number(needed) }
  return { id, height, duplicate, proposal }
}
