// Goal: who waits is woken by what it waits for, in order, and leaves no trace; who is given a bound keeps it. Method: cases
// whose outcome is awaited, so that a lost wake-up hangs the test; waiters and old values are counted after each.

import { afterEach, expect, test, vi } from 'vitest'
import { atomically, atomicallySync } from './local.ts'
import type { Tx } from './transaction.ts'
import { LOCAL, newTVar } from './tvar.ts'
import type { TVar } from './tvar.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const set = <T>(variable: TVar<T>, value: T): void => atomicallySync((tx) => tx.write(variable, value))

afterEach(() => {
  expect([LOCAL.waiting.count, LOCAL.line.length]).toEqual([0, 0])
  expect(LOCAL.history.kept).toEqual({ snapshots: 0, values: 0 })
})

test('a retry sleeps until something it read changes, and through all else', async () => {
  const height = newTVar(0)
  const other = newTVar(0)
  let attempts = 0
  const waiting = atomically((tx) => {
    attempts += 1
    tx.check(tx.read(height) >= 2)
    return tx.read(height)
  })
  set(other, 1)
  await tick()
  expect([attempts, LOCAL.waiting.count]).toEqual([1, 1])
  set(height, 1)
  await tick()
  expect(attempts).toBe(2)
  set(height, 2)
  expect(await waiting).toBe(2)
  expect(attempts).toBe(3)
})

test('orElse waits for what any of its branches read, nested or failed before', async () => {
  for (const change of [0, 1, 2]) {
    const variables = [newTVar(false), newTVar(false), newTVar(false)]
    const wanted = (at: number) => (tx: Tx) => {
      const variable = variables[at]
      tx.check(variable !== undefined && tx.read(variable))
      return at
    }
    const waiting = atomically((tx) => tx.orElse((inner) => inner.orElse(wanted(0), wanted(1)), wanted(2)))
    await tick()
    const variable = variables[change]
    if (variable !== undefined) set(variable, true)
    expect(await waiting).toBe(change)
  }
})

test('no wake-up is lost between reading and sleeping, though the body awaits after reading', async () => {
  const flag = newTVar(false)
  let attempts = 0
  const waiting = atomically(async (tx) => {
    attempts += 1
    const isSet = tx.read(flag)
    await tick()
    await tick()
    tx.check(isSet)
  })
  await tick()
  set(flag, true)
  await waiting
  expect(attempts).toBe(2)
})

test('a retry that the body swallows still sleeps', async () => {
  const flag = newTVar(false)
  const waiting = atomically(async (tx) => {
    try {
      tx.check(tx.read(flag))
    } catch {
      await tick()
      return 'swallowed'
    }
    return 'seen'
  })
  await tick()
  await tick()
  set(flag, true)
  expect(await waiting).toBe('seen')
})

test('waiters are woken in the order they came, and one woken in vain keeps its place', async () => {
  const items = newTVar<readonly number[]>([])
  const order: string[] = []
  const take = async (name: string): Promise<void> => {
    const item = await atomically((tx) => {
      const [first, ...rest] = tx.read(items)
      if (first === undefined) return tx.retry()
      tx.write(items, rest)
      return first
    })
    order.push(`${name}${item}`)
  }
  const names = ['a', 'b', 'c', 'd', 'e']
  const all = Promise.all(names.map(take))
  set(items, [])
  await tick()
  for (const item of [1, 2, 3]) {
    set(items, [item])
    await tick()
  }
  set(items, [4, 5])
  await all
  expect(order).toEqual(['a1', 'b2', 'c3', 'd4', 'e5'])
})

test('one that was woken in vain alone is still before those who came later', async () => {
  const open = newTVar(false)
  const other = newTVar(0)
  const order: string[] = []
  const wait = (name: string, alsoReads: boolean): Promise<void> =>
    atomically((tx) => {
      if (alsoReads) tx.read(other)
      tx.check(tx.read(open))
      tx.afterCommit(() => order.push(name))
    })
  const all = Promise.all([wait('a', true), wait('b', false), wait('c', true)])
  set(other, 1)
  await tick()
  set(open, true)
  await all
  expect(order).toEqual(['a', 'b', 'c'])
})

