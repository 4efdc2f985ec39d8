// Variables that threads share.
//
// The same transactions as on one thread's variables, by the same rules: a clock, a snapshot, validation at commit (TL2,
// Dice, Shalev, Shavit 2006). What differs is that others really run at the same time. So commits take a lock, for the few
// microseconds in which they compare and copy; and old versions can't be kept for each reader, so each variable keeps
// its last few. A reader whose version is gone runs again. Reading takes no lock.
//
// Under contention the quick could overtake the slow for ever. So a transaction that has lost CONFLICTS_MAX times runs its
// body with the lock held, and can't lose. That is for the synchronous part of a body: nobody holds a lock while it awaits,
// so one that awaits can starve.
//
// Waiting is on the clock, which every commit moves: a thread that wakes looks whether anything its sleepers read has
// changed. A thread that dies while it commits leaves the lock taken: the others get an error, and the state that they can
// still read is the one before that commit.

import { runSync } from '../atomically.ts'
import { StmError } from '../errors.ts'
import { READ, WRITTEN } from '../log.ts'
import type { Attempt, Memory, Waiter } from '../memory.ts'
import { GONE, Variable } from '../variable.ts'
import type { SharedCodec } from './codec.ts'
import { Scratch } from './codec.ts'
import { lock, unlock } from './lock.ts'
import { Sleepers } from './sleepers.ts'
import type { Value } from './words.ts'
import {
  advanceClock,
  AT,
  capacityAt,
  initVariable,
  newestVersion,
  publish,
  readClock,
  readValue,
  variableWords,
} from './words.ts'

/** A heap in a form that can be posted to another thread. */
export interface SharedHeapHandle {
  readonly buffer: SharedArrayBuffer
  readonly lockMsMax: number
}

/** A shared variable in a form that can be posted to another thread, which has its heap. */
export interface SharedTVarHandle<T> {
  readonly at: number
  readonly codec: 'number' | 'structured' | 'custom'
  /** Never there: it lets the compiler know the type of the values. */
  readonly value?: T
}

/** A variable of a shared heap. Values that are no numbers are copied at each commit and read. */
export class SharedTVar<T> extends Variable<T> {
  readonly #memory: SharedMemory
  readonly #handle: SharedTVarHandle<T>
  /** @internal */
  readonly codec: SharedCodec<T>

  /** @internal */
  constructor(memory: SharedMemory, handle: SharedTVarHandle<T>, codec: SharedCodec<T>) {
    super()
    this.#memory = memory
    this.#handle = handle
    this.codec = codec
  }

  /** For `postMessage`; the other thread makes a variable of it with `SharedHeap.open`. */
  get handle(): SharedTVarHandle<T> {
    return this.#handle
  }

  get value(): T {
    return runSync(this.#memory, (tx) => tx.read(this))
  }

  /** @internal */
  get memory(): SharedMemory {
    return this.#memory
  }

  /** @internal */
  get at(): number {
    return this.#handle.at
  }

  /** @internal */
  readAt(snapshot: number): T | typeof GONE {
    return this.#memory.read(this, snapshot)
  }
}

/** One thread's view of the shared memory. */
export class SharedMemory implements Memory {
  readonly words: Int32Array
  readonly sleepers: Sleepers
  readonly #me: number
  readonly #lockMsMax: number
  readonly #inbox = new Scratch()
  readonly #outbox = new Scratch()
  /** Whether this heap holds the lock for a favoured body. */
  #holdsLock = false

  constructor({ buffer, lockMsMax }: SharedHeapHandle) {
    this.words = new Int32Array(buffer)
    this.sleepers = new Sleepers(this.words)
    this.#me = Atomics.add(this.words, AT.heaps, 1) + 1
    this.#lockMsMax = lockMsMax
  }

  allocate(encoded: Uint8Array, capacity: number): number {
    const value = this.#encoded(encoded, 0, capacity)
    const need = variableWords(capacity)
    for (;;) {
      const at = Atomics.load(this.words, AT.free)
      const left = this.words.length - at
      if (need > left) {
        throw new StmError('HEAP_FULL', `a variable takes ${need * 4} bytes, and ${left * 4} are free`)
      }
      if (Atomics.compareExchange(this.words, AT.free, at, at + need) !== at) continue
      initVariable(this.words, at, capacity, value)
      return at
    }
  }

