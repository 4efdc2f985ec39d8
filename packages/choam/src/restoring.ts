import { unwrap } from '@quorate/kernel'
import { blockHash, decodeBody, decodeHeader } from '@quorate/types'
import type { StoredBlock } from './input.ts'
import type { Kept } from './pipeline.ts'

/** A block from our own disk, decoded. What does not decode there is a broken invariant. */
export function readStored({ headerBytes, bodyBytes, certificate }: StoredBlock): Kept {
  const header = unwrap(decodeHeader(headerBytes), 'a header on our own disk')
  const body = unwrap(decodeBody(bodyBytes), 'a body on our own disk')
  return { header, body, bodyBytes, hash: blockHash(headerBytes), certificate }
}
