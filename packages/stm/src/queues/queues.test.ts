// Goal: every queue keeps order, loses nothing, invents nothing, and undoes with its transaction. Method: random operations
// compared with an array; then random interleavings of producers and consumers whose transactions await and conflict.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atomically, atomicallySync } from '../local.ts'
import { Schedule } from '../testing/schedule.ts'
import type { Tx } from '../transaction.ts'
import { LOCAL } from '../tvar.ts'
import type { Queue } from './queue.ts'
import { TBQueue } from './tbqueue.ts'
import { TBroadcast, TChan } from './tchan.ts'
import { TMVar } from './tmvar.ts'
import { TQueue } from './tqueue.ts'
import { TVecDequeue } from './tvecdequeue.ts'

const KINDS: readonly (readonly [name: string, make: () => Queue<number>, capacity: number])[] = [
  ['TQueue', () => new TQueue(), Infinity],
  ['TBQueue', () => new TBQueue(3), 3],
  ['TChan', () => new TChan(), Infinity],
  ['TVecDequeue', () => new TVecDequeue(), Infinity],
  ['TMVar', () => new TMVar(), 1],
]

type Operation = 'write' | 'read' | 'tryRead' | 'peek' | 'tryPeek' | 'isEmpty' | 'flush' | 'undone'
const WEIGHED: readonly Operation[] = [
  'write',
  'write',
  'write',
  'read',
  'read',
  'tryRead',
  'peek',
  'tryPeek',
  'isEmpty',
]
const operationArbitrary = fc.constantFrom<Operation>(...WEIGHED, 'flush', 'undone')

/** Undefined where it would wait. */
const orNothing = <T>(body: (tx: Tx) => T): T | undefined =>
  atomicallySync((tx) =>
    tx.orElse(
      (inner): T | undefined => body(inner),
      () => undefined,
    ),
  )

function disturb(queue: Queue<number>): void {
  const boom = (tx: Tx): void => {
    queue.tryRead(tx)
    tx.orElse(
      (inner) => queue.write(inner, -1),
      () => undefined,
    )
    queue.flush(tx)
    throw new Error('undone')
  }
  expect(() => atomicallySync(boom)).toThrow('undone')
}

