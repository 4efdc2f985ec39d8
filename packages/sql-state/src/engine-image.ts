// The engine's memory as it was when it was new, and how to get back there.
//
// Problem: what SQLite does depends on more than pages. Caches, counters that set the phase of the gas meter, free
// lists that decide when memory runs out, leftovers of a statement that was stopped half-way: all of it lives in the
// module's memory, and all of it would make a replica that ran on differ from one that restarted. Closing the
// connection is the obvious answer, and it leaves the heap behind as it was used. So the memory itself is copied once,
// when the engine is new, and put back before each block: what follows is a function of the block and its pages, to the
// last byte of memory. The copy is under a megabyte; putting it back takes about 0.1 ms.
//
// The same copy heals an engine that trapped or overran its stack. The build keeps the stack above its static data, so
// overrunning it (thousands of nested views do) would silently change SQLite's own tables. A canary at the stack's
// lowest address shows that.
//
// Limits: what lies beyond the copy is not cleared; nothing reads memory there before writing to it, malloc's records
// being in the copy.

import { assert } from '@quorate/kernel'
import type { Memory, Pointer } from './wasm.ts'

/** Size of the pinned build's stack. */
const STACK_BYTES = 512 * 1024
/** What malloc may have asked of the system at the beginning, so that its records are in the copy. */
const HEAP_BYTES = 256 * 1024
/** The stack's lowest bytes, which no statement may touch. */
const CANARY_BYTES = 4096
const CANARY = 0x5a5a_5a5a
/**
 * Words from one look to the next: frames of a recursion are not so large that all of them would step over every look.
 */
const STRIDE = 16

/** A copy of a new engine's memory. */
export class EngineImage {
  readonly #memory: Memory
  readonly #bytes: Uint8Array
  readonly #canary: Pointer
  #words: Uint32Array

  constructor(memory: Memory) {
    this.#memory = memory
    // The first block of the heap begins where the stack's highest address is.
    const heap = memory.exports.malloc(16)
    memory.exports.free(heap)
    const stack = memory.exports.emscripten_stack_get_current()
    assert(
      stack < heap && heap - stack < 1024,
      `the engine's stack is at ${stack}, its heap at ${heap}: not the pinned build's layout`,
    )
    // Above the exact border by less than a kilobyte: on the safe side.
    this.#canary = Math.ceil((heap - STACK_BYTES) / CANARY_BYTES) * CANARY_BYTES
    this.#words = this.#view()
    assert(
      this.#words.every((word) => word === 0),
      "the stack's lowest bytes were used before the engine was",
    )
    this.#words.fill(CANARY)
    this.#bytes = memory.bytes.slice(0, heap + HEAP_BYTES)
  }

  /** Puts the memory back. Whatever pointed into it is void. */
  restore(): void {
    this.#memory.bytes.set(this.#bytes)
  }

  /** Whether the stack has kept its bounds since. */
  get isIntact(): boolean {
    // A view of memory that has grown since is empty.
    if (this.#words.length === 0) this.#words = this.#view()
    const words = this.#words
    for (let i = 0; i < words.length; i += STRIDE) if (words[i] !== CANARY) return false
    return true
  }

  #view(): Uint32Array {
    return new Uint32Array(this.#memory.bytes.buffer, this.#canary, CANARY_BYTES / 4)
  }
}
