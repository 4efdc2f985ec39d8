// Questions about the ledger itself: a block, a transaction, a receipt, how a replica is. What an honest one says must be what the
// observer knows; that it doesn't know yet is no lie.

import type { Height } from '@quorate/types'
import { encodeOutcome, height as heightOf } from '@quorate/types'
import { faultyMax } from './plan.ts'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'
import type { ClientParts, Submitting } from './submitting.ts'

type Front = NonNullable<SimReplica['front']>
type BlockView = NonNullable<Awaited<ReturnType<Front['block']>>>
type TransactionView = NonNullable<Awaited<ReturnType<Front['transaction']>>>

export class Inquiries {
  readonly #parts: ClientParts
  readonly #submitting: Submitting
  readonly #random: Random
  readonly counts = { asked: 0, answered: 0 }

  constructor(parts: ClientParts, submitting: Submitting, random: Random) {
    this.#parts = parts
    this.#submitting = submitting
    this.#random = random
  }

  /** Asks some replica something. Nobody waits for the answer. */
  ask(): void {
    const replica = this.#submitting.anyReplica()
    const { front } = replica
    if (front === undefined) return
    this.counts.asked += 1
    switch (this.#random.whole(0, 3)) {
      case 0:
        return this.#status(replica, front)
      case 1:
        return this.#block(replica, front)
      case 2:
        return this.#transaction(replica, front)
      default:
        return this.#receipt(replica)
    }
  }

  #fail(message: string): void {
    this.#parts.world.fail('answer', message)
  }

  /** Calls `check` with what an honest replica answered, if it knew; by then the observer knows what the replica has certified. */
  #checked<T>(replica: SimReplica, answer: Promise<T | undefined>, check: (answer: T, who: string) => void): void {
    const { life } = replica
    void answer.then(
      (value) => {
        if (value === undefined || replica.life !== life || !this.#parts.isHonest(replica.member)) return
        this.counts.answered += 1
        this.#parts.onCertified(replica)
        check(value, `member ${replica.member}`)
      },
      // A disk that fails answers nothing.
      () => undefined,
    )
  }

  #status(replica: SimReplica, front: Front): void {
    this.#parts.verbs.called('status')
    const { phase, height, block, stateRoot } = front.status()
    if (phase !== 'operational' || !this.#parts.isHonest(replica.member)) return
    this.counts.answered += 1
    this.#parts.onCertified(replica)
    const known = this.#parts.book.at(height)
    if (known === undefined || known.hash !== block || known.header.stateRoot !== stateRoot)
      this.#fail(
        `member ${replica.member} says that block ${height} is ${block}, certified is ${known?.hash ?? 'none'}`,
      )
  }

  #block(replica: SimReplica, front: Front): void {
    this.#parts.verbs.called('block')
    const at = this.#someHeight()
    this.#checked(replica, front.block(at), (view, who) => this.#checkBlock(at, view, who))
  }

  #someHeight(): Height {
    const { tip } = this.#parts.book
    return heightOf(Math.max(0, tip - this.#random.whole(-1, 10)))
  }

  #checkBlock(at: Height, view: BlockView, who: string): void {
    const known = this.#parts.book.at(at)
    const seats = this.#parts.genesis.seats ?? this.#parts.genesis.founders.length
    if (known === undefined) return this.#fail(`${who} shows block ${at}, which nobody certified`)
    if (view.height !== at || view.hash !== known.hash)
      return this.#fail(`${who} shows ${view.hash} as block ${at}, certified is ${known.hash}`)
    const signers = new Set(view.signers).size
    if (signers < seats - faultyMax(seats) && at > 0)
      return this.#fail(`${who}: ${signers} of ${seats} seats signed block ${at}`)
    const ids = view.transactions.map((each) => each.id)
    if (JSON.stringify(ids) !== JSON.stringify(known.execution.ids))
      this.#fail(`${who} shows ${ids.length} transactions in block ${at}, executed were ${known.execution.ids.length}`)
  }

  #transaction(replica: SimReplica, front: Front): void {
    const { recent } = this.#submitting
    if (recent.length === 0) return
    const { id } = this.#random.pick(recent)
    this.#parts.verbs.called('transaction')
    this.#checked(replica, front.transaction(id), (view, who) => this.#checkTransaction(id, view, who))
  }

  #checkTransaction(id: string, view: TransactionView, who: string): void {
    const { book } = this.#parts
    const place = book.placeOf(id)
    const { height, position, outcome } = view
    if (place?.height !== height || place.position !== position)
      return this.#fail(
        `${who} says that "${id}" ran at ${height}/${position}, it ran at ${place?.height}/${place?.position}`,
      )
    const serial = book.outcomeAt(place)
    if (serial === undefined || Buffer.compare(encodeOutcome(serial), encodeOutcome(outcome)) !== 0)
      this.#fail(`${who}: the outcome of "${id}" is not what executing the ledger alone gives`)
  }

  #receipt(replica: SimReplica): void {
    const { recent } = this.#submitting
    if (recent.length === 0) return
    const { id, place } = this.#random.pick(recent)
    this.#submitting.askReceipt(replica, id, place)
  }
}
