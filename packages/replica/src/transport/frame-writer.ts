// Frames on their way into one socket. What the socket can take goes at once; the rest waits here, bounded. Everything
// that one turn of the event loop writes is joined into one TLS record run and leaves at the end of that turn, without
// a timer.
//
// A full queue refuses the new frame: its sender is told and the frames already accepted keep their order without gaps.
// A peer that does not read for long is found silent and disconnected, and the protocol above repairs what was lost.

import { BoundedQueue } from '@quorate/kernel'
import type { Socket } from 'node:net'
import { FRAME_HEAD_BYTES, frameHead } from './frame.ts'
import { TRANSPORT_LIMITS } from './limits.ts'

/** Largest piece given to the socket at once, so that progress shows while a large frame leaves. */
const PIECE_BYTES_MAX = 256 * 1024

interface Frame {
  readonly type: number
  readonly body: Uint8Array
}

/** Writes frames to one socket, in order. */
export class FrameWriter {
  readonly #socket: Socket
  readonly #queue = new BoundedQueue<Frame>(
    { countMax: TRANSPORT_LIMITS.queuedFramesMax, weightMax: TRANSPORT_LIMITS.queuedBytesMax },
    (frame) => FRAME_HEAD_BYTES + frame.body.length,
  )
  /** Bytes of the first queued frame's body that the socket has. */
  #pieceAt = 0
  #written = 0
  #frames = 0
  #corked = false
  #closed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('drain', () => this.#pump())
  }

  /** False where the queue is full. `body` must not change afterwards. */
  send(type: number, body: Uint8Array): boolean {
    if (this.#closed || !this.#queue.push({ type, body })) return false
    this.#pump()
    return true
  }

  get queuedFrames(): number {
    return this.#queue.size
  }

  /** Bytes accepted that the kernel has not taken. */
  get backlogBytes(): number {
    return this.#queue.weight + this.#socket.writableLength
  }

  /** Bytes that the kernel has taken so far. */
  get flushedBytes(): number {
    return this.#written - this.#socket.writableLength
  }

  /** Frames given to the socket so far. */
  get frames(): number {
    return this.#frames
  }

  /** Gives up; returns how many frames were still waiting. */
  close(): number {
    this.#closed = true
    return this.#queue.size
  }

  #pump(): void {
    for (let frame = this.#queue.peek(); frame !== undefined; frame = this.#queue.peek()) {
      if (this.#closed || this.#socket.writableLength >= TRANSPORT_LIMITS.socketBytesMax) return
      this.#cork()
      if (this.#pieceAt === 0) this.#write(frameHead(frame.type, frame.body.length))
      const end = Math.min(frame.body.length, this.#pieceAt + PIECE_BYTES_MAX)
      if (end > this.#pieceAt) this.#write(frame.body.subarray(this.#pieceAt, end))
      this.#pieceAt = end
      if (end < frame.body.length) continue
      this.#pieceAt = 0
      this.#frames += 1
      this.#queue.shift()
    }
  }

  #write(bytes: Uint8Array): void {
    this.#written += bytes.length
    this.#socket.write(bytes)
  }

  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#socket.uncork()
    })
  }
}
