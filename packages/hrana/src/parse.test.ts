// Goal: whatever JSON arrives, the parsers answer and never throw, and what is printed is what is understood. Method:
// properties over arbitrary values, over arbitrary messages, and over messages with one place spoiled; then the
// borders.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HRANA_LIMITS } from './limits.ts'
import { parseCursorRequest, parsePipelineRequest } from './parse-request.ts'
import { parseCursorEntry, parseCursorHead, parsePipelineResponse } from './parse-response.ts'
import { parseValue } from './parse-value.ts'
import { printCursorRequest, printPipelineRequest } from './print-request.ts'
import { printCursorEntry, printCursorHead, printCursorResponse, printPipelineResponse } from './print-response.ts'
import { printValue } from './print-value.ts'
import {
  arbitraryCursorEntry,
  arbitraryCursorRequest,
  arbitraryPipelineRequest,
  arbitraryPipelineResponse,
  arbitraryValue,
} from './testing/arbitrary.ts'

const parsers = [
  parsePipelineRequest,
  parseCursorRequest,
  parsePipelineResponse,
  parseCursorHead,
  parseCursorEntry,
  parseValue,
]
const ALL = { charsMax: Infinity }

function spoil(value: unknown, at: number, by: unknown): unknown {
  let left = at
  const walk = (part: unknown): unknown => {
    left -= 1
    if (left === 0) return by
    if (Array.isArray(part)) return part.map(walk)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, walk(item)]))
  }
  return walk(value)
}

const stmt = (fields: object): unknown => ({ requests: [{ type: 'execute', stmt: { sql: 'SELECT 1', ...fields } }] })

function refusal(body: unknown): { code: string; path: string; message: string } {
  const parsed = parsePipelineRequest(body)
  if (parsed.ok) throw new Error(`accepted ${JSON.stringify(body)}`)
  return parsed.error
}

describe('any value is answered', () => {
  test('arbitrary JavaScript values', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true }),
        (value) => {
          for (const parse of parsers) expect(typeof parse(value).ok).toBe('boolean')
        },
      ),
    )
  })

  test('arbitrary JSON text', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const parse of parsers) expect(typeof parse(JSON.parse(text)).ok).toBe('boolean')
      }),
    )
  })

  test('messages with one place spoiled', () => {
    const messages = fc.oneof(
      arbitraryPipelineRequest.map(printPipelineRequest),
      arbitraryCursorRequest.map(printCursorRequest),
    )
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 60 }), fc.jsonValue(), (text, at, by) => {
        const spoiled = spoil(JSON.parse(text), at, by)
        for (const parse of parsers) expect(typeof parse(spoiled).ok).toBe('boolean')
      }),
    )
  })

  test('__proto__ and constructor are only unknown fields', () => {
    const body: unknown = JSON.parse('{"__proto__":{"requests":[]},"constructor":{"prototype":{"polluted":1}}}')
    expect(refusal(body).path).toBe('requests')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(refusal({ requests: [{ type: '__proto__' }] }).message).toBe('StreamRequest type not recognized')
    expect(refusal({ requests: [{ type: 'toString' }] }).message).toBe('StreamRequest type not recognized')
  })
})

describe('printed is understood', () => {
  test('values', () => {
    fc.assert(
      fc.property(arbitraryValue, (value) => {
        expect(parseValue(JSON.parse(printValue(value)))).toEqual({ ok: true, value })
      }),
    )
  })

  test('requests', () => {
    fc.assert(
      fc.property(arbitraryPipelineRequest, (value) => {
        expect(parsePipelineRequest(JSON.parse(printPipelineRequest(value)))).toEqual({ ok: true, value })
      }),
    )
    fc.assert(
      fc.property(arbitraryCursorRequest, (value) => {
        expect(parseCursorRequest(JSON.parse(printCursorRequest(value)))).toEqual({ ok: true, value })
      }),
    )
  })

  test('answers', () => {
    fc.assert(
      fc.property(arbitraryPipelineResponse, (value) => {
        expect(parsePipelineResponse(JSON.parse(printPipelineResponse(value, ALL)))).toEqual({ ok: true, value })
      }),
    )
    fc.assert(
      fc.property(arbitraryCursorEntry, (value) => {
        expect(parseCursorEntry(JSON.parse(printCursorEntry(value)))).toEqual({ ok: true, value })
      }),
    )
    for (const value of [{}, { baton: 'b', baseUrl: 'https://a.example/' }]) {
      expect(parseCursorHead(JSON.parse(printCursorHead(value)))).toEqual({ ok: true, value })
    }
  })
})

