// Goal: the parts of the core keep their own promises. Method: each by itself, at its borders.

import type { Digest, Height, MemberId, Millis, OrderedHead, OrderedUnit, Round, Seat, Vote } from '@quorate/types'
import {
  encodeItem,
  encodeMessage,
  encodePayload,
  encodeUnsignedUnit,
  foundersCommittee,
  genesisView,
  hashOf,
  identityKey,
  ledgerId,
  MESSAGE_CODES,
  sealUnit,
  unitHash,
} from '@quorate/types'
import type { Committee, ConsensusKey, Genesis, SignedJoin, ViewId } from '@quorate/types'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepare } from './admission.ts'
import { BlockTime } from './block-time.ts'
import { Cutter } from './cutter.ts'
import { Founding } from './founding.ts'
import type { LifeEvent, Phase } from './life.ts'
import { LIFE, live } from './life.ts'
import { CHOAM_LIMITS } from './limits.ts'
import { ReadIndex } from './read-index.ts'
import { Repair } from './repair.ts'
import { VoteBook } from './vote-book.ts'

const members = Array.from({ length: 4 }, (_, i) => hashOf('join', Uint8Array.of(i)) as string as MemberId)
const genesis: Genesis = {
  version: 1,
  name: 'x',
  founders: members.map((id, i) => ({ id, name: `m${i}`, address: 'h:1' })),
  sql: [],
}
const founders = foundersCommittee(genesis)
const at = (value: number): Height => value as Height
const ms = (value: number): Millis => value as Millis
const hash = (value: number): Digest => hashOf('block', Uint8Array.of(value))

function unit(
  creator: number,
  round: number,
  timestampMs: number,
  payload: Uint8Array = new Uint8Array(0),
): OrderedUnit {
  return { creator: creator as Seat, round: round as Round, hash: hash(creator), timestampMs: ms(timestampMs), payload }
}

function head(round: number, ...units: readonly OrderedUnit[]): OrderedHead {
  return {
    round: round as Round,
    slot: 0,
    hash: hash(round % 256),
    units: units.length === 0 ? [unit(0, round, 1)] : units,
  }
}

const payloadOf = (text: string): Uint8Array =>
  encodePayload([encodeItem({ kind: 'transaction', bytes: Buffer.from(text) })])

describe('cutter (I2)', () => {
  test('a transaction ends a block; silence ends one after so many rounds; everything since the last is in it', () => {
    const cutter = new Cutter(24, -1)
    expect(cutter.add(head(0))).toBeUndefined()
    expect(cutter.add(head(1, unit(1, 1, 5, payloadOf('a'))))).toMatchObject([{ round: 0 }, { round: 1 }])
    for (let round = 2; round < 25; round += 1) expect(cutter.add(head(round))).toBeUndefined()
    expect(cutter.add(head(25))).toHaveLength(24)
  })
})

describe('block time (I13)', () => {
  const said = (creator: number, round: number, timestampMs: number): OrderedUnit => unit(creator, round, timestampMs)

  test('no f clocks of 3f + 1 can put it outside the honest ones, however many units they have', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1000, max: 2000 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 30 }),
        (honest, lies) => {
          const time = new BlockTime()
          time.add(honest.map((each, i) => said(i, 5, each)))
          time.add(lies.map((lie, i) => said(3, i, lie)))
          const median = time.median(4, 0)
          expect(median).toBeGreaterThanOrEqual(Math.min(...honest))
          expect(median).toBeLessThanOrEqual(Math.max(...honest))
        },
      ),
    )
  })

  test("a seat's newest unit speaks for it; too few voices, and old ones, move nothing ahead", () => {
    const time = new BlockTime()
    time.add([said(0, 3, 900), said(0, 2, 5000), said(1, 3, 1000)])
    expect(time.median(4, 0)).toBe(0)
    time.add([said(2, 4, 1100)])
    expect(time.median(4, 0)).toBe(900)
    expect(time.median(4, 4)).toBe(0)
  })
})

