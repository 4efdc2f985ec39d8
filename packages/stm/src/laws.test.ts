// Goal: the laws of transactions. Method: (1) random programs that await between their steps run under random interleavings;
// what every attempt saw, also one that had to run again, must have been a committed state, and running the programs one by
// one in the order of their commits must give the same. (2) Random expressions of orElse, nested, retry, throw and writes
// are run and compared with a model that copies its whole state. (3) The cases that are known to break such libraries.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { atomically, atomicallySync } from './local.ts'
import { Schedule } from './testing/schedule.ts'
import { isThenable } from './transaction.ts'
import type { Tx } from './transaction.ts'
import { LOCAL, newTVar } from './tvar.ts'
import type { TVar } from './tvar.ts'

const SIZE = 3

type Step =
  | { readonly kind: 'read'; readonly at: number }
  | { readonly kind: 'write'; readonly at: number }
  | { readonly kind: 'pause' }

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), at: fc.nat(SIZE - 1) }),
  fc.record({ kind: fc.constant('write' as const), at: fc.nat(SIZE - 1) }),
  fc.constant({ kind: 'pause' as const }),
)
const programsArbitrary = fc.array(fc.array(stepArbitrary, { minLength: 1, maxLength: 7 }), {
  minLength: 2,
  maxLength: 6,
})
const choicesArbitrary = fc.array(fc.nat(20), { minLength: 1, maxLength: 40 })

/** What a program writes: different for each program and step, and dependent on all that it has read. */
function derived(program: number, step: number, seen: readonly number[]): number {
  return seen.reduce((sum, value) => (sum * 31 + value) % 1_000_003, program * 1000 + step + 7)
}

/** The state after the program, and what it read. */
function runAlone(steps: readonly Step[], program: number, before: readonly number[]): [number[], number[]] {
  const state = [...before]
  const seen: number[] = []
  steps.forEach((step, i) => {
    if (step.kind === 'read') seen.push(state[step.at] ?? -1)
    if (step.kind === 'write') state[step.at] = derived(program, i, seen)
  })
  return [state, seen]
}

test('transactions that await are serializable, and every attempt sees one committed state', async () => {
  await fc.assert(
    fc.asyncProperty(programsArbitrary, choicesArbitrary, async (programs, choices) => {
      const variables = Array.from({ length: SIZE }, (_, i) => newTVar(i))
      const schedule = new Schedule()
      const states: number[][] = [variables.map((each) => each.value)]
      const attempts: Map<number, number>[] = []
      const commits: number[] = []
      const runOne = (steps: readonly Step[], program: number): Promise<number[]> =>
        atomically(async (tx) => {
          const seen: number[] = []
          const fromOutside = new Map<number, number>()
          const written = new Set<number>()
          attempts.push(fromOutside)
          for (const [i, step] of steps.entries()) {
            const variable = step.kind === 'pause' ? undefined : variables[step.at]
            if (step.kind === 'pause' || variable === undefined) {
              await schedule.pause()
            } else if (step.kind === 'read') {
              const value = tx.read(variable)
              seen.push(value)
              if (!written.has(step.at)) fromOutside.set(step.at, value)
            } else {
              tx.write(variable, derived(program, i, seen))
              written.add(step.at)
            }
          }
          tx.afterCommit(() => {
            if (written.size === 0) return
            commits.push(program)
            states.push(variables.map((each) => each.value))
          })
          return seen
        })
      const running = Promise.all(programs.map(runOne))
      await schedule.run(choices)
      const results = await running

      for (const seen of attempts) {
        const isOneState = states.some((state) => [...seen].every(([at, value]) => state[at] === value))
        expect(isOneState, `an attempt saw ${JSON.stringify([...seen])}`).toBe(true)
      }
      let state = states[0] ?? []
      for (const [i, program] of commits.entries()) {
        const [after, seen] = runAlone(programs[program] ?? [], program, state)
        expect(results[program]).toEqual(seen)
        expect(states[i + 1]).toEqual(after)
        state = after
      }
      expect([LOCAL.waiting.count, LOCAL.history.kept.snapshots, LOCAL.history.kept.values]).toEqual([0, 0, 0])
    }),
    { numRuns: 400 },
  )
})

