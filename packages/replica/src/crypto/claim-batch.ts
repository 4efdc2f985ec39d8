// How claims travel to a verifying thread: one buffer a batch, so that it is transferred, not cloned object by object.
// Layout of each claim, one after the other: key length u32, message length u32, signature length u32, then the three.

import type { SignatureClaim } from './verify-now.ts'

const HEAD_BYTES = 12
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Packs claims into one buffer of their own. */
export function packClaims(claims: readonly SignatureClaim[]): Uint8Array<ArrayBuffer> {
  let size = 0
  for (const { key, message, signature } of claims) {
    size += HEAD_BYTES + key.length * 3 + message.length + signature.length
  }
  const packed = new Uint8Array(size)
  const view = new DataView(packed.buffer)
  let at = 0
  for (const { key, message, signature } of claims) {
    const keyBytes = encoder.encodeInto(key, packed.subarray(at + HEAD_BYTES)).written
    view.setUint32(at, keyBytes)
    view.setUint32(at + 4, message.length)
    view.setUint32(at + 8, signature.length)
    at += HEAD_BYTES + keyBytes
    packed.set(message, at)
    packed.set(signature, at + message.length)
    at += message.length + signature.length
  }
  return packed
}

/** The claims of a batch, as views of it. */
export function unpackClaims(packed: Uint8Array, count: number): readonly SignatureClaim[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const claims: SignatureClaim[] = []
  let at = 0
  const take = (length: number): Uint8Array => {
    at += length
    return packed.subarray(at - length, at)
  }
  for (let i = 0; i < count; i += 1) {
    const keyBytes = view.getUint32(at)
    const messageBytes = view.getUint32(at + 4)
    const signatureBytes = view.getUint32(at + 8)
    at += HEAD_BYTES
    claims.push({ key: decoder.decode(take(keyBytes)), message: take(messageBytes), signature: take(signatureBytes) })
  }
  return claims
}