describe('founding (I5)', () => {
  const joined = (index: number): OrderedUnit => {
    const join: SignedJoin = {
      member: members[index] as MemberId,
      view: genesisView(ledgerId(genesis)),
      key: identityKey(members[index] as MemberId),
      signature: new Uint8Array(64),
    }
    return unit(index, 0, 100 + index, encodePayload([encodeItem({ kind: 'join', join })]))
  }

  test('ends when all have joined, or when a quorum has joined twice; the first join counts', () => {
    const all = new Founding(genesis, founders)
    expect(all.add(head(0, joined(0), joined(1), joined(2)))).toBeUndefined()
    expect(all.gathering.state).toBe('enough')
    expect(all.add(head(1, joined(3)))?.body).toMatchObject({ kind: 'genesis', joins: { length: 4 } })
    expect(all.add(head(2))).toBeUndefined()
    const three = new Founding(genesis, founders)
    expect(three.add(head(0, joined(0), joined(1), joined(2)))).toBeUndefined()
    expect(three.add(head(1, joined(0), joined(1)))).toBeUndefined()
    expect(three.add(head(2, joined(0), joined(1)))).toBeUndefined()
    expect(three.add(head(3, joined(2)))?.body).toMatchObject({ joins: { length: 3 } })
  })
})

describe('votes', () => {
  const vote = (seat: number, height: number, block: number): Vote => ({
    view: founders.view,
    height: at(height),
    block: hash(block),
    seat: seat as Seat,
    signature: Uint8Array.of(seat),
  })

  test('one seat counts once, and only for the block it names', () => {
    const book = new VoteBook(16, 4)
    for (const each of [vote(0, 1, 7), vote(0, 1, 7), vote(0, 1, 8), vote(0, 1, 9), vote(1, 1, 7), vote(2, 1, 8)])
      book.add(each, 0)
    expect(book.quorumAt(at(1), founders)).toBeUndefined()
    book.add(vote(3, 1, 7), 0)
    expect(book.quorumAt(at(1), founders)?.certificate.signatures.map((each) => each.seat)).toEqual([0, 1, 3])
  })

  test('far heights are not kept; wrong votes come out when the height is decided, and later', () => {
    const book = new VoteBook(16, 4)
    book.add(vote(0, 17, 1), 0)
    for (const seat of [1, 2, 3]) book.add(vote(seat, 17, 1), 0)
    expect(book.quorumAt(at(17), founders)).toBeUndefined()
    book.add(vote(0, 1, 9), 0)
    const decided = { hash: hash(7), certificate: { signatures: [] } }
    expect(book.decide(at(1), founders.view, decided)).toMatchObject([{ vote: { seat: 0 } }])
    expect(book.add(vote(2, 1, 9), 1)).toMatchObject({ vote: { seat: 2 }, decided })
    expect(book.add(vote(3, 1, 7), 1)).toBeUndefined()
    for (let height = 2; height < 8; height += 1) book.decide(at(height), founders.view, decided)
    expect(book.add(vote(2, 1, 9), 7)).toBeUndefined()
  })
})

describe('read index (I9)', () => {
  const own = (voted: number): { member: MemberId; voted: number } => ({ member: members[0] as MemberId, voted })

  test('waits for a quorum that named no more than is certified here; a liar is not needed', () => {
    const reads = new ReadIndex(200)
    reads.ask(1)
    const number = reads.due(ms(0), own(5)) ?? -1
    reads.answered(members[1] as MemberId, number, at(5))
    reads.answered(members[2] as MemberId, number, at(2 ** 40))
    expect(reads.ready(at(5), 3)).toEqual([])
    reads.answered(members[3] as MemberId, number, at(6))
    expect(reads.ready(at(5), 3)).toEqual([])
    expect(reads.ready(at(6), 3)).toEqual([1])
  })

  test('its own vote counts like any: voted and not certified is not enough', () => {
    const reads = new ReadIndex(200)
    reads.ask(1)
    const number = reads.due(ms(0), own(6)) ?? -1
    reads.answered(members[1] as MemberId, number, at(5))
    reads.answered(members[2] as MemberId, number, at(5))
    expect(reads.ready(at(5), 3)).toEqual([])
  })

  test('what comes during a round waits for the next, and an unanswered round is asked again', () => {
    const reads = new ReadIndex(200)
    reads.ask(1)
    const first = reads.due(ms(0), own(0)) ?? -1
    reads.ask(2)
    expect(reads.due(ms(10), own(0))).toBeUndefined()
    expect(reads.due(ms(200), own(0))).toBe(first)
    for (const member of members.slice(1)) reads.answered(member, first, undefined)
    expect(reads.ready(at(0), 3)).toEqual([1])
    expect(reads.due(ms(201), own(0))).not.toBe(first)
  })
})

