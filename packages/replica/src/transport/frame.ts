// A frame: length of the body (u32, little-endian), type (u8), body. Nothing more: TLS below it already guards bytes
// and order.
//
// A peer may claim any length. The claim is checked before anything is allocated for it, and memory then grows with
// what really arrives, so a claim alone costs nothing. A body that lies whole in one piece of the stream is handed up
// as a view of it.

/** Bytes in front of a body. */
export const FRAME_HEAD_BYTES = 5

/** The first types that callers of the transport can't use; it speaks for itself with them. */
export const RESERVED_TYPE_MIN = 240

const FIRST_CAPACITY = 64 * 1024

/** The head of a frame with this type and body. */
export function frameHead(type: number, bodyBytes: number): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_BYTES)
  new DataView(head.buffer).setUint32(0, bodyBytes, true)
  head[4] = type
  return head
}

/** A frame in one piece: for short ones. */
export function shortFrame(type: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + body.length)
  frame.set(frameHead(type, body.length))
  frame.set(body, FRAME_HEAD_BYTES)
  return frame
}

/** A length above the limit that holds at the moment; the stream can't be read on. */
export interface FrameTooLong {
  readonly code: 'FRAME_TOO_LONG'
  readonly found: number
  readonly max: number
}

/** Cuts a stream of bytes into frames, however it is chunked. */
export class FrameDecoder {
  readonly #onFrame: (type: number, body: Uint8Array) => void
  #bodyBytesMax: number
  /** Head bytes of a frame whose head is not whole yet. */
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES)
  #headBytes = 0
  /** The body under way; undefined between frames and while the head is incomplete. */
  #body: Uint8Array | undefined
  #bodyBytes = 0
  #length = 0
  #stopped = false

  /** @param onFrame - Gets each frame in order. `body` may be a view of what was pushed. */
  constructor(bodyBytesMax: number, onFrame: (type: number, body: Uint8Array) => void) {
    this.#bodyBytesMax = bodyBytesMax
    this.#onFrame = onFrame
  }

  /** Another limit from the next frame on. */
  limit(bodyBytesMax: number): void {
    this.#bodyBytesMax = bodyBytesMax
  }

  /** Drops everything from now on, the rest of the piece under way included. */
  stop(): void {
    this.#stopped = true
    this.#body = undefined
  }

  /** Length of the body that has begun to arrive; undefined between frames. */
  get underWay(): number | undefined {
    if (this.#body !== undefined) return this.#length
    return this.#headBytes > 0 ? 0 : undefined
  }

  /** Takes the next piece of the stream. On an error the rest of the piece is dropped and nothing more is taken. */
  push(chunk: Uint8Array): FrameTooLong | undefined {
    let at = 0
    while (at < chunk.length && !this.#stopped) {
      if (this.#body !== undefined) {
        at += this.#fill(chunk.subarray(at))
        continue
      }
      const part = chunk.subarray(at, at + FRAME_HEAD_BYTES - this.#headBytes)
      this.#head.set(part, this.#headBytes)
      this.#headBytes += part.length
      at += part.length
      if (this.#headBytes < FRAME_HEAD_BYTES) return undefined
      this.#headBytes = 0
      this.#length = new DataView(this.#head.buffer).getUint32(0, true)
      if (this.#length > this.#bodyBytesMax) {
        this.#stopped = true
        return { code: 'FRAME_TOO_LONG', found: this.#length, max: this.#bodyBytesMax }
      }
      if (chunk.length - at >= this.#length) {
        at += this.#length
        this.#onFrame(this.#head[4] ?? 0, chunk.subarray(at - this.#length, at))
      } else {
        this.#body = new Uint8Array(Math.min(this.#length, Math.max(FIRST_CAPACITY, chunk.length)))
        this.#bodyBytes = 0
      }
    }
    return undefined
  }

  /**
   * Adds to the body under way and returns how much was taken. Doubles its room as bytes arrive, never ahead of them.
   */
  #fill(rest: Uint8Array): number {
    let body = this.#body ?? new Uint8Array(0)
    const taken = Math.min(rest.length, this.#length - this.#bodyBytes)
    if (this.#bodyBytes + taken > body.length) {
      const larger = new Uint8Array(Math.min(this.#length, Math.max(body.length * 2, this.#bodyBytes + taken)))
      larger.set(body.subarray(0, this.#bodyBytes))
      body = larger
      this.#body = body
    }
    body.set(rest.subarray(0, taken), this.#bodyBytes)
    this.#bodyBytes += taken
    if (this.#bodyBytes === this.#length) {
      this.#body = undefined
      this.#onFrame(this.#head[4] ?? 0, body)
    }
    return taken
  }
}
