// TLS wants certificates; members have only keys. A certificate made from the key, and signed by it, carries the key
// through the TLS 1.3 handshake, where its owner proves to hold the private half. Nothing else in it is looked at: no
// authority, no names, no dates. Who is a peer is decided by comparing the key with the membership's.
//
// The certificate is a pure function of the key (ed25519 is deterministic, the dates are fixed), so none is stored. Its
// shape is one fixed template of RFC 5280, too little to need a library.

import { createHash, sign } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import type { MemberId } from '@quorate/types'
import { rawOf } from '@quorate/types'
import { der, TAG } from './der.ts'
import type { MemberKey } from './keys.ts'
import { memberIdOf } from './keys.ts'

/** What `node:tls` needs to show who we are. Holds the secret: never log it. */
export interface TlsIdentity {
  readonly id: MemberId
  /** Private key, PEM. */
  readonly key: string
  /** Certificate, PEM. */
  readonly cert: string
}

const ascii = (text: string): Uint8Array => Buffer.from(text, 'ascii')

/** 1.3.101.112 (RFC 8410), without parameters. */
const ED25519 = der(TAG.sequence, der(TAG.objectId, Uint8Array.of(0x2b, 0x65, 0x70)))
/** 2.5.4.3 */
const COMMON_NAME = der(TAG.objectId, Uint8Array.of(0x55, 0x04, 0x03))
const VERSION_3 = der(TAG.explicit0, der(TAG.integer, Uint8Array.of(2)))
const BEFORE_ANY_USE = der(TAG.utcTime, ascii('700101000000Z'))
/** RFC 5280 section 4.1.2.5: no well-defined end. */
const NO_END = der(TAG.generalizedTime, ascii('99991231235959Z'))
const SERIAL_BYTES = 16

/** The member's identity for mutual TLS 1.3. The same key always gives the same certificate. */
export function tlsIdentity(member: MemberKey): TlsIdentity {
  const publicKey = rawOf(member.id)
  const serial = createHash('sha256').update(publicKey).digest().subarray(0, SERIAL_BYTES)
  // Positive and of full length, as DER wants it.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const commonName = der(TAG.utf8String, ascii(`quorate ${member.id.slice(0, 16)}`))
  const name = der(TAG.sequence, der(TAG.set, der(TAG.sequence, COMMON_NAME, commonName)))
  const body = der(
    TAG.sequence,
    VERSION_3,
    der(TAG.integer, serial),
    ED25519,
    name,
    der(TAG.sequence, BEFORE_ANY_USE, NO_END),
    name,
    der(TAG.sequence, ED25519, der(TAG.bitString, Uint8Array.of(0), publicKey)),
  )
  const signature = sign(null, body, member.privateKey)
  const certificate = der(TAG.sequence, body, ED25519, der(TAG.bitString, Uint8Array.of(0), signature))
  return {
    id: member.id,
    key: member.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    cert: pem('CERTIFICATE', certificate),
  }
}

/**
 * The member whose key a peer's certificate carries; undefined without a certificate or for a key that is not ed25519.
 */
export function certifiedMember(certificate: X509Certificate | undefined): MemberId | undefined {
  if (certificate === undefined) return undefined
  try {
    return memberIdOf(certificate.publicKey)
  } catch {
    return undefined
  }
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
