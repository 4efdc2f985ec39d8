// A shared heap's memory: an array of 32-bit words that threads only touch with atomic operations, so that JavaScript's
// memory model makes what they do sequentially consistent, and the arguments in these files hold as they are written.
//
// The header holds the lock, the clock and the end of what is used. A variable holds how many words a value may have, its
// newest version's place, and a ring of VERSIONS places: version, length, words. Numbers above 32 bits (the clock, versions)
// are two words; which of them is written first is said where it matters.

/** How many versions of a variable are kept. */
export const VERSIONS = 4

export const AT = {
  magic: 0,
  /** 0, or the number of the attached heap that is committing. */
  lock: 1,
  clockLow: 2,
  clockHigh: 3,
  /** The first word that no variable uses. */
  free: 4,
  /** How many heaps have been attached. */
  heaps: 5,
  /** How many threads may be waiting for the clock, and for the lock. */
  clockWaiters: 6,
  lockWaiters: 7,
} as const

export const HEADER_WORDS = 8
export const MAGIC = 0x53544d31

/** Words of a variable before its ring. */
const CAPACITY = 0
const NEWEST = 1
const RING = 2
/** Words of a place before its value. */
const LOW = 0
const HIGH = 1
const LENGTH = 2
const VALUE = 3
/** A version's high word while the place is being written. */
const BUSY = -1

const WORD_VALUES = 2 ** 32

/** How many words a variable takes whose values have up to `capacity` words. */
export function variableWords(capacity: number): number {
  return RING + VERSIONS * (VALUE + capacity)
}

/**
 * The clock. Only who holds the lock moves it, so a reader may see at worst a value that is too small while the high word
 * changes: a snapshot that is too old, for which nothing is kept any more.
 */
export function readClock(words: Int32Array): number {
  for (;;) {
    const high = Atomics.load(words, AT.clockHigh)
    const low = Atomics.load(words, AT.clockLow)
    if (Atomics.load(words, AT.clockHigh) === high) return high * WORD_VALUES + (low >>> 0)
  }
}

/** Sets the clock to the next value, `to`. */
export function advanceClock(words: Int32Array, to: number): void {
  const low = (to % WORD_VALUES) | 0
  Atomics.store(words, AT.clockLow, low)
  if (low === 0) Atomics.store(words, AT.clockHigh, Math.floor(to / WORD_VALUES))
}

/** How many words a value of the variable may have. */
export function capacityAt(words: Int32Array, variable: number): number {
  return Atomics.load(words, variable + CAPACITY)
}

function placeAt(words: Int32Array, variable: number, ring: number): number {
  return variable + RING + ring * (VALUE + capacityAt(words, variable))
}

/** A place's version; -1 if it is empty or being written. */
function versionOf(words: Int32Array, place: number): number {
  const high = Atomics.load(words, place + HIGH)
  return high === BUSY ? -1 : high * WORD_VALUES + (Atomics.load(words, place + LOW) >>> 0)
}

/** Makes a variable at `variable` whose only version, 0, is in `source` from `from`. Nobody else knows the place yet. */
export function initVariable(words: Int32Array, variable: number, capacity: number, value: Value): void {
  Atomics.store(words, variable + CAPACITY, capacity)
  Atomics.store(words, variable + NEWEST, 0)
  for (let ring = 0; ring < VERSIONS; ring += 1) Atomics.store(words, placeAt(words, variable, ring) + HIGH, BUSY)
  writePlace(words, placeAt(words, variable, 0), 0, value)
}

/** An encoded value: `bytes` bytes in the words of `source` from `from`. */
export interface Value {
  readonly source: Int32Array
  readonly from: number
  readonly bytes: number
}

/** The version must be complete before it is named: high word busy, value, low word, high word. */
function writePlace(words: Int32Array, place: number, version: number, { source, from, bytes }: Value): void {
  Atomics.store(words, place + HIGH, BUSY)
  Atomics.store(words, place + LENGTH, bytes)
  const count = (bytes + 3) >>> 2
  for (let i = 0; i < count; i += 1) Atomics.store(words, place + VALUE + i, source[from + i] ?? 0)
  Atomics.store(words, place + LOW, (version % WORD_VALUES) | 0)
  Atomics.store(words, place + HIGH, Math.floor(version / WORD_VALUES))
}

/** Writes a version over the oldest one. Call it with the lock held. */
export function publish(words: Int32Array, variable: number, version: number, value: Value): void {
  const ring = (Atomics.load(words, variable + NEWEST) + 1) % VERSIONS
  writePlace(words, placeAt(words, variable, ring), version, value)
  Atomics.store(words, variable + NEWEST, ring)
}

/** The newest version. Exact with the lock held; without it a commit may be under way, and the answer is one or the other. */
export function newestVersion(words: Int32Array, variable: number): number {
  return versionOf(words, placeAt(words, variable, Atomics.load(words, variable + NEWEST)))
}

/**
 * Copies the value as of `snapshot` into `into`, and returns its length in bytes; -1 if it isn't there any more.
 *
 * The version wanted is the highest one that isn't above the snapshot. It might be overwritten between looking at one
 * place and the next, and an older one be taken in its stead. But places are overwritten oldest first: then the older one
 * has been overwritten too, which the look at its version after the copy tells, as it tells of a copy that is torn.
 */
export function readValue(
  words: Int32Array,
  variable: number,
  snapshot: number,
  into: (count: number) => Int32Array,
): number {
  let best = -1
  let place = 0
  for (let ring = 0; ring < VERSIONS; ring += 1) {
    const each = placeAt(words, variable, ring)
    const version = versionOf(words, each)
    if (version <= best || version > snapshot) continue
    best = version
    place = each
  }
  if (best < 0) return -1
  const bytes = Atomics.load(words, place + LENGTH)
  const count = Math.min((bytes + 3) >>> 2, capacityAt(words, variable))
  const target = into(count)
  for (let i = 0; i < count; i += 1) target[i] = Atomics.load(words, place + VALUE + i)
  return versionOf(words, place) === best ? bytes : -1
}
