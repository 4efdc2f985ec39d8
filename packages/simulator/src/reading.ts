// Reads, and what a reader is entitled to: a height that its level allows, and there what the ledger alone gives.

import type { ReadLevel, ReadReply } from '@quorate/replica/host'
import type { Outcome, Program } from '@quorate/types'
import { decodeOutcome, encodeOutcome, encodeProgram, height as heightOf } from '@quorate/types'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'
import type { ClientParts, Submitting } from './submitting.ts'

/** An answer that was believed and checked. */
export interface Seen {
  readonly height: number
  readonly outcome: Outcome
}

interface Asked {
  readonly level: ReadLevel
  readonly program: Program
  readonly ackedBefore: number
}

export class Reading {
  readonly #parts: ClientParts
  readonly #submitting: Submitting
  readonly counts = { reads: 0, answered: 0 }

  constructor(parts: ClientParts, submitting: Submitting) {
    this.#parts = parts
    this.#submitting = submitting
  }

  /** Some level. */
  level(random: Random): ReadLevel {
    const { tip } = this.#parts.book
    switch (random.whole(0, 4)) {
      case 0:
        return { kind: 'local' }
      case 1:
        return { kind: 'at-least', height: heightOf(Math.max(0, tip + random.whole(-2, 1))) }
      case 2:
        return { kind: 'as-of', height: heightOf(Math.max(0, tip - random.whole(0, 20))) }
      default:
        return { kind: 'linearizable' }
    }
  }

  /** Reads through a replica that is up. `then` is called once: with what was seen, or undefined where nobody honest answered in time. */
  read(replica: SimReplica, level: ReadLevel, program: Program, then: (seen: Seen | undefined) => void): void {
    const { world, load, verbs } = this.#parts
    const { front, life } = replica
    if (front === undefined) return then(undefined)
    const asked: Asked = { level, program, ackedBefore: this.#submitting.lastAcked.height }
    this.counts.reads += 1
    let isThrough = false
    const end = (seen: Seen | undefined): void => {
      if (isThrough) return
      isThrough = true
      then(seen)
    }
    world.after(load.patienceMs, () => end(undefined))
    verbs.called(`read ${level.kind}`)
    const answered = (reply: ReadReply | undefined): void => {
      if (isThrough) return
      const isBelieved = this.#parts.isHonest(replica.member) && replica.life === life
      end(reply === undefined || !isBelieved ? undefined : this.#check(replica, asked, reply))
    }
    void front.read(program, level).then(answered, () => answered(undefined))
  }

  #check(replica: SimReplica, { level, program, ackedBefore }: Asked, reply: ReadReply): Seen | undefined {
    const { world, book, onRare } = this.#parts
    if (reply.kind === 'refused') {
      onRare(`read refused ${reply.code}`)
      return undefined
    }
    const who = `a ${level.kind} read through member ${replica.member}`
    const wrong = (invariant: string, message: string): undefined => {
      world.fail(invariant, `${who} ${message}`)
      return undefined
    }
    if (reply.kind === 'writes') return wrong('read', 'was taken for a write')
    const { height, outcome } = reply
    this.counts.answered += 1
    if (level.kind === 'linearizable' && height < ackedBefore)
      return wrong('stale', `was answered at height ${height}; ${ackedBefore} was acknowledged before it began`)
    if (level.kind === 'at-least' && height < level.height)
      return wrong('stale', `from ${level.height} was answered at ${height}`)
    if (level.kind === 'as-of' && height !== level.height)
      return wrong('read', `of ${level.height} was answered at ${height}`)
    this.#parts.onCertified(replica)
    if (height > book.tip) return wrong('read', `was answered at height ${height}, which nobody certified`)
    const serial = book.database.read(height, encodeProgram(program))
    const expected = serial.kind === 'outcome' ? decodeOutcome(serial.outcome) : undefined
    const isRight =
      expected?.ok === true &&
      Buffer.compare(encodeOutcome(withoutGas(expected.value)), encodeOutcome(withoutGas(outcome))) === 0
    if (!isRight) return wrong('read', `at height ${height} is not what the ledger alone gives`)
    return { height, outcome }
  }
}

/** What a read costs depends on what its reader has prepared before. */
function withoutGas<T extends object>(outcome: T): T {
  return 'gas' in outcome ? { ...outcome, gas: 0 } : outcome
}
