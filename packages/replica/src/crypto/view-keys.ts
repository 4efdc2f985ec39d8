// The keys a member signs with in views. Each is made for one view, and erased when that view is over: who steals the member's disk or
// its identity key later can't sign for views that are past, so nobody can rewrite them.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { RISTRETTO_COINS } from '@quorate/choam'
import { fromHex, must, sha256Of, toHex, utf8 } from '@quorate/kernel'
import { SIGNATURE_BYTES } from '@quorate/types'
import type { ConsensusKey, ViewId } from '@quorate/types'
import sodium from 'sodium-native'
import type { PublishedKey } from '../host/ports.ts'
import { KeyError } from './key-error.ts'

/** The file in a replica's data directory, for its owner alone. */
export const VIEW_KEYS_FILE = 'view-keys.json'

const FILE_MODE = 0o600
const SEED_BYTES = 32
const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64
/** As the threshold package encodes it. */
const SHARE = /^[0-9a-f]{68}$/
/** Makes the coin's secret another one than the key's. */
const COIN_TAG = utf8('quorate/view-coin-secret/1')

/**
 * A key as the file holds it, in hex: `seed` is the secret of RFC 8032, and what the coin's secret is made from; `view` the view in
 * which it was published; `share` our share of the key of its view's coin, once that is dealt.
 */
interface StoredKey {
  readonly view: string
  readonly seed: string
  readonly share?: string
}

interface ViewKey {
  readonly view: ViewId
  readonly key: ConsensusKey
  readonly seed: string
  readonly secret: Uint8Array
  readonly share?: string
}

export class ViewKeys {
  readonly #path: string
  #keys: readonly ViewKey[] = []

  /** Reads the keys in `folder`, if there are any. @throws KeyError KEY_MALFORMED, KEY_IO */
  constructor(folder: string) {
    this.#path = join(folder, VIEW_KEYS_FILE)
    this.#keys = this.#read().map(({ view, seed, share }) => keyOf(view as ViewId, seed, share))
  }

  /** The public keys that are here. */
  get all(): readonly ConsensusKey[] {
    return this.#keys.map(({ key }) => key)
  }

  /** The shares of coins' keys that are here. */
  get shares(): readonly { readonly key: ConsensusKey; readonly share: Uint8Array }[] {
    return this.#keys.flatMap(({ key, share }) => {
      const bytes = share === undefined ? undefined : fromHex(share)
      return bytes === undefined ? [] : [{ key, share: bytes }]
    })
  }

  /** What to publish in `view`: made and on disk, or what was made before. @throws KeyError KEY_IO */
  publishedIn(view: ViewId): PublishedKey {
    const { key, seed } = this.#keyOf(view)
    const secret = must(fromHex(sha256Of([COIN_TAG, must(fromHex(seed), 'a seed is hex')])), 'a digest is hex')
    return { key, secret, receiver: RISTRETTO_COINS.receiver(secret) }
  }

  /** Keeps a share of a coin's key beside the key that signs in its view. @throws KeyError KEY_IO */
  keepShare(key: ConsensusKey, share: Uint8Array): void {
    this.#keep(this.#keys.map((each) => (each.key === key ? { ...each, share: toHex(share) } : each)))
  }

  #keyOf(view: ViewId): ViewKey {
    const known = this.#keys.find((each) => each.view === view)
    if (known !== undefined) return known
    const seed = Buffer.alloc(SEED_BYTES)
    sodium.randombytes_buf(seed)
    const made = keyOf(view, toHex(seed), undefined)
    this.#keep([...this.#keys, made])
    return made
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
    const text = JSON.stringify(keys.map(({ view, seed, share }): StoredKey => withShare({ view, seed }, share)))
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
    isHex(each.seed) &&
    (!('share' in each) || (typeof each.share === 'string' && SHARE.test(each.share)))
  return Array.isArray(value) && value.every(isKey) ? value : undefined
}

function withShare<T extends object>(key: T, share: string | undefined): T & { readonly share?: string } {
  return share === undefined ? key : { ...key, share }
}

function keyOf(view: ViewId, seed: string, share: string | undefined): ViewKey {
  const secret = sodium.sodium_malloc(SECRET_KEY_BYTES)
  const key = new Uint8Array(PUBLIC_KEY_BYTES)
  sodium.crypto_sign_seed_keypair(key, secret, Buffer.from(fromHex(seed) ?? []))
  return withShare({ view, key: toHex(key) as ConsensusKey, seed, secret }, share)
}