test('transactions that only read never run twice', async () => {
  const variables = [newTVar(0), newTVar(0)] as const
  const schedule = new Schedule()
  let attempts = 0
  const reading = atomically(async (tx) => {
    attempts += 1
    const first = tx.read(variables[0])
    await schedule.pause()
    return [first, tx.read(variables[1])]
  })
  for (let i = 1; i < 5; i += 1) {
    atomicallySync((tx) => {
      tx.write(variables[0], i)
      tx.write(variables[1], i)
    })
  }
  await schedule.run([0])
  expect(await reading).toEqual([0, 0])
  expect(attempts).toBe(1)
})

test('blind writes do not conflict', async () => {
  const a = newTVar(0)
  const schedule = new Schedule()
  let attempts = 0
  const writing = atomically(async (tx) => {
    attempts += 1
    tx.write(a, 1)
    await schedule.pause()
  })
  atomicallySync((tx) => tx.write(a, 2))
  await schedule.run([0])
  await writing
  expect([attempts, a.value]).toEqual([1, 1])
})

type Expression =
  | { readonly kind: 'add'; readonly at: number; readonly by: number }
  | { readonly kind: 'check'; readonly at: number; readonly min: number }
  | { readonly kind: 'retry' | 'throw' | 'swallowedRetry' }
  | { readonly kind: 'sequence' | 'orElse'; readonly parts: readonly Expression[] }
  | { readonly kind: 'attempt'; readonly part: Expression }

const { expression: expressionArbitrary } = fc.letrec<{ readonly expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5 },
    fc.record({ kind: fc.constant('add' as const), at: fc.nat(SIZE - 1), by: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('check' as const), at: fc.nat(SIZE - 1), min: fc.nat(6) }),
    fc.record({ kind: fc.constantFrom('retry' as const, 'throw' as const, 'swallowedRetry' as const) }),
    fc.record({
      kind: fc.constantFrom('sequence' as const, 'orElse' as const),
      parts: fc.array(tie('expression'), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('attempt' as const), part: tie('expression') }),
  ),
}))

class Thrown extends Error {}

type Fate = 'done' | 'retried' | 'threw'

/** The model: a state in, a fate and a state out; the state counts only if it is done. */
function model(e: Expression, state: readonly number[]): [Fate, readonly number[]] {
  switch (e.kind) {
    case 'add':
      return ['done', state.with(e.at, (state[e.at] ?? 0) + e.by)]
    case 'check':
      return [(state[e.at] ?? 0) >= e.min ? 'done' : 'retried', state]
    case 'retry':
    case 'swallowedRetry':
      return ['retried', state]
    case 'throw':
      return ['threw', state]
    case 'attempt': {
      const [fate, after] = model(e.part, state)
      return fate === 'threw' ? ['done', state] : [fate, after]
    }
    case 'orElse':
      for (const part of e.parts) {
        const [fate, after] = model(part, state)
        if (fate !== 'retried') return [fate, after]
      }
      return ['retried', state]
    case 'sequence': {
      let now = state
      for (const part of e.parts) {
        const [fate, after] = model(part, now)
        if (fate !== 'done') return [fate, after]
        now = after
      }
      return ['done', now]
    }
  }
}

function perform(e: Expression, tx: Tx, variables: readonly TVar<number>[]): void {
  const at = (i: number): TVar<number> => variables[i] ?? newTVar(0)
  switch (e.kind) {
    case 'add':
      return tx.update(at(e.at), (x) => x + e.by)
    case 'check':
      return tx.check(tx.read(at(e.at)) >= e.min)
    case 'retry':
      return tx.retry()
    case 'swallowedRetry':
      try {
        return tx.retry()
      } catch {
        return
      }
    case 'throw':
      throw new Thrown()
    case 'attempt':
      try {
        return tx.nested((inner) => perform(e.part, inner, variables))
      } catch (error) {
        if (error instanceof Thrown) return
        throw error
      }
    case 'orElse':
      return tx.orElse(...e.parts.map((part) => (inner: Tx) => perform(part, inner, variables)))
    case 'sequence':
      return e.parts.forEach((part) => perform(part, tx, variables))
  }
}

/** The same, with a step of another task between any two of its own. */
async function performSlowly(e: Expression, tx: Tx, variables: readonly TVar<number>[]): Promise<void> {
  await Promise.resolve()
  if (e.kind === 'attempt') {
    const part = tx.nested((inner) => performSlowly(e.part, inner, variables))
    return part.catch((error: unknown) => {
      if (!(error instanceof Thrown)) throw error
    })
  }
  if (e.kind === 'orElse') {
    return tx.orElse(...e.parts.map((part) => (inner: Tx) => performSlowly(part, inner, variables)))
  }
  if (e.kind !== 'sequence') return perform(e, tx, variables)
  for (const part of e.parts) await performSlowly(part, tx, variables)
}

