// Goal: what a person types becomes the order that was meant, signed by the key that was meant and for the ledger of genesis.json;
// what makes no sense is refused before anything is signed. Method: the command line against a server that shows two members and a
// proposal, and keeps what it is sent.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemberKey, loadMemberKey, verifyNow } from '@quorate/replica'
import type { Change, Genesis, GovernanceTransaction, MemberId } from '@quorate/types'
import { changeDigest, decodeTransaction, isGovernanceSigned, ledgerId } from '@quorate/types'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../cli.ts'
import { found } from '../founding.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-member-'))
const plans = ['one', 'two'].map((name, at) => ({ name, address: `h:${at + 1}`, http: 'h:9', url: undefined }))
const genesis: Genesis = found(folder, { name: 'x' }, plans, createMemberKey)
const ledger = ledgerId(genesis)
const [ONE, TWO] = genesis.founders.map(({ id }) => id) as [MemberId, MemberId]
const NEW = 'ab'.repeat(32) as MemberId
const ADD: Change = { kind: 'add', member: NEW, name: 'three', address: 'h:3' }

let server: Server
let url = ''
let shown: Record<string, unknown> = {}
let answer: { readonly status: number; readonly body: unknown } = { status: 200, body: {} }
let taken: GovernanceTransaction[] = []
let printed: string[] = []

function membership(fields: Record<string, unknown> = {}): Record<string, unknown> {
  const proposal = { number: 7, ...ADD, digest: changeDigest(ADD), proposer: ONE, height: 3, expiresMs: 2000 }
  return {
    ledger,
    height: 5,
    timeMs: Date.now(),
    members: [
      { id: ONE, name: 'one', status: 'active', since: 0 },
      { id: TWO, name: 'two', address: 'moved:2', status: 'leaving', since: 4 },
    ],
    proposals: [{ ...proposal, approvals: [ONE], needed: 1 }],
    ...fields,
  }
}

