// Who lied, and how it is proved: each kind of proof against a member is told once.

import type { AdmittedUnit, Evidence, MemberId } from '@quorate/types'
import type { ChoamEffect } from './effect.ts'
import type { Fault } from './status.ts'

export class Faults {
  readonly #me: MemberId
  readonly #all: Fault[] = []

  constructor(me: MemberId) {
    this.#me = me
  }

  get all(): readonly Fault[] {
    return [...this.#all]
  }

  /** Faults that evidence on disk proves. */
  restore(faults: readonly Fault[]): void {
    this.#all.push(...faults)
  }

  /** Two units of one seat for one round. */
  fork(member: MemberId, first: AdmittedUnit, second: AdmittedUnit): ChoamEffect[] {
    return this.add(member, { kind: 'fork', first: first.bytes, second: second.bytes }, first.round)
  }

  /** @param at - Round of a fork, or height of a vote. */
  add(member: MemberId, evidence: Evidence, at: number): ChoamEffect[] {
    if (member === this.#me) return []
    if (this.#all.some((fault) => fault.member === member && fault.kind === evidence.kind)) return []
    this.#all.push({ member, kind: evidence.kind, at })
    return [{ kind: 'evidence', member, evidence }]
  }
}
