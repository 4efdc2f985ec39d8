// Goal: threads that share a heap keep the laws of transactions. Method: real threads work on the same few variables as fast
// as they can, while sums that must not change are checked by others and at the end; single cases for limits and errors.

import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StmError } from '../errors.ts'
import { atomically } from '../local.ts'
import type { HeapTask } from '../testing/heap-worker.ts'
import { newTVar } from '../tvar.ts'
import { SharedHeap } from './shared-heap.ts'
import type { SharedTVarHandle } from './shared-memory.ts'
import { advanceClock, AT, readClock } from './words.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function start(task: Omit<HeapTask, 'seed' | 'awaits'> & Partial<HeapTask>): Promise<readonly number[]> {
  const workerData = { seed: 1, awaits: false, ...task }
  const worker = new Worker(new URL('../testing/heap-worker.ts', import.meta.url), { workerData })
  return new Promise((resolve, reject) => {
    let sums: readonly number[] | undefined
    worker.on('message', (message: readonly number[]) => {
      sums = message
    })
    worker.on('error', reject)
    worker.on('exit', (code) => (sums === undefined ? reject(new Error(`exit ${code}`)) : resolve(sums)))
  })
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    return error instanceof StmError ? error.code : String(error)
  }
  return undefined
}

test('the operations of a transaction, as on local variables', async () => {
  const heap = SharedHeap.make({ bytes: 10_000 })
  const a = heap.newNumber(1)
  const b = heap.newNumber(2)
  const names = heap.newTVar<readonly string[]>(['x'], { bytesMax: 100 })
  const result = await heap.atomically(async (tx) => {
    tx.swap(a, b)
    tx.update(names, (list) => [...list, 'y'])
    await tick()
    const caught = tx.orElse(
      (inner) => {
        inner.write(a, 100)
        return inner.retry()
      },
      (inner) => inner.modify(a, (x) => [x, x + 0.5]),
    )
    expect(() =>
      tx.nested((inner) => {
        inner.write(names, [])
        throw new Error('inner')
      }),
    ).toThrow('inner')
    return caught
  })
  expect([result, a.value, b.value, names.value]).toEqual([2, 2.5, 1, ['x', 'y']])
  expect(codeOf(() => heap.atomicallySync((tx) => tx.check(tx.read(a) > 5)))).toBe('WOULD_BLOCK')
  expect(codeOf(() => heap.atomicallySync((tx) => tx.check(tx.read(a) > 5), { timeoutMs: 5 }))).toBe('TIMEOUT')
  await expect(heap.atomically((tx) => tx.abort('reason'))).rejects.toBe('reason')
})

test('values that are no numbers are copies, of any kind that can be cloned', () => {
  const heap = SharedHeap.make({ bytes: 100_000 })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.double(), fc.bigInt(), fc.uint8Array()), { maxLength: 4 }),
      (value) => {
        const variable = heap.newTVar<unknown>(undefined, { bytesMax: 400 })
        heap.atomicallySync((tx) => tx.write(variable, value))
        expect(variable.value).toEqual(value)
        expect(variable.value).not.toBe(value)
      },
    ),
    { numRuns: 30 },
  )
  const number = heap.newNumber(0)
  for (const value of [-0, NaN, Infinity, Number.MAX_SAFE_INTEGER, 1e-300]) {
    heap.atomicallySync((tx) => tx.write(number, value))
    expect(number.value).toBe(value)
  }
})

test('a codec of its own', () => {
  const heap = SharedHeap.make({ bytes: 1000 })
  const codec = {
    encode: (text: string) => Buffer.from(text),
    decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
  }
  const text = heap.newTVar('héllo', { bytesMax: 16, codec })
  const elsewhere = SharedHeap.attach(heap.handle)
  expect(codeOf(() => elsewhere.open(text.handle))).toBe('INVALID')
  expect(elsewhere.open(text.handle, codec).value).toBe('héllo')
  expect(elsewhere.open(text.handle)).toBe(elsewhere.open(text.handle))
})

