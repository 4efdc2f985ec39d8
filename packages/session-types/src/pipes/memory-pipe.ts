// Two pipes in one process, back to back. What one sends, the other has before `send` returns: no timers, no event loop, so a
// simulation over them is exactly repeatable. The window is kept as on a network: a side that doesn't wait is cut off.

import type { Pipe, PipeEnd, PipeEvents, SendOutcome } from '../pipe.ts'
import { costOf } from '../pipe.ts'

/** What one side may have sent and the other not consumed, in bytes, before it has to wait: 256 KiB. */
export const PIPE_WINDOW_BYTES = 262_144

class MemoryPipe implements Pipe {
  readonly headroom = 0
  readonly #windowBytes: number
  #other: MemoryPipe | undefined
  #events: PipeEvents | undefined
  #early: Uint8Array[] = []
  #ended: PipeEnd | undefined
  #isClosed = false
  /** Sent by this side and not consumed by the other. */
  #inFlight = 0
  #isWaiting = false
  #floodAt = Infinity

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
  }

  join(other: MemoryPipe): void {
    this.#other = other
  }

  start(events: PipeEvents): void {
    this.#events = events
    const early = this.#early
    this.#early = []
    for (const message of early) this.#events.message(message)
    if (this.#ended !== undefined && !this.#isClosed) events.closed(this.#ended)
  }

  send(buffer: Uint8Array): SendOutcome {
    if (this.#isClosed || this.#ended !== undefined) return 'lost'
    // Aborts and a multiplexer's credits don't wait, so that a window more is tolerated; above it is a flood.
    if (this.#inFlight >= this.#floodAt) {
      this.#other?.end({ code: 'LIMIT', what: `more than ${this.#windowBytes} bytes at a time` })
      this.end({ code: 'DISCONNECTED', what: 'cut off: sent without waiting' })
      return 'lost'
    }
    this.#inFlight += costOf(buffer.length)
    this.#other?.deliver(buffer)
    if (this.#inFlight < this.#windowBytes) return 'ok'
    if (!this.#isWaiting) this.#floodAt = this.#inFlight + this.#windowBytes
    this.#isWaiting = true
    return 'wait'
  }

  consumed(bytes: number): void {
    this.#other?.credit(costOf(bytes))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#other?.end({ code: 'DISCONNECTED', what: 'closed by the other side' })
  }

  deliver(message: Uint8Array): void {
    if (this.#isClosed || this.#ended !== undefined) return
    if (this.#events === undefined) this.#early.push(message)
    else this.#events.message(message)
  }

  credit(cost: number): void {
    this.#inFlight -= cost
    if (!this.#isWaiting || this.#inFlight >= this.#windowBytes / 2 || this.#isClosed) return
    this.#isWaiting = false
    this.#floodAt = Infinity
    this.#events?.drain()
  }

  end(ended: PipeEnd): void {
    if (this.#isClosed || this.#ended !== undefined) return
    this.#ended = ended
    this.#events?.closed(ended)
  }
}

/** Two pipes that are each other's other end. @param windowBytes - {@link PIPE_WINDOW_BYTES} where absent. */
export function memoryPair(windowBytes: number = PIPE_WINDOW_BYTES): readonly [Pipe, Pipe] {
  const one = new MemoryPipe(windowBytes)
  const two = new MemoryPipe(windowBytes)
  one.join(two)
  two.join(one)
  return [one, two]
}
