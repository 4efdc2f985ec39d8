// Real coins for tests: keys dealt among the seats, shares with proofs, and an adversary that holds f of the keys and reads the wire.

import type { CoinGroup, CoinShare, KeyShare } from '@quorate/threshold'
import { coinBit, combineCoin, Dkg, makeCoinShare, receiverKey, verifyCoinShare } from '@quorate/threshold'
import type { DkgEffect } from '@quorate/threshold'
import { unwrap, Writer } from '@quorate/kernel'
import type { Bit } from '../order/rules.ts'
import type { Random } from './random.ts'
import type { CoinSource } from './scheduler.ts'
import { sure } from './sure.ts'

interface Dealt {
  readonly group: CoinGroup
  readonly owns: readonly KeyShare[]
}

/** A key dealt by all seats. */
function deal(size: number, random: Random): Dealt {
  const seed = (): Uint8Array => Uint8Array.from({ length: 32 }, () => random.below(256))
  const seats = Array.from({ length: size }, (_, seat) => ({ seat, ...receiverKey(seed()), seed: seed() }))
  const threshold = Math.floor((size - 1) / 3)
  const terms = { context: new Uint8Array(0), threshold, receivers: seats.map(({ key }) => key) }
  const members = seats.map((own) => new Dkg({ terms, own }))
  const log: { readonly seat: number; readonly message: Uint8Array }[] = []
  const owns: KeyShare[] = []
  let group: CoinGroup | undefined
  const carryOut = (seat: number, effects: readonly DkgEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'publish') log.push({ seat, message: effect.message })
      if (effect.kind !== 'done') continue
      owns[seat] = sure(effect.own)
      group = effect.group
    }
  }
  members.forEach((member, seat) => carryOut(seat, member.handle({ kind: 'start' })))
  for (const { seat, message } of log) {
    members.forEach((member, at) => carryOut(at, member.handle({ kind: 'ordered', seat, message })))
  }
  return { group: sure(group), owns }
}

/** The coins of one view, as members make them and as an adversary sees them. */
export class ThresholdCoin implements CoinSource {
  readonly config = 'asked'
  readonly #dealt: Dealt
  /** Shares on the wire, by round. */
  readonly #wire = new Map<number, CoinShare[]>()
  readonly #values = new Map<number, Bit>()
  readonly #spied = new Map<number, Bit>()

  constructor(size: number, random: Random) {
    this.#dealt = deal(size, random)
  }

  /** Rounds whose coin was made. */
  get made(): number {
    return this.#values.size
  }

  #shareOf(seat: number, round: number): CoinShare {
    const { group, owns } = this.#dealt
    const name = nameOf(round)
    return unwrap(verifyCoinShare(group, name, seat, makeCoinShare(sure(owns[seat]), name)), 'an honest share')
  }

  #combine(round: number, shares: readonly CoinShare[]): Bit | undefined {
    const value = combineCoin(this.#dealt.group, nameOf(round), shares)
    return value.ok ? coinBit(value.value) : undefined
  }

  tell(seat: number, round: number): Bit | undefined {
    if (this.#values.has(round)) return undefined
    const shares = [...(this.#wire.get(round) ?? []), this.#shareOf(seat, round)]
    this.#wire.set(round, shares)
    const value = this.#combine(round, shares)
    if (value !== undefined) this.#values.set(round, value)
    return value
  }

  /** The adversary's own shares are those of the first f seats; with one on the wire besides they are enough. */
  spied(round: number): Bit | undefined {
    const known = this.#spied.get(round)
    const wire = this.#wire.get(round)
    if (known !== undefined || wire === undefined) return known
    const { threshold } = this.#dealt.group
    const own = Array.from({ length: threshold }, (_, seat) => this.#shareOf(seat, round))
    const value = this.#combine(round, [...own, ...wire])
    if (value !== undefined) this.#spied.set(round, value)
    return value
  }
}

function nameOf(round: number): Uint8Array {
  return new Writer(4).u32(round).finish()
}
