// Goal: what is a view id worth to who would choose it? It can't be named, only drawn: another content gives another id, and with it a
// fresh committee. Method: an adversary that tries k contents of the unit ordered last, behind which it knows all, against the exact
// chances; the same adversary where the id also needs a coin that is tossed later.

import { utf8, Writer } from '@quorate/kernel'
import type { Digest, Header, MemberId, ViewId } from '@quorate/types'
import {
  blockHash,
  bodyHash,
  encodeBody,
  encodeHeader,
  hashOf,
  height,
  millis,
  NO_BLOCK,
  rawOf,
  viewAfter,
} from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { Context } from './context.ts'
import { chanceAbove, seatChances, seatsExpected } from './testing/grinding.ts'
import { members } from './testing/members.ts'

const content = (run: number, attempt: number): Uint8Array => new Writer(8).u32(run).u32(attempt).finish()

/** An assemble block behind a block whose last unit had this content, which is in that block's body, and so in `previous`. */
function assembleBehind(payload: Uint8Array, change: Partial<Header> = {}): Digest {
  const pointer = { height: height(0), hash: NO_BLOCK }
  const header: Header = {
    era: 1,
    height: height(9),
    view: hashOf('view') as ViewId,
    previous: hashOf('block', payload),
    lastReconfigure: pointer,
    lastAssemble: pointer,
    lastCheckpoint: pointer,
    timeMs: millis(1),
    transactionsRoot: NO_BLOCK,
    resultsRoot: NO_BLOCK,
    stateRoot: NO_BLOCK,
    body: bodyHash(encodeBody({ kind: 'assemble' })),
    ...change,
  }
  return blockHash(encodeHeader(header))
}

/** Seats of the hand that holds the first `held` members. */
function seatsOfHand(context: Context, held: ReadonlySet<MemberId>, view: ViewId, seats: number): number {
  return context.cut(view, seats).filter((member) => held.has(member)).length
}

interface Ground {
  /** Seats that the hand foresees for the content it chooses. */
  readonly foreseen: number
  /** Seats that it gets. */
  readonly held: number
}

/** Mean seats of a hand that takes the best of `tries` contents, by the ids that it foresees. */
function grind(
  parts: { readonly members: number; readonly held: number; readonly seats: number },
  tries: number,
  runs: number,
  ids: { readonly foreseen: (block: Digest) => ViewId; readonly real: (block: Digest) => ViewId },
): Ground {
  const context = new Context(members(parts.members))
  const hand = new Set(context.members.slice(0, parts.held))
  let foreseen = 0
  let held = 0
  for (let run = 0; run < runs; run += 1) {
    let best = { seats: -1, block: NO_BLOCK }
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const block = assembleBehind(content(run, attempt))
      const seats = seatsOfHand(context, hand, ids.foreseen(block), parts.seats)
      if (seats > best.seats) best = { seats, block }
    }
    foreseen += best.seats
    held += seatsOfHand(context, hand, ids.real(best.block), parts.seats)
  }
  return { foreseen: foreseen / runs, held: held / runs }
}

describe('a view id', () => {
  test('hangs on the assemble block, and so on all before it: no other chain leads to it', () => {
    const id = viewAfter(assembleBehind(content(0, 0)))
    const others: readonly Digest[] = [
      assembleBehind(content(0, 1)),
      assembleBehind(content(0, 0), { height: height(10) }),
      assembleBehind(content(0, 0), { view: hashOf('view', Uint8Array.of(1)) as ViewId }),
      assembleBehind(content(0, 0), { stateRoot: hashOf('state') }),
      assembleBehind(content(0, 0), { timeMs: millis(2) }),
    ]
    expect(new Set([id, ...others.map(viewAfter)]).size).toBe(others.length + 1)
  })

  // 60 members, 19 of them in one hand, 7 seats.
  const parts = { members: 60, held: 19, seats: 7 }
  const chances = seatChances(parts.members, parts.held, parts.seats)

  test.each([
    [1, 1000],
    [4, 300],
    [16, 100],
  ])('with %i contents to try is worth what the best of so many draws is', (tries, runs) => {
    const { held } = grind(parts, tries, runs, { foreseen: viewAfter, real: viewAfter })
    // A committee's seats vary by 1.2 at most, the best of several by less: five standard errors.
    expect(Math.abs(held - seatsExpected(chances, tries))).toBeLessThan((5 * 1.2) / Math.sqrt(runs))
  })

  test('that needs a coin tossed behind the assemble block is worth one draw, however many contents are tried', () => {
    // The hand has to decide by a coin that it makes up; the real one is tossed when its content stands in the ledger.
    const withCoin =
      (coin: string) =>
      (block: Digest): ViewId =>
        hashOf('view', rawOf(block), utf8(coin)) as ViewId
    const { foreseen, held } = grind(parts, 16, 100, { foreseen: withCoin('guessed'), real: withCoin('tossed') })
    expect(foreseen).toBeGreaterThan(seatsExpected(chances, 8))
    expect(Math.abs(held - seatsExpected(chances, 1))).toBeLessThan((5 * 1.2) / Math.sqrt(100))
  })
})

test('the exact chances are those of the hypergeometric distribution', () => {
  // 3 of 10 held, 4 seats: C(3,i) C(7,4-i) / C(10,4).
  const exact = [35, 105, 63, 7].map((count) => count / 210)
  const chances = seatChances(10, 3, 4)
  exact.forEach((chance, count) => expect(chances[count]).toBeCloseTo(chance, 12))
  expect(chances[4]).toBe(0)
  expect(chanceAbove(chances, 2, 1)).toBeCloseTo(7 / 210, 12)
  expect(chanceAbove(chances, 2, 30)).toBeCloseTo(1 - (203 / 210) ** 30, 12)
  expect(seatsExpected(chances, 1)).toBeCloseTo(1.2, 12)
})