describe('repair (I6, I10)', () => {
  test('asks when stalled or far behind, one peer at a time, in turn; and is never due in the past of its own word', () => {
    const repair = new Repair(CHOAM_LIMITS)
    repair.progressed(ms(1000))
    expect(repair.dueMs(0, 0, false)).toBeUndefined()
    repair.heard(members[1] as MemberId, at(5), at(5))
    repair.heard(members[2] as MemberId, at(6), at(6))
    expect(repair.due(ms(1000), 0, 0, false)).toBeUndefined()
    const first = repair.due(ms(1250), 0, 0, false)
    expect(first).toMatchObject({ from: 1 })
    expect(repair.due(ms(1300), 0, 0, false)).toBeUndefined()
    repair.progressed(ms(2200))
    expect(repair.dueMs(0, 0, false)).toBe(2450)
    const second = repair.due(ms(2450), 0, 0, false)
    expect(second?.to).not.toBe(first?.to)
    // An answer of no use keeps its turn, unless what was asked for has come in another way.
    repair.answered(second?.to as MemberId, false, 0)
    expect(repair.due(ms(2451), 0, 0, true)).toBeUndefined()
    repair.answered(second?.to as MemberId, false, 1)
    expect(repair.due(ms(2451), 0, 0, true)?.to).toBe(first?.to)
    repair.answered(first?.to as MemberId, true, 0)
    repair.heard(members[1] as MemberId, at(500), at(500))
    expect(repair.due(ms(2451), 0, 0, false)).toBeDefined()
    expect(repair.isLevel(0, 1)).toBe(false)
    expect(repair.isLevel(498, 0)).toBe(true)
    // One that may lie is not believed alone.
    expect([repair.isLevel(4, 0), repair.isLevel(4, 1)]).toEqual([false, true])
  })
})

describe('life (I12)', () => {
  const phases = Object.keys(LIFE) as Phase[]
  const events = Object.keys(LIFE.initial) as LifeEvent[]

  test('every state answers every event, and a failed replica stays failed', () => {
    for (const phase of phases) {
      for (const event of events) {
        if (LIFE[phase][event] === 'impossible') expect(() => live(phase, event)).toThrow(/while/)
        else expect(phases).toContain(live(phase, event))
      }
    }
    for (const event of events) expect(live('failed', event)).toBe('failed')
  })

  test('the diagram in SPEC.md is this table', () => {
    const lines = phases.flatMap((phase) =>
      events.flatMap((event) => {
        const next = LIFE[phase][event]
        return next === undefined || next === 'impossible' ? [] : [`  ${phase} --> ${next}: ${event}`]
      }),
    )
    const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8')
    expect(spec).toContain(['stateDiagram-v2', '  [*] --> initial', ...lines, '```'].join('\n'))
  })
})

