// Blocks that came and can't be delivered yet: they are being checked, or one before them is missing. One block a height, within a
// window and a number of bytes; the lower a block, the sooner it is needed, so higher ones make room.

import type { MemberId } from '@quorate/types'
import type { SpreadBlock } from './input.ts'
import type { BroadcastLimits } from './limits.ts'

/** A block on the shelf. */
export interface Held {
  readonly block: SpreadBlock
  readonly from: MemberId
  /** Others that offered a block of this height meanwhile: whom to ask should this one be none, and who needs no copy of it. */
  readonly others: Set<MemberId>
  isValid: boolean
}

/** Others remembered for a height. */
const OTHERS_MAX = 16

export class Shelf {
  readonly #limits: BroadcastLimits
  readonly #held = new Map<number, Held>()
  #bytes = 0

  constructor(limits: BroadcastLimits) {
    this.#limits = limits
  }

  /** Bytes of the blocks held. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#held.size
  }

  /** -1 where none is. */
  get highestValid(): number {
    let highest = -1
    for (const [at, { isValid }] of this.#held) if (isValid && at > highest) highest = at
    return highest
  }

  at(height: number): Held | undefined {
    return this.#held.get(height)
  }

  /** Another copy came. */
  again(held: Held, from: MemberId): void {
    if (held.others.size < OTHERS_MAX && from !== held.from) held.others.add(from)
  }

  checksOf(member: MemberId): number {
    return this.uncheckedOf(member).length
  }

  /** Takes a block; false where there is no room for it. The `next` block to deliver always has room. */
  add(block: SpreadBlock, from: MemberId, next: number): boolean {
    const { length } = block.bytes
    while (this.#bytes + length > this.#limits.heldBytesMax) {
      const highest = Math.max(-1, ...this.#held.keys())
      if (highest <= block.height) break
      this.remove(highest)
    }
    if (this.#bytes + length > this.#limits.heldBytesMax && block.height !== next) return false
    this.#held.set(block.height, { block, from, others: new Set(), isValid: false })
    this.#bytes += length
    return true
  }

  remove(height: number): void {
    const held = this.#held.get(height)
    if (held === undefined) return
    this.#held.delete(height)
    this.#bytes -= held.block.bytes.length
  }

  /** Removes what was delivered. */
  removeUpTo(height: number): void {
    for (const at of this.#held.keys()) if (at <= height) this.remove(at)
  }

  /** What this member sent and nobody has checked yet, the lowest first. */
  uncheckedOf(member: MemberId): readonly Held[] {
    const unchecked = [...this.#held.values()].filter(({ from, isValid }) => from === member && !isValid)
    return unchecked.sort((a, b) => a.block.height - b.block.height)
  }
}