test('limits, with both sides in the message', () => {
  const heap = SharedHeap.make({ bytes: 600 })
  const text = heap.newTVar('', { bytesMax: 20 })
  expect(() => heap.atomicallySync((tx) => tx.write(text, 'x'.repeat(30)))).toThrow(/3\d bytes in a variable for 20/)
  expect(text.value).toBe('')
  expect(codeOf(() => heap.newTVar('x'.repeat(30), { bytesMax: 20 }))).toBe('TOO_LARGE')
  expect(codeOf(() => heap.newTVar('', { bytesMax: 1000 }))).toBe('HEAP_FULL')
  expect(codeOf(() => heap.newTVar('', { bytesMax: 0 }))).toBe('INVALID')
  expect(codeOf(() => SharedHeap.make({ bytes: 2 ** 31 }))).toBe('INVALID')
  expect(codeOf(() => SharedHeap.attach({ buffer: new SharedArrayBuffer(64), lockMsMax: 1 }))).toBe('INVALID')
  heap.atomicallySync((tx) => tx.write(text, 'fits'))
  expect(text.value).toBe('fits')
})

test('variables of two memories in one transaction are refused', async () => {
  const heap = SharedHeap.make({ bytes: 1000 })
  const mine = heap.newNumber(0)
  const local = newTVar(0)
  const foreign = SharedHeap.make({ bytes: 1000 }).newNumber(0)
  expect(codeOf(() => heap.atomicallySync((tx) => tx.read(local)))).toBe('MIXED')
  expect(codeOf(() => heap.atomicallySync((tx) => tx.write(foreign, 1)))).toBe('MIXED')
  await expect(atomically((tx) => tx.write(mine, 1))).rejects.toMatchObject({ code: 'MIXED' })
})

test('a reader whose version is gone runs again; what it saw was one state', async () => {
  const heap = SharedHeap.make({ bytes: 1000 })
  const a = heap.newNumber(0)
  const b = heap.newNumber(0)
  const seen: number[][] = []
  const writeBoth = (value: number): void =>
    heap.atomicallySync((tx) => {
      tx.write(a, value)
      tx.write(b, value)
    })
  const reader = heap.atomically(async (tx) => {
    const first = tx.read(a)
    await tick()
    const both = [first, tx.read(b)]
    seen.push(both)
    return both
  })
  for (let i = 1; i <= 3; i += 1) writeBoth(i)
  expect(await reader).toEqual([0, 0])
  const late = heap.atomically(async (tx) => {
    const first = tx.read(a)
    await tick()
    return [first, tx.read(b)]
  })
  for (let i = 4; i <= 9; i += 1) writeBoth(i)
  expect(await late).toEqual([9, 9])
  expect(seen).toEqual([[0, 0]])
})

test('the clock goes beyond 32 bits', async () => {
  const heap = SharedHeap.make({ bytes: 1000 })
  const words = new Int32Array(heap.handle.buffer)
  const a = heap.newNumber(0)
  advanceClock(words, 2 ** 31 - 2)
  for (let i = 0; i < 4; i += 1) heap.atomicallySync((tx) => tx.update(a, (x) => x + 1))
  expect([a.value, readClock(words)]).toEqual([4, 2 ** 31 + 2])
  advanceClock(words, 2 ** 32 - 2)
  const slow = heap.atomically(async (tx) => {
    const seen = tx.read(a)
    await tick()
    tx.write(a, seen + 10)
  })
  for (let i = 0; i < 4; i += 1) heap.atomicallySync((tx) => tx.update(a, (x) => x + 1))
  await slow
  expect([a.value, readClock(words)]).toEqual([18, 2 ** 32 + 3])
})

test('a lock whose holder is gone is an error after its bound, and the state stays readable', async () => {
  const heap = SharedHeap.make({ bytes: 1000, lockMsMax: 20 })
  const a = heap.newNumber(7)
  const words = new Int32Array(heap.handle.buffer)
  Atomics.store(words, AT.lock, 99)
  const write = (): void => heap.atomicallySync((tx) => tx.write(a, 8))
  expect(write).toThrow(/heap 99 has held the lock for 20 ms, and heap 1 waits/)
  await expect(heap.atomically((tx) => tx.write(a, 8))).rejects.toMatchObject({ code: 'LOCK_HELD' })
  expect(a.value).toBe(7)
  Atomics.store(words, AT.lock, 0)
  write()
  expect([a.value, Atomics.load(words, AT.lockWaiters)]).toEqual([8, 0])
})

