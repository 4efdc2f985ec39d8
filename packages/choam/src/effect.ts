import type {
  AdmittedUnit,
  Ask,
  Certificate,
  ConsensusKey,
  Deal,
  Digest,
  Evidence,
  Header,
  Height,
  MemberId,
  Message,
  Millis,
  Round,
  Seat,
  UnsignedUnit,
  ViewId,
} from '@quorate/types'

/**
 * What the host must do, in the order of the list.
 *
 * The durability contract: a signature of this replica leaves the machine only after the host has made durable what it signs
 * and has said so by an input (`created`, `kept`, `joined`). The core sends nothing signed before that input, so a replica that is
 * killed at any moment and restarted from its disk never says two different things.
 */
export type ChoamEffect =
  /** Send to each of `to`; a full queue may drop it, the protocol repairs that. */
  | { readonly kind: 'send'; readonly to: readonly MemberId[]; readonly message: Message }
  /** Ask each of `to`; feed what comes back as `answer`. May go unanswered: the core asks again, or another. */
  | { readonly kind: 'ask'; readonly to: readonly MemberId[]; readonly ask: Ask }
  /**
   * Sign the unit with `key`; make it and `alongside` (units of others it stands on, not yet on disk) durable in one
   * step; then feed `created`.
   */
  | {
      readonly kind: 'create'
      readonly unit: UnsignedUnit
      readonly key: ConsensusKey
      readonly alongside: readonly AdmittedUnit[]
    }
  /** Run the body's transactions on the database; then feed `executed`. Executions arrive and are answered in height order. */
  | {
      readonly kind: 'execute'
      readonly height: Height
      readonly timeMs: Millis
      readonly seed: Digest
      readonly bodyBytes: Uint8Array
    }
  /**
   * Sign a vote for the block, where we hold a seat in its view; make header, body, outcomes and the vote durable in one step; then
   * feed `kept`.
   */
  | {
      readonly kind: 'keep'
      readonly seat: { readonly index: Seat; readonly key: ConsensusKey } | undefined
      readonly header: Header
      readonly headerBytes: Uint8Array
      readonly bodyBytes: Uint8Array
      readonly hash: Digest
    }
  /** The block is final: store the certificate (lazily: it can be had again), answer its clients, let readers see it. */
  | { readonly kind: 'certified'; readonly header: Header; readonly hash: Digest; readonly certificate: Certificate }
  /** The read may run at any certified height from `height` on. */
  | { readonly kind: 'readable'; readonly request: number; readonly height: Height }
  /** Proof that a member lies: store it, log it, show it. At most one of each kind for a member and view. */
  | { readonly kind: 'evidence'; readonly member: MemberId; readonly evidence: Evidence }
  /** Units of the view below this round are never needed again. */
  | { readonly kind: 'prune'; readonly view: ViewId; readonly below: Round }
  /**
   * Make a key and a secret for the view after `view`, or find those made before; make them durable, sign a join with them; then feed
   * `joined`.
   */
  | { readonly kind: 'join'; readonly view: ViewId }
  /** Sign with our identity what we say in a dealing; then feed `dealt`. It is the same each time: nothing needs to be stored. */
  | { readonly kind: 'deal'; readonly deal: Deal }
  /** A share of a coin's key, secret: make it durable beside `key`, which signs in the coin's view, and erase it with it. */
  | { readonly kind: 'share'; readonly key: ConsensusKey; readonly share: Uint8Array }
  /**
   * A view has begun. Once its certificate is on disk, keys of views before may go: `key`, undefined where we hold no seat, signs in it.
   */
  | { readonly kind: 'seated'; readonly view: ViewId; readonly key: ConsensusKey | undefined }
  /** This replica can't order these transactions of its clients: hand them to one that can, or submit them again later. */
  | { readonly kind: 'unplaced'; readonly transactions: readonly Uint8Array[] }
  /** A quorum certified another block than the one this replica executed: stop, loudly, with both. */
  | { readonly kind: 'diverged'; readonly height: Height; readonly ours: Digest; readonly certified: Digest }
  /** For debug logs: numbers and short words only. */
  | { readonly kind: 'trace'; readonly event: string; readonly detail: Readonly<Record<string, string | number>> }