describe.each(KINDS)('%s', (_, make, capacity) => {
  test('does what an array does', () => {
    fc.assert(
      fc.property(fc.array(operationArbitrary, { maxLength: 60 }), (operations) => {
        const queue = make()
        let items: number[] = []
        operations.forEach((operation, i) => {
          if (operation === 'write') {
            const isWritten = orNothing((tx) => {
              queue.write(tx, i)
              return true
            })
            expect(isWritten ?? false).toBe(items.length < capacity)
            if (isWritten) items.push(i)
          } else if (operation === 'read' || operation === 'tryRead') {
            const read =
              operation === 'read' ? orNothing((tx) => queue.read(tx)) : atomicallySync((tx) => queue.tryRead(tx))
            expect(read).toBe(items.shift())
          } else if (operation === 'peek' || operation === 'tryPeek') {
            const seen =
              operation === 'peek' ? orNothing((tx) => queue.peek(tx)) : atomicallySync((tx) => queue.tryPeek(tx))
            expect(seen).toBe(items[0])
          } else if (operation === 'isEmpty') {
            expect(atomicallySync((tx) => queue.isEmpty(tx))).toBe(items.length === 0)
          } else if (operation === 'flush') {
            expect(atomicallySync((tx) => queue.flush(tx))).toEqual(items)
            items = []
          } else {
            disturb(queue)
          }
        })
        expect(atomicallySync((tx) => queue.flush(tx))).toEqual(items)
      }),
      { numRuns: 150 },
    )
  })

  test('conserves items and keeps each writer’s order, however its users interleave', async () => {
    const users = fc.record({
      producers: fc.integer({ min: 1, max: 3 }),
      consumers: fc.integer({ min: 1, max: 3 }),
      choices: fc.array(fc.nat(10), { minLength: 1, maxLength: 30 }),
    })
    await fc.assert(
      fc.asyncProperty(users, async ({ producers, consumers, choices }) => {
        const PER_PRODUCER = 6
        const queue = make()
        const schedule = new Schedule()
        const seen: number[] = []
        const produce = async (producer: number): Promise<void> => {
          for (let i = 0; i < PER_PRODUCER; i += 1) {
            await schedule.pause()
            await atomically(async (tx) => {
              queue.write(tx, producer * 100 + i)
              await schedule.pause()
            })
          }
        }
        const stop = new AbortController()
        const consume = async (): Promise<void> => {
          while (seen.length < producers * PER_PRODUCER) {
            const body = async (tx: Tx): Promise<void> => {
              const item = queue.read(tx)
              tx.afterCommit(() => seen.push(item))
              await schedule.pause()
            }
            await atomically(body, { signal: stop.signal }).catch(() => undefined)
          }
          stop.abort()
        }
        const all = [
          ...Array.from({ length: producers }, (__, i) => produce(i)),
          ...Array.from({ length: consumers }, consume),
        ]
        await schedule.run(choices)
        await Promise.all(all)
        for (let producer = 0; producer < producers; producer += 1) {
          const own = seen.filter((item) => Math.floor(item / 100) === producer)
          expect(own).toEqual(Array.from({ length: PER_PRODUCER }, (__, i) => producer * 100 + i))
        }
        expect(seen.length).toBe(producers * PER_PRODUCER)
        expect([LOCAL.waiting.count, LOCAL.history.kept.snapshots]).toEqual([0, 0])
      }),
      { numRuns: 20 },
    )
  })

  test('tasks that write and read at the same time all end', async () => {
    // The published queues hung or crawled here.
    const queue = make()
    const ITEMS = 2000
    const write = async (): Promise<void> => {
      for (let i = 0; i < ITEMS; i += 1) await atomically((tx) => queue.write(tx, i))
    }
    const read = async (): Promise<number> => {
      let sum = 0
      for (let i = 0; i < ITEMS; i += 1) sum += await atomically((tx) => queue.read(tx))
      return sum
    }
    const [, , first, second] = await Promise.all([write(), write(), read(), read()])
    expect(first + second).toBe(ITEMS * (ITEMS - 1))
  })
})

test.each([
  ['TQueue', () => new TQueue<number>()],
  ['TBQueue', () => new TBQueue<number>(100_000)],
  ['TVecDequeue', () => new TVecDequeue<number>()],
])('%s: a long queue is as quick as a short one', (_, make) => {
  // Were anything copied with each item, this would be billions of steps, and run into the time limit.
  const queue: Queue<number> = make()
  const ITEMS = 100_000
  for (let i = 0; i < ITEMS; i += 1) atomicallySync((tx) => queue.write(tx, i))
  let sum = 0
  for (let i = 0; i < ITEMS; i += 1) sum += atomicallySync((tx) => queue.read(tx))
  expect(sum).toBe((ITEMS * (ITEMS - 1)) / 2)
})

test('unget: the next read takes it', () => {
  for (const queue of [new TQueue<number>(), new TChan<number>(), new TBQueue<number>(3)]) {
    const order = atomicallySync((tx) => {
      queue.write(tx, 1)
      queue.write(tx, 2)
      queue.unget(tx, 0)
      return queue.flush(tx)
    })
    expect(order).toEqual([0, 1, 2])
  }
})

test('TBQueue: length and isFull; unget and tryWrite keep the bound; flush frees it', () => {
  const queue = new TBQueue<number>(2)
  const look = (): unknown => atomicallySync((tx) => [queue.length(tx), queue.isFull(tx), queue.isEmpty(tx)])
  expect(look()).toEqual([0, false, true])
  atomicallySync((tx) => queue.write(tx, 1))
  expect(look()).toEqual([1, false, false])
  atomicallySync((tx) => queue.unget(tx, 0))
  expect(look()).toEqual([2, true, false])
  expect(atomicallySync((tx) => queue.tryWrite(tx, 2))).toBe(false)
  expect(orNothing((tx) => queue.unget(tx, 2))).toBeUndefined()
  expect(atomicallySync((tx) => queue.flush(tx))).toEqual([0, 1])
  expect(look()).toEqual([0, false, true])
  for (const capacity of [0, -1, 1.5, NaN]) expect(() => new TBQueue(capacity)).toThrow(/not a positive integer/)
})

