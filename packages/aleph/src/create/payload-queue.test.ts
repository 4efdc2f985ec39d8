// Goal: P1, the queue's bounds and what one unit takes.

import { expect, test } from 'vitest'
import { ALEPH_LIMITS } from '../limits.ts'
import { item, texts } from '../testing/network.ts'
import { PayloadQueue } from './payload-queue.ts'

const limits = { ...ALEPH_LIMITS, queueItemsMax: 4, queueBytesMax: 1_000, unitPayloadBytesMax: 200 }

test('items come out in order, as many as a unit takes', () => {
  const queue = new PayloadQueue({ ...limits, queueItemsMax: 100 })
  const sent = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(10))
  expect(queue.push(sent.map(item))).toEqual([])
  const taken: string[] = []
  while (!queue.isEmpty) {
    const payload = queue.take()
    expect(payload.length).toBeLessThanOrEqual(200)
    taken.push(...texts(payload))
  }
  expect(taken).toEqual(sent)
  expect(queue.take().length).toBe(0)
})

test('what has no room comes back: by count, by bytes, too large for any unit, empty', () => {
  const queue = new PayloadQueue(limits)
  const five = ['a', 'b', 'c', 'd', 'e'].map(item)
  expect(queue.push(five)).toEqual([five[4]])
  expect(queue.room.items).toBe(0)
  const other = new PayloadQueue({ ...limits, queueBytesMax: 100 })
  expect(other.push([item('x'.repeat(90)), item('y'.repeat(90))]).length).toBe(1)
  expect(other.room.bytes).toBe(100 - item('x'.repeat(90)).length)
  const empty = new PayloadQueue(limits)
  expect(empty.push([item('z'.repeat(200)), new Uint8Array(0)]).length).toBe(2)
  const fits = 200 - 5 - (item('z'.repeat(190)).length - 190)
  expect(empty.push([item('z'.repeat(fits)), item('z'.repeat(fits + 1))]).length).toBe(1)
})
