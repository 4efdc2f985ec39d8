// Base64 (RFC 4648, section 4) without Buffer. Written without padding, as libSQL's server does; read with or without.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const CODES: readonly number[] = Array.from(ALPHABET, (digit) => digit.charCodeAt(0))
const DIGITS: Int8Array = new Int8Array(128).fill(-1)
for (const [digit, code] of CODES.entries()) DIGITS[code] = digit

/** Codes turned into text at once: the engine's call stack bounds the arguments of one call. */
const CHUNK_CODES = 4096

/** Base64 of `bytes`, without padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  let codes: number[] = []
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    codes.push(CODES[word >> 18] ?? 0, CODES[(word >> 12) & 63] ?? 0)
    if (left > 1) codes.push(CODES[(word >> 6) & 63] ?? 0)
    if (left > 2) codes.push(CODES[word & 63] ?? 0)
    if (codes.length >= CHUNK_CODES) {
      text += String.fromCharCode(...codes)
      codes = []
    }
  }
  return text + String.fromCharCode(...codes)
}

function digitsOf(text: string): number {
  let length = text.length
  if (length % 4 === 0 && text.endsWith('=')) length -= text.endsWith('==') ? 2 : 1
  return length
}

/** The bytes of base64 `text`, padded or not; undefined where it is not base64, or has bits beyond its last byte. */
export function fromBase64(text: string): Uint8Array | undefined {
  const length = digitsOf(text)
  if (length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let word = 0
  let bits = 0
  let end = 0
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at)
    const digit = code < 128 ? (DIGITS[code] ?? -1) : -1
    if (digit < 0) return undefined
    word = ((word << 6) | digit) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[end] = word >> bits
      end += 1
    }
  }
  return (word & ((1 << bits) - 1)) === 0 ? bytes : undefined
}
