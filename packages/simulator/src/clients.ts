// Clients and what they are entitled to. A client sends a program to some replica and waits; when it hears nothing it sends the same
// again, under the same id, through another. What it is told is compared with the ledger: the place, the outcome, the order against
// what was acknowledged before it asked, the freshness of what it reads.

import { must } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import type { ReadLevel, ReadReply, SubmitReply } from '@quorate/replica/host'
import type { Genesis, Program } from '@quorate/types'
import {
  decodeOutcome,
  decodeReceipt,
  encodeOutcome,
  encodeProgram,
  height as heightOf,
  verifyReceipt,
} from '@quorate/types'
import type { KeyRing } from './keys.ts'
import type { LedgerBook, Place } from './ledger-book.ts'
import type { Load } from './plan.ts'
import { reading, writing } from './programs.ts'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'
import type { World } from './world.ts'

/** Ids are remembered for so long: longer than a run with all its clocks' faults. */
const KEEP_MS = 6 * 60 * 60 * 1000
/** A client that was refused tries again after so long, at least and at most. */
const RETRY_MS = [50, 2000] as const
/** Share of acknowledged transactions whose receipt is asked for. */
const RECEIPTS = 0.02

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
  readonly isHonest: (member: number) => boolean
  /** The replica may have certified more than it told of. */
  readonly onCertified: (replica: SimReplica) => void
  readonly onRare: (name: string) => void
}

/** A write of a client, from its first attempt to its answer. */
interface Write {
  readonly id: string
  readonly program: Program
  /** The last place that was acknowledged to anybody before this was first sent. */
  readonly after: Place
  attempts: number
  isDone: boolean
}

function isBefore(a: Place, b: Place): boolean {
  return a.height < b.height || (a.height === b.height && a.position < b.position)
}

export class Clients {
  readonly #parts: ClientParts
  readonly #random: Random
  #next = 0
  #lastAcked: Place = { height: -1, position: 0 }
  #isOver = false
  #replicas: readonly SimReplica[]
  readonly #open = new Map<string, Write>()
  readonly counts = { writes: 0, acked: 0, retried: 0, reads: 0, answered: 0, receipts: 0 }

  constructor(parts: ClientParts) {
    this.#parts = parts
    this.#replicas = parts.replicas
    this.#random = parts.world.random('clients')
  }

  /** Writes that have no answer yet. */
  get open(): ReadonlySet<string> {
    return new Set(this.#open.keys())
  }

  /** Everybody begins. */
  start(): void {
    for (let client = 0; client < this.#parts.load.clients; client += 1) this.#pause()
  }

  /** Nobody asks for anything new; who waits for an answer goes on asking for it, at one of `replicas`. */
  rest(replicas: readonly SimReplica[]): void {
    this.#isOver = true
    this.#replicas = replicas
  }

  #pause(): void {
    const { thinkMs, burstMs, calmMs } = this.#parts.load
    const { world } = this.#parts
    world.after(this.#random.exponential(thinkMs), () => {
      if (this.#isOver) return
      const phaseMs = world.nowMs % (burstMs + calmMs)
      if (phaseMs > burstMs) {
        world.after(burstMs + calmMs - phaseMs, () => this.#pause())
        return
      }
      if (this.#random.chance(this.#parts.load.reads)) this.#read(() => this.#pause())
      else this.#write(() => this.#pause())
    })
  }

  #anyReplica(): SimReplica {
    return this.#random.pick(this.#replicas)
  }

  // ---- writing

  /** Sends a write of its own through one replica of a member; it is repeated there, or anywhere, until it is answered. */
  probe(replica: SimReplica): void {
    this.#send(
      this.#newWrite(),
      () => replica,
      () => undefined,
    )
  }

  #newWrite(): Write {
    this.#next += 1
    const id = `w${this.#next}`
    const write = {
      id,
      program: writing(this.#random, this.#parts.load.hot, `b${this.#next}`),
      after: this.#lastAcked,
      attempts: 0,
      isDone: false,
    }
    this.#open.set(id, write)
    this.counts.writes += 1
    return write
  }

  #write(then: () => void): void {
    this.#send(this.#newWrite(), () => this.#anyReplica(), then)
  }

  #send(write: Write, replicaFor: () => SimReplica, then: () => void): void {
    const { world, load } = this.#parts
    const replica = replicaFor()
    write.attempts += 1
    if (write.attempts > 1) this.counts.retried += 1
    const attempt = write.attempts
    const again = (delayMs: number): void =>
      world.after(delayMs, () => {
        if (!write.isDone && write.attempts === attempt) this.#send(write, replicaFor, then)
      })
    const wait = (): number => this.#random.between(RETRY_MS[0], RETRY_MS[1])
    const { front } = replica
    if (front === undefined) return again(wait())
    again(load.patienceMs)
    const tried = (): void => {
      if (write.attempts === attempt) again(wait())
    }
    // A replica whose disk fails in the middle gives no answer.
    void front.submit({ id: write.id, program: write.program, keepMs: KEEP_MS }).then((reply) => {
      if (write.isDone || !this.#parts.isHonest(replica.member)) return
      if (reply.kind === 'refused') return this.#refused(replica, write, reply, tried)
      write.isDone = true
      this.#open.delete(write.id)
      this.#acked(replica, write, reply)
      then()
    }, tried)
  }

