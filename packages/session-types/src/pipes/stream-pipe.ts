// Messages over a stream of bytes, such as a TLS socket: four bytes of length, little-endian, then the message. A length above
// the limit ends the stream before a byte of it is kept. The stream's own flow control is the pipe's: while more than a
// window waits for the user, nothing is read from the stream.

import type { Duplex } from 'node:stream'
import { systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { Pipe, PipeEvents, SendOutcome } from '../pipe.ts'
import { costOf } from '../pipe.ts'

const LENGTH_BYTES = 4

/** Largest message of a stream that says nothing else: 1 MiB. */
export const STREAM_MESSAGE_BYTES_MAX = 1_048_576
const WINDOW_BYTES = 262_144
/** A stream that is closed here and not by the other side is destroyed after so long. */
const LINGER_MS = 5_000

/**
 * Puts messages together out of chunks. What is left of a chunk is kept as it is, and copied once more comes: a list of
 * chunks would cost a stranger one byte an entry, and us hundreds.
 */
class Assembler {
  readonly #bytesMax: number
  #bytes: Uint8Array = new Uint8Array(0)
  #from = 0
  #to = 0
  #isOwn = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(chunk: Uint8Array): void {
    const length = this.#to - this.#from
    if (length === 0) {
      this.#bytes = chunk
      this.#from = 0
      this.#to = chunk.length
      this.#isOwn = false
      return
    }
    if (!this.#isOwn || this.#bytes.length - this.#to < chunk.length) {
      const grown = new Uint8Array(2 * (length + chunk.length))
      grown.set(this.#bytes.subarray(this.#from, this.#to))
      this.#bytes = grown
      this.#from = 0
      this.#to = length
      this.#isOwn = true
    }
    this.#bytes.set(chunk, this.#to)
    this.#to += chunk.length
  }

  /** The next whole message, undefined where it isn't there yet, or its length where that is above the limit. */
  next(): Uint8Array | number | undefined {
    const at = this.#from
    if (this.#to - at < LENGTH_BYTES) return undefined
    const length = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at).getUint32(0, true)
    if (length > this.#bytesMax) return length
    const begin = at + LENGTH_BYTES
    if (this.#to - begin < length) return undefined
    this.#from = begin + length
    // A copy: a message must not keep a whole chunk alive.
    const message = new Uint8Array(length)
    message.set(this.#bytes.subarray(begin, this.#from))
    return message
  }
}

class StreamPipe implements Pipe {
  readonly headroom = LENGTH_BYTES
  readonly #stream: Duplex
  readonly #bytesMax: number
  readonly #clock: Clock
  readonly #assembler: Assembler
  #events: PipeEvents | undefined
  #isClosed = false
  #isReading = false
  #isCorked = false
  /** Delivered and not consumed. */
  #waiting = 0

  constructor(stream: Duplex, bytesMax: number, clock: Clock) {
    this.#stream = stream
    this.#bytesMax = bytesMax
    this.#clock = clock
    this.#assembler = new Assembler(bytesMax)
    // From the beginning: an error that nobody listens for would end the process.
    stream.on('error', (error: Error) => this.#end('DISCONNECTED', error.message))
    stream.on('close', () => this.#end('DISCONNECTED', 'the stream is closed'))
  }

  start(events: PipeEvents): void {
    this.#events = events
    if (this.#stream.destroyed) {
      this.#end('DISCONNECTED', 'the stream is closed')
      return
    }
    this.#stream.on('data', (chunk: Uint8Array) => {
      this.#assembler.push(chunk)
      this.#read()
    })
    this.#stream.on('end', () => this.#end('DISCONNECTED', 'ended by the other side'))
    this.#stream.on('drain', () => {
      if (!this.#isClosed) this.#events?.drain()
    })
  }

  send(buffer: Uint8Array): SendOutcome {
    if (this.#isClosed || !this.#stream.writable) return 'lost'
    new DataView(buffer.buffer, buffer.byteOffset).setUint32(0, buffer.length - LENGTH_BYTES, true)
    // What is written in one turn of the event loop leaves in one piece.
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#stream.cork()
      process.nextTick(this.#uncork)
    }
    return this.#stream.write(buffer) ? 'ok' : 'wait'
  }

  readonly #uncork = (): void => {
    this.#isCorked = false
    this.#stream.uncork()
  }

  consumed(bytes: number): void {
    this.#waiting -= costOf(bytes)
    if (this.#waiting >= WINDOW_BYTES || this.#isClosed || this.#isReading || !this.#stream.isPaused()) return
    this.#read()
    if (!this.#isFull) this.#stream.resume()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // What was sent leaves; what comes is thrown away, since unread bytes would keep the stream open.
    this.#stream.removeAllListeners('data')
    this.#stream.resume()
    this.#stream.end()
    const stop = this.#clock.after(LINGER_MS, () => this.#stream.destroy())
    this.#stream.once('close', stop)
  }

  get #isFull(): boolean {
    return this.#waiting >= WINDOW_BYTES
  }

  #read(): void {
    this.#isReading = true
    while (!this.#isClosed && !this.#isFull) {
      const message = this.#assembler.next()
      if (message === undefined) break
      if (typeof message === 'number') {
        this.#end('LIMIT', `a message of ${message} bytes, at most ${this.#bytesMax} allowed`)
        break
      }
      this.#waiting += costOf(message.length)
      this.#events?.message(message)
    }
    this.#isReading = false
    if (!this.#isClosed && this.#isFull) this.#stream.pause()
  }

  #end(code: 'DISCONNECTED' | 'LIMIT', what: string): void {
    // Before `start` the stream itself remembers.
    if (this.#isClosed || this.#events === undefined) return
    this.#events.closed({ code, what })
    this.close()
  }
}

/**
 * A pipe over a stream of bytes, which it takes over: it ends the stream when it is closed.
 * @param options.bytesMax - Largest message accepted, in bytes: {@link STREAM_MESSAGE_BYTES_MAX} where absent. Both sides
 *   have to allow what the protocols on it do.
 */
export function streamPipe(stream: Duplex, options: { readonly bytesMax?: number; readonly clock?: Clock } = {}): Pipe {
  return new StreamPipe(stream, options.bytesMax ?? STREAM_MESSAGE_BYTES_MAX, options.clock ?? systemClock)
}
