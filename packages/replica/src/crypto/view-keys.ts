// The keys a member signs with in views. Each is made for one view, and erased when that view is over: who steals the member's disk or
// its identity key later can't sign for views that are past, so nobody can rewrite them.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromHex, toHex } from '@quorate/kernel'
import { SIGNATURE_BYTES } from '@quorate/types'
import type { ConsensusKey, ViewId } from '@quorate/types'
import sodium from 'sodium-native'
import { KeyError } from './key-error.ts'

/** The file in a replica's data directory, for its owner alone. */
export const VIEW_KEYS_FILE = 'view-keys.json'

const FILE_MODE = 0o600
const SEED_BYTES = 32
const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64

/** A key as the file holds it: `seed` is the secret of RFC 8032, in hex; `view` the view in which it was published. */
interface StoredKey {
  readonly view: string
  readonly seed: string
}

interface ViewKey {
  readonly view: ViewId
  readonly key: ConsensusKey
  readonly seed: string
  readonly secret: Uint8Array
}

export class ViewKeys {
  readonly #path: string
  #keys: readonly ViewKey[] = []

  /** Reads the keys in `folder`, if there are any. @throws KeyError KEY_MALFORMED, KEY_IO */
  constructor(folder: string) {
    this.#path = join(folder, VIEW_KEYS_FILE)
    this.#keys = this.#read().map(({ view, seed }) => keyOf(view as ViewId, seed))
  }

  /** The public keys that are here. */
  get all(): readonly ConsensusKey[] {
    return this.#keys.map(({ key }) => key)
  }

  /** The key to publish in `view`: made and on disk, or the one made before. @throws KeyError KEY_IO */
  publishedIn(view: ViewId): ConsensusKey {
    const known = this.#keys.find((each) => each.view === view)
    if (known !== undefined) return known.key
    const seed = Buffer.alloc(SEED_BYTES)
    sodium.randombytes_buf(seed)
    const made = keyOf(view, toHex(seed))
    this.#keep([...this.#keys, made])
    return made.key
  }

  /** `view` has begun: erases all keys but the one that signs in it, and the one published in it. @throws KeyError KEY_IO */
  begun(view: ViewId, key: ConsensusKey | undefined): void {
    const kept = this.#keys.filter((each) => each.key === key || each.view === view)
    if (kept.length < this.#keys.length) this.#keep(kept)
  }

  /** The ed25519 signature with one of these keys; undefined where it isn't here. */
  sign(message: Uint8Array, key: ConsensusKey): Uint8Array | undefined {
    const known = this.#keys.find((each) => each.key === key)
    if (known === undefined) return undefined
    const signature = new Uint8Array(SIGNATURE_BYTES)
    sodium.crypto_sign_detached(signature, message, known.secret)
    return signature
  }

  #read(): readonly StoredKey[] {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw new KeyError('KEY_IO', `${this.#path}: ${String(error)}`)
    }
    const keys = parse(text)
    if (keys === undefined) throw new KeyError('KEY_MALFORMED', `${this.#path}: not a list of keys made for views`)
    return keys
  }

  /** The new file stands whole, or the old one does. */
  #keep(keys: readonly ViewKey[]): void {
    const text = JSON.stringify(keys.map(({ view, seed }): StoredKey => ({ view, seed })))
    try {
      const fresh = `${this.#path}.new`
      const file = openSync(fresh, 'w', FILE_MODE)
      writeSync(file, text)
      fsyncSync(file)
      closeSync(file)
      renameSync(fresh, this.#path)
      const folder = openSync(dirname(this.#path), 'r')
      fsyncSync(folder)
      closeSync(folder)
    } catch (error) {
      throw new KeyError('KEY_IO', `${this.#path}: ${String(error)}`)
    }
    this.#keys = keys
  }
}

function parse(text: string): readonly StoredKey[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const isHex = (hex: unknown): hex is string => typeof hex === 'string' && /^[0-9a-f]{64}$/.test(hex)
  const isKey = (each: unknown): each is StoredKey =>
    typeof each === 'object' &&
    each !== null &&
    'view' in each &&
    'seed' in each &&
    isHex(each.view) &&
    isHex(each.seed)
  return Array.isArray(value) && value.every(isKey) ? value : undefined
}

function keyOf(view: ViewId, seed: string): ViewKey {
  const secret = sodium.sodium_malloc(SECRET_KEY_BYTES)
  const key = new Uint8Array(PUBLIC_KEY_BYTES)
  sodium.crypto_sign_seed_keypair(key, secret, Buffer.from(fromHex(seed) ?? []))
  return { view, key: toHex(key) as ConsensusKey, seed, secret }
}
