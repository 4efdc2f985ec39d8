import type { AtomicallyOptions } from '../atomically.ts'
import { run, runSync, TIMEOUT_MS_MAX } from '../atomically.ts'
import { StmError } from '../errors.ts'
import type { Tx } from '../transaction.ts'
import { NUMBER, structured } from './codec.ts'
import type { SharedCodec } from './codec.ts'
import type { SharedHeapHandle, SharedTVarHandle } from './shared-memory.ts'
import { SharedMemory, SharedTVar } from './shared-memory.ts'
import { AT, HEADER_WORDS, MAGIC } from './words.ts'

/** How large a heap is, and how patient. */
export interface SharedHeapOptions {
  /** Room for all variables, in bytes, up to 2^31 - 1. One takes four times its largest value, and a little. */
  readonly bytes: number
  /** A commit that waits longer for another thread's commit fails with `LOCK_HELD`. 1000 ms if not given. */
  readonly lockMsMax?: number
}

/** How a variable's values are kept. */
export interface SharedTVarOptions<T> {
  /** The longest encoded value, in bytes; a longer one fails its transaction with `TOO_LARGE`. */
  readonly bytesMax: number
  /** Structured clone if not given. */
  readonly codec?: SharedCodec<T>
}

/** Transactional memory in a SharedArrayBuffer: each thread that works on it has a heap attached to the same buffer. */
export class SharedHeap {
  /** For `postMessage`; the other thread makes a heap of it with `SharedHeap.attach`. */
  readonly handle: SharedHeapHandle
  readonly #memory: SharedMemory
  /** One object for each variable, for a transaction knows variables by their identity. */
  readonly #known = new Map<number, SharedTVar<unknown>>()

  private constructor(handle: SharedHeapHandle) {
    this.handle = handle
    this.#memory = new SharedMemory(handle)
  }

  /** A new heap. Throws StmError `INVALID` if the options are out of range. */
  static make({ bytes, lockMsMax = 1000 }: SharedHeapOptions): SharedHeap {
    if (!(bytes >= HEADER_WORDS * 4 && bytes < 2 ** 31)) throw new StmError('INVALID', `a heap of ${bytes} bytes`)
    if (!(lockMsMax > 0)) throw new StmError('INVALID', `lockMsMax is ${lockMsMax}`)
    const buffer = new SharedArrayBuffer(Math.ceil(bytes / 4) * 4)
    const words = new Int32Array(buffer)
    Atomics.store(words, AT.free, HEADER_WORDS)
    Atomics.store(words, AT.magic, MAGIC)
    return new SharedHeap({ buffer, lockMsMax })
  }

  /** A heap on the memory of another thread's. Throws StmError `INVALID` if it is none. */
  static attach(handle: SharedHeapHandle): SharedHeap {
    const found = Atomics.load(new Int32Array(handle.buffer), AT.magic)
    if (found !== MAGIC) throw new StmError('INVALID', `no shared heap: it begins with ${found}, not ${MAGIC}`)
    return new SharedHeap(handle)
  }

  /** A new variable. There is no way to free one. Throws StmError `HEAP_FULL`, `TOO_LARGE`, `INVALID`. */
  newTVar<T>(value: T, { bytesMax, codec }: SharedTVarOptions<T>): SharedTVar<T> {
    if (!(bytesMax > 0 && bytesMax < 2 ** 31)) throw new StmError('INVALID', `bytesMax is ${bytesMax}`)
    const used = codec ?? structured<T>()
    const at = this.#memory.allocate(used.encode(value), Math.ceil(bytesMax / 4))
    return this.open({ at, codec: codec === undefined ? 'structured' : 'custom' }, used)
  }

  /** A new variable for numbers, which is faster. Throws StmError `HEAP_FULL`. */
  newNumber(value: number): SharedTVar<number> {
    return this.open<number>({ at: this.#memory.allocate(NUMBER.encode(value), 2), codec: 'number' })
  }

  /** The variable of a handle from any thread. One made with a codec of its own needs that. Throws StmError `INVALID`. */
  open<T>(handle: SharedTVarHandle<T>, codec?: SharedCodec<T>): SharedTVar<T> {
    const known = this.#known.get(handle.at)
    // One place in the heap is one variable, of one type.
    if (known !== undefined) return known as unknown as SharedTVar<T>
    const builtIn = handle.codec === 'number' ? (NUMBER as unknown as SharedCodec<T>) : structured<T>()
    if (handle.codec === 'custom' && codec === undefined) {
      throw new StmError('INVALID', `the variable at ${handle.at} was made with a codec of its own; give it to open`)
    }
    const made = new SharedTVar(this.#memory, handle, codec ?? builtIn)
    this.#known.set(handle.at, made as unknown as SharedTVar<unknown>)
    return made
  }

  /** As the function of this name, on this heap's variables; also rejects with StmError `LOCK_HELD`, `TOO_LARGE`. */
  atomically<T>(body: (tx: Tx) => T | PromiseLike<T>, options?: AtomicallyOptions): Promise<T> {
    return run(this.#memory, body, options)
  }

  /**
   * As the function of this name, on this heap's variables; also throws StmError `LOCK_HELD`, `TOO_LARGE`. With `timeoutMs`
   * it blocks the thread where it would throw `WOULD_BLOCK`, and throws `TIMEOUT` after that time.
   */
  atomicallySync<T>(body: (tx: Tx) => T, options?: { readonly timeoutMs: number }): T {
    if (options === undefined) return runSync(this.#memory, body)
    const { timeoutMs } = options
    if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX)) throw new StmError('INVALID', `timeoutMs is ${timeoutMs}`)
    const endMs = performance.now() + timeoutMs
    return runSync(this.#memory, body, (attempt) => {
      if (this.#memory.block(attempt, endMs - performance.now())) return
      throw new StmError('TIMEOUT', `the transaction did not commit within ${timeoutMs} ms`)
    })
  }
}
