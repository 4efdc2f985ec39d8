// Goal: the programs that transactional memory is known by work. Method: each is run to its end, with its own invariant checked
// all along: dining philosophers, Santa Claus, transfers between accounts, a rate limiter.

import { afterEach, expect, test } from 'vitest'
import { atomically, atomicallySync } from './local.ts'
import { TMVar } from './queues/tmvar.ts'
import { TSemaphore } from './queues/tsemaphore.ts'
import type { Tx } from './transaction.ts'
import { LOCAL, newTVar } from './tvar.ts'
import type { TVar } from './tvar.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  expect([LOCAL.waiting.count, LOCAL.line.length]).toEqual([0, 0])
  expect(LOCAL.history.kept).toEqual({ snapshots: 0, values: 0 })
})

test('dining philosophers: all eat, no neighbours at once', async () => {
  const SEATS = 5
  const MEALS = 20
  const forks = Array.from({ length: SEATS }, () => new TMVar(true))
  const eating = new Set<number>()
  const fork = (at: number): TMVar<boolean> => forks[at % SEATS] ?? new TMVar()
  const philosopher = async (seat: number): Promise<void> => {
    for (let meal = 0; meal < MEALS; meal += 1) {
      await atomically((tx) => [fork(seat).read(tx), fork(seat + 1).read(tx)])
      eating.add(seat)
      expect(eating.has((seat + 1) % SEATS) || eating.has((seat + SEATS - 1) % SEATS)).toBe(false)
      await tick()
      eating.delete(seat)
      await atomically((tx) => {
        fork(seat).write(tx, true)
        fork(seat + 1).write(tx, true)
      })
    }
  }
  await Promise.all(Array.from({ length: SEATS }, (_, seat) => philosopher(seat)))
  expect(forks.every((each) => atomicallySync((tx) => !each.isEmpty(tx)))).toBe(true)
})

test('Santa Claus: groups are complete, and reindeer go first', async () => {
  // Peyton Jones, Beautiful Concurrency: a group of nine reindeer, or of three elves, passes Santa's gates together.
  const group = (size: number) => ({ size, waiting: newTVar<readonly string[]>([]), served: newTVar(0) })
  const reindeer = group(9)
  const elves = group(3)
  const join = async (name: string, { waiting, served }: typeof elves): Promise<void> => {
    const round = await atomically((tx) => {
      tx.update(waiting, (names) => [...names, name])
      return tx.read(served)
    })
    await atomically((tx) => tx.check(tx.read(served) > round && !tx.read(waiting).includes(name)))
  }
  const gather =
    (kind: string, { size, waiting, served }: typeof elves) =>
    (tx: Tx) => {
      const names = tx.read(waiting)
      tx.check(names.length >= size)
      tx.write(waiting, names.slice(size))
      tx.update(served, (count) => count + 1)
      return { kind, names: names.slice(0, size) }
    }
  const stop = new AbortController()
  const log: string[] = []
  const santa = async (): Promise<void> => {
    for (;;) {
      const body = (tx: Tx) => tx.orElse(gather('sleigh', reindeer), gather('study', elves))
      const { kind, names } = await atomically(body, { signal: stop.signal })
      log.push(`${kind} ${new Set(names).size}`)
      await tick()
    }
  }
  const keep = async (name: string, times: number, where: typeof elves): Promise<void> => {
    for (let i = 0; i < times; i += 1) await join(name, where)
  }
  const herd = Array.from({ length: 9 }, (_, i) => keep(`reindeer ${i}`, 4, reindeer))
  const helpers = Array.from({ length: 9 }, (_, i) => keep(`elf ${i}`, 3, elves))
  const working = santa().catch((error: unknown) => error)
  await Promise.all([...herd, ...helpers])
  stop.abort(new Error('night'))
  expect(await working).toMatchObject({ message: 'night' })
  expect(log[0]).toBe('sleigh 9')
  expect(log.filter((each) => each === 'sleigh 9').length).toBe(4)
  expect(log.filter((each) => each === 'study 3').length).toBe(9)
})

test('transfers: the sum stays, an auditor sees it at any time, none is overdrawn', async () => {
  const accounts = Array.from({ length: 5 }, () => newTVar(100))
  const account = (at: number): TVar<number> => accounts[at % accounts.length] ?? newTVar(0)
  let isOpen = true
  const transfer = async (teller: number): Promise<void> => {
    for (let i = 0; i < 60; i += 1) {
      const from = account(teller + i)
      const to = account(teller + i * 3 + 1)
      const body = async (tx: Tx): Promise<void> => {
        tx.check(tx.read(from) >= 7)
        tx.update(from, (x) => x - 7)
        await tick()
        tx.update(to, (x) => x + 7)
      }
      await atomically(body, { timeoutMs: 20_000 })
    }
  }
  const audit = async (): Promise<void> => {
    while (isOpen) {
      const seen = await atomically(async (tx) => {
        const values: number[] = []
        for (const each of accounts) {
          values.push(tx.read(each))
          await tick()
        }
        return values
      })
      expect(seen.reduce((sum, each) => sum + each)).toBe(500)
      expect(Math.min(...seen)).toBeGreaterThanOrEqual(0)
    }
  }
  const auditing = audit()
  await Promise.all([0, 1, 2].map(transfer))
  isOpen = false
  await auditing
})

test('a rate limiter: so many in each window, callers in their order, and a deadline', async () => {
  const LIMIT = 3
  const permits = new TSemaphore(LIMIT)
  const done: number[] = []
  const call = async (id: number): Promise<void> => {
    await atomically((tx) => permits.acquire(tx))
    done.push(id)
  }
  const calls = Promise.all(Array.from({ length: 10 }, (_, id) => call(id)))
  const late = atomically((tx) => permits.acquire(tx), { timeoutMs: 1 })
  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' })
  const counts: number[] = []
  while (done.length < 10) {
    await tick()
    counts.push(done.length)
    atomicallySync((tx) => permits.release(tx, LIMIT - permits.available(tx)))
  }
  await calls
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(counts).toEqual([3, 6, 9, 10])
})