describe('admission (I11)', () => {
  const committeeOf = (view: ViewId): Committee | undefined => (view === founders.view ? founders : undefined)
  const build = (change: Partial<Parameters<typeof encodeUnsignedUnit>[0]>): Uint8Array => {
    const parts = {
      view: founders.view,
      creator: 0 as Seat,
      round: 0 as Round,
      parents: members.map(() => undefined),
      timestampMs: ms(1),
      payload: new Uint8Array(0),
      ...change,
    }
    expect(unitHash(encodeUnsignedUnit(parts))).toHaveLength(64)
    return sealUnit(parts, new Uint8Array(64)).bytes
  }
  const admit = (units: readonly Uint8Array[], valid = true): unknown => {
    const prepared = prepare(MESSAGE_CODES.units, encodeMessage({ kind: 'units', units }), committeeOf)
    return prepared.ok ? prepared.value.finish(prepared.value.checks.map(() => valid)) : prepared
  }

  test.each([
    ['another view', { view: hash(1) as ViewId }, 'UNKNOWN_VIEW'],
    ['no such seat', { creator: 9 as Seat }, 'NO_SUCH_SEAT'],
    ['a wrong number of parents', { parents: [] }, 'WRONG_PARENT_COUNT'],
    ['a payload that is none', { payload: Uint8Array.of(1, 9) }, 'BAD_PAYLOAD'],
  ])('a unit with %s is refused', (_what, change, code) => {
    expect(admit([build(change)])).toMatchObject({ ok: false, error: { code } })
  })

  test('a join of another view is refused; a signed one is checked', () => {
    const join = (view: ViewId, member: MemberId): Uint8Array => {
      const signed: SignedJoin = { member, view, key: member as string as ConsensusKey, signature: new Uint8Array(64) }
      return build({ payload: encodePayload([encodeItem({ kind: 'join', join: signed })]) })
    }
    expect(admit([join(hash(1) as ViewId, members[0] as MemberId)])).toMatchObject({ error: { code: 'BAD_PAYLOAD' } })
    expect(admit([join(founders.view, members[0] as MemberId)])).toMatchObject({ ok: true })
    expect(admit([join(founders.view, members[0] as MemberId)], false)).toMatchObject({
      error: { code: 'BAD_SIGNATURE' },
    })
  })

  test('more joins or deals than seats could have are refused before any signature is checked', () => {
    const join: SignedJoin = {
      member: members[0] as MemberId,
      view: founders.view,
      key: members[0] as string as ConsensusKey,
      signature: new Uint8Array(64),
    }
    const payload = (count: number): Uint8Array =>
      encodePayload(Array.from({ length: count }, () => encodeItem({ kind: 'join', join })))
    expect(admit([build({ payload: payload(257) })])).toMatchObject({ error: { code: 'BAD_PAYLOAD' } })
    expect(admit([build({ payload: payload(256) })])).toMatchObject({ ok: true })
    const deal = { ...join, next: founders.view, message: new Uint8Array(3) }
    const dealt = (count: number): Uint8Array =>
      encodePayload(Array.from({ length: count }, () => encodeItem({ kind: 'deal', deal })))
    expect(admit([build({ payload: dealt(385) })])).toMatchObject({ error: { code: 'BAD_PAYLOAD' } })
    expect(admit([build({ payload: dealt(384) })])).toMatchObject({ ok: true })
  })

  test('a bad unit hides none of the good ones', () => {
    const good = build({})
    expect(admit([Uint8Array.of(1), good, build({ creator: 9 as Seat })])).toMatchObject({
      ok: true,
      value: { units: { length: 1 } },
    })
  })

  test('votes and certificates need the seats they claim', () => {
    const vote = (seat: number): Vote => ({
      view: founders.view,
      height: at(1),
      block: hash(1),
      seat: seat as Seat,
      signature: new Uint8Array(64),
    })
    const ask = (seat: number, valid: boolean): unknown => {
      const prepared = prepare(MESSAGE_CODES.vote, encodeMessage({ kind: 'vote', vote: vote(seat) }), committeeOf)
      return prepared.ok ? prepared.value.finish([valid]) : prepared
    }
    expect(ask(9, true)).toMatchObject({ error: { code: 'NO_SUCH_SEAT' } })
    expect(ask(1, false)).toMatchObject({ error: { code: 'BAD_SIGNATURE' } })
    expect(ask(1, true)).toMatchObject({ ok: true })
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.uint8Array({ maxLength: 300 }), (code, body) => {
        const prepared = prepare(code, body, committeeOf)
        if (prepared.ok) expect(typeof prepared.value.finish(prepared.value.checks.map(() => true)).ok).toBe('boolean')
      }),
    )
  })
})
