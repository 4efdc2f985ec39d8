// Goal: a receipt proves what it says to whoever holds genesis.json, and nothing once a byte of it is changed. Method:
// a ledger of real keys and signatures; every byte of a receipt is flipped in turn.

import { encodeReceipt, ledgerId } from '@quorate/types'
import { expect, test } from 'vitest'
import { parseProof, parseReceiptFile, printReceiptFile } from './receipt-file.ts'
import { provenLedger } from './testing/proven-ledger.ts'
import { verifyReceiptFile } from './verify-receipt-file.ts'

const ledger = provenLedger(4, 5)
const id = ledgerId(ledger.genesis)
const fileOf = (receipt: Uint8Array): string => printReceiptFile({ ledger: id, receipt })
const good = encodeReceipt(ledger.receipt(3))

function codeOf(text: string, genesis = ledger.genesis): string {
  const verified = verifyReceiptFile(text, genesis)
  return verified.ok ? 'OK' : verified.error.code
}

test('a good receipt proves transaction, outcome, place and certificate', () => {
  const proven = verifyReceiptFile(fileOf(good), ledger.genesis)
  expect(proven).toMatchObject({
    ok: true,
    value: {
      ledger: id,
      height: 1,
      position: 3,
      timeMs: 2000,
      signers: 3,
      seats: 4,
      transaction: { id: 'tx-3' },
      outcome: { kind: 'executed' },
    },
  })
})

test('every position of blocks of every small size, and ledgers of one to seven members', () => {
  for (let count = 1; count <= 9; count += 1) {
    const { genesis, receipt } = provenLedger(((count - 1) % 7) + 1, count)
    for (let position = 0; position < count; position += 1) {
      const text = printReceiptFile({ ledger: ledgerId(genesis), receipt: encodeReceipt(receipt(position)) })
      expect(codeOf(text, genesis)).toBe('OK')
    }
  }
})

test('any flipped bit fails, with a reason', () => {
  const codes = new Set<string>()
  for (let at = 0; at < good.length; at += 1) {
    const bad = good.slice()
    bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8))
    const verified = verifyReceiptFile(fileOf(bad), ledger.genesis)
    expect(verified.ok).toBe(false)
    if (verified.ok) continue
    expect(verified.error.message).not.toBe('')
    codes.add(verified.error.code)
  }
  const expected = [
    'GENESIS_NOT_CERTIFIED',
    'NOT_CERTIFIED',
    'OTHER_LEDGER',
    'OUTCOME_NOT_IN_BLOCK',
    'TRANSACTION_NOT_IN_BLOCK',
  ]
  expect([...codes]).toEqual(expect.arrayContaining(expected))
})

test('any cut and any byte too many fails', () => {
  for (let length = 0; length < good.length; length += 7)
    expect(codeOf(fileOf(good.slice(0, length)))).toBe('MALFORMED')
  expect(codeOf(fileOf(Uint8Array.of(...good, 0)))).toBe('MALFORMED')
})

test('a certificate below the quorum proves nothing; more signers than needed are fine', () => {
  expect(codeOf(fileOf(encodeReceipt(ledger.receipt(3, 2))))).toBe('NOT_CERTIFIED')
  expect(codeOf(fileOf(encodeReceipt(ledger.receipt(3, 4))))).toBe('OK')
})

test('parts of two receipts, or of two ledgers, do not make a third', () => {
  const { transaction } = ledger.receipt(2)
  expect(codeOf(fileOf(encodeReceipt({ ...ledger.receipt(3), transaction })))).toBe('TRANSACTION_NOT_IN_BLOCK')
  const other = provenLedger(4, 5)
  expect(codeOf(fileOf(good), other.genesis)).toBe('OTHER_LEDGER')
  const relabelled = printReceiptFile({ ledger: ledgerId(other.genesis), receipt: good })
  expect(codeOf(relabelled, other.genesis)).toBe('OTHER_LEDGER')
  const foreign = encodeReceipt({ ...other.receipt(3), views: ledger.receipt(3).views })
  expect(codeOf(fileOf(foreign))).toBe('OTHER_VIEW')
})

test('addresses are no part of what is proved', () => {
  const founders = ledger.genesis.founders.map((founder) => ({ ...founder, address: 'moved:1' }))
  expect(codeOf(fileOf(good), { ...ledger.genesis, founders })).toBe('OK')
})

test.each([
  [''],
  ['[]'],
  ['{}'],
  ['{"version":2,"ledger":"","receipt":""}'],
  [`{"version":1,"ledger":"xyz","receipt":""}`],
  [`{"version":1,"ledger":"${id}","receipt":"?"}`],
  [`{"version":1,"ledger":"${id}","receipt":7}`],
  [`{"version":1,"ledger":"${id}","receipt":"","more":1}`],
])('%j is no receipt file', (text) => {
  expect(parseReceiptFile(text)).toMatchObject({ ok: false, error: { code: 'MALFORMED' } })
})

test('what is printed is parsed', () => {
  expect(parseReceiptFile(fileOf(good))).toEqual({ ok: true, value: { ledger: id, receipt: good } })
})

test('a server’s answer becomes a file that says of which ledger it is', () => {
  const receipt = Buffer.from(good).toString('base64')
  expect(parseProof({ id: 'tx-3', receipt })).toEqual({ ok: true, value: { ledger: id, receipt: good } })
  for (const bad of [undefined, {}, { receipt: 7 }, { receipt: 'AAAA' }]) expect(parseProof(bad).ok).toBe(false)
})
