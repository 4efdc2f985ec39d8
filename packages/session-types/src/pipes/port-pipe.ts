// Messages over a MessagePort, between threads or windows. A port buffers without bound, so the receiver grants credit: the
// window is posted back as plain numbers, in steps of half a window; messages are Uint8Arrays.

import type { Pipe, PipeEnd, PipeEvents, SendOutcome } from '../pipe.ts'
import { costOf } from '../pipe.ts'
import { PIPE_WINDOW_BYTES } from './memory-pipe.ts'

/** What is needed of a port: `node:worker_threads` and browsers both have it. */
export interface Port {
  postMessage(value: unknown): void
  addEventListener(type: string, listener: (event: object) => void): void
  start(): void
  close(): void
}

class PortPipe implements Pipe {
  readonly headroom = 0
  readonly #port: Port
  #events: PipeEvents | undefined
  #credit = PIPE_WINDOW_BYTES
  #isWaiting = false
  #isClosed = false
  /** Received, and not granted again. */
  #held = 0
  /** Consumed, and not granted again. */
  #ungranted = 0

  constructor(port: Port) {
    this.#port = port
  }

  start(events: PipeEvents): void {
    this.#events = events
    this.#port.addEventListener('message', (event) => this.#take('data' in event ? event.data : undefined))
    this.#port.addEventListener('messageerror', () => this.#take(undefined))
    this.#port.addEventListener('close', () => this.#end({ code: 'DISCONNECTED', what: 'the port is closed' }))
    this.#port.start()
  }

  send(buffer: Uint8Array): SendOutcome {
    if (this.#isClosed) return 'lost'
    this.#credit -= costOf(buffer.length)
    // A view would take its whole buffer along.
    this.#port.postMessage(buffer.length === buffer.buffer.byteLength ? buffer : new Uint8Array(buffer))
    this.#isWaiting = this.#credit <= 0
    return this.#isWaiting ? 'wait' : 'ok'
  }

  consumed(bytes: number): void {
    if (this.#isClosed) return
    this.#ungranted += costOf(bytes)
    if (this.#ungranted < PIPE_WINDOW_BYTES / 2) return
    this.#port.postMessage(this.#ungranted)
    this.#held -= this.#ungranted
    this.#ungranted = 0
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#port.close()
  }

  #take(data: unknown): void {
    if (this.#isClosed) return
    if (data instanceof Uint8Array) {
      // A window more for what needn't wait: aborts, and a multiplexer's credits.
      if (this.#held >= 2 * PIPE_WINDOW_BYTES) {
        this.#end({ code: 'LIMIT', what: `more than ${PIPE_WINDOW_BYTES} bytes at a time` })
        return
      }
      this.#held += costOf(data.length)
      this.#events?.message(data)
    } else if (typeof data === 'number' && Number.isSafeInteger(data) && data > 0) {
      this.#credit = Math.min(this.#credit + data, PIPE_WINDOW_BYTES)
      if (!this.#isWaiting || this.#credit <= 0) return
      this.#isWaiting = false
      this.#events?.drain()
    } else {
      this.#end({ code: 'VIOLATION', what: 'neither bytes nor credit' })
    }
  }

  #end(end: PipeEnd): void {
    if (this.#isClosed) return
    this.#events?.closed(end)
    this.close()
  }
}

/** A pipe over a port, which it takes over. */
export function portPipe(port: Port): Pipe {
  return new PortPipe(port)
}
