// Goal: `init` makes what `start` reads, overwrites nothing, and its names sort in their order.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MemberId } from '@quorate/types'
import { expect, test } from 'vitest'
import { plansFor } from './commands/init.ts'
import { loadConfig } from './config.ts'
import { found, makeMember, memberNames } from './founding.ts'
import { readGenesis } from './genesis-file.ts'

let made = 0
const createKey = (): { readonly id: MemberId } => {
  made += 1
  return { id: String(made).padStart(64, '0') as MemberId }
}

test('a founded ledger is read back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'found-'))
  try {
    const genesis = found(folder, { name: 'test' }, plansFor(4, '127.0.0.1', 7400, 8080), createKey)
    expect(readGenesis(join(folder, 'genesis.json'))).toEqual(genesis)
    expect(readdirSync(folder).sort()).toEqual(['genesis.json', 'member1', 'member2', 'member3', 'member4'])
    const config = loadConfig({ file: join(folder, 'member2', 'quorate.toml'), env: {}, flags: {}, cwd: '/' })
    expect(config).toMatchObject({
      genesis: join(folder, 'genesis.json'),
      key: join(folder, 'member2', 'member.key'),
      'data-dir': join(folder, 'member2', 'data'),
      listen: '127.0.0.1:7401',
      http: '127.0.0.1:8081',
    })
    const before = readFileSync(join(folder, 'genesis.json'), 'utf8')
    expect(() => found(folder, { name: 'again' }, plansFor(1, 'h', 1, 2), createKey)).toThrow(/already/)
    expect(() =>
      makeMember(folder, { name: 'member1', address: 'h:1', http: 'h:2', url: undefined }, createKey),
    ).toThrow(/already/)
    expect(readFileSync(join(folder, 'genesis.json'), 'utf8')).toBe(before)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('names sort in their order, whatever their number', () => {
  for (const count of [1, 9, 10, 100]) {
    const names = memberNames(count)
    expect([...names].sort((a, b) => (a < b ? -1 : 1))).toEqual(names)
  }
})

test('an IPv6 host stands in brackets', () => {
  expect(plansFor(1, '::1', 7400, 8080)[0]).toMatchObject({ address: '[::1]:7400', http: '[::1]:8080' })
})
