// Goal: TMap is a Map, and its keys don't disturb each other. Method: random operations compared with a Map, keys of all
// kinds and many of them; then two transactions on different keys that overlap, and waiting for a key that isn't there.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { atomically, atomicallySync } from '../local.ts'
import { TMap } from './tmap.ts'
import { TSemaphore } from './tsemaphore.ts'

const objects = Array.from({ length: 5 }, (_, i) => ({ i }))
const keyArbitrary = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom<unknown>(0, -0, NaN, 0.5, '0', 'a', '', 0n, 1n, true, false, undefined, null, ...objects),
  fc.string({ maxLength: 2 }),
)

const sorted = (entries: Iterable<readonly [unknown, unknown]>): unknown[] =>
  [...entries].map(([, value]) => Number(value)).sort((a, b) => a - b)

test('does what a Map does', () => {
  const operations = fc.array(
    fc.tuple(fc.constantFrom('set', 'set', 'set', 'delete', 'get', 'clear', 'undone'), keyArbitrary),
    {
      maxLength: 200,
    },
  )
  fc.assert(
    fc.property(operations, (steps) => {
      const map = new TMap<unknown, number>()
      const model = new Map<unknown, number>()
      steps.forEach(([operation, key], i) => {
        atomicallySync((tx) => {
          if (operation === 'set') {
            map.set(tx, key, i)
            model.set(key, i)
          } else if (operation === 'delete') {
            expect(map.delete(tx, key)).toBe(model.delete(key))
          } else if (operation === 'clear' && i % 5 === 0) {
            map.clear(tx)
            model.clear()
          } else if (operation === 'undone') {
            expect(() =>
              tx.nested((inner) => {
                map.set(inner, key, -1)
                map.clear(inner)
                throw new Error('undone')
              }),
            ).toThrow('undone')
          }
          expect(map.get(tx, key)).toBe(model.get(key))
          expect(map.has(tx, key)).toBe(model.has(key))
        })
      })
      atomicallySync((tx) => {
        expect(map.size(tx)).toBe(model.size)
        expect(map.isEmpty(tx)).toBe(model.size === 0)
        expect(sorted(map.entries(tx))).toEqual(sorted(model))
        expect(new Set(map.keys(tx))).toEqual(new Set(model.keys()))
        expect(map.values(tx).sort((a, b) => a - b)).toEqual(sorted(model))
      })
    }),
    { numRuns: 150 },
  )
})

test('many keys, given at once or one by one', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `key ${i}`)
  const given = new TMap(keys.map((key, i) => [key, i] as const))
  const grown = new TMap<string, number>()
  keys.forEach((key, i) => atomicallySync((tx) => grown.set(tx, key, i)))
  for (const map of [given, grown]) {
    expect(atomicallySync((tx) => map.size(tx))).toBe(keys.length)
    expect(atomicallySync((tx) => keys.every((key, i) => map.get(tx, key) === i))).toBe(true)
  }
})

test('changes of different keys don’t conflict', async () => {
  const map = new TMap(Array.from({ length: 1000 }, (_, i): [number, number] => [i, 0]))
  let attempts = 0
  const changing = atomically(async (tx) => {
    attempts += 1
    map.set(tx, 1, (map.get(tx, 1) ?? 0) + 1)
    await new Promise((resolve) => setImmediate(resolve))
  })
  atomicallySync((tx) => map.set(tx, 2, 5))
  await changing
  expect(attempts).toBe(1)
  expect(atomicallySync((tx) => [map.get(tx, 1), map.get(tx, 2)])).toEqual([1, 5])
})

test('waits for a key that isn’t there yet, also while the map grows around it', async () => {
  const map = new TMap<string, number>()
  const waiting = atomically((tx) => map.get(tx, 'wanted') ?? tx.retry())
  for (let i = 0; i < 100; i += 1) atomicallySync((tx) => map.set(tx, `other ${i}`, i))
  await new Promise((resolve) => setImmediate(resolve))
  atomicallySync((tx) => map.set(tx, 'wanted', 7))
  expect(await waiting).toBe(7)
})

test('TSemaphore: never more permits out than there are', async () => {
  const permits = new TSemaphore(3)
  let out = 0
  let most = 0
  const work = async (count: number): Promise<void> => {
    await atomically((tx) => permits.acquire(tx, count))
    out += count
    most = Math.max(most, out)
    await new Promise((resolve) => setImmediate(resolve))
    out -= count
    await atomically((tx) => permits.release(tx, count))
  }
  await Promise.all(Array.from({ length: 30 }, (_, i) => work((i % 3) + 1)))
  expect([most, atomicallySync((tx) => permits.available(tx))]).toEqual([3, 3])
  expect(atomicallySync((tx) => permits.tryAcquire(tx, 4))).toBe(false)
  expect(() => atomicallySync((tx) => permits.acquire(tx, -1))).toThrow(/-1 permits/)
  expect(() => new TSemaphore(0.5)).toThrow(/0.5 permits/)
})