describe('borders', () => {
  test('integers are 64 bits, in decimal digits', () => {
    const integer = (value: unknown): unknown => parseValue({ type: 'integer', value })
    expect(integer('9223372036854775807')).toEqual({ ok: true, value: 9223372036854775807n })
    expect(integer('-9223372036854775808')).toEqual({ ok: true, value: -9223372036854775808n })
    for (const bad of [
      '9223372036854775808',
      '-9223372036854775809',
      '',
      '-',
      '+1',
      '1.0',
      '0x1',
      ' 1',
      '1_0',
      1,
      null,
    ]) {
      expect(integer(bad)).toMatchObject({ ok: false, error: { code: 'INVALID', path: 'value' } })
    }
  })

  test('infinities and minus zero survive', () => {
    for (const value of [Infinity, -Infinity, -0, 5e-324, 1.7976931348623157e308]) {
      expect(parseValue(JSON.parse(printValue(value)))).toEqual({ ok: true, value })
    }
  })

  test('text that is not Unicode is refused', () => {
    expect(refusal(stmt({ sql: "SELECT '\ud800'" }))).toMatchObject({ code: 'INVALID', path: 'requests[0].stmt.sql' })
    expect(parseValue({ type: 'text', value: '\udc00' }).ok).toBe(false)
  })

  test('sql or sql_id, not both, not none', () => {
    expect(refusal(stmt({ sql_id: 1 })).message).toBe('Either `sql` or `sql_id` are required, but not both')
    expect(refusal({ requests: [{ type: 'sequence' }] }).message).toBe('Either `sql` or `sql_id` are required')
    expect(refusal({ requests: [{ type: 'describe', sql_id: 2 ** 31 }] }).path).toBe('requests[0].sql_id')
  })

  test('a condition names earlier steps only', () => {
    const batch = (condition: unknown): unknown => ({
      requests: [{ type: 'batch', batch: { steps: [{ stmt: { sql: 'A' } }, { condition, stmt: { sql: 'B' } }] } }],
    })
    expect(parsePipelineRequest(batch({ type: 'ok', step: 0 })).ok).toBe(true)
    for (const step of [1, 2, -1, 0.5, '0', null]) {
      expect(refusal(batch({ type: 'not', cond: { type: 'ok', step } })).path).toBe(
        'requests[0].batch.steps[1].condition.cond.step',
      )
    }
  })

  test('limits hold exactly', () => {
    const close = { type: 'close' }
    expect(parsePipelineRequest({ requests: Array(HRANA_LIMITS.requestsMax).fill(close) }).ok).toBe(true)
    expect(refusal({ requests: Array(HRANA_LIMITS.requestsMax + 1).fill(close) }).code).toBe('LIMIT')
    const step = { stmt: { sql: 'A' } }
    expect(parseCursorRequest({ batch: { steps: Array(HRANA_LIMITS.stepsMax).fill(step) } }).ok).toBe(true)
    expect(parseCursorRequest({ batch: { steps: Array(HRANA_LIMITS.stepsMax + 1).fill(step) } })).toMatchObject({
      error: { code: 'LIMIT' },
    })
    const arg = { type: 'null' }
    expect(parsePipelineRequest(stmt({ args: Array(HRANA_LIMITS.argsMax).fill(arg) })).ok).toBe(true)
    expect(refusal(stmt({ args: Array(HRANA_LIMITS.argsMax + 1).fill(arg) })).code).toBe('LIMIT')
    const nested = (depth: number): unknown =>
      depth === 1 ? { type: 'is_autocommit' } : { type: 'not', cond: nested(depth - 1) }
    const conditioned = (condition: unknown): unknown => ({ batch: { steps: [{ condition, stmt: { sql: 'A' } }] } })
    expect(parseCursorRequest(conditioned(nested(HRANA_LIMITS.conditionDepthMax))).ok).toBe(true)
    expect(parseCursorRequest(conditioned(nested(HRANA_LIMITS.conditionDepthMax + 1)))).toMatchObject({
      error: { code: 'LIMIT' },
    })
    const wide = (count: number): unknown => ({ type: 'and', conds: Array(count).fill({ type: 'is_autocommit' }) })
    expect(parseCursorRequest(conditioned(wide(HRANA_LIMITS.conditionsMax))).ok).toBe(true)
    expect(parseCursorRequest(conditioned(wide(HRANA_LIMITS.conditionsMax + 1)))).toMatchObject({
      error: { code: 'LIMIT' },
    })
  })

  test('a result without room becomes an error, its neighbours stay', () => {
    const result = { columns: [{ name: 'a' }], rows: [['x'.repeat(1000)]], affectedRows: 0 }
    const execute = { kind: 'ok', response: { kind: 'execute', result } } as const
    const close = { kind: 'ok', response: { kind: 'close' } } as const
    const printed = printPipelineResponse(
      { results: [execute, execute, close] },
      { charsMax: 1500, replicationIndex: 7 },
    )
    const parsed = parsePipelineResponse(JSON.parse(printed))
    expect(parsed.ok && parsed.value.results.map((r) => (r.kind === 'error' ? r.error.code : r.response.kind))).toEqual(
      ['execute', 'RESPONSE_TOO_LARGE', 'close'],
    )
    const lines = printCursorResponse(
      {},
      [
        { kind: 'result', result },
        { kind: 'result', result },
      ],
      { charsMax: 1500 },
    )
      .trimEnd()
      .split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { type?: string }).type)).toEqual([
      undefined,
      'step_begin',
      'row',
      'step_end',
      'step_begin',
      'error',
    ])
  })
})
