// The two messages of a dealing, as bytes.

import type { DecodeError, Reader, Result } from '@quorate/kernel'
import { decode, err, Writer } from '@quorate/kernel'
import type { Dealing, Opening, Terms } from './dealing.ts'
import { readDealing, writeDealing } from './dealing.ts'
import { readProof, writeProof } from './equality-proof.ts'
import { THRESHOLD_LIMITS } from './limits.ts'
import { readPoint } from './ristretto.ts'

/** A dealer, and what shows that it dealt the sender a wrong share. */
export interface Complaint {
  readonly dealer: number
  readonly opening: Opening
}

/** What goes through the log. */
export type DkgMessage =
  | { readonly kind: 'dealing'; readonly dealing: Dealing }
  | { readonly kind: 'verdict'; readonly complaints: readonly Complaint[] }

/** Canonical bytes: BCS, the kind first. */
export function encodeMessage(message: DkgMessage): Uint8Array {
  const writer = new Writer(1024).uleb(message.kind === 'dealing' ? 0 : 1)
  if (message.kind === 'dealing') writeDealing(writer, message.dealing)
  else {
    writer.vector(message.complaints, (to, { dealer, opening }) => {
      to.u16(dealer).raw(opening.secret.toBytes())
      writeProof(to, opening.proof)
    })
  }
  return writer.finish()
}

/** Reads a message of at most `messageBytesMax` bytes that has the shape the terms ask for. */
export function decodeMessage(bytes: Uint8Array, terms: Terms): Result<DkgMessage, DecodeError> {
  const { messageBytesMax } = THRESHOLD_LIMITS
  if (bytes.length > messageBytesMax)
    return err({ code: 'LIMIT', at: 0, message: `${bytes.length} bytes, at most ${messageBytesMax} allowed` })
  return decode(bytes, (reader): DkgMessage => {
    const kind = reader.uleb()
    if (kind === 0) return { kind: 'dealing', dealing: readDealing(reader, terms) }
    if (kind === 1) return { kind: 'verdict', complaints: readComplaints(reader, terms.receivers.length) }
    return reader.refuse('INVALID', `message kind ${kind}`)
  })
}

/** By dealer, each once: one verdict has one encoding. */
function readComplaints(reader: Reader, seats: number): readonly Complaint[] {
  let last = -1
  return reader.vector(seats, () => {
    const dealer = reader.u16()
    if (dealer <= last || dealer >= seats) reader.refuse('NOT_CANONICAL', `dealer ${dealer} after ${last} of ${seats}`)
    last = dealer
    return { dealer, opening: { secret: readPoint(reader), proof: readProof(reader) } }
  })
}
