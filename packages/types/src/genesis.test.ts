// Goal: genesis.json is read strictly, and whatever is wrong with it is said. Method: a good one, and each way to spoil it.

import { expect, test } from 'vitest'
import { ledgerId, parseGenesis } from './genesis.ts'

const founder = { name: 'a', id: '1'.repeat(64), address: 'host:7400' }
const good = { version: 1, name: 'shop', founders: [founder, { ...founder, name: 'b', id: '2'.repeat(64) }], sql: [] }

test('a good one is taken, and its identity follows names, keys and SQL, not addresses', () => {
  const parsed = parseGenesis(good)
  const moved = parseGenesis({ ...good, founders: good.founders.map((each) => ({ ...each, address: '[::1]:1' })) })
  const renamed = parseGenesis({ ...good, name: 'other' })
  if (!parsed.ok || !moved.ok || !renamed.ok) throw new Error('refused')
  expect(ledgerId(moved.value)).toBe(ledgerId(parsed.value))
  expect(ledgerId(renamed.value)).not.toBe(ledgerId(parsed.value))
})

test.each([
  ['not an object', [], /not an object/],
  ['an unknown key', { ...good, extra: 1 }, /unknown key "extra"/],
  ['another version', { ...good, version: 2 }, /version is 2, this software knows 1/],
  ['no founders', { ...good, founders: [] }, /founders must be 1 to/],
  ['a founder twice', { ...good, founders: [founder, { ...founder, name: 'b' }] }, /listed twice/],
  ['a name twice', { ...good, founders: [founder, { ...founder, id: '2'.repeat(64) }] }, /share a name/],
  ['a bad key', { ...good, founders: [{ ...founder, id: 'XYZ' }] }, /64 lower-case hex/],
  ['a bad URL', { ...good, founders: [{ ...founder, http: 'http://a/b' }] }, /http must be/],
  ['a bad address', { ...good, founders: [{ ...founder, address: 'nowhere' }] }, /host:port/],
  ["a founder's unknown key", { ...good, founders: [{ ...founder, rank: 1 }] }, /unknown key "rank"/],
  ['SQL that is no list', { ...good, sql: 'SELECT 1' }, /sql must be a list/],
])('%s is refused', (_what, value, message) => {
  expect(parseGenesis(value)).toMatchObject({
    ok: false,
    error: { code: 'GENESIS_INVALID', message: expect.stringMatching(message) },
  })
})
