// Goal: the certificate is one that TLS accepts, carries the member's key and nothing that changes. Method: read it
// back with the platform's own parser. That a handshake works and a stolen certificate does not, the transport's tests
// show.

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import type { MemberKey } from './keys.ts'
import { memberIdOf } from './keys.ts'
import { certifiedMember, tlsIdentity } from './tls-identity.ts'

function newKey(): MemberKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { id: memberIdOf(publicKey)!, privateKey }
}

test('the certificate is signed by the key it carries, and carries the member', () => {
  for (let i = 0; i < 50; i += 1) {
    const key = newKey()
    const certificate = new X509Certificate(tlsIdentity(key).cert)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.checkPrivateKey(key.privateKey)).toBe(true)
    expect(certifiedMember(certificate)).toBe(key.id)
  }
})

test('the same key gives the same certificate', () => {
  const key = newKey()
  expect(tlsIdentity(key)).toEqual(tlsIdentity(key))
})

test('no certificate names no member', () => {
  expect(certifiedMember(undefined)).toBeUndefined()
})
