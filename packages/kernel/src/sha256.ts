import { hash } from 'node:crypto'

/** SHA-256 of `bytes`, 64 lower-case hex digits. The one place where a core touches `node:`; the function is pure (FIPS 180-4). */
export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
