// Goal: every byte is what the documents say. Method: testdata/golden.json was computed by another program on another library
// (libsodium); seeds, keys, dealings, group, shares and values must be equal to the bit.

import { readFileSync } from 'node:fs'
import { fromHex, must, toHex, unwrap } from '@quorate/kernel'
import { expect, test } from 'vitest'
import {
  combineCoin,
  decodeCoinGroup,
  encodeCoinGroup,
  encodeKeyShare,
  makeCoinShare,
  verifyCoinShare,
} from './coin.ts'
import { encodeReceiverKey, receiverKey } from './receiver-key.ts'
import { doneOf, readLog, seedOf } from './testing/seats.ts'

interface Golden {
  readonly receivers: readonly string[]
  readonly dealings: readonly string[]
  readonly verdict: string
  readonly group: string
  readonly secrets: readonly string[]
  readonly coins: readonly { readonly name: string; readonly shares: readonly string[]; readonly value: string }[]
}

const golden = JSON.parse(readFileSync(new URL('../testdata/golden.json', import.meta.url), 'utf8')) as Golden
const bytes = (hex: string): Uint8Array => must(fromHex(hex), 'hex')

test('the dealing of a key', () => {
  const keys = golden.receivers.map((_, seat) => receiverKey(seedOf(seat + 1)))
  expect(keys.map(({ key }) => toHex(encodeReceiverKey(key)))).toEqual(golden.receivers)
  const terms = { context: Buffer.from('golden'), threshold: 1, receivers: keys.map(({ key }) => key) }
  const log = [
    ...golden.dealings.slice(0, 3).map((message, seat) => ({ seat, message: bytes(message) })),
    ...[3, 1, 0].map((seat) => ({ seat, message: bytes(golden.verdict) })),
  ]
  keys.forEach(({ secret }, seat) => {
    const effects = readLog(terms, { seat, secret, seed: seedOf(0x80 + seat) }, log)
    const published = effects.flatMap((effect) => (effect.kind === 'publish' ? [toHex(effect.message)] : []))
    expect(published).toEqual([golden.dealings[seat], golden.verdict])
    const done = must(doneOf(effects), 'the log ends the dealing')
    expect(done.dealers).toEqual([0, 1, 2])
    expect(toHex(encodeCoinGroup(done.group))).toBe(golden.group)
    expect(toHex(encodeKeyShare(must(done.own, 'nobody was wronged')))).toBe(golden.secrets[seat])
    for (const { name, shares } of golden.coins) {
      expect(toHex(makeCoinShare(done.own!, bytes(name)))).toBe(shares[seat])
    }
  })
})

test('shares and values of coins', () => {
  const group = unwrap(decodeCoinGroup(bytes(golden.group)), 'the golden group')
  expect(golden.coins.length).toBe(3)
  for (const { name, shares, value } of golden.coins) {
    const checked = shares.map((share, seat) => {
      const result = verifyCoinShare(group, bytes(name), seat, bytes(share))
      return unwrap(result, 'a golden share')
    })
    expect(toHex(unwrap(combineCoin(group, bytes(name), checked.slice(2)), 'two of four'))).toBe(value)
  }
})
