// The frames of a multiplexed connection. Integers are little-endian.
//
//   kind (1 byte) | session (6 bytes) | rest
//
// OPEN    rest: protocol id (2) | version (2) | first message, or nothing where the acceptor sends first
// DATA    rest: a message
// CREDIT  rest: bytes (4) that the other side may send beyond those it was granted before
//
// Each side numbers the sessions that it opens, so a session is named by its number and by who opened it; the kind says
// whether the frame comes from the side that did.

/** First byte of a frame. */
export const FRAME = {
  open: 0,
  dataFromOpener: 1,
  dataFromAcceptor: 2,
  creditFromOpener: 3,
  creditFromAcceptor: 4,
} as const

/** Bytes before the rest. */
export const HEADER_BYTES = 7
/** Bytes before the first message of an OPEN. */
export const OPEN_BYTES = 11
const CREDIT_BYTES = HEADER_BYTES + 4

/** Largest session number. */
export const SESSION_ID_MAX: number = 2 ** 48 - 1

/** Writes `bytes` little-endian bytes of an integer. By hand: a DataView for each frame costs more than the frame. */
function write(frame: Uint8Array, at: number, bytes: number, value: number): void {
  let rest = value
  for (let i = at; i < at + bytes; i += 1) {
    frame[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
}

function read(frame: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = at + bytes - 1; i >= at; i -= 1) value = value * 256 + (frame[i] ?? 0)
  return value
}

/** Writes the header at `at`. */
export function writeHeader(frame: Uint8Array, at: number, kind: number, id: number): void {
  frame[at] = kind
  write(frame, at + 1, 6, id)
}

/** Turns a buffer with `headroom + OPEN_BYTES` bytes before its message into an OPEN. */
export function openFrame(
  buffer: Uint8Array,
  headroom: number,
  id: number,
  protocol: { readonly id: number; readonly version: number },
): Uint8Array {
  writeHeader(buffer, headroom, FRAME.open, id)
  write(buffer, headroom + HEADER_BYTES, 2, protocol.id)
  write(buffer, headroom + HEADER_BYTES + 2, 2, protocol.version)
  return buffer
}

/** Makes a CREDIT frame. */
export function creditFrame(headroom: number, kind: number, id: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(headroom + CREDIT_BYTES)
  writeHeader(frame, headroom, kind, id)
  write(frame, headroom + HEADER_BYTES, 4, bytes)
  return frame
}

/** A frame as it was read. */
export type Frame =
  | { readonly kind: 'open'; readonly id: number; readonly protocol: number; readonly version: number }
  | { readonly kind: 'data' | 'credit'; readonly id: number; readonly fromOpener: boolean }

/** Reads a header; a text says what is wrong with it. */
export function readFrame(frame: Uint8Array): Frame | string {
  if (frame.length < HEADER_BYTES) return `a frame of ${frame.length} bytes`
  const kind = read(frame, 0, 1)
  const id = read(frame, 1, 6)
  switch (kind) {
    case FRAME.open: {
      if (frame.length < OPEN_BYTES) return `an OPEN of ${frame.length} bytes`
      const protocol = read(frame, HEADER_BYTES, 2)
      return { kind: 'open', id, protocol, version: read(frame, HEADER_BYTES + 2, 2) }
    }
    case FRAME.dataFromOpener:
    case FRAME.dataFromAcceptor:
      return { kind: 'data', id, fromOpener: kind === FRAME.dataFromOpener }
    case FRAME.creditFromOpener:
    case FRAME.creditFromAcceptor:
      if (frame.length !== CREDIT_BYTES) return `a CREDIT of ${frame.length} bytes`
      return { kind: 'credit', id, fromOpener: kind === FRAME.creditFromOpener }
    default:
      return `a frame of kind ${kind}`
  }
}

/** Bytes granted by a CREDIT frame that `readFrame` has accepted. */
export function creditOf(frame: Uint8Array): number {
  return read(frame, HEADER_BYTES, 4)
}