  read<T>(variable: SharedTVar<T>, snapshot: number): T | typeof GONE {
    const length = readValue(this.words, variable.at, snapshot, (count) => this.#inbox.words(count))
    if (length < 0) return GONE
    const bytes = this.#inbox.bytes(length)
    // Only the codec of numbers is known to keep no bytes.
    return variable.codec.decode(variable.handle.codec === 'number' ? bytes : bytes.slice())
  }

  begin(isFavoured: boolean): number {
    if (isFavoured) {
      lock(this.words, this.#me, this.#lockMsMax)
      this.#holdsLock = true
    }
    return readClock(this.words)
  }

  suspend(): void {
    this.#release()
  }

  end(): void {
    this.#release()
  }

  #release(): void {
    if (!this.#holdsLock) return
    this.#holdsLock = false
    unlock(this.words)
  }

  commit(attempt: Attempt): boolean {
    const { words } = this
    const writes = this.#encodeWrites(attempt)
    if (writes.length === 0) return true
    if (!this.#holdsLock) lock(words, this.#me, this.#lockMsMax)
    try {
      if (this.isStale(attempt)) return false
      const version = readClock(words) + 1
      for (const { at, value } of writes) publish(words, at, version, value)
      advanceClock(words, version)
    } finally {
      if (!this.#holdsLock) unlock(words)
    }
    if (Atomics.load(words, AT.clockWaiters) > 0) Atomics.notify(words, AT.clockLow)
    return true
  }

  /** Encodes before the lock is taken: it may take long, and it may throw. */
  #encodeWrites({ log }: Attempt): { readonly at: number; readonly value: Value }[] {
    const writes: { readonly at: number; readonly value: Value }[] = []
    let from = 0
    for (let i = 0; i < log.count; i += 1) {
      const entry = log.entries[i]
      if (entry === undefined || (entry.flags & WRITTEN) === 0) continue
      const variable = shared(entry.variable)
      const value = this.#encoded(variable.codec.encode(entry.value), from, capacityAt(this.words, variable.at))
      from += (value.bytes + 3) >>> 2
      writes.push({ at: variable.at, value })
    }
    // The words may have moved while they grew.
    const source = this.#outbox.words(from)
    return writes.map(({ at, value }) => ({ at, value: { ...value, source } }))
  }

  #encoded(bytes: Uint8Array, from: number, capacity: number): Value {
    if (bytes.length > capacity * 4) {
      throw new StmError('TOO_LARGE', `a value of ${bytes.length} bytes in a variable for ${capacity * 4}`)
    }
    this.#outbox.put(bytes, from)
    return { source: this.#outbox.words(0), from, bytes: bytes.length }
  }

  isStale({ log, snapshot }: Attempt): boolean {
    for (let i = 0; i < log.count; i += 1) {
      const entry = log.entries[i]
      if (entry === undefined || (entry.flags & READ) === 0) continue
      if (newestVersion(this.words, shared(entry.variable).at) > snapshot) return true
    }
    return false
  }

  /** Who has lost runs again at once, and in the end with the lock. */
  lost(): void {}

  mayStart(): boolean {
    return true
  }

  isHeld(): boolean {
    return false
  }

  wait(attempt: Attempt, waiter: Waiter): boolean {
    if (this.isStale(attempt)) return false
    const { snapshot } = attempt
    this.sleepers.add(waiter, { snapshot, variables: attempt.log.reads().map((each) => shared(each).at) })
    return true
  }

  cancel(waiter: Waiter): void {
    this.sleepers.remove(waiter)
  }

  /** Blocks the thread until something read has changed; false if `ms` pass before. */
  block(attempt: Attempt, ms: number): boolean {
    const endMs = performance.now() + ms
    Atomics.add(this.words, AT.clockWaiters, 1)
    try {
      for (;;) {
        const low = Atomics.load(this.words, AT.clockLow)
        if (this.isStale(attempt)) return true
        const leftMs = endMs - performance.now()
        if (leftMs <= 0) return false
        Atomics.wait(this.words, AT.clockLow, low, leftMs)
      }
    } finally {
      Atomics.sub(this.words, AT.clockWaiters, 1)
    }
  }
}

/** A log admits the variables of its own memory only. */
function shared(variable: Variable<unknown> | undefined): SharedTVar<unknown> {
  return variable as SharedTVar<unknown>
}