  #refused(
    replica: SimReplica,
    { id }: Write,
    { code, message }: SubmitReply & { kind: 'refused' },
    tried: () => void,
  ): void {
    this.#parts.onRare(`refused ${code}`)
    if (FINAL_REFUSALS.has(code))
      return this.#parts.world.fail('answer', `"${id}" was refused by member ${replica.member}: ${code}: ${message}`)
    tried()
  }

  #acked(
    replica: SimReplica,
    write: Write,
    { height, position, outcome, duplicate }: SubmitReply & { kind: 'executed' },
  ): void {
    const { world, book } = this.#parts
    const place: Place = { height, position }
    const who = `"${write.id}", acknowledged by member ${replica.member} at ${height}/${position}`
    this.counts.acked += 1
    if (duplicate) this.#parts.onRare('answered as a duplicate')
    const known = book.placeOf(write.id)
    if (known === undefined || known.height !== height || known.position !== position)
      return world.fail(
        'lost',
        `${who}, ran ${known === undefined ? 'nowhere' : `at ${known.height}/${known.position}`}`,
      )
    if (!isBefore(write.after, place))
      return world.fail(
        'real-time',
        `${who}, stands before ${write.after.height}/${write.after.position}, which was acknowledged before it was sent`,
      )
    const serial = must(book.outcomeAt(place), 'a place in the book has an outcome')
    if (Buffer.compare(encodeOutcome(serial), encodeOutcome(outcome)) !== 0)
      return world.fail('answer', `${who}: its outcome is not what executing the ledger alone gives`)
    if (isBefore(this.#lastAcked, place)) this.#lastAcked = place
    if (this.#random.chance(RECEIPTS)) this.#askReceipt(replica, write.id, place)
  }

  #askReceipt(replica: SimReplica, id: string, place: Place): void {
    const { world, genesis, ring } = this.#parts
    void replica.front
      ?.receipt(id)
      .catch(() => undefined)
      .then((bytes) => {
        // The certificate is written lazily, so a receipt may not be had yet.
        if (bytes === undefined) return
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

  // ---- reading

  #read(then: () => void): void {
    const replica = this.#anyReplica()
    const { front } = replica
    if (front === undefined) return then()
    const level = this.#level()
    const program = reading(this.#random, this.#parts.load.hot)
    const ackedBefore = this.#lastAcked.height
    const { life } = replica
    this.counts.reads += 1
    let isThrough = false
    this.#parts.world.after(this.#parts.load.patienceMs, () => {
      if (isThrough) return
      isThrough = true
      then()
    })
    const answered = (reply: ReadReply | undefined): void => {
      if (isThrough) return
      isThrough = true
      if (reply !== undefined && this.#parts.isHonest(replica.member) && replica.life === life)
        this.#answered(replica, { level, program, ackedBefore }, reply)
      then()
    }
    void front.read(program, level).then(answered, () => answered(undefined))
  }

  #level(): ReadLevel {
    const tip = this.#parts.book.tip
    switch (this.#random.whole(0, 4)) {
      case 0:
        return { kind: 'local' }
      case 1:
        return { kind: 'at-least', height: heightOf(Math.max(0, tip + this.#random.whole(-2, 1))) }
      case 2:
        return { kind: 'as-of', height: heightOf(Math.max(0, tip - this.#random.whole(0, 20))) }
      default:
        return { kind: 'linearizable' }
    }
  }

  #answered(
    replica: SimReplica,
    asked: { readonly level: ReadLevel; readonly program: Program; readonly ackedBefore: number },
    reply: ReadReply,
  ): void {
    const { world, book, onRare } = this.#parts
    const { level, program, ackedBefore } = asked
    if (reply.kind === 'refused') return onRare(`read refused ${reply.code}`)
    const who = `a ${level.kind} read through member ${replica.member}`
    if (reply.kind === 'writes') return world.fail('read', `${who} was taken for a write`)
    const { height, outcome } = reply
    this.counts.answered += 1
    if (level.kind === 'linearizable' && height < ackedBefore)
      return world.fail(
        'stale',
        `${who} was answered at height ${height}; ${ackedBefore} was acknowledged before it began`,
      )
    if (level.kind === 'at-least' && height < level.height)
      return world.fail('stale', `${who} from ${level.height} was answered at ${height}`)
    if (level.kind === 'as-of' && height !== level.height)
      return world.fail('read', `${who} of ${level.height} was answered at ${height}`)
    this.#parts.onCertified(replica)
    if (height > book.tip) return world.fail('read', `${who} was answered at height ${height}, which nobody certified`)
    const serial = book.database.read(height, encodeProgram(program))
    const expected = serial.kind === 'outcome' ? decodeOutcome(serial.outcome) : undefined
    if (
      expected?.ok !== true ||
      Buffer.compare(encodeOutcome(withoutGas(expected.value)), encodeOutcome(withoutGas(outcome))) !== 0
    )
      world.fail('read', `${who} at height ${height} is not what the ledger alone gives`)
  }
}

/** What a read costs depends on what its reader has prepared before. */
function withoutGas<T extends object>(outcome: T): T {
  return 'gas' in outcome ? { ...outcome, gas: 0 } : outcome
}
