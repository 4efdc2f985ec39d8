// A member is an ed25519 key. The private half lies in one file, PEM PKCS#8, for its owner alone (mode 0600); the
// public half, as 64 hex digits, is the member's name in the ledger.

import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { toHex } from '@quorate/kernel'
import type { MemberId } from '@quorate/types'
import { parseMemberId } from '@quorate/types'
import { KeyError } from './key-error.ts'

/** A member's key pair. Holds the secret: never log it. */
export interface MemberKey {
  readonly id: MemberId
  readonly privateKey: KeyObject
}

/** Mode that the key file must have: nothing for group and others. */
const KEY_FILE_MODE = 0o600
const SHARED_BITS = 0o077
const KEY_FILE_BYTES_MAX = 4096

/** The 32 raw bytes of an ed25519 public key, or undefined for a key of another type. */
export function rawPublicKey(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  const x = key.export({ format: 'jwk' }).x
  return x === undefined ? undefined : new Uint8Array(Buffer.from(x, 'base64url'))
}

/** The member that an ed25519 public key names, or undefined for a key of another type. */
export function memberIdOf(key: KeyObject): MemberId | undefined {
  const raw = rawPublicKey(key)
  return raw === undefined ? undefined : parseMemberId(toHex(raw))
}

/** Reads a member key from its PEM text. @throws KeyError KEY_MALFORMED, KEY_TYPE */
export function parseMemberKey(pem: string, source: string): MemberKey {
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // The library's message may quote the file, so it is not passed on.
    throw new KeyError('KEY_MALFORMED', `${source}: not an unencrypted PEM PKCS#8 private key`)
  }
  const id = memberIdOf(createPublicKey(privateKey))
  if (id === undefined) {
    throw new KeyError('KEY_TYPE', `${source}: found a key of type ${privateKey.asymmetricKeyType}, wanted ed25519`)
  }
  return { id, privateKey }
}

/**
 * Reads the member key in `path`.
 * @throws KeyError KEY_MISSING, KEY_EXPOSED (readable by group or others), KEY_MALFORMED, KEY_TYPE, KEY_IO
 */
export function loadMemberKey(path: string): MemberKey {
  const file = attempt(path, () => openSync(path, 'r'))
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new KeyError('KEY_MALFORMED', `${path}: not a regular file`)
    // Windows keeps no such bits; there the folder's access list protects the file.
    if (process.platform !== 'win32' && (stat.mode & SHARED_BITS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
      throw new KeyError('KEY_EXPOSED', `${path}: found mode ${mode}, wanted 0600 (chmod 600): others may read it`)
    }
    const buffer = Buffer.alloc(KEY_FILE_BYTES_MAX)
    const length = attempt(path, () => readSync(file, buffer, 0, KEY_FILE_BYTES_MAX, 0))
    const key = parseMemberKey(buffer.toString('utf8', 0, length), path)
    buffer.fill(0)
    return key
  } finally {
    closeSync(file)
  }
}

/**
 * Makes a new key and writes it to `path`, durably, before it returns. Never overwrites.
 * @throws KeyError KEY_EXISTS, KEY_IO
 */
export function createMemberKey(path: string): MemberKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  const file = attempt(path, () => openSync(path, flags, KEY_FILE_MODE))
  try {
    attempt(path, () => {
      writeSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string)
      fsyncSync(file)
    })
  } finally {
    closeSync(file)
  }
  syncFolder(dirname(path))
  const id = memberIdOf(publicKey)
  if (id === undefined) throw new KeyError('KEY_TYPE', `${path}: the generated key is not ed25519`)
  return { id, privateKey }
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = attempt(path, () => openSync(path, 'r'))
  try {
    attempt(path, () => fsyncSync(folder))
  } finally {
    closeSync(folder)
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof KeyError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw new KeyError('KEY_MISSING', `${path}: no such file`)
    if (code === 'EEXIST') throw new KeyError('KEY_EXISTS', `${path}: there is a file; a key is never overwritten`)
    throw new KeyError('KEY_IO', `${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
