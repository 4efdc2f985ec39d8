// Goal: U5, frontiers are compared until members know that they agree, and then no more.

import { round, seat } from '@quorate/types'
import { expect, test } from 'vitest'
import { Peers, PROBE_MAX_MS, PROBE_MIN_MS } from './peers.ts'

const FRONTIER = [3, 3, 2, 3].map(round)

function grown(): Peers {
  const peers = new Peers(
    4,
    seat(0),
    () => FRONTIER,
    () => 0,
  )
  peers.changed(0)
  return peers
}

test('silent before anything happened, silent once all agree', () => {
  expect(
    new Peers(
      4,
      seat(0),
      () => [undefined, undefined, undefined, undefined],
      () => 0,
    ).wakeAtMs,
  ).toBe(undefined)
  const peers = grown()
  expect(peers.wakeAtMs).toBe(PROBE_MIN_MS)
  for (const other of [1, 2, 3]) peers.heardFrontier(seat(other), FRONTIER, true, 1)
  expect(peers.wakeAtMs).toBe(undefined)
  expect(peers.due(PROBE_MIN_MS)).toEqual([])
})

test('what lies below the floor makes no difference', () => {
  const peers = new Peers(
    4,
    seat(0),
    () => [9, 9, undefined, 9].map((at) => (at === undefined ? at : round(at))),
    () => 4,
  )
  peers.changed(0)
  for (const other of [1, 2, 3]) peers.heardFrontier(seat(other), [9, 9, 3, 9].map(round), true, 1)
  expect(peers.wakeAtMs).toBe(undefined)
  peers.heardFrontier(seat(1), [9, 9, 4, 9].map(round), true, 2)
  expect(peers.wakeAtMs).not.toBe(undefined)
})

test('who does not agree is asked in turn, ever more slowly', () => {
  const peers = grown()
  peers.heardFrontier(seat(2), FRONTIER, true, 1)
  const due: number[] = []
  const times: number[] = []
  for (let at = 0; at < 8; at += 1) {
    const next = peers.wakeAtMs!
    times.push(next)
    due.push(...peers.due(next))
  }
  expect(new Set(due)).toEqual(new Set([1, 3]))
  expect(times[7]! - times[6]!).toBe(PROBE_MAX_MS)
})

test('a frontier is answered where it must be, and no ping-pong comes of it', () => {
  const peers = grown()
  const ask = (rounds: readonly number[], whole: boolean, at: number): boolean => {
    const answer = peers.heardFrontier(seat(1), rounds.map(round), whole, at)
    if (answer) peers.told(seat(1), at)
    return answer
  }
  // Not told yet; then told: the same again is held back, and answered only where the first answer may be lost.
  expect(ask(FRONTIER, true, 0)).toBe(true)
  expect(ask(FRONTIER, true, 10)).toBe(false)
  expect(ask(FRONTIER, true, 5_000)).toBe(true)
  expect(ask(FRONTIER, true, 5_010)).toBe(false)
  // The peer has more than we.
  expect(ask([3, 3, 3, 3], true, 20_000)).toBe(true)
  expect(ask([3, 3, 3, 3], true, 20_010)).toBe(false)
  peers.changed(20_020)
  expect(ask([3, 3, 3, 3], true, 20_020)).toBe(true)
})

test('after part of an answer the same peer is asked for more', () => {
  const peers = grown()
  peers.heardFrontier(seat(1), [9, 9, 9, 9].map(round), true, 0)
  peers.told(seat(1), 0)
  expect(peers.wantsMore(seat(1), 100)).toBe(false)
  peers.changed(100)
  expect(peers.wantsMore(seat(1), 100)).toBe(true)
  peers.told(seat(1), 100)
  peers.changed(101)
  expect(peers.wantsMore(seat(1), 101)).toBe(false)
})

test('lies about a frontier do no more than cost a message', () => {
  const peers = grown()
  peers.heardFrontier(seat(1), [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff].map(round), true, 0)
  peers.heardFrontier(seat(9), FRONTIER, true, 0)
  let messages = 0
  for (let at = peers.wakeAtMs!; at < 60_000; at = peers.wakeAtMs!) messages += peers.due(at).length
  expect(messages).toBeLessThan(40)
})
