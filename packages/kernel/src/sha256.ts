import { hash } from 'node:crypto'
import { concatBytes } from './bytes.ts'

/** Most bytes that are gathered in one buffer kept for it; more get one of their own. */
const GATHER_BYTES = 8192
const gathered = new Uint8Array(GATHER_BYTES)

/** SHA-256 of all `parts`, one after the other, 64 lower-case hex digits. */
export function sha256Of(parts: readonly Uint8Array[]): string {
  let length = 0
  for (const part of parts) length += part.length
  if (length > GATHER_BYTES) return sha256(concatBytes(parts))
  let at = 0
  for (const part of parts) {
    gathered.set(part, at)
    at += part.length
  }
  return sha256(gathered.subarray(0, length))
}

/** SHA-256 of `bytes`, 64 lower-case hex digits. The one place where a core touches `node:`; the function is pure (FIPS 180-4). */
export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
