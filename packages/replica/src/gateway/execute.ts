// One program that starts and ends in autocommit. What only reads never goes through consensus: unless the program
// visibly writes, it is tried as a read first, and the replica refuses that before running anything if a statement
// would write.

import { newTransactionId } from './new-id.ts'
import type { Height, Program } from '@quorate/types'
import type { ReadLevel } from '../host/reads.ts'
import type { GatewayLimits } from './limits.ts'
import type { GatewayMetrics } from './metrics.ts'
import type { FinalOutcome, Refused, Replica, SubmitReply } from './ports.ts'
import { visiblyWrites } from './program.ts'

/** How a program is to run. */
export interface ExecuteOptions {
  readonly level: ReadLevel
  /** The id its client made for it. */
  readonly id?: string
  /** False: a program that would write is not run. */
  readonly mayWrite: boolean
}

/** A program that ran, and where in the ledger it stands if it wrote. */
export interface Executed {
  readonly kind: 'executed'
  readonly height: Height
  readonly outcome: FinalOutcome
  readonly written?: { readonly id: string; readonly position: number; readonly duplicate: boolean }
}

/** What running a program gave. */
export type ExecuteReply = Executed | { readonly kind: 'writes' } | Refused

export class Execute {
  readonly #replica: Replica
  readonly #limits: GatewayLimits
  readonly #metrics: GatewayMetrics

  constructor(replica: Replica, limits: GatewayLimits, metrics: GatewayMetrics) {
    this.#replica = replica
    this.#limits = limits
    this.#metrics = metrics
  }

  /** Runs a program as a read if it is one, else as a transaction. */
  async run(program: Program, options: ExecuteOptions): Promise<ExecuteReply> {
    const mayWrite = options.mayWrite && options.level.kind !== 'as-of'
    if (!mayWrite || !visiblyWrites(program.requests)) {
      const read = await this.#replica.read(program, options.level)
      this.#metrics.read(options.level.kind, read.kind === 'refused' ? read.code : read.kind)
      if (read.kind === 'read') return { kind: 'executed', height: read.height, outcome: read.outcome }
      if (read.kind === 'refused' || !mayWrite) return read
    }
    return this.submit(program, options.id)
  }

  /** Runs a program as a transaction of the ledger. Without an id, it gets one of its own. */
  async submit(program: Program, clientId?: string): Promise<Executed | Refused> {
    const id = clientId ?? newTransactionId()
    const keepMs = clientId === undefined ? this.#limits.ownIdMs : this.#limits.clientIdMs
    return this.#executed(id, await this.#replica.submit({ id, program, keepMs }))
  }

  /** Submits the transaction of this id that a member has signed. */
  async order(id: string, transaction: Uint8Array): Promise<Executed | Refused> {
    return this.#executed(id, await this.#replica.submitOrder(transaction))
  }

  #executed(id: string, reply: SubmitReply): Executed | Refused {
    if (reply.kind === 'refused') {
      this.#metrics.transaction(reply.code)
      return reply
    }
    const { height, outcome, position, duplicate } = reply
    this.#metrics.transaction(duplicate ? 'duplicate' : outcome.kind)
    return { kind: 'executed', height, outcome, written: { id, position, duplicate } }
  }
}
