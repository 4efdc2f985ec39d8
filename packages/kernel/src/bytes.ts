// Bytes, text and hex without Buffer: the cores run wherever ECMAScript runs.

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenientDecoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** UTF-8 bytes of `text`. A lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 `bytes`, or undefined where they are not valid UTF-8. A byte-order mark is kept. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text of `bytes` with U+FFFD for what is not valid UTF-8: for showing, never for hashing. */
export function utf8Lossy(bytes: Uint8Array): string {
  return lenientDecoder.decode(bytes)
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  return -1
}

/** Writes the bytes of lower-case `hex` into `target` at `offset`. False where `hex` holds anything but pairs of 0-9a-f. */
export function hexInto(hex: string, target: Uint8Array, offset: number): boolean {
  if (hex.length % 2 !== 0) return false
  for (let at = 0; at < hex.length; at += 2) {
    const high = nibble(hex.charCodeAt(at))
    const low = nibble(hex.charCodeAt(at + 1))
    if (high < 0 || low < 0) return false
    target[offset + at / 2] = high * 16 + low
  }
  return true
}

/** The bytes of lower-case `hex`, or undefined where it is not pairs of 0-9a-f. */
export function fromHex(hex: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor(hex.length / 2))
  return hexInto(hex, bytes, 0) ? bytes : undefined
}

/** Whether both hold the same bytes. Not constant-time: never compare secrets with it. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}

/** All `parts`, one after the other, in a new array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Orders strings by UTF-16 code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
