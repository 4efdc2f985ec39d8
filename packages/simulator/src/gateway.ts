// A gateway that lies to its clients, and clients that believe nothing but receipts. What an unverified answer is worth is up to who
// gives it: that is counted. What must hold is that no lie comes with a receipt that verifies and says the same.

import { seatCommittee } from '@quorate/membership'
import type { Front, SubmitReply } from '@quorate/replica/host'
import type { Genesis, Outcome } from '@quorate/types'
import { bytesEqual } from '@quorate/kernel'
import { decodeReceipt, encodeOutcome, encodeProgram, encodeReceipt, height, verifyReceipt } from '@quorate/types'
import type { KeyRing } from './keys.ts'
import type { LedgerBook } from './ledger-book.ts'
import { writing } from './programs.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** What clients speak to. */
export type Gateway = Pick<Front, keyof Front>

type Executed = Extract<SubmitReply, { readonly kind: 'executed' }>

/** Mean pause of a client that doubts. */
const THINK_MS = 800
/** A receipt is asked for so long after the answer. */
const RECEIPT_MS = 500
const KEEP_MS = 6 * 60 * 60 * 1000
/** Share of true answers: who always lies is not asked again. */
const TRUTH = 0.3
/** Ids of others' transactions that it has, to pass off their receipts. */
const OTHERS_MAX = 16

function liedReply(reply: Executed, other: Outcome | undefined, random: Random): SubmitReply {
  switch (random.whole(0, 2)) {
    case 0:
      return { ...reply, height: height(reply.height + random.pick([1, 100])) }
    case 1:
      return { ...reply, position: reply.position + 1 }
    default: {
      const isOther = other !== undefined && other.kind !== 'refused' && other.kind !== 'duplicate'
      return isOther ? { ...reply, outcome: other } : { ...reply, height: height(0) }
    }
  }
}

/** A receipt with one part of it another, of another transaction, or for another place. */
function liedReceipt(bytes: Uint8Array, other: Uint8Array | undefined, random: Random): Uint8Array {
  const mine = decodeReceipt(bytes)
  const theirs = other === undefined ? undefined : decodeReceipt(other)
  if (!mine.ok || theirs?.ok !== true || other === undefined) return bytes
  switch (random.whole(0, 4)) {
    case 0:
      return other
    case 1:
      return encodeReceipt({ ...mine.value, outcome: theirs.value.outcome })
    case 2:
      return encodeReceipt({ ...theirs.value, transaction: mine.value.transaction })
    case 3:
      return encodeReceipt({ ...mine.value, position: mine.value.position + 1, count: mine.value.count + 1 })
    default:
      return encodeReceipt({ ...mine.value, header: theirs.value.header })
  }
}

/** Says other things than the replica behind it. */
export function lyingGateway(front: Gateway, random: Random): Gateway {
  const ids: string[] = []
  let before: Outcome | undefined
  const other = (): Promise<Uint8Array | undefined> =>
    ids.length === 0 ? Promise.resolve(undefined) : front.receipt(random.pick(ids))
  return {
    status: () => front.status(),
    read: (program, level) => front.read(program, level),
    openSession: (options) => front.openSession(options),
    block: (at) => front.block(at),
    prunedBelow: () => front.prunedBelow(),
    wholeBlocks: (from, count, bytesMax) => front.wholeBlocks(from, count, bytesMax),
    transaction: (id) => front.transaction(id),
    submitOrder: (transaction) => front.submitOrder(transaction),
    submit: async (submission) => {
      const reply = await front.submit(submission)
      if (reply.kind !== 'executed') return reply
      const theirs = before
      before = reply.outcome
      ids.push(submission.id)
      if (ids.length > OTHERS_MAX) ids.shift()
      return random.chance(TRUTH) ? reply : liedReply(reply, theirs, random)
    },
    receipt: async (id) => {
      const [mine, theirs] = await Promise.all([front.receipt(id), other()])
      return mine === undefined || random.chance(TRUTH) ? mine : liedReceipt(mine, theirs, random)
    },
  }
}

/** What clients that doubt stand on. */
export interface DoubterParts {
  readonly world: World
  readonly genesis: Genesis
  readonly ring: KeyRing
  readonly book: LedgerBook
  readonly onRare: (name: string) => void
}

/** A machine as its clients see it. */
export interface Served {
  readonly index: number
  readonly member: number
  readonly front: Gateway | undefined
}

/** A client of one member that asks for the receipt of all it is told, and believes no more than that proves. */
export class Doubter {
  readonly #parts: DoubterParts
  readonly #replica: Served
  readonly #random: Random
  #count = 0
  #isOver = false

  constructor(parts: DoubterParts, replica: Served) {
    this.#parts = parts
    this.#replica = replica
    this.#random = parts.world.random(`doubter ${replica.index}`)
  }

  start(): void {
    this.#parts.world.after(this.#random.exponential(THINK_MS), () => {
      if (this.#isOver) return
      this.#ask()
      this.start()
    })
  }

  rest(): void {
    this.#isOver = true
  }

  #ask(): void {
    const { front } = this.#replica
    if (front === undefined) return
    this.#count += 1
    const id = `d${this.#replica.index}-${this.#count}`
    const program = writing(this.#random, 0.5, id)
    const answered = (reply: SubmitReply): void => {
      if (reply.kind !== 'executed') return
      this.#parts.world.after(RECEIPT_MS, async () => {
        const receipt = await front.receipt(id).catch(() => undefined)
        if (receipt !== undefined) this.#judge({ id, program: encodeProgram(program) }, reply, receipt)
      })
    }
    // A replica whose disk fails in the middle gives no answer, and no receipt.
    void front.submit({ id, program, keepMs: KEEP_MS }).then(answered, () => undefined)
  }

  #judge(asked: { readonly id: string; readonly program: Uint8Array }, told: Executed, bytes: Uint8Array): void {
    const { genesis, ring, book, world, onRare } = this.#parts
    const place = book.placeOf(asked.id)
    const outcome = place === undefined ? undefined : book.outcomeAt(place)
    // The liar may be the first to have a certificate: then the receipt knows more than the book.
    const isNews = place === undefined
    const isTrue =
      place?.height === told.height &&
      place.position === told.position &&
      outcome !== undefined &&
      bytesEqual(encodeOutcome(outcome), encodeOutcome(told.outcome))
    if (!isTrue && !isNews) onRare('a gateway lied')
    const receipt = decodeReceipt(bytes)
    const proven = receipt.ok ? verifyReceipt(receipt.value, genesis, { verify: ring.verify, seatCommittee }) : receipt
    const isProven =
      proven.ok &&
      proven.value.transaction.id === asked.id &&
      proven.value.transaction.program !== undefined &&
      bytesEqual(encodeProgram(proven.value.transaction.program), asked.program) &&
      proven.value.height === told.height &&
      proven.value.position === told.position &&
      bytesEqual(encodeOutcome(proven.value.outcome), encodeOutcome(told.outcome))
    if (isProven && (isTrue || isNews)) return onRare('a receipt proved what a liar told')
    if (isProven)
      return world.fail(
        'receipt',
        `member ${this.#replica.member} lied about "${asked.id}", and a receipt proves the lie`,
      )
    onRare('a lie was noticed by its receipt')
  }
}
