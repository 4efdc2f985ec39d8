// Goal: who waits for an outcome, a height or room gets it when it is there, an answer when time is up, and nothing is left
// behind. Method: the replica's shared state, on a clock that the test moves.

import type { Choam, ChoamInput } from '@quorate/choam'
import type { Digest, MemberId, Millis } from '@quorate/types'
import { encodeTransaction, height, millis } from '@quorate/types'
import { expect, test } from 'vitest'
import type { Declined } from '../peers/protocols.ts'
import { Links } from './links.ts'
import { Outbox } from './outbox.ts'
import { READ_WAIT_MS_MAX, Reads } from './reads.ts'
import { Submissions } from './submissions.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const digest = (byte: number): Digest => byte.toString(16).padStart(2, '0').repeat(32) as Digest

test('a block settles all its submissions, twice asked ones too; the rest time out or end with the replica', async () => {
  const submissions = new Submissions()
  const [a, again, b, c] = [digest(1), digest(1), digest(2), digest(3)].map((hash) => submissions.wait(hash, 100))
  expect(submissions.size).toBe(3)
  submissions.final(height(5), [digest(9), digest(1)], (position) => Uint8Array.of(position))
  const final = { kind: 'final', height: 5, position: 1, outcome: Uint8Array.of(1) }
  expect([await a, await again]).toEqual([final, final])
  const late = submissions.wait(digest(4), 200)
  submissions.expire(150)
  expect([await b, await c]).toEqual([{ kind: 'timeout' }, { kind: 'timeout' }])
  submissions.stop()
  expect(await late).toEqual({ kind: 'stopped' })
  expect(submissions.size).toBe(0)
})

test('reads wait for their height, a quorum, or the end of their time', async () => {
  let nowMs = 0
  const fed: ChoamInput[] = []
  const reads = new Reads(
    (input) => fed.push(input),
    () => millis(nowMs),
  )
  expect(await reads.heightFor({ kind: 'local' })).toBe(undefined)
  reads.advance(height(3))
  expect(await reads.heightFor({ kind: 'local' })).toBe(3)
  expect(await reads.heightFor({ kind: 'as-of', height: height(4) })).toBe(undefined)
  const fifth = reads.heightFor({ kind: 'at-least', height: height(5) })
  const ninth = reads.heightFor({ kind: 'at-least', height: height(9) })
  const asked = reads.heightFor({ kind: 'linearizable' })
  const unheard = reads.heightFor({ kind: 'linearizable' })
  expect(fed).toEqual([
    { kind: 'read', request: 1 },
    { kind: 'read', request: 2 },
  ])
  reads.advance(height(4))
  reads.readable(1, height(4))
  reads.readable(77, height(4))
  expect(await asked).toBe(4)
  reads.advance(height(6))
  expect(await fifth).toBe(6)
  nowMs = READ_WAIT_MS_MAX
  reads.expire()
  expect([await ninth, await unheard]).toEqual([undefined, undefined])
})

/** An outbox on a core of so much room. */
class Bench {
  phase = 'operational'
  room = { items: 10, bytes: 1_000_000 }
  readonly fed: number[] = []
  readonly links = new Links()
  readonly forwarded: [MemberId, number][] = []
  answer: Declined | undefined | Error
  readonly outbox: Outbox

  constructor() {
    const core = { status: () => ({ phase: this.phase }) }
    Object.defineProperty(core, 'room', { get: () => this.room })
    this.outbox = new Outbox({
      core: core as unknown as Choam,
      links: this.links,
      feed: (transactions) => this.fed.push(transactions.length),
      forward: (to, transactions) => {
        this.forwarded.push([to, transactions.length])
        return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer)
      },
    })
  }
}

const transaction = encodeTransaction({ id: 'x', expiresMs: 1 as Millis, program: { requests: [] } } as never)

test('what gathers in one turn goes together, and no more is taken than there is room for', async () => {
  const bench = new Bench()
  const running = bench.outbox.run()
  const taken = Array.from({ length: 12 }, () => bench.outbox.put(transaction))
  expect(taken.filter(Boolean).length).toBe(10)
  await turn()
  await turn()
  expect(bench.fed).toEqual([10])
  expect(bench.outbox.put(transaction)).toBe(true)
  bench.room = { items: 5, bytes: 100 }
  expect(bench.outbox.put(transaction)).toBe(false)
  bench.outbox.stop()
  await running
})

test('a replica that catches up hands over what it took, to whoever takes it, and keeps what nobody does', async () => {
  const bench = new Bench()
  const running = bench.outbox.run()
  bench.phase = 'synchronizing'
  bench.outbox.put(transaction)
  for (let i = 0; i < 3; i += 1) await turn()
  expect(bench.forwarded).toEqual([])
  bench.links.changed('p' as MemberId, true)
  for (let i = 0; i < 3; i += 1) await turn()
  expect([bench.forwarded, bench.fed]).toEqual([[['p', 1]], []])
  bench.links.changed('q' as MemberId, true)
  bench.answer = { code: 'NOT_READY', message: '', retryAfterMs: 1 }
  bench.outbox.put(transaction)
  for (let i = 0; i < 3; i += 1) await turn()
  expect(bench.forwarded.length).toBe(3)
  expect(bench.fed).toEqual([1])
  bench.answer = new Error('gone')
  bench.outbox.put(transaction)
  for (let i = 0; i < 3; i += 1) await turn()
  expect([bench.forwarded.length, bench.fed]).toEqual([5, [1, 1]])
  bench.outbox.stop()
  await running
})

test("a peer's transactions are taken where they can be ordered, and declined with the reason elsewhere", () => {
  const bench = new Bench()
  expect(bench.outbox.accept([transaction, transaction])).toBe(undefined)
  expect(bench.fed).toEqual([2])
  expect(bench.outbox.accept([Uint8Array.of(1)])).toMatchObject({ code: 'INVALID' })
  bench.room = { items: 1, bytes: 1_000_000 }
  expect(bench.outbox.accept([transaction, transaction])).toMatchObject({ code: 'OVERLOADED' })
  bench.phase = 'synchronizing'
  expect(bench.outbox.accept([transaction])).toMatchObject({ code: 'NOT_READY' })
  expect(bench.fed).toEqual([2])
})
