// Goal: results line up, survive a round trip where their form has one, and can't drive a terminal.

import type { Rows } from '@quorate/client'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatRows, pad, visible, widthOf } from './format.ts'

const of = (columns: readonly string[], ...rows: Rows['rows'][number][]): Rows => ({
  columns,
  rows,
  affectedRows: 0,
  lastInsertRowid: undefined,
})
const mixed = of(
  ['id', 'name', 'x'],
  [1n, 'ada', 1.5],
  [20n, 'añb, "c"\n', null],
  [3n, '日本', 2],
  [4n, Uint8Array.of(1, 255), 1e300],
)

test('a table lines up, numbers to the right', () => {
  expect(formatRows(mixed, 'table')).toBe(
    [
      'id  name             x',
      '--  ----------  ------',
      ' 1  ada            1.5',
      '20  añb, "c"\\n    NULL',
      ' 3  日本           2.0',
      " 4  x'01ff'     1e+300",
    ].join('\n'),
  )
})

test('no rows still show their columns; no columns show nothing', () => {
  expect(formatRows(of(['a']), 'table')).toBe('a\n-')
  expect(formatRows(of(['a']), 'json')).toBe('[]')
  expect(formatRows(of(['a']), 'csv')).toBe('a')
  for (const mode of ['table', 'json', 'csv'] as const) expect(formatRows(of([]), mode)).toBe('')
})

test('json parses, with integers beyond 2^53 as text', () => {
  expect(JSON.parse(formatRows(of(['a', 'b'], [2n ** 60n, null], [7n, Uint8Array.of(9)]), 'json'))).toEqual([
    { a: '1152921504606846976', b: null },
    { a: 7, b: { hex: '09' } },
  ])
})

test('csv quotes what needs it', () => {
  expect(formatRows(of(['a,b', 'c'], ['x"y', 'l\nm'], [null, '']), 'csv')).toBe('"a,b",c\r\n"x""y","l\nm"\r\n,')
})

test('nothing in a table moves the cursor', () => {
  expect(visible('\u001b[31mred\u0007\u202e')).toBe('\\u001b[31mred\\u0007\\u202e')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(formatRows(of([text], [text]), 'table').split('\n')).toHaveLength(3)
      // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
      expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    }),
  )
})

test('widths', () => {
  expect(widthOf('abc')).toBe(3)
  expect(widthOf('日本')).toBe(4)
  expect(widthOf('e\u0301')).toBe(1)
  expect(pad('日', 4)).toBe('日  ')
  expect(pad('7', 3, true)).toBe('  7')
})
