// Coins without elliptic curves, for tests that turn thousands of views: a hash over secrets that only the members and this object
// hold. The dealing counts as the real one does (the first n - f dealings, the first n - f verdicts), nobody makes another's share, and
// a wrong one is really refused; what it can't show is a dealer that deals wrong shares.

import { bytesEqual, concatBytes, fromHex, must, sha256Of, toHex, utf8 } from '@quorate/kernel'
import type { ReceiverKey } from '@quorate/types'
import { COIN_SHARE_BYTES } from '@quorate/types'
import type { CoinKey, CoinScheme, CoinToss, DealingEffect, DealingRun, DealingTerms } from '../coin-scheme.ts'

function hash(purpose: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return must(fromHex(sha256Of([utf8(purpose), ...parts])), 'a digest is hex')
}

const VERDICT = Uint8Array.of(1)
const KEY_BYTES = 32

/** Of one run: all its members share it. */
export class SimulatedCoins implements CoinScheme {
  readonly #secrets = new Map<ReceiverKey, Uint8Array>()

  receiver(secret: Uint8Array): ReceiverKey {
    const key = toHex(hash('receiver', secret)) as ReceiverKey
    this.#secrets.set(key, secret)
    return key
  }

  isReceiver(key: ReceiverKey): boolean {
    return this.#secrets.has(key)
  }

  dealing(terms: DealingTerms): DealingRun {
    return new SimulatedDealing(terms, (seat) => this.#dealingOf(terms, seat))
  }

  #dealingOf({ context, receivers }: DealingTerms, seat: number): Uint8Array | undefined {
    const secret = this.#secrets.get(receivers[seat] ?? ('' as ReceiverKey))
    return secret === undefined ? undefined : concatBytes([Uint8Array.of(0), hash('dealing', context, secret)])
  }

  key(group: Uint8Array, seats: number, threshold: number, share: Uint8Array | undefined): CoinKey | undefined {
    if (group.length !== KEY_BYTES) return undefined
    const isNone = share === undefined || toHex(share.subarray(2)) !== toHex(hash('own', group))
    const own = isNone ? undefined : ((share[0] ?? 0) << 8) | (share[1] ?? 0)
    return { toss: (name) => new SimulatedToss(group, name, { seats, threshold, own }) }
  }
}

class SimulatedDealing implements DealingRun {
  readonly #terms: DealingTerms
  readonly #dealingOf: (seat: number) => Uint8Array | undefined
  readonly #dealt = new Map<number, Uint8Array>()
  readonly #judged = new Set<number>()
  readonly #quorum: number

  constructor(terms: DealingTerms, dealingOf: (seat: number) => Uint8Array | undefined) {
    this.#terms = terms
    this.#dealingOf = dealingOf
    this.#quorum = terms.receivers.length - terms.threshold
  }

  start(): readonly DealingEffect[] {
    const { own } = this.#terms
    const message = own === undefined ? undefined : this.#dealingOf(own.seat)
    return message === undefined ? [] : [{ kind: 'publish', message }]
  }

  ordered(seat: number, message: Uint8Array): readonly DealingEffect[] {
    const isEarly = this.#dealt.size < this.#quorum
    if (isEarly && bytesEqual(message, this.#dealingOf(seat) ?? VERDICT)) {
      this.#dealt.set(seat, message)
      const isFull = this.#dealt.size === this.#quorum && this.#terms.own !== undefined
      return isFull ? [{ kind: 'publish', message: VERDICT }] : []
    }
    if (isEarly || !bytesEqual(message, VERDICT) || this.#judged.size === this.#quorum) return []
    this.#judged.add(seat)
    return this.#judged.size < this.#quorum ? [] : [this.#done()]
  }

  #done(): DealingEffect {
    const dealings = [...this.#dealt].sort(([a], [b]) => a - b).map(([, message]) => message)
    const group = hash('group', this.#terms.context, ...dealings)
    const { own } = this.#terms
    if (own === undefined) return { kind: 'done', group, share: undefined }
    return {
      kind: 'done',
      group,
      share: concatBytes([Uint8Array.of(own.seat >> 8, own.seat & 255), hash('own', group)]),
    }
  }
}

/** Who tosses. */
interface Tossers {
  readonly seats: number
  readonly threshold: number
  readonly own: number | undefined
}

class SimulatedToss implements CoinToss {
  readonly #group: Uint8Array
  readonly #name: Uint8Array
  readonly #who: Tossers
  readonly #heard = new Set<number>()

  constructor(group: Uint8Array, name: Uint8Array, who: Tossers) {
    this.#group = group
    this.#name = name
    this.#who = who
  }

  get value(): Uint8Array | undefined {
    return this.#heard.size > this.#who.threshold ? hash('value', this.#group, this.#name) : undefined
  }

  #shareOf(seat: number): Uint8Array {
    const part = hash('share', this.#group, this.#name, Uint8Array.of(seat))
    return concatBytes(Array.from({ length: COIN_SHARE_BYTES / part.length }, () => part))
  }

  tell(): Uint8Array | undefined {
    const { own } = this.#who
    if (own === undefined) return undefined
    this.#heard.add(own)
    return this.#shareOf(own)
  }

  hear(seat: number, share: Uint8Array): boolean {
    if (this.value !== undefined) return true
    if (seat >= this.#who.seats || !bytesEqual(share, this.#shareOf(seat))) return false
    this.#heard.add(seat)
    return true
  }
}
