// Goal: losers wait for those before them at the same variables and for no others, no longer than the bound, and leave
// nothing. Method: the line by itself, with attempts made by hand and a clock that the test moves.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HOLD_MS_MAX, Line } from './line.ts'
import { Log, READ, WRITTEN } from './log.ts'
import type { Attempt, Waiter } from './memory.ts'
import { newTVar } from './tvar.ts'
import type { TVar } from './tvar.ts'
import { Waiting } from './waiting.ts'

const [x, y, z] = [newTVar(0), newTVar(0), newTVar(0)] as const
let line = new Line(new Waiting())
let woken: string[] = []
const waiters = new Map<string, Waiter>()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  line = new Line(new Waiting())
  woken = []
  waiters.clear()
})

afterEach(() => {
  for (const waiter of waiters.values()) line.leave(waiter)
  expect([line.length, vi.getTimerCount()]).toEqual([0, 0])
  vi.useRealTimers()
})

function waiterOf(name: string): Waiter {
  const known = waiters.get(name)
  if (known !== undefined) return known
  const waiter: Waiter = { order: waiters.size, places: undefined, wake: () => woken.push(name) }
  waiters.set(name, waiter)
  return waiter
}

function attempt(variables: readonly TVar<number>[], flags: number): Attempt {
  const log = new Log()
  for (const variable of variables) log.add(variable, 0, flags)
  return { snapshot: 0, log, suspended: undefined }
}

/** Whether `name` may run at once after it lost an attempt that read `variables`. */
function lose(name: string, variables: readonly TVar<number>[], isFavoured = false): boolean {
  line.lost(waiterOf(name), attempt(variables, READ), isFavoured)
  return line.mayStart(waiterOf(name))
}

async function wokenBy(act: () => void): Promise<readonly string[]> {
  woken = []
  act()
  await Promise.resolve()
  return woken
}

const leave = (name: string): Promise<readonly string[]> => wokenBy(() => line.leave(waiterOf(name)))

test('one after another at the same variable, at once at different ones', async () => {
  expect([lose('a', [x]), lose('b', [x]), lose('c', [x]), lose('d', [y])]).toEqual([true, false, false, true])
  expect(await leave('a')).toEqual(['b'])
  expect(await leave('d')).toEqual([])
  expect(await leave('b')).toEqual(['c'])
})

test('who read several variables waits until it is the first at all', async () => {
  expect([lose('a', [x]), lose('b', [y]), lose('c', [x, y]), lose('d', [y, z])]).toEqual([true, true, false, false])
  expect(await leave('a')).toEqual([])
  expect(await leave('b')).toEqual(['c'])
  expect(await leave('c')).toEqual(['d'])
})

test('who loses again keeps its place, unless it read something new', async () => {
  expect([lose('a', [x, y]), lose('b', [x]), lose('a', [y])]).toEqual([true, false, true])
  expect(await wokenBy(() => expect(lose('a', [z])).toBe(false))).toEqual(['b'])
  expect(await leave('b')).toEqual(['a'])
})

test('one that waits and gives up lets the others pass', async () => {
  expect([lose('a', [x]), lose('b', [x, y]), lose('c', [y])]).toEqual([true, false, false])
  expect(await leave('b')).toEqual(['c'])
})

test('who is favoured holds up writes to what it read, and nothing else', async () => {
  const held = (name: string | undefined, variables: readonly TVar<number>[]): boolean =>
    line.isHeld(attempt(variables, WRITTEN), name === undefined ? undefined : waiterOf(name))
  expect(held('n', [x])).toBe(false)
  lose('a', [x])
  expect(held('n', [x])).toBe(false)
  lose('a', [x], true)
  lose('b', [y], true)
  expect([held(undefined, [x]), held('a', [x]), held('b', [x]), held('n', [z])]).toEqual([true, false, false, false])
  expect(line.isHeld(attempt([x], READ), waiterOf('n'))).toBe(false)
  expect(held('n', [z, x])).toBe(true)
  expect(await leave('a')).toEqual(['n'])
  expect(held('n', [x])).toBe(false)
})

test('who is first for too long goes to the end; it is not woken while it still runs', async () => {
  expect([lose('a', [x], true), lose('b', [x])]).toEqual([true, false])
  expect(line.isHeld(attempt([x], WRITTEN), waiterOf('n'))).toBe(true)
  expect(await wokenBy(() => vi.advanceTimersByTime(HOLD_MS_MAX / 4))).toEqual([])
  const after = await wokenBy(() => vi.advanceTimersByTime(HOLD_MS_MAX))
  expect([...after].sort()).toEqual(['b', 'n'])
  expect(await leave('b')).toEqual([])
  expect(lose('a', [x])).toBe(true)
})
