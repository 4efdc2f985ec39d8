// Programs on their way to the ledger. Whoever submits waits; when it hears nothing it sends the same again, under the same id,
// through another replica. What it is told is compared with the ledger: the place, the outcome, the order against what was
// acknowledged before it was sent.

import { must } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import type { SubmitReply } from '@quorate/replica/host'
import type { Genesis, Outcome, Program, Replay } from '@quorate/types'
import { decodeReceipt, encodeOutcome, verifyReceipt } from '@quorate/types'
import type { KeyRing } from './keys.ts'
import type { LedgerBook, Place } from './ledger-book.ts'
import type { Load } from './plan.ts'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'
import type { Verbs } from './verbs.ts'
import type { World } from './world.ts'

/** Ids are remembered for so long: longer than a run with all its clocks' faults. */
const KEEP_MS = 6 * 60 * 60 * 1000
/** A client that was refused tries again after so long, at least and at most. */
const RETRY_MS = [50, 2000] as const
/** Share of acknowledged transactions whose receipt is asked for. */
const RECEIPTS = 0.02
/** Acknowledged ids that are remembered, to be asked about. */
const RECENT_MAX = 64

/** Refusals that no client of ours may meet: its ids are its own, and its programs decode. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set(['ID_REUSED', 'EXPIRED', 'EXPIRES_TOO_FAR', 'MALFORMED'])

/** What clients stand on. */
export interface ClientParts {
  readonly world: World
  readonly load: Load
  readonly genesis: Genesis
  readonly ring: KeyRing
  readonly book: LedgerBook
  readonly replicas: readonly SimReplica[]
  readonly verbs: Verbs
  readonly isHonest: (member: number) => boolean
  /** The replica may have certified more than it told of. */
  readonly onCertified: (replica: SimReplica) => void
  readonly onRare: (name: string) => void
}

/** What is submitted. */
export interface Wish {
  readonly program: Program
  /** Of an interactive transaction: what its session recorded. */
  readonly replay?: Replay
  /** Through which replica each attempt goes; any, where it doesn't say. */
  readonly through?: () => SimReplica
  /** Whether it is given up when the first attempt took too long, so that nobody knows what became of it. */
  readonly mayGiveUp?: boolean
}

/** How a submission ended for its client. */
export type Ended =
  | { readonly kind: 'acked'; readonly place: Place; readonly outcome: Outcome }
  /** It certainly did not run. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'given up' }

/** A submission, from its first attempt to its end. */
interface Open {
  readonly id: string
  readonly wish: Wish
  readonly onEnd: (ended: Ended) => void
  /** The last place that was acknowledged to anybody before this was first sent. */
  readonly after: Place
  attempts: number
  isDone: boolean
}

function isBefore(a: Place, b: Place): boolean {
  return a.height < b.height || (a.height === b.height && a.position < b.position)
}

export class Submitting {
  readonly #parts: ClientParts
  readonly #random: Random
  #next = 0
  #lastAcked: Place = { height: -1, position: 0 }
  readonly #open = new Map<string, Open>()
  readonly #recent: { readonly id: string; readonly place: Place }[] = []
  #replicas: readonly SimReplica[]
  readonly counts = { writes: 0, acked: 0, retried: 0, givenUp: 0, refused: 0, receipts: 0 }

  constructor(parts: ClientParts, random: Random) {
    this.#parts = parts
    this.#replicas = parts.replicas
    this.#random = random
  }

