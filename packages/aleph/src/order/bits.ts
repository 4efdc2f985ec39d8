// Sets of small integers as words of 32 bits. A committee of up to 32 seats fits one word, so a vote is one AND and
// one count.

/** A set of positions: bit p % 32 of word p / 32. Words beyond the end are zero. */
export type Bits = Uint32Array

/** An empty set with room for `positions` positions. */
export function emptyBits(positions: number): Bits {
  return new Uint32Array(Math.max(1, Math.ceil(positions / 32)))
}

/** Adds a position in place, or in a larger copy where there is no room for it. */
export function addBit(bits: Bits, position: number): Bits {
  const word = position >>> 5
  let target = bits
  if (word >= bits.length) {
    target = new Uint32Array(word + 1)
    target.set(bits)
  }
  target[word] = wordAt(target, word) | (1 << (position & 31))
  return target
}

/** Whether the position is in the set. */
export function hasBit(bits: Bits, position: number): boolean {
  return ((wordAt(bits, position >>> 5) >>> (position & 31)) & 1) === 1
}

/** Word `index` of the set; zero beyond the end. */
export function wordAt(bits: Bits, index: number): number {
  return bits[index] ?? 0
}

/** Number of ones in a word (Warren, Hacker's Delight, figure 5-2). */
export function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555)
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333)
  v = (v + (v >>> 4)) & 0x0f0f_0f0f
  return Math.imul(v, 0x0101_0101) >>> 24
}
