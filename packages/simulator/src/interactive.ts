// Interactive transactions, as the gateway does them for its clients: statement by statement on a snapshot of one replica, then a commit
// that orders what was recorded. In between, the replica may crash and others may come first. A transaction that others came before
// did nothing at all, and its client may begin again: that is the gateway's SQLITE_BUSY.

import type { ReadLevel } from '@quorate/replica/host'
import type { StatementResult } from '@quorate/types'
import type { Place } from './ledger-book.ts'
import type { Script } from './programs.ts'
import { interactiveProgram } from './programs.ts'
import type { Random } from './random.ts'
import type { ClientParts, Ended, Submitting } from './submitting.ts'

/** A client thinks so long between two statements, at the most. */
const STEP_MS = 200
/** Share of transactions in which a client asks for the shape of a statement before it. */
const DESCRIBES = 0.5

/** How an interactive transaction ended. */
export type InteractiveEnd =
  | { readonly kind: 'committed'; readonly place: Place }
  /** Others came first and nothing happened: the gateway says SQLITE_BUSY, and clients begin again. */
  | { readonly kind: 'busy' }
  /** Nothing happened, and nothing was ordered. */
  | { readonly kind: 'nothing' }
  /** Nobody knows whether it was committed. */
  | { readonly kind: 'given up' }

/** What is run. */
export interface Transaction {
  readonly script: Script
  readonly mayGiveUp?: boolean
  /** It is on its way to the ledger, under this id. */
  readonly onSubmitted?: (id: string) => void
}

type OpenSession = Extract<Awaited<ReturnType<Front['openSession']>>, { readonly kind: 'open' }>['session']
type Front = NonNullable<ReturnType<Submitting['anyReplica']>['front']>

export class Interactive {
  readonly #parts: ClientParts
  readonly #submitting: Submitting
  readonly #random: Random
  readonly counts = { begun: 0, committed: 0, busy: 0 }

  constructor(parts: ClientParts, submitting: Submitting, random: Random) {
    this.#parts = parts
    this.#submitting = submitting
    this.#random = random
  }

  /** Runs a transaction through some replica; `then` is called once. */
  run(transaction: Transaction, then: (end: InteractiveEnd) => void): void {
    const { world, load, verbs } = this.#parts
    const { front } = this.#submitting.anyReplica()
    if (front === undefined) return then({ kind: 'nothing' })
    this.counts.begun += 1
    let session: OpenSession | undefined
    let isOrdering = false
    let isThrough = false
    const end = (how: InteractiveEnd): void => {
      if (isThrough) return
      isThrough = true
      session?.close()
      then(how)
    }
    // A replica that went down in the middle says nothing more.
    world.after(load.patienceMs, () => {
      if (!isOrdering) end({ kind: 'nothing' })
    })
    const steps = async (opened: OpenSession): Promise<void> => {
      session = opened
      if (this.#random.chance(DESCRIBES)) await this.#describe(opened)
      let last: StatementResult | undefined
      for (;;) {
        const next = transaction.script(last)
        if (next === 'rollback') return end({ kind: 'nothing' })
        if (next === 'commit') break
        await new Promise<void>((resolve) => world.after(this.#random.between(0, STEP_MS), resolve))
        if (isThrough) return
        verbs.called('step')
        const reply = await opened.step(next)
        if (reply.kind === 'error') return end({ kind: 'nothing' })
        last = reply.result
      }
      verbs.called('recording')
      const recording = await opened.recording()
      if (isThrough) return
      if (recording === undefined) return end({ kind: 'nothing' })
      isOrdering = true
      const { statements, replay } = recording
      const { mayGiveUp = false } = transaction
      const wish = { program: interactiveProgram(statements), replay, mayGiveUp }
      const id = this.#submitting.submit(wish, (ended) => end(this.#endOf(id, ended)))
      transaction.onSubmitted?.(id)
    }
    verbs.called('openSession')
    const failed = (): void => end({ kind: 'nothing' })
    void front.openSession({ level: this.#level(), isReadonly: false }).then((reply) => {
      if (isThrough) {
        if (reply.kind === 'open') reply.session.close()
        return undefined
      }
      return reply.kind === 'open' ? steps(reply.session).catch(failed) : failed()
    }, failed)
  }

  async #describe(session: OpenSession): Promise<void> {
    this.#parts.verbs.called('describe')
    const reply = await session.describe('SELECT id, balance FROM account')
    if (reply.kind === 'description' && reply.description.columns.length !== 2)
      this.#parts.world.fail('read', `a description has ${reply.description.columns.length} columns, the table has 2`)
  }

  #level(): ReadLevel {
    return this.#random.chance(0.5) ? { kind: 'local' } : { kind: 'linearizable' }
  }

  #endOf(id: string, ended: Ended): InteractiveEnd {
    if (ended.kind === 'given up') return ended
    if (ended.kind === 'refused') return { kind: 'busy' }
    const { outcome, place } = ended
    if (outcome.kind === 'conflict') {
      this.counts.busy += 1
      this.#parts.onRare('interactive transaction busy')
      return { kind: 'busy' }
    }
    const isCommitted = outcome.kind === 'executed' && outcome.replies.every((reply) => reply.kind === 'result')
    if (!isCommitted)
      this.#parts.world.fail('answer', `"${id}" repeats what a session did, and gave ${JSON.stringify(outcome.kind)}`)
    this.counts.committed += 1
    return { kind: 'committed', place }
  }
}
