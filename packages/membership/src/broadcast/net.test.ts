// Goal: every honest member gets every block, in time, from members that send little, whatever a third of them does. Method: whole
// memberships on virtual time, with loss, members that are down and liars, from fixed seeds. bench/broadcast.ts prints the figures.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Conduct, NetConfig } from './testing/net.ts'
import { Net } from './testing/net.ts'

const BASE: NetConfig = {
  seed: 1,
  members: 100,
  seats: 7,
  blocks: 8,
  everyMs: 60,
  blockBytes: 2000,
  loss: 0.02,
  conduct: () => 'honest',
  isDownKnown: true,
}
/** Longer than any of it takes; without a block more, members find what they lack by telling alone. */
const LIMIT_MS = 60_000

/** Runs, and tells whether all honest members got every block in order, each once. */
function arrives(net: Net, blocks: number): void {
  net.run(LIMIT_MS)
  for (const { core } of net.honest) expect(core.have).toBe(blocks)
  for (const { id, got } of net.honest) if (!net.audience.seated.includes(id)) expect(got).toHaveLength(blocks)
}

/** Every third member, but never more than f seats. */
const third = (conduct: Conduct, seats: number) => (): ((index: number, isSeated: boolean) => Conduct) => {
  let left = Math.floor((seats - 1) / 3)
  return (index, isSeated) => {
    if (index % 3 !== 0) return 'honest'
    if (isSeated && left === 0) return 'honest'
    if (isSeated) left -= 1
    return conduct
  }
}

describe('every honest member gets every block', () => {
  test.each(['down', 'withholds', 'garbles', 'boasts'] as const)('while a third %s', (conduct) => {
    for (const isDownKnown of conduct === 'down' ? [true, false] : [true]) {
      const net = new Net({ ...BASE, isDownKnown, conduct: third(conduct, BASE.seats)() })
      arrives(net, BASE.blocks)
      // Who is named is a liar, or, where much is lost, somebody whose answers were; never for garbage.
      for (const { effect } of net.faults)
        if (effect.code === 'GARBAGE') expect(net.nodes.find(({ id }) => id === effect.member)?.conduct).toBe('garbles')
    }
  })

  test('in memberships of any size, with any of these and up to a fifth of the messages lost', () => {
    const conducts: fc.Arbitrary<Conduct> = fc.constantFrom('honest', 'down', 'withholds', 'garbles', 'boasts')
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.integer({ min: 4, max: 60 }),
        fc.integer({ min: 4, max: 13 }),
        fc.integer({ min: 0, max: 20 }),
        conducts,
        fc.boolean(),
        (seed, count, wanted, lost, conduct, isDownKnown) => {
          const seats = Math.min(wanted, count)
          const config = { ...BASE, seed, members: count, seats, blocks: 5, loss: lost / 100, isDownKnown }
          arrives(new Net({ ...config, conduct: third(conduct, seats)() }), 5)
        },
      ),
      { numRuns: 30, seed: 9 },
    )
  })

  test('a thousand members, two of a hundred messages lost, a third withholding: no member sends more than a small share', () => {
    const net = new Net({ ...BASE, members: 1000, seats: 13, blocks: 3, conduct: third('withholds', 13)() })
    arrives(net, 3)
    const sent = net.honest.map(({ sent: each }) => each.blocks / 3)
    expect(sent.reduce((sum, each) => sum + each, 0) / sent.length).toBeLessThan(4)
    expect(Math.max(...sent)).toBeLessThan(24)
  })
})

test('what a member sends does not grow with the membership', () => {
  const meanOf = (count: number): { readonly blocks: number; readonly most: number; readonly messages: number } => {
    const net = new Net({ ...BASE, members: count, blocks: 6 })
    arrives(net, 6)
    const sent = net.honest.map(({ sent: each }) => each)
    return {
      blocks: sent.reduce((sum, each) => sum + each.blocks, 0) / sent.length / 6,
      most: Math.max(...sent.map((each) => each.blocks)) / 6,
      messages: sent.reduce((sum, each) => sum + each.messages, 0) / sent.length / 6,
    }
  }
  for (const mean of [meanOf(30), meanOf(120), meanOf(400)]) {
    expect(mean.blocks).toBeLessThan(2.2)
    expect(mean.most).toBeLessThan(10)
    expect(mean.messages).toBeLessThan(10)
  }
})

test('a block is checked hardly more than once a member, however many copies come', () => {
  const net = new Net({ ...BASE, members: 200, loss: 0 })
  arrives(net, BASE.blocks)
  const checks = net.honest.reduce((sum, { checks: each }) => sum + each, 0)
  expect(checks).toBeLessThanOrEqual(200 * BASE.blocks)
})
