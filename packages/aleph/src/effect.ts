import type { AdmittedUnit, Digest, Message, Round, Seat, UnsignedUnit } from '@quorate/types'

/**
 * What the host must do, in the order of the list.
 *
 * The durability contract: `create` asks for a signature, and nothing that carries it is sent before the host has
 * made the unit, and every unit listed with it, durable in one step and has fed `created`. A member that is killed at
 * any moment and restarted from its disk therefore never signs a second unit for a round, and what its units stand on
 * is never lost with it.
 */
export type AlephEffect =
  /**
   * Sign `unit`; make it and `alongside` (what it stands on and isn't durable yet) durable in one step; feed
   * `created`.
   */
  | { readonly kind: 'create'; readonly unit: UnsignedUnit; readonly alongside: readonly AdmittedUnit[] }
  /** Send to each seat; may be lost, anti-entropy repairs that. */
  | { readonly kind: 'send'; readonly to: readonly Seat[]; readonly message: Message }
  /** Ask the seat for units, at best those with these hashes; what comes back is fed as `units`. May go unanswered. */
  | { readonly kind: 'ask'; readonly to: Seat; readonly hashes: readonly Digest[] }
  /** A head is decided: these units come next in the order, the same on every replica. */
  | {
      readonly kind: 'ordered'
      readonly round: Round
      readonly slot: number
      readonly head: Digest
      readonly units: readonly AdmittedUnit[]
    }
  /**
   * The coin of this round is needed, here or by a peer, and may be told: an own unit above it is durable. Send our share to
   * all, and again to whoever seems not to have it; feed `coin` when f + 1 are there. Once a round and life; never with a
   * coin that is computed.
   */
  | { readonly kind: 'coin'; readonly round: Round }
  /** Two signed units of one seat and round: store, show, put on the ledger. Once per seat. */
  | { readonly kind: 'fork'; readonly seat: Seat; readonly first: AdmittedUnit; readonly second: AdmittedUnit }
  /** The payload of an own unit that fell below the floor and will never be ordered: submit its items again. */
  | { readonly kind: 'dropped'; readonly payload: Uint8Array }
  /** Items that found no room in the queue. */
  | { readonly kind: 'refused'; readonly items: readonly Uint8Array[] }
  /** For debug logs: numbers and short words only. */
  | { readonly kind: 'trace'; readonly event: string; readonly detail: Readonly<Record<string, string | number>> }
