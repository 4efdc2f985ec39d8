// Goal: a simulated disk keeps what its store promises, and loses what a crash, an old copy or a lie may lose, no more.

import type { StoreRecord } from '@quorate/replica/host'
import { expect, test } from 'vitest'
import { SimDisk } from './disk.ts'
import { World } from './world.ts'

const vote = (height: number, byte = 1): StoreRecord => ({ kind: 'vote', height, bytes: Uint8Array.of(byte) })

function newDisk(): { readonly world: World; readonly disk: SimDisk } {
  const world = new World(1)
  return { world, disk: new SimDisk(world, world.random('disk'), { syncMs: [10, 10], executeMs: [1, 1] }) }
}

test('what is said to be durable is there after a crash, what is under way only by chance', async () => {
  const { world, disk } = newDisk()
  let durable = 0
  void disk.append([vote(1)]).then(() => (durable = 1))
  void disk.append([vote(2)]).then(() => (durable = 2))
  await world.run(11)
  expect(durable).toBe(1)
  disk.crash(0)
  await world.run(50)
  expect(durable).toBe(1)
  expect(await disk.vote(1)).toEqual(Uint8Array.of(1))
  expect(await disk.vote(2)).toBe(undefined)
  void disk.append([vote(3)])
  disk.crash(1)
  expect(await disk.vote(3)).toEqual(Uint8Array.of(1))
})

test('a contradiction is refused, the same again is not', async () => {
  const { world, disk } = newDisk()
  const codes: string[] = []
  void disk.append([vote(1)])
  void disk.append([vote(1)]).then(() => codes.push('same'))
  await world.run(50)
  disk.append([vote(1, 2)]).catch((error: { readonly code: string }) => codes.push(error.code))
  await world.run(100)
  expect(codes).toEqual(['same', 'STORE_CONFLICT'])
})

test('a full disk refuses; an old copy is what it was', async () => {
  const { world, disk } = newDisk()
  const codes: string[] = []
  void disk.append([vote(1)])
  await world.run(100)
  void disk.append([vote(2)])
  await world.run(200)
  disk.isFull = true
  disk.append([vote(3)]).catch((error: { readonly code: string }) => codes.push(error.code))
  await world.run(300)
  expect(codes).toEqual(['STORE_IO'])
  disk.restoreTo(105)
  expect([await disk.vote(1), await disk.vote(2)]).toEqual([Uint8Array.of(1), undefined])
})

test('a lying disk forgets at a crash what it said was durable, from some commit on', async () => {
  const { world, disk } = newDisk()
  void disk.append([vote(1)])
  await world.run(50)
  disk.lie()
  for (let at = 2; at < 30; at += 1) {
    void disk.append([vote(at)])
    await world.run(at * 50)
  }
  disk.crash(1)
  const kept = await Promise.all(Array.from({ length: 29 }, (_, at) => disk.vote(at + 1)))
  const first = kept.indexOf(undefined)
  expect(kept[0]).not.toBe(undefined)
  expect(first).toBeGreaterThan(0)
  expect(kept.slice(first).every((each) => each === undefined)).toBe(true)
})