test('TBQueue: a reader and a writer don’t conflict while there is credit', async () => {
  const queue = new TBQueue<number>(10)
  const schedule = new Schedule()
  atomicallySync((tx) => {
    queue.write(tx, 0)
    queue.write(tx, 1)
  })
  atomicallySync((tx) => queue.read(tx))
  const attempts = { reads: 0, writes: 0 }
  const reading = atomically(async (tx) => {
    attempts.reads += 1
    const item = queue.read(tx)
    await schedule.pause()
    return item
  })
  const writing = atomically(async (tx) => {
    attempts.writes += 1
    queue.write(tx, 2)
    await schedule.pause()
  })
  await schedule.run([0])
  await writing
  expect(await reading).toBe(1)
  expect(attempts).toEqual({ reads: 1, writes: 1 })
})

test('TChan: duplicates get what comes later, clones what is left, broadcasts what came since', () => {
  const chan = new TChan<number>()
  atomicallySync((tx) => [1, 2, 3].forEach((item) => chan.write(tx, item)))
  expect(atomicallySync((tx) => chan.read(tx))).toBe(1)
  const [later, left] = atomicallySync((tx) => [chan.dup(tx), chan.clone(tx)] as const)
  atomicallySync((tx) => later.write(tx, 4))
  atomicallySync((tx) => left.unget(tx, 0))
  expect(atomicallySync((tx) => [chan.flush(tx), later.flush(tx), left.flush(tx)])).toEqual([
    [2, 3, 4],
    [4],
    [0, 2, 3, 4],
  ])
  const broadcast = new TBroadcast<string>()
  atomicallySync((tx) => broadcast.write(tx, 'unheard'))
  const [a, b] = atomicallySync((tx) => [broadcast.dup(tx), broadcast.dup(tx)] as const)
  atomicallySync((tx) => broadcast.write(tx, 'heard'))
  expect(atomicallySync((tx) => [a.flush(tx), b.flush(tx)])).toEqual([['heard'], ['heard']])
})

test('TVecDequeue: both ends, as an array', () => {
  const ends = fc.constantFrom('write', 'writeFront', 'read', 'readBack', 'peekBack', 'length')
  fc.assert(
    fc.property(fc.array(ends, { maxLength: 80 }), (operations) => {
      const queue = new TVecDequeue<number>()
      const items: number[] = []
      operations.forEach((operation, i) => {
        atomicallySync((tx) => {
          if (operation === 'write') {
            queue.write(tx, i)
            items.push(i)
          } else if (operation === 'writeFront') {
            queue.writeFront(tx, i)
            items.unshift(i)
          } else if (operation === 'peekBack') {
            expect(queue.tryPeekBack(tx)).toBe(items.at(-1))
          } else if (operation === 'length') {
            expect(queue.length(tx)).toBe(items.length)
          } else if (items.length > 0) {
            expect(operation === 'read' ? queue.read(tx) : queue.readBack(tx)).toBe(
              operation === 'read' ? items.shift() : items.pop(),
            )
          }
        })
      })
    }),
    { numRuns: 300 },
  )
})

test('TMVar: full from the start, tryWrite and replace', () => {
  const place = new TMVar(1)
  expect(atomicallySync((tx) => place.tryWrite(tx, 2))).toBe(false)
  expect(atomicallySync((tx) => place.replace(tx, 3))).toBe(1)
  expect(atomicallySync((tx) => place.read(tx))).toBe(3)
  expect(orNothing((tx) => place.replace(tx, 4))).toBeUndefined()
  expect(atomicallySync((tx) => place.tryWrite(tx, 5))).toBe(true)
  const ofUndefined = new TMVar<undefined>(undefined)
  expect(atomicallySync((tx) => ofUndefined.isEmpty(tx))).toBe(false)
})
