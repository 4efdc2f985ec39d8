// One coin on its way: shares come in from anybody, in any order, some of them wrong; the value comes out once.
//
// Proofs are what costs, so a seat's share is checked once, and none after the value is known.

import type { Result } from '@quorate/kernel'
import { ok, unwrap } from '@quorate/kernel'
import type { CoinGroup, CoinShare, KeyShare, ShareError } from './coin.ts'
import { combineCoin, makeCoinShare, verifyCoinShare } from './coin.ts'

/** The tossing of the coin `name`. Holds t + 1 shares at most, and the own one. */
export class Toss {
  readonly #group: CoinGroup
  readonly #name: Uint8Array
  readonly #shares = new Map<number, CoinShare>()
  #own: Uint8Array | undefined
  #value: Uint8Array | undefined

  constructor(group: CoinGroup, name: Uint8Array) {
    this.#group = group
    this.#name = name
  }

  /** 32 bytes, once t + 1 seats have said their shares. */
  get value(): Uint8Array | undefined {
    return this.#value
  }

  /** The own share, to be sent to all: from now on it counts. The same bytes each time. */
  tell(own: KeyShare): Uint8Array {
    if (this.#own !== undefined) return this.#own
    this.#own = makeCoinShare(own, this.#name)
    unwrap(this.hear(own.seat, this.#own), 'the own share is right')
    return this.#own
  }

  /** A share that `seat` sent. Whoever sends one that is refused is faulty: no honest share is. */
  hear(seat: number, bytes: Uint8Array): Result<undefined, ShareError> {
    if (this.#value !== undefined || this.#shares.has(seat)) return ok(undefined)
    const share = verifyCoinShare(this.#group, this.#name, seat, bytes)
    if (!share.ok) return share
    this.#shares.set(seat, share.value)
    const value = combineCoin(this.#group, this.#name, [...this.#shares.values()])
    if (value.ok) this.#value = value.value
    return ok(undefined)
  }
}