  /** Submissions that have no answer yet. */
  get open(): ReadonlySet<string> {
    return new Set(this.#open.keys())
  }

  /** The last place that was acknowledged to anybody. */
  get lastAcked(): Place {
    return this.#lastAcked
  }

  /** Transactions that were acknowledged not long ago. */
  get recent(): readonly { readonly id: string; readonly place: Place }[] {
    return this.#recent
  }

  /** Number of the next submission. */
  get next(): number {
    return this.#next + 1
  }

  /** Whoever waits for an answer goes on asking for it, at one of `replicas`. */
  rest(replicas: readonly SimReplica[]): void {
    this.#replicas = replicas
  }

  anyReplica(): SimReplica {
    return this.#random.pick(this.#replicas)
  }

  /** Submits a program under an id of its own, which it gives; calls `onEnd` once, when it has ended for its client. */
  submit(wish: Wish, onEnd: (ended: Ended) => void): string {
    this.#next += 1
    const id = `w${this.#next}`
    const open: Open = { id, wish, onEnd, after: this.#lastAcked, attempts: 0, isDone: false }
    this.#open.set(id, open)
    this.counts.writes += 1
    this.#send(open)
    return id
  }

  #end(open: Open, ended: Ended): void {
    open.isDone = true
    this.#open.delete(open.id)
    open.onEnd(ended)
  }

  #send(open: Open): void {
    const { world, load, verbs } = this.#parts
    const replica = open.wish.through?.() ?? this.anyReplica()
    open.attempts += 1
    if (open.attempts > 1) this.counts.retried += 1
    const attempt = open.attempts
    const again = (delayMs: number): void =>
      world.after(delayMs, () => {
        if (!open.isDone && open.attempts === attempt) this.#send(open)
      })
    const wait = (): number => this.#random.between(RETRY_MS[0], RETRY_MS[1])
    const { front } = replica
    if (front === undefined) return again(wait())
    if (open.wish.mayGiveUp === true) this.#giveUpLater(open)
    else again(load.patienceMs)
    const tried = (): void => {
      if (open.attempts === attempt) again(wait())
    }
    const { program, replay } = open.wish
    verbs.called('submit')
    // A replica whose disk fails in the middle gives no answer.
    void front
      .submit({ id: open.id, program, keepMs: KEEP_MS, ...(replay === undefined ? {} : { replay }) })
      .then((reply) => {
        if (open.isDone || !this.#parts.isHonest(replica.member)) return
        if (reply.kind === 'refused') return this.#refused(replica, open, reply, tried)
        this.#acked(replica, open, reply)
      }, tried)
  }

  #giveUpLater(open: Open): void {
    this.#parts.world.after(this.#parts.load.patienceMs, () => {
      if (open.isDone) return
      this.counts.givenUp += 1
      this.#parts.onRare('given up')
      this.#end(open, { kind: 'given up' })
    })
  }

  #refused(
    replica: SimReplica,
    open: Open,
    { code, message }: SubmitReply & { kind: 'refused' },
    tried: () => void,
  ): void {
    this.#parts.onRare(`refused ${code}`)
    // The session began too long ago: that is for its client to begin again.
    if (code === 'REPLAY_TIME' && open.wish.replay !== undefined) {
      this.counts.refused += 1
      return this.#end(open, { kind: 'refused', code })
    }
    if (FINAL_REFUSALS.has(code))
      return this.#parts.world.fail(
        'answer',
        `"${open.id}" was refused by member ${replica.member}: ${code}: ${message}`,
      )
    tried()
  }

  #acked(
    replica: SimReplica,
    open: Open,
    { height, position, outcome, duplicate }: SubmitReply & { kind: 'executed' },
  ): void {
    const { world, book } = this.#parts
    const { id, after } = open
    const place: Place = { height, position }
    const who = `"${id}", acknowledged by member ${replica.member} at ${height}/${position}`
    this.counts.acked += 1
    if (duplicate) this.#parts.onRare('answered as a duplicate')
    const known = book.placeOf(id)
    if (known === undefined || known.height !== height || known.position !== position)
      return world.fail(
        'lost',
        `${who}, ran ${known === undefined ? 'nowhere' : `at ${known.height}/${known.position}`}`,
      )
    if (!isBefore(after, place))
      return world.fail(
        'real-time',
        `${who}, stands before ${after.height}/${after.position}, which was acknowledged before it was sent`,
      )
    const serial = must(book.outcomeAt(place), 'a place in the book has an outcome')
    if (Buffer.compare(encodeOutcome(serial), encodeOutcome(outcome)) !== 0)
      return world.fail('answer', `${who}: its outcome is not what executing the ledger alone gives`)
    if (isBefore(this.#lastAcked, place)) this.#lastAcked = place
    this.#recent.push({ id, place })
    if (this.#recent.length > RECENT_MAX) this.#recent.shift()
    if (this.#random.chance(RECEIPTS)) this.askReceipt(replica, id, place)
    this.#end(open, { kind: 'acked', place, outcome })
  }

  /** Asks a replica for the receipt of what was acknowledged, and checks it. */
  askReceipt(replica: SimReplica, id: string, place: Place): void {
    const { world, genesis, ring, verbs } = this.#parts
    const { front } = replica
    if (front === undefined) return
    verbs.called('receipt')
    void front
      .receipt(id)
      .catch(() => undefined)
      .then((bytes) => {
        // The certificate is written lazily, so a receipt may not be had yet; and who lies gives what it likes.
        if (bytes === undefined || !this.#parts.isHonest(replica.member)) return
        this.counts.receipts += 1
        const receipt = decodeReceipt(bytes)
        if (!receipt.ok)
          return world.fail('receipt', `the receipt of "${id}" does not decode: ${receipt.error.message}`)
        const proven = verifyReceipt(receipt.value, genesis, { verify: ring.verify, seatCommittee })
        if (!proven.ok)
          return world.fail('receipt', `the receipt of "${id}": ${proven.error.code}: ${proven.error.message}`)
        const { height, position } = place
        if (proven.value.height !== height || proven.value.position !== position)
          world.fail(
            'receipt',
            `the receipt of "${id}" proves ${proven.value.height}/${proven.value.position}, not ${height}/${position}`,
          )
      })
  }
}
