// What the store keeps and gives back. Bytes and strings only: what they mean is for others.

/** One thing to be made durable. All records of one `append` become durable together or not at all. */
export type StoreRecord =
  /** A unit of the DAG. `own` marks ours, of which there is at most one in a round. */
  | {
      readonly kind: 'unit'
      readonly view: string
      readonly hash: string
      readonly creator: number
      readonly round: number
      readonly own: boolean
      readonly bytes: Uint8Array
    }
  /**
   * An executed block. `transactions` are the ids it contains, by position; of an id seen twice the first place counts.
   */
  | {
      readonly kind: 'block'
      readonly height: number
      readonly header: Uint8Array
      readonly body: Uint8Array
      readonly results: Uint8Array
      readonly transactions: readonly string[]
    }
  | { readonly kind: 'certificate'; readonly height: number; readonly bytes: Uint8Array }
  /** Our vote. There is at most one at a height, for ever. */
  | { readonly kind: 'vote'; readonly height: number; readonly bytes: Uint8Array }
  /** Proof against a member. Beyond `EVIDENCE_PER_MEMBER_MAX` further proofs against the same one are not kept. */
  | { readonly kind: 'evidence'; readonly member: string; readonly bytes: Uint8Array }
  | { readonly kind: 'meta'; readonly key: string; readonly value: string }
  /** Forgets the units of `view` below `belowRound`. */
  | { readonly kind: 'prune-units'; readonly view: string; readonly belowRound: number }
  /** Forgets all units of a view that has ended, little by little. */
  | { readonly kind: 'prune-view'; readonly view: string }
  /**
   * Forgets blocks below a height with all that belongs to them, little by little, except those at the heights to `keep`, now and
   * earlier. Everything that they are still needed for must be on disk elsewhere.
   */
  | { readonly kind: 'prune-blocks'; readonly below: number; readonly keep: readonly number[] }

/** A block as stored. The certificate is undefined until a quorum has signed. */
export interface StoredBlock {
  readonly height: number
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly results: Uint8Array
  readonly certificate: Uint8Array | undefined
}

/** A block's header without its body. */
export interface StoredHeader {
  readonly height: number
  readonly header: Uint8Array
  readonly certificate: Uint8Array | undefined
}

/** A unit as stored. */
export interface StoredUnit {
  readonly hash: string
  readonly creator: number
  readonly round: number
  readonly own: boolean
  readonly bytes: Uint8Array
}

/** Where a page of units ended; hand it back for the next page. */
export interface UnitCursor {
  readonly round: number
  readonly row: number
}

/** Units by round. `next` is undefined at the end. */
export interface UnitPage {
  readonly units: readonly StoredUnit[]
  readonly next: UnitCursor | undefined
}

/** Where a transaction stands in the ledger. */
export interface TransactionPlace {
  readonly height: number
  readonly position: number
}

/** Proof against a member. */
export interface StoredEvidence {
  readonly member: string
  readonly bytes: Uint8Array
}

/** A question to the store. */
export type StoreRead =
  | { readonly kind: 'blocks'; readonly from: number; readonly countMax: number; readonly bytesMax: number }
  | { readonly kind: 'tip' }
  | { readonly kind: 'certified-tip' }
  | { readonly kind: 'units'; readonly view: string; readonly after: UnitCursor; readonly bytesMax: number }
  | { readonly kind: 'own-unit'; readonly view: string }
  | { readonly kind: 'vote'; readonly height: number }
  | { readonly kind: 'last-vote' }
  | { readonly kind: 'transaction'; readonly id: string }
  | { readonly kind: 'meta'; readonly key: string }
  | { readonly kind: 'evidence' }
  | { readonly kind: 'pruned-below' }

/** The answer to each kind of question. */
export interface StoreAnswers {
  readonly blocks: readonly StoredBlock[]
  readonly tip: StoredHeader | undefined
  readonly 'certified-tip': StoredHeader | undefined
  readonly units: UnitPage
  readonly 'own-unit': StoredUnit | undefined
  readonly vote: Uint8Array | undefined
  readonly 'last-vote': { readonly height: number; readonly bytes: Uint8Array } | undefined
  readonly transaction: TransactionPlace | undefined
  readonly meta: string | undefined
  readonly evidence: readonly StoredEvidence[]
  readonly 'pruned-below': number
}

/** Most proofs kept against one member. */
export const EVIDENCE_PER_MEMBER_MAX = 16

/** Bounds of what waits for the disk, over all appends that are not durable yet. */
export const STORE_LIMITS = { recordsMax: 65_536, bytesMax: 512 * 1024 * 1024 } as const

/** Bytes of a record that its queue is bounded by. */
export function recordBytes(record: StoreRecord): number {
  switch (record.kind) {
    case 'block':
      return record.header.length + record.body.length + record.results.length + record.transactions.length * 64
    case 'unit':
    case 'certificate':
    case 'vote':
    case 'evidence':
      return record.bytes.length
    case 'meta':
      return record.key.length + record.value.length
    case 'prune-units':
    case 'prune-view':
      return 0
    case 'prune-blocks':
      return record.keep.length * 8
  }
}
