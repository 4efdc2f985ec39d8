// Which heights are held for whom. Holding a height costs disk for as long as it lasts, and everyone may ask for one: so a
// member has one loan at a time, few heights are lent beside those that are offered to all (the checkpoints), and
// no loan lasts for ever. Time comes in.

import type { Height, MemberId } from '@quorate/types'

/** Bounds of lending. */
export const LOAN_LIMITS = {
  /** Heights that are lent though they are not offered (any more). */
  heightsMax: 4,
  /** Members with a loan at a time. */
  membersMax: 64,
  /** Answers to one member under way at a time. */
  asksMax: 8,
  /** A loan ends when its member asked for nothing for so long. */
  idleMs: 60_000,
  /** And after so long in any case. */
  totalMs: 60 * 60_000,
  /** When a member that was refused should try again. */
  retryMs: 2_000,
} as const

interface Loan {
  readonly height: Height
  readonly sinceMs: number
  usedAtMs: number
}

/** The loans of one replica. */
export class StateLoans {
  readonly #loans = new Map<MemberId, Loan>()
  #offered: ReadonlySet<Height> = new Set()

  /** Heights that everyone may have, and that are held in any case. */
  offer(heights: readonly Height[]): void {
    this.#offered = new Set(heights)
  }

  /** Lends the height, or goes on lending it. GONE where the member has had it for too long. */
  take(member: MemberId, height: Height, nowMs: number): 'LENT' | 'BUSY' | 'GONE' {
    const known = this.#loans.get(member)
    if (known?.height === height) {
      if (!this.#offered.has(height) && nowMs - known.sinceMs > LOAN_LIMITS.totalMs) return 'GONE'
      known.usedAtMs = nowMs
      return 'LENT'
    }
    if (known === undefined && this.#loans.size >= LOAN_LIMITS.membersMax) return 'BUSY'
    if (!this.#offered.has(height) && !this.#lent(member).has(height)) {
      if (this.#lent(member).size >= LOAN_LIMITS.heightsMax) return 'BUSY'
    }
    this.#loans.set(member, { height, sinceMs: nowMs, usedAtMs: nowMs })
    return 'LENT'
  }

  /** The height could not be held: nobody has it. */
  lost(height: Height): void {
    for (const [member, loan] of this.#loans) if (loan.height === height) this.#loans.delete(member)
  }

  /** Ends loans that were not used, or lasted too long. */
  expire(nowMs: number): void {
    for (const [member, { height, sinceMs, usedAtMs }] of this.#loans) {
      const isSpent = !this.#offered.has(height) && nowMs - sinceMs > LOAN_LIMITS.totalMs
      if (isSpent || nowMs - usedAtMs > LOAN_LIMITS.idleMs) this.#loans.delete(member)
    }
  }

  /** The heights to be held, ascending. */
  heights(): readonly Height[] {
    return [...new Set([...this.#offered, ...this.#lent(undefined)])].sort((a, b) => a - b)
  }

  /** Heights lent to others than `but`, beside those offered. */
  #lent(but: MemberId | undefined): Set<Height> {
    const lent = new Set<Height>()
    for (const [member, { height }] of this.#loans) if (member !== but && !this.#offered.has(height)) lent.add(height)
    return lent
  }
}