function executed(...row: readonly unknown[]): { readonly status: number; readonly body: unknown } {
  const columns = ['proposal', 'state', 'approvals', 'needed'].map((name) => ({ name }))
  const value = (each: unknown): unknown =>
    typeof each === 'string' ? { type: 'text', value: each } : { type: 'integer', value: String(each) }
  const rows = row.length === 0 ? [] : [row.map(value)]
  const body = { id: 'x', height: 6, position: 0, duplicate: false, results: [{ columns, rows, affectedRows: 0 }] }
  return { status: 200, body }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      let reply: typeof answer = { status: 200, body: shown }
      if (request.method === 'POST') {
        const { transaction } = JSON.parse(Buffer.concat(chunks).toString()) as { transaction: string }
        const bytes = new Uint8Array(Buffer.from(transaction, 'base64'))
        const decoded = decodeTransaction(bytes)
        if (!decoded.ok || decoded.value.governance === undefined) throw new Error('not an order')
        expect(isGovernanceSigned(decoded.value.governance, bytes, verifyNow)).toBe(true)
        taken.push(decoded.value)
        reply = answer
      }
      response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  shown = membership()
  answer = executed()
  taken = []
  printed = []
  const keep = (line: unknown): void => void printed.push(String(line))
  vi.spyOn(console, 'log').mockImplementation(keep)
  vi.spyOn(console, 'error').mockImplementation(keep)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const member = (who: string, ...args: readonly string[]): Promise<number> =>
  run(['member', ...args, '--config', join(folder, who, 'quorate.toml'), '--url', url])

describe('orders', () => {
  test.each([
    [['address', 'h:9'], { kind: 'address', address: 'h:9' }],
    [['remove', 'one'], { kind: 'propose', change: { kind: 'remove', member: ONE } }],
    [['remove', TWO], { kind: 'propose', change: { kind: 'remove', member: TWO } }],
    [['add', 'four', NEW, '[::1]:4'], { kind: 'propose', change: { ...ADD, name: 'four', address: '[::1]:4' } }],
    [['withdraw', '7'], { kind: 'withdraw', proposal: 7 }],
    [['approve', '7'], { kind: 'approve', proposal: 7, change: changeDigest(ADD) }],
  ])('%j', async (args, action) => {
    expect(await member('one', ...args)).toBe(0)
    expect(taken).toHaveLength(1)
    expect(taken[0]).toMatchObject({ governance: { ledger, author: ONE, action } })
    const leftMs = (taken[0]?.expiresMs ?? 0) - Date.now()
    expect(leftMs > 3_500_000 && leftMs <= 3_600_000).toBe(true)
  })

  test('a new key consents here, or where it is kept', async () => {
    const path = join(folder, 'new.key')
    expect(await member('one', 'rekey', 'one', '--new-key', path)).toBe(0)
    const successor = loadMemberKey(path).id
    expect(taken[0]?.governance).toMatchObject({ action: { change: { kind: 'rekey', member: ONE, successor } } })
    printed = []
    expect(await run(['member', 'consent', ONE, '--new-key', path, '--genesis', join(folder, 'genesis.json')])).toBe(0)
    const consent = printed.at(-1) ?? ''
    expect(consent).toMatch(new RegExp(`^${successor}:[0-9a-f]{128}$`))
    expect(await member('two', 'rekey', 'one', '--consent', consent)).toBe(0)
    expect(taken[1]?.governance.author).toBe(TWO)
    expect(taken[1]?.governance.action).toEqual(taken[0]?.governance.action)
  })

  test('tell what is signed, and what is still needed', async () => {
    answer = executed(7, 'open', 1, 2)
    shown = membership({
      members: ['one', 'two', 'three', 'four'].map((name, at) => ({
        id: `${at}`.repeat(64),
        name,
        status: 'active',
        since: 0,
      })),
      proposals: [
        { number: 7, ...ADD, proposer: ONE, height: 3, expiresMs: 2000, approvals: ['0'.repeat(64)], needed: 2 },
      ],
    })
    expect(await member('one', 'approve', '7')).toBe(0)
    expect(printed).toEqual([
      `approving proposal 7, to add three at h:3, key ${NEW}`,
      `proposal 7: add three at h:3, key ${NEW}\n1 of 2 approvals, two, three or four must approve`,
    ])
    answer = executed(7, 'passed', 2, 2)
    printed = []
    await member('one', 'approve', '7')
    expect(printed.at(-1)).toBe('proposal 7 passed at height 6; committees follow from the next view on')
  })
})

describe('nothing is signed', () => {
  test.each([
    [['add', 'a b', NEW, 'h:1'], 'error USAGE: a b is no name'],
    [['add', 'a', 'xyz', 'h:1'], 'error USAGE: xyz is no key'],
    [['add', 'a', NEW, 'h'], 'error USAGE: h is no address'],
    [['add', 'a'], 'error USAGE: missing required argument'],
    [['address', 'h:70000'], 'error USAGE: h:70000 is no address'],
    [['approve', 'x'], 'error USAGE: command-argument value'],
    [['approve', '0'], 'error USAGE: command-argument value'],
    [['rekey', 'one'], 'error USAGE: wanted --new-key or --consent'],
    [['rekey', 'one', '--consent', 'ab:cd'], 'error USAGE: --consent is not what'],
    [['frobnicate'], 'error USAGE: unknown command'],
  ])('%j is a slip', async (args, message) => {
    expect(await member('one', ...args)).toBe(2)
    expect(printed.at(-1)).toContain(message)
    expect(taken).toEqual([])
  })

  test.each([
    [['approve', '8'], 'error PROPOSAL_UNKNOWN: no proposal 8 is open'],
    // By name, who leaves is no member any more.
    [['remove', 'two'], 'error MEMBER_UNKNOWN: no member is called two; members: one, two'],
  ])('%j names nothing', async (args, message) => {
    expect(await member('one', ...args)).toBe(1)
    expect(printed.at(-1)).toBe(message)
    expect(taken).toEqual([])
  })

  test('for a ledger that genesis.json is not of; no new key is made for it either', async () => {
    shown = membership({ ledger: 'cd'.repeat(32) })
    const path = join(folder, 'never.key')
    expect(await member('one', 'rekey', 'one', '--new-key', path)).toBe(1)
    expect(printed.at(-1)).toContain(`error WRONG_LEDGER: ${url} serves ledger cdcd`)
    expect([taken, existsSync(path)]).toEqual([[], false])
  })

  test.each([
    { members: [{ id: 'x', name: 'one', status: 'active', since: 0 }] },
    { members: [{ id: ONE, name: '\u001b[2J', status: 'active', since: 0 }] },
    { members: [{ id: ONE, name: 'one', address: 'x\ny:1', status: 'active', since: 0 }] },
    { members: [{ id: ONE, name: 'one', status: 'king', since: 0 }] },
    { proposals: [{ number: 1, kind: 'add' }] },
    { proposals: 'none' },
    { timeMs: -1 },
  ])('where the replica shows nonsense: %j', async (fields) => {
    shown = membership(fields)
    expect(await member('one', 'address', 'h:9')).toBe(1)
    expect(printed.at(-1)).toBe('error BAD_ANSWER: /v1/members answered something else')
    expect(taken).toEqual([])
  })
})

test("the ledger's refusals are told by their code", async () => {
  answer = { status: 403, body: { code: 'NOT_A_MEMBER', message: 'you are no member' } }
  expect(await member('one', 'address', 'h:9')).toBe(1)
  expect(printed.at(-1)).toBe('error NOT_A_MEMBER: you are no member')
})

test('list and proposals', async () => {
  expect(await member('one', 'list')).toBe(0)
  expect(printed.at(-1)).toBe(
    [
      'member  status                   address  key',
      `one     active                   h:1      ${ONE}`,
      `two     leaves at the next view  moved:2  ${TWO}`,
      '',
      '1 open: quorate member proposals',
    ].join('\n'),
  )
  expect(await member('one', 'proposals')).toBe(0)
  expect(printed.at(-1)).toBe(
    [
      `7: add three at h:3, key ${NEW}`,
      '   proposed by one, open until 1970-01-01T00:00:02.000Z',
      '   1 of 1 approvals, passes when any member approves it',
    ].join('\n'),
  )
  shown = membership({ proposals: [] })
  await member('one', 'proposals')
  expect(printed.at(-1)).toBe('nothing is proposed')
  await member('one', 'list', '--json')
  expect(JSON.parse(printed.at(-1) ?? '')).toMatchObject({ ledger, height: 5 })
})
