import type { ChangeEntry } from '@quorate/client'
import { expect, test } from 'vitest'
import { entryJson, entryText } from './tail-text.ts'

const place = { height: 3, index: 0, sequence: 1, transaction: 'x', position: '3:0:1' }
const row = { kind: 'change', ...place, table: 't', rowid: 9n, key: { a: 1n } } as const

test('a line for people says what changed, and shows control characters', () => {
  const lines: readonly (readonly [ChangeEntry, string])[] = [
    [{ ...row, op: 'insert', before: undefined, after: { a: 1n, b: 'x\u001b' } }, '3:0:1 insert t a=1 b=x\\u001b'],
    [{ ...row, op: 'delete', before: { a: 1n, b: null }, after: undefined }, '3:0:1 delete t a=1 b=NULL'],
    [{ ...row, op: 'update', before: { a: 1n, b: 2 }, after: { a: 1n, b: 3n } }, '3:0:1 update t a=1: b=2.0->3'],
    [{ kind: 'reset', ...place, table: undefined }, '3:0:1 more changed than is told: read everything again'],
    [
      { kind: 'schema', ...place, op: 'drop', type: 'table', name: 't', table: 't', sql: 'DROP TABLE\nt' },
      '3:0:1 DROP TABLE\\nt',
    ],
    [
      { kind: 'block', position: '4', height: 3, block: 'abcdef0123456789ff', timeMs: 0, stateRoot: 's' },
      '4 block 3 of 1970-01-01T00:00:00.000Z abcdef0123456789',
    ],
  ]
  for (const [entry, line] of lines) expect(entryText(entry)).toBe(line)
  const done = {
    kind: 'transaction',
    height: 3,
    block: 'b',
    timeMs: 1,
    index: 2,
    position: '3:2',
    governance: undefined,
  } as const
  expect(
    entryText({ ...done, transaction: 'id', outcome: 'failed', code: 'OUT_OF_GAS', program: { requests: [] } }),
  ).toBe('3:2 failed OUT_OF_GAS id {"requests":[]}')
  expect(entryText({ ...done, transaction: undefined, outcome: 'refused', code: undefined, program: undefined })).toBe(
    '3:2 refused (no transaction)',
  )
})

test('a line of JSON has exact values', () => {
  const json = entryJson({
    ...row,
    op: 'insert',
    before: undefined,
    after: { a: 9_007_199_254_740_993n, b: Uint8Array.of(255) },
  })
  expect(JSON.parse(json)).toEqual({
    ...place,
    kind: 'change',
    table: 't',
    op: 'insert',
    rowid: '9',
    key: { a: { type: 'integer', value: '1' } },
    before: null,
    after: { a: { type: 'integer', value: '9007199254740993' }, b: { type: 'blob', base64: '/w' } },
  })
})