test('a timeout ends waiting and running alike', async () => {
  const a = newTVar(0)
  const waiting = atomically((tx) => tx.check(tx.read(a) > 0), { timeoutMs: 5 })
  await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('5 ms') })
  const running = atomically(
    async (tx) => {
      tx.write(a, 1)
      await new Promise((resolve) => setTimeout(resolve, 30))
    },
    { timeoutMs: 5 },
  )
  await expect(running).rejects.toMatchObject({ code: 'TIMEOUT' })
  await new Promise((resolve) => setTimeout(resolve, 40))
  expect(a.value).toBe(0)
  await expect(atomically((tx) => tx.retry(), { timeoutMs: 0 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  for (const timeoutMs of [-1, 2 ** 31, NaN]) {
    await expect(atomically(() => 1, { timeoutMs })).rejects.toMatchObject({ code: 'INVALID' })
  }
})

test('a signal ends waiting with its reason', async () => {
  const a = newTVar(0)
  const stop = new AbortController()
  const waiting = atomically((tx) => tx.check(tx.read(a) > 0), { signal: stop.signal })
  const running = atomically(() => new Promise(() => undefined), { signal: stop.signal })
  const reason = new Error('shutdown')
  stop.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(running).rejects.toBe(reason)
  await expect(atomically((tx) => tx.write(a, 1), { signal: stop.signal })).rejects.toBe(reason)
  expect(a.value).toBe(0)
})

test('who was woken and then cancelled does not run again', async () => {
  const a = newTVar(0)
  const stop = new AbortController()
  let attempts = 0
  const waiting = atomically(
    (tx) => {
      attempts += 1
      tx.check(tx.read(a) > 0)
    },
    { signal: stop.signal },
  )
  set(a, 1)
  stop.abort(new Error('too late'))
  await expect(waiting).rejects.toThrow('too late')
  await tick()
  expect(attempts).toBe(1)
})

test('a retry that nothing can wake is an error', async () => {
  await expect(atomically((tx) => tx.retry())).rejects.toMatchObject({ code: 'BLOCKED_FOREVER' })
  const blind = newTVar(0)
  const writing = atomically((tx) => {
    tx.write(blind, 1)
    return tx.retry()
  })
  await expect(writing).rejects.toMatchObject({ code: 'BLOCKED_FOREVER' })
  expect(blind.value).toBe(0)
})

test('thousands of waiters that end in every way leave nothing', async () => {
  const a = newTVar(0)
  const b = newTVar(0)
  const stop = new AbortController()
  const wait = (tx: Tx): void => tx.check(tx.read(a) + tx.read(b) > 0)
  const all = Array.from({ length: 3000 }, (_, i) =>
    atomically(wait, i % 3 === 0 ? { timeoutMs: 1 } : i % 3 === 1 ? { signal: stop.signal } : {}),
  )
  const settled = Promise.allSettled(all)
  expect(LOCAL.waiting.count).toBe(3000)
  stop.abort()
  await Promise.allSettled(all.filter((_, i) => i % 3 !== 2))
  expect(LOCAL.waiting.count).toBe(1000)
  set(b, 1)
  const outcomes = (await settled).filter((each) => each.status === 'fulfilled')
  expect(outcomes.length).toBe(1000)
  expect([a.waiters, b.waiters]).toEqual([undefined, undefined])
})

test('old values are kept for those who await, and no longer', async () => {
  const variables = [newTVar(0), newTVar(0), newTVar(0)]
  const writeAll = (value: number): void =>
    atomicallySync((tx) => {
      for (const each of variables) tx.write(each, value)
    })
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const reader = (): Promise<number[]> =>
    atomically(async (tx) => {
      await opened
      return variables.map((each) => tx.read(each))
    })
  const readers: Promise<number[]>[] = []
  for (let i = 1; i <= 50; i += 1) {
    readers.push(reader(), reader())
    writeAll(i)
    writeAll(i + 100)
  }
  expect(LOCAL.history.kept).toEqual({ snapshots: 50, values: 150 })
  open()
  const seen = await Promise.all(readers)
  const expected = Array.from({ length: 100 }, (_, i) => (i < 2 ? 0 : Math.floor(i / 2) + 100))
  expect(seen).toEqual(expected.map((value) => [value, value, value]))
})

test('a slow transaction gets its turn among quick ones', async () => {
  // However slow the machine, it is not held off for its slowness.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  const a = newTVar(0)
  let stopped = false
  let attempts = 0
  const quick = async (): Promise<void> => {
    while (!stopped) {
      await atomically((tx) => tx.update(a, (x) => x + 1))
      await tick()
    }
  }
  const others = [quick(), quick()]
  await atomically(async (tx) => {
    attempts += 1
    const seen = tx.read(a)
    for (let i = 0; i < 5; i += 1) await tick()
    tx.write(a, seen + 1)
  })
  stopped = true
  await Promise.all(others)
  vi.useRealTimers()
  // It lost eight times and won the ninth, for it was favoured.
  expect(attempts).toBe(9)
})

test('a favoured transaction that awaits whom it holds up is itself held off after a while', async () => {
  const a = newTVar(0)
  let attempts = 0
  await atomically(async (tx) => {
    attempts += 1
    const seen = tx.read(a)
    await tick()
    if (attempts < 12) await atomically((other) => other.update(a, (x) => x + 1))
    tx.write(a, seen + 100)
  })
  expect(attempts).toBe(12)
  expect(a.value).toBe(111)
})

test('slow ones that lose run one after another, each one attempt at a time, and no longer than a while in each other’s way', async () => {
  const a = newTVar(0)
  const active = [0, 0, 0]
  const slow = (which: number): Promise<void> =>
    atomically(async (tx) => {
      active[which] = (active[which] ?? 0) + 1
      expect(active[which]).toBe(1)
      const seen = tx.read(a)
      await new Promise((resolve) => setTimeout(resolve, 130))
      active[which] = 0
      tx.write(a, seen + 1)
    })
  const all = Promise.all([slow(0), slow(1), slow(2)])
  set(a, 10)
  await all
  expect(a.value).toBe(13)
})

test('losers of one dispute take turns; those of another do not wait for them', async () => {
  const disputed = [newTVar(0), newTVar(0)] as const
  const attempts = [0, 0]
  const increment = async (which: 0 | 1, pauses: number): Promise<void> => {
    for (let i = 0; i < 10; i += 1) {
      await atomically(async (tx) => {
        attempts[which] = (attempts[which] ?? 0) + 1
        const seen = tx.read(disputed[which])
        for (let pause = 0; pause < pauses; pause += 1) await Promise.resolve()
        tx.write(disputed[which], seen + 1)
      })
    }
  }
  const first = Promise.all(Array.from({ length: 8 }, () => increment(0, 1)))
  const second = Promise.all(Array.from({ length: 8 }, () => increment(1, 5)))
  await Promise.all([first, second])
  expect(disputed.map((each) => each.value)).toEqual([80, 80])
  // Without turns each of 80 commits costs about eight attempts.
  expect(Math.max(...attempts)).toBeLessThan(80 * 3)
})
