// Goal: the checkers find what is wrong and nothing else. Method: histories made by a real register, which are right by
// construction, and the same with one answer bent; small known histories; both checkers against each other.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { violationByIndex } from './by-index.ts'
import type { Call, HistoryEvent } from './history.ts'
import { operationsOf, printHistory } from './history.ts'
import { linearizable } from './linearizable.ts'

const NONE = new Map<number, { height: number; position: number }>()

/** A history of processes that overlap at random on real registers: each takes effect at some moment between its ends. */
function honest(choices: readonly number[], processes: number): HistoryEvent[] {
  const events: HistoryEvent[] = []
  const registers = new Map<string, number>()
  const open: ({ op: number; call: Call; answer: HistoryEvent | undefined } | undefined)[] = []
  let height = 0
  let op = 0
  for (const [atMs, choice] of choices.entries()) {
    const process = choice % processes
    const now = open[process]
    const common = { process, atMs }
    if (now === undefined) {
      const key = choice % 2 === 0 ? 'a' : 'b'
      const value = op
      const calls: Call[] = [
        { f: 'write', key, value },
        { f: 'read', key },
        { f: 'cas', key, expected: registers.get(key) ?? 0, value },
      ]
      const call = calls[choice % 3]!
      events.push({ type: 'invoke', op, ...common, ...call })
      open[process] = { op, call, answer: undefined }
      op += 1
    } else if (now.answer === undefined) {
      height += 1
      const { call } = now
      const held = registers.get(call.key)
      const ok = { type: 'ok', op: now.op, ...common, height } as const
      if (call.f === 'read') now.answer = { ...ok, value: held ?? null }
      else if (call.f === 'write') now.answer = { ...ok, position: 0 }
      else now.answer = { ...ok, position: 0, applied: held === call.expected }
      if (call.f === 'write' || (call.f === 'cas' && held === call.expected)) registers.set(call.key, call.value)
    } else {
      events.push({ ...now.answer, atMs })
      open[process] = undefined
    }
  }
  return events
}

/** What was executed and never told. */
function untold(events: readonly HistoryEvent[]): boolean {
  return operationsOf(events).some((operation) => operation.answered === undefined)
}

const choices = fc.array(fc.nat(1_000), { minLength: 20, maxLength: 120 })

describe('real registers', () => {
  test('are linearizable, and right by index where every end was told', () => {
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 5 }), (drawn, processes) => {
        const events = honest(drawn, processes)
        expect(linearizable(events)).toBe('linearizable')
        if (!untold(events)) expect(violationByIndex(events, NONE)).toBe(undefined)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('with one value bent are neither', () => {
    let bent = 0
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 4 }), fc.nat(), (drawn, processes, pick) => {
        const events = honest(drawn, processes)
        const reads = events.filter((event) => event.type === 'ok' && event.value !== undefined)
        const victim = reads[pick % Math.max(1, reads.length)]
        if (victim === undefined) return
        bent += 1
        // A value that nobody ever wrote.
        const lie = events.map((event) => (event === victim ? { ...event, value: 1_000_000 } : event)) as HistoryEvent[]
        expect(linearizable(lie)).toBe('not linearizable')
        expect(violationByIndex(lie, NONE)?.kind).toBe('wrong-value')
      }),
      { seed: 2, numRuns: 300 },
    )
    expect(bent).toBeGreaterThan(100)
  })
})

const invoke = (op: number, call: Call): HistoryEvent => ({ type: 'invoke', op, process: op, atMs: 0, ...call })
const ok = (op: number, height: number, rest: object = { position: 0 }): HistoryEvent =>
  ({ type: 'ok', op, process: op, atMs: 0, height, ...rest }) as HistoryEvent
const write = (value: number): Call => ({ f: 'write', key: 'k', value })
const read: Call = { f: 'read', key: 'k' }

describe('known histories', () => {
  test('a read that began after a write ended must see it', () => {
    const stale = [invoke(1, write(1)), ok(1, 5), invoke(2, read), ok(2, 4, { value: null })]
    expect(linearizable(stale)).toBe('not linearizable')
    expect(violationByIndex(stale, NONE)).toEqual({
      kind: 'stale',
      op: 2,
      message: 'stands at 4/Infinity, before 1 at 5/0, which had ended',
    })
  })

  test('a read that overlaps a write may see it or not, but not first and then not', () => {
    const during = (first: number | null, second: number | null): HistoryEvent[] => [
      invoke(1, write(1)),
      invoke(2, read),
      ok(2, first === null ? 1 : 5, { value: first }),
      invoke(3, read),
      ok(3, second === null ? 1 : 5, { value: second }),
      ok(1, 5),
    ]
    expect([during(null, null), during(null, 1), during(1, 1)].map((each) => linearizable(each))).toEqual(
      Array.from({ length: 3 }, () => 'linearizable'),
    )
    expect(linearizable(during(1, null))).toBe('not linearizable')
    expect(violationByIndex(during(1, null), NONE)?.kind).toBe('stale')
  })

  test('what nobody was told of may have happened, late too, or never', () => {
    const lost: HistoryEvent = { type: 'info', op: 1, process: 1, atMs: 0, reason: 'timeout' }
    for (const value of [null, 1]) {
      const events = [invoke(1, write(1)), lost, invoke(2, read), ok(2, 9, { value })]
      expect(linearizable(events)).toBe('linearizable')
    }
    const seen = [invoke(1, write(1)), lost, invoke(2, read), ok(2, 9, { value: 1 })]
    expect(violationByIndex(seen, NONE)?.kind).toBe('wrong-value')
    expect(violationByIndex(seen, new Map([[1, { height: 7, position: 3 }]]))).toBe(undefined)
  })

  test('what failed for sure is not there, and a place has one write', () => {
    const failed: HistoryEvent = { type: 'fail', op: 1, process: 1, atMs: 0, reason: 'refused' }
    expect(linearizable([invoke(1, write(1)), failed, invoke(2, read), ok(2, 9, { value: 1 })])).toBe(
      'not linearizable',
    )
    const twice = [invoke(1, write(1)), invoke(2, write(2)), ok(1, 3), ok(2, 3)]
    expect(violationByIndex(twice, NONE)?.kind).toBe('two-in-one-place')
  })

  test('a search that is too long says so', () => {
    const events = Array.from({ length: 12 }, (_, op) => invoke(op, write(op)))
    const ends = Array.from({ length: 12 }, (_, op) => ok(op, op))
    expect(linearizable([...events, ...ends, invoke(99, read), ok(99, 99, { value: 500 })], 1000)).toBe('unknown')
  })
})

test('a history is JSON lines', () => {
  const lines = printHistory([invoke(1, write(1)), ok(1, 3)])
    .trimEnd()
    .split('\n')
  expect(lines.map((line) => (JSON.parse(line) as HistoryEvent).type)).toEqual(['invoke', 'ok'])
})