test('nobody holds the lock while it awaits, however often it has lost', async () => {
  const heap = SharedHeap.make({ bytes: 1000, lockMsMax: 20 })
  const other = SharedHeap.attach(heap.handle)
  const a = heap.newNumber(0)
  const same = other.open(a.handle)
  let attempts = 0
  await heap.atomically(async (tx) => {
    attempts += 1
    const seen = tx.read(a)
    await tick()
    if (attempts < 12) other.atomicallySync((inner) => inner.update(same, (x) => x + 1))
    tx.write(a, seen + 100)
  })
  expect([attempts, a.value]).toEqual([12, 111])
})

test('waiting leaves nothing behind, however it ends', async () => {
  const heap = SharedHeap.make({ bytes: 1000 })
  const a = heap.newNumber(0)
  const words = new Int32Array(heap.handle.buffer)
  const stop = new AbortController()
  const waits = [
    heap.atomically((tx) => tx.check(tx.read(a) > 0), { timeoutMs: 5 }),
    heap.atomically((tx) => tx.check(tx.read(a) > 0), { signal: stop.signal }),
    heap.atomically((tx) => tx.check(tx.read(a) > 1)),
    heap.atomically((tx) => tx.check(tx.read(a) > 0)),
  ]
  const settled = Promise.allSettled(waits)
  stop.abort(new Error('stop'))
  await Promise.allSettled(waits.slice(0, 2))
  for (const value of [1, 2]) {
    await tick()
    heap.atomicallySync((tx) => tx.write(a, value))
  }
  expect((await settled).map((each) => each.status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled'])
  const last = heap.atomically((tx) => tx.check(tx.read(a) > 5), { timeoutMs: 1 })
  await expect(last).rejects.toMatchObject({ code: 'TIMEOUT' })
  await tick()
  await tick()
  expect(Atomics.load(words, AT.clockWaiters)).toBe(0)
})

test('threads transfer between accounts: the sum stays, and no attempt ever sees another', async () => {
  const heap = SharedHeap.make({ bytes: 10_000 })
  const accounts = Array.from({ length: 6 }, () => heap.newNumber(100))
  const variables = accounts.map((each) => each.handle)
  const task = { heap: heap.handle, variables }
  const sums = await Promise.all([
    start({ ...task, kind: 'transfer', times: 10_000, seed: 3 }),
    start({ ...task, kind: 'transfer', times: 10_000, seed: 5 }),
    start({ ...task, kind: 'transfer', times: 300, seed: 7, awaits: true }),
    start({ ...task, kind: 'observe', times: 10_000 }),
  ])
  expect(sums[3]).toEqual([600])
  expect(accounts.reduce((sum, each) => sum + each.value, 0)).toBe(600)
}, 30_000)

test('threads that always conflict lose no increment', async () => {
  const heap = SharedHeap.make({ bytes: 10_000 })
  const counters = Array.from({ length: 4 }, () => heap.newNumber(0))
  const variables: SharedTVarHandle<number>[] = counters.map((each) => each.handle)
  const task = { kind: 'increment', heap: heap.handle, variables, times: 10_000 } as const
  await Promise.all([start(task), start(task), start(task)])
  expect(counters.map((each) => each.value)).toEqual([30_000, 30_000, 30_000, 30_000])
}, 30_000)

test('threads hand over to each other, blocked and asleep: no wake-up is lost', async () => {
  const heap = SharedHeap.make({ bytes: 10_000 })
  const turn = heap.newNumber(0)
  const task = { kind: 'relay', heap: heap.handle, variables: [turn.handle], times: 1000 } as const
  await Promise.all([start({ ...task, seed: 0, awaits: true }), start({ ...task, seed: 1, awaits: true })])
  expect(turn.value).toBe(2000)
  await Promise.all([start({ ...task, seed: 0 }), start({ ...task, seed: 1, awaits: true })])
  expect(turn.value).toBe(4000)
  expect(Atomics.load(new Int32Array(heap.handle.buffer), AT.clockWaiters)).toBe(0)
}, 60_000)