async function fateOf(run: () => Promise<unknown>): Promise<Fate> {
  try {
    await run()
    return 'done'
  } catch (error) {
    if (error instanceof Thrown) return 'threw'
    expect(error).toMatchObject({ code: expect.stringMatching(/^(WOULD_BLOCK|TIMEOUT|BLOCKED_FOREVER)$/) })
    return 'retried'
  }
}

test('orElse, nested, retry and throw do what the model does', async () => {
  const start = [0, 1, 2]
  await fc.assert(
    fc.asyncProperty(expressionArbitrary, async (e) => {
      const [fate, after] = model(e, start)
      const expected = fate === 'done' ? after : start
      const stopped = new AbortController()
      const runs = [
        async (variables: readonly TVar<number>[]) => atomicallySync((tx) => perform(e, tx, variables)),
        (variables: readonly TVar<number>[]) => {
          const running = atomically((tx) => performSlowly(e, tx, variables), { signal: stopped.signal })
          // Nobody else runs, so one that retries sleeps for good.
          if (fate === 'retried') setImmediate(() => stopped.abort(Object.assign(new Error(), { code: 'TIMEOUT' })))
          return running
        },
      ]
      for (const run of runs) {
        const variables = start.map(newTVar)
        expect(await fateOf(async () => run(variables))).toBe(fate)
        expect(variables.map((each) => each.value)).toEqual(expected)
      }
    }),
    { numRuns: 1500 },
  )
})

test('retry is the unit of orElse, and orElse is associative', () => {
  const start = [0, 1, 2]
  const outcome = (e: Expression): unknown => {
    const variables = start.map(newTVar)
    try {
      atomicallySync((tx) => perform(e, tx, variables))
    } catch (error) {
      return error instanceof Thrown ? 'threw' : 'retried'
    }
    return variables.map((each) => each.value)
  }
  const orElse = (...parts: readonly Expression[]): Expression => ({ kind: 'orElse', parts })
  const retry: Expression = { kind: 'retry' }
  fc.assert(
    fc.property(expressionArbitrary, expressionArbitrary, expressionArbitrary, (a, b, c) => {
      const alone = outcome(a)
      expect(outcome(orElse(retry, a))).toEqual(alone)
      expect(outcome(orElse(a, retry))).toEqual(alone)
      const flat = outcome(orElse(a, b, c))
      expect(outcome(orElse(a, orElse(b, c)))).toEqual(flat)
      expect(outcome(orElse(orElse(a, b), c))).toEqual(flat)
    }),
    { numRuns: 500 },
  )
})

test('what a failed branch read is validated: no write skew through orElse', async () => {
  // Each takes the other's absence for granted, found out in a branch that retried.
  const left = newTVar(0)
  const right = newTVar(0)
  const schedule = new Schedule()
  const claim = (mine: TVar<number>, others: TVar<number>): Promise<string> =>
    atomically(async (tx) => {
      const result = tx.orElse(
        (inner) => {
          inner.check(inner.read(others) > 0)
          return 'lost'
        },
        (inner) => {
          inner.write(mine, 1)
          return 'won'
        },
      )
      await schedule.pause()
      return result
    })
  const both = Promise.all([claim(left, right), claim(right, left)])
  await schedule.run([0])
  expect((await both).sort()).toEqual(['lost', 'won'])
  expect(left.value + right.value).toBe(1)
})

test('a doomed attempt sees one state: two variables that are always equal never differ', async () => {
  const x = newTVar(0)
  const y = newTVar(0)
  const sink = newTVar(0)
  const schedule = new Schedule()
  let attempts = 0
  const observing = atomically(async (tx) => {
    attempts += 1
    const first = tx.read(x)
    await schedule.pause()
    expect(tx.read(y)).toBe(first)
    tx.write(sink, first)
  })
  atomicallySync((tx) => {
    tx.write(x, 1)
    tx.write(y, 1)
  })
  await schedule.run([0])
  await observing
  expect([attempts, sink.value]).toEqual([2, 1])
})

test('a caught nested failure keeps none of its writes, though it awaited', async () => {
  const a = newTVar(0)
  await atomically(async (tx) => {
    const inner = tx.nested(async (scope) => {
      scope.write(a, 9)
      await Promise.resolve()
      throw new Thrown()
    })
    expect(isThenable(inner)).toBe(true)
    await inner.catch(() => undefined)
  })
  expect(a.value).toBe(0)
})
