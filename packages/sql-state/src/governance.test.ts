// Goal: after any history of orders every replica holds the same membership, the one that the rules lead to; nobody outside, no key
// that was given up and no forged, foreign or repeated order changes it. Method: random histories against a model made of sets, on
// two engines; each refusal by name; the limits at their values.

import type { Change, GovernanceAction, MemberId, Millis, Outcome, SqlValue } from '@quorate/types'
import {
  changeDigest,
  encodeTransaction,
  governanceSignedBytes,
  hashOf,
  MEMBER_LIMITS,
  rekeySignedBytes,
} from '@quorate/types'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { membersOf } from './governance.ts'
import { Reader } from './reader.ts'
import { RULES } from './rules.ts'
import { executes, LEDGER, TestLedger, transaction } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'
import { MembershipModel } from './testing/membership-model.ts'
import { memberAt, toySignature } from './testing/signature.ts'

let engine: Engine
let other: Engine
let reading: Engine
let ledger: TestLedger
let serial = 0

const FOUNDERS = [0, 1, 2, 3].map((at) => ({ id: memberAt(at), name: `m${at}` }))
const [A, B, C, D, E, F] = [0, 1, 2, 3, 4, 5].map(memberAt) as [
  MemberId,
  MemberId,
  MemberId,
  MemberId,
  MemberId,
  MemberId,
]
const ADD_E: Change = { kind: 'add', member: E, name: 'e', address: 'e:1' }

beforeAll(async () => {
  engine = await loadEngine()
  other = await loadEngine()
  reading = await loadEngine()
})

function founded(on: Engine, founders: typeof FOUNDERS = FOUNDERS): TestLedger {
  const made = new TestLedger(on)
  made.founders = founders
  return made.found()
}

beforeEach(() => {
  ledger = founded(engine)
})

interface Forging {
  readonly signer?: string
  readonly ledger?: typeof LEDGER
  readonly id?: string
  readonly expiresMs?: number
}

function order(author: MemberId, action: GovernanceAction, forging: Forging = {}): Uint8Array {
  serial += 1
  const governance = { ledger: forging.ledger ?? LEDGER, author, action }
  const expiresMs = (forging.expiresMs ?? TestLedger.timeMs(ledger.next) + 3_600_000) as Millis
  const seal = (signature: Uint8Array): Uint8Array =>
    encodeTransaction({ id: forging.id ?? `order-${serial}`, expiresMs, governance: { ...governance, signature } })
  return seal(toySignature(forging.signer ?? author, governanceSignedBytes(seal(new Uint8Array(64)))))
}

function proposing(change: Change): GovernanceAction {
  if (change.kind !== 'rekey') return { kind: 'propose', change }
  const consent = toySignature(change.successor, rekeySignedBytes(LEDGER, change.member, change.successor))
  return { kind: 'propose', change, consent }
}

const approving = (proposal: number, change: Change): GovernanceAction => ({
  kind: 'approve',
  proposal,
  change: changeDigest(change),
})

/** Rows of the state as it is, without a block. */
function look(sql: string): readonly (readonly SqlValue[])[] {
  const reader = new Reader(reading, ledger.source, { timeMs: 0, seed: LEDGER })
  const answer = reader.read(executes(sql))
  reader.close()
  const reply = answer.kind === 'read' && answer.outcome.kind === 'executed' ? answer.outcome.replies[0] : undefined
  if (reply?.kind !== 'result') throw new Error(`no rows: ${sql}`)
  return reply.result.rows
}

/** `state approvals/needed`, or the code. */
function told(outcome: Outcome | undefined): string {
  if (outcome?.kind === 'failed') return outcome.error.code
  if (outcome?.kind === 'refused') return outcome.code
  const reply = outcome?.kind === 'executed' ? outcome.replies[0] : undefined
  if (reply?.kind !== 'result') return outcome?.kind ?? 'nothing'
  const [[, state, approvals, needed] = []] = reply.result.rows
  return state === undefined ? 'done' : `${String(state)} ${String(approvals)}/${String(needed)}`
}

function say(author: MemberId, action: GovernanceAction, forging: Forging = {}): string {
  return told(ledger.block([order(author, action, forging)])[0])
}

/** Proposes and approves by `members`, until it passes. */
function pass(change: Change, ...members: readonly MemberId[]): void {
  const [first, ...rest] = members as [MemberId, ...MemberId[]]
  say(first, proposing(change))
  const [[number] = []] = ledger.rows('SELECT proposals FROM _quorate_ledger')
  const last = rest.map((member) => say(member, approving(Number(number), change))).at(-1)
  expect(last).toMatch(/^passed/)
}

/** A committee is drawn and takes over. */
function rotate(): void {
  ledger.turnView('assemble')
  ledger.turnView('reconfigure')
}

const statuses = (): readonly string[] => ledger.members.map(({ name, status }) => `${name} ${status}`).sort()

describe('deciding', () => {
  test('V3: a member is added by more than two thirds, and seated when a view begins', () => {
    expect(say(A, proposing(ADD_E))).toBe('open 1/3')
    expect(say(B, approving(1, ADD_E))).toBe('open 2/3')
    expect(ledger.members.length).toBe(4)
    ledger.turnView('assemble')
    expect(say(C, approving(1, ADD_E))).toBe('passed 3/3')
    expect(ledger.members.find(({ id }) => id === E)).toMatchObject({
      id: E,
      name: 'e',
      address: 'e:1',
      status: 'joining',
    })
    expect(ledger.members.map(({ id }) => id)).toEqual([A, B, C, D, E].sort())
    ledger.turnView('reconfigure')
    expect(statuses()).toContain('e joining')
    rotate()
    expect(statuses()).toEqual(['e active', 'm0 active', 'm1 active', 'm2 active', 'm3 active'])
    expect(ledger.rows('SELECT count(*) FROM _quorate_proposals')).toEqual([[0n]])
    expect(ledger.rows('SELECT count(*) FROM _quorate_approvals')).toEqual([[0n]])
  })

  test('V4: a removed key is useless from the block that removes it, also in that block', () => {
    const remove: Change = { kind: 'remove', member: D }
    say(D, proposing(ADD_E))
    say(A, proposing({ ...ADD_E, member: F, name: 'f' }))
    say(D, approving(2, { ...ADD_E, member: F, name: 'f' }))
    say(A, proposing(remove))
    say(B, approving(3, remove))
    const last = [order(C, approving(3, remove)), order(D, { kind: 'withdraw', proposal: 1 })]
    expect(ledger.block(last).map(told)).toEqual(['passed 3/3', 'NOT_A_MEMBER'])
    // What it proposed is gone, and what it approved counts no more.
    expect(look('SELECT number FROM _quorate_proposals')).toEqual([[2n]])
    expect(look('SELECT member FROM _quorate_approvals')).toEqual([[A]])
    rotate()
    expect(statuses()).toEqual(['m0 active', 'm1 active', 'm2 active'])
    expect(say(D, { kind: 'address', address: 'x:1' })).toBe('NOT_A_MEMBER')
  })

  test('V5: a key that is replaced is useless at once, and its successor speaks at once', () => {
    say(D, proposing(ADD_E))
    say(A, approving(1, ADD_E))
    const rekey: Change = { kind: 'rekey', member: D, successor: F }
    say(A, { kind: 'address', address: 'a:2' })
    say(D, { kind: 'address', address: 'd:2' })
    pass(rekey, A, B, C)
    expect(statuses()).toEqual(['m0 active', 'm1 active', 'm2 active', 'm3 joining', 'm3 leaving'])
    expect(ledger.members.find(({ id }) => id === F)).toMatchObject({ name: 'm3', address: 'd:2', status: 'joining' })
    expect(say(D, { kind: 'address', address: 'd:3' })).toBe('NOT_A_MEMBER')
    expect(say(F, proposing(ADD_E))).toBe('open 1/3')
    rotate()
    expect(statuses()).toEqual(['m0 active', 'm1 active', 'm2 active', 'm3 active'])
    expect(say(D, { kind: 'address', address: 'd:3' })).toBe('NOT_A_MEMBER')
    expect(say(F, { kind: 'address', address: 'd:3' })).toBe('done')
  })

  test('counts anew when it is approved again after the membership has shrunk', () => {
    ledger = founded(engine, FOUNDERS.slice(0, 2))
    expect(say(A, proposing(ADD_E))).toBe('open 1/2')
    say(A, proposing({ kind: 'remove', member: B }))
    expect(say(B, approving(2, { kind: 'remove', member: B }))).toBe('passed 2/2')
    expect(say(A, approving(1, ADD_E))).toBe('passed 1/1')
    expect(statuses()).toEqual(['e joining', 'm0 active', 'm1 leaving'])
  })

  test('a single member decides by proposing, and never removes itself', () => {
    ledger = founded(engine, FOUNDERS.slice(0, 1))
    expect(say(A, proposing({ kind: 'remove', member: A }))).toBe('TOO_FEW_WOULD_REMAIN')
    expect(say(A, proposing(ADD_E))).toBe('passed 1/1')
    expect(say(E, proposing({ kind: 'remove', member: A }))).toBe('open 1/2')
    expect(say(A, approving(2, { kind: 'remove', member: A }))).toBe('passed 2/2')
    expect(statuses()).toEqual(['e joining', 'm0 leaving'])
  })

  test('what was proposed can be taken back, and an approval too', () => {
    say(A, proposing(ADD_E))
    say(B, approving(1, ADD_E))
    expect(say(B, approving(1, ADD_E))).toBe('ALREADY_APPROVED')
    expect(say(B, { kind: 'withdraw', proposal: 1 })).toBe('open 1/3')
    expect(say(B, { kind: 'withdraw', proposal: 1 })).toBe('NOT_APPROVED')
    expect(say(A, { kind: 'withdraw', proposal: 1 })).toBe('withdrawn 0/3')
    expect(say(A, { kind: 'withdraw', proposal: 1 })).toBe('PROPOSAL_UNKNOWN')
    expect(say(A, proposing(ADD_E))).toBe('open 1/3')
    expect(ledger.rows('SELECT number FROM _quorate_proposals')).toEqual([[2n]])
  })

  test('a proposal expires with time, not before', () => {
    say(A, proposing(ADD_E))
    const openMs = TestLedger.timeMs(1) + RULES.proposalMsMax
    const late = (author: MemberId, timeMs: number): string =>
      told(ledger.block([order(author, approving(1, ADD_E), { expiresMs: timeMs + 1000 })], timeMs)[0])
    expect(late(B, openMs)).toBe('open 2/3')
    expect(late(C, openMs + 1)).toBe('PROPOSAL_UNKNOWN')
  })
})

describe('refused', () => {
  const move: GovernanceAction = { kind: 'address', address: 'x:1' }

  test('V1: strangers, forgeries, other ledgers; nothing of it is remembered', () => {
    const root = (): unknown => ledger.rows('SELECT * FROM _quorate_members, _quorate_ledger ORDER BY 1')
    const before = root()
    expect(say(E, move)).toBe('NOT_A_MEMBER')
    expect(say(A, move, { signer: B, id: 'twice' })).toBe('BAD_SIGNATURE')
    expect(say(A, move, { ledger: hashOf('genesis', Uint8Array.of(9)) })).toBe('WRONG_LEDGER')
    const { consent } = proposing({ kind: 'rekey', member: C, successor: F }) as { consent: Uint8Array }
    const rekey: Change = { kind: 'rekey', member: D, successor: F }
    expect(say(A, { kind: 'propose', change: rekey, consent })).toBe('BAD_SIGNATURE')
    expect(root()).toEqual(before)
    expect(say(A, move, { id: 'twice' })).toBe('done')
    expect(ledger.rows("SELECT count(*) FROM _quorate_outcomes WHERE id LIKE 'order%' OR id = 'twice'")).toEqual([[1n]])
  })

  test('V2: an order works once: repeated it is a duplicate, and expired when its id is forgotten', () => {
    const bytes = order(A, proposing(ADD_E))
    const [first, again] = ledger.block([bytes, bytes])
    expect([told(first), again?.kind]).toEqual(['open 1/3', 'duplicate'])
    expect(say(A, { kind: 'withdraw', proposal: 1 })).toBe('withdrawn 0/3')
    expect(ledger.block([bytes])[0]?.kind).toBe('duplicate')
    expect(told(ledger.block([bytes], TestLedger.timeMs(1) + 7_200_000)[0])).toBe('EXPIRED')
    expect(told(ledger.block([bytes], TestLedger.timeMs(1) + 30 * 3_600_000)[0])).toBe('EXPIRED')
  })

  test('V2: what was forbidden is remembered too, and an id stands for one order', () => {
    const bytes = order(A, { kind: 'withdraw', proposal: 9 }, { id: 'mine' })
    expect([told(ledger.block([bytes])[0]), ledger.block([bytes])[0]?.kind]).toEqual(['PROPOSAL_UNKNOWN', 'duplicate'])
    expect(say(A, move, { id: 'mine' })).toBe('ID_REUSED')
    expect(told(ledger.block([transaction(executes('SELECT 1'), { id: 'mine' })])[0])).toBe('ID_REUSED')
  })

  test('V6: an approval of something else than what was proposed under that number', () => {
    say(A, proposing(ADD_E))
    expect(say(B, approving(1, { ...ADD_E, address: 'e:2' }))).toBe('PROPOSAL_DIFFERS')
    expect(say(B, approving(2, ADD_E))).toBe('PROPOSAL_UNKNOWN')
    expect(say(B, approving(Number.MAX_SAFE_INTEGER, ADD_E))).toBe('PROPOSAL_UNKNOWN')
  })

  test('what the members or the open proposals forbid', () => {
    expect(say(A, proposing({ ...ADD_E, member: B }))).toBe('ALREADY_MEMBER')
    expect(say(A, proposing({ ...ADD_E, name: 'm1' }))).toBe('NAME_TAKEN')
    expect(say(A, proposing({ kind: 'remove', member: E }))).toBe('MEMBER_UNKNOWN')
    expect(say(A, proposing({ kind: 'rekey', member: E, successor: F }))).toBe('MEMBER_UNKNOWN')
    expect(say(A, proposing({ kind: 'rekey', member: B, successor: C }))).toBe('ALREADY_MEMBER')
    expect(say(A, proposing({ kind: 'rekey', member: B, successor: B }))).toBe('ALREADY_MEMBER')
    expect(say(A, proposing(ADD_E))).toBe('open 1/3')
    expect(say(B, proposing(ADD_E))).toBe('ALREADY_PROPOSED')
    pass({ kind: 'remove', member: D }, A, B, C)
    expect(say(A, proposing({ kind: 'remove', member: D }))).toBe('MEMBER_UNKNOWN')
    expect(say(A, proposing({ ...ADD_E, member: D, name: 'd' }))).toBe('ALREADY_MEMBER')
    expect(say(A, proposing({ ...ADD_E, member: F, name: 'm3' }))).toBe('open 1/3')
  })

  test('a change that became impossible is not passed, and its last approval is not counted', () => {
    say(A, proposing(ADD_E))
    say(A, proposing({ ...ADD_E, name: 'e2' }))
    for (const member of [B, C]) say(member, approving(1, ADD_E))
    expect(say(B, approving(2, { ...ADD_E, name: 'e2' }))).toBe('open 2/4')
    expect(say(C, approving(2, { ...ADD_E, name: 'e2' }))).toBe('open 3/4')
    expect(say(D, approving(2, { ...ADD_E, name: 'e2' }))).toBe('ALREADY_MEMBER')
    expect(ledger.rows('SELECT count(*) FROM _quorate_approvals WHERE proposal = 2')).toEqual([[3n]])
  })
})

describe('limits', () => {
  test('a member has so many open proposals, and no more', () => {
    const change = (at: number): Change => ({ kind: 'add', member: memberAt(100 + at), name: `n${at}`, address: 'n:1' })
    for (let at = 0; at < RULES.proposalsMax; at += 1) expect(say(A, proposing(change(at)))).toBe('open 1/3')
    expect(say(A, proposing(change(8)))).toBe('TOO_MANY_PROPOSALS')
    expect(say(B, proposing(change(8)))).toBe('open 1/3')
    say(A, { kind: 'withdraw', proposal: 3 })
    expect(say(A, proposing(change(2)))).toBe('open 1/3')
  })

  test('a ledger has so many members, and no more', () => {
    const many = Array.from({ length: MEMBER_LIMITS.membersMax }, (_, at) => ({ id: memberAt(at), name: `m${at}` }))
    ledger = founded(engine, many)
    expect(ledger.members.length).toBe(1000)
    expect(say(A, proposing({ kind: 'add', member: memberAt(1000), name: 'e', address: 'e:1' }))).toBe(
      'TOO_MANY_MEMBERS',
    )
    expect(say(A, proposing({ kind: 'rekey', member: B, successor: memberAt(1000) }))).toBe('open 1/667')
  })

  test('orders use the gas of the block, whatever becomes of them', () => {
    const bytes = order(E, { kind: 'address', address: 'x:1' })
    const count = RULES.blockGasMax / RULES.governanceGas
    const outcomes = ledger.block(Array.from({ length: count + 1 }, () => bytes))
    expect([told(outcomes[count - 1]), told(outcomes[count])]).toEqual(['NOT_A_MEMBER', 'BLOCK_FULL'])
  })
})

test('membersOf gives the members of any database, also of one that is empty', () => {
  expect(membersOf(engine, new TestLedger(engine).source)).toEqual([])
  pass(ADD_E, A, B, C)
  expect(membersOf(engine, ledger.source)).toEqual(ledger.members)
  expect(ledger.members.length).toBe(5)
})

describe('any history', () => {
  const who = fc.integer({ min: 0, max: 7 }).map(memberAt)
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      member: who,
      name: fc.constantFrom('m1', 'm4', 'm5'),
      address: fc.constant('n:1'),
    }),
    fc.record({ kind: fc.constant('remove' as const), member: who }),
    fc.record({ kind: fc.constant('rekey' as const), member: who, successor: who }),
  )
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('propose' as const), who, change }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('member proposes' as const), nth: fc.nat(7), change }) },
    { weight: 9, arbitrary: fc.record({ kind: fc.constant('approve' as const), who, nth: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('all approve' as const), nth: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), who, nth: fc.nat(3) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('address' as const), who, port: fc.integer({ min: 1, max: 9 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('turn' as const), turn: fc.constantFrom('assemble', 'reconfigure') }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forge' as const), who, signer: who, change }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), nth: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 5 }) }) },
  )

  function compare(model: MembershipModel): void {
    const members = [...model.members].map(([id, { name, address, status, since }]) => [
      id,
      name,
      address,
      status,
      BigInt(since),
    ])
    const sorted = members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    expect(look('SELECT id, name, address, status, since FROM _quorate_members ORDER BY id')).toEqual(sorted)
    const expected = sorted.map(([id, name, address, status, since]) => ({
      id,
      name,
      address: address ?? undefined,
      status,
      since: Number(since),
    }))
    expect(ledger.members).toEqual(expected)
    expect(model.staying.length).toBeGreaterThan(0)
  }

  test('V7: leads every replica to the membership of the model', () => {
    let passed = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 40, size: 'max' }), (steps) => {
        ledger = founded(engine)
        const twin = founded(other)
        const model = new MembershipModel(FOUNDERS, RULES)
        const said: Uint8Array[] = []
        let days = 0
        for (const each of steps) {
          const at = ledger.next
          const timeMs = TestLedger.timeMs(at) + days * 86_400_000
          const open = [...model.proposals.keys()]
          const nth = 'nth' in each ? open[each.nth % Math.max(1, open.length)] : undefined
          const tell = (author: MemberId, action: GovernanceAction, signer: MemberId = author): void => {
            const bytes = order(author, action, { signer, expiresMs: timeMs + 3_600_000 })
            model.block(ledger.next)
            const isForged = model.stays(author) && signer !== author
            const expected = isForged ? 'BAD_SIGNATURE' : model.order(author, action, timeMs)
            const [outcome] = ledger.block([bytes], timeMs)
            twin.block([bytes], timeMs)
            if (expected === undefined) expect(told(outcome)).toMatch(/^(open|passed|withdrawn|done)/)
            else expect(told(outcome)).toBe(expected)
            if (told(outcome).startsWith('passed')) passed += 1
            if (outcome?.kind !== 'refused') said.push(bytes)
          }
          if (each.kind === 'propose') tell(each.who, proposing(each.change))
          else if (each.kind === 'member proposes')
            tell(model.staying[each.nth % model.staying.length] as MemberId, proposing(each.change))
          else if (each.kind === 'forge') tell(each.who, proposing(each.change), each.signer)
          else if (each.kind === 'approve')
            tell(each.who, approving(nth ?? 99, model.proposals.get(nth ?? 99)?.change ?? ADD_E))
          else if (each.kind === 'all approve')
            for (const one of model.staying)
              tell(one, approving(nth ?? 99, model.proposals.get(nth ?? 99)?.change ?? ADD_E))
          else if (each.kind === 'withdraw') tell(each.who, { kind: 'withdraw', proposal: nth ?? 99 })
          else if (each.kind === 'address') tell(each.who, { kind: 'address', address: `h:${each.port}` })
          else if (each.kind === 'wait') days += each.days
          else if (each.kind === 'turn') {
            model.turnView(each.turn, at)
            for (const one of [ledger, twin]) one.turnView(each.turn)
          } else if (said.length > 0) {
            const bytes = said[each.nth % said.length] as Uint8Array
            for (const one of [ledger, twin])
              expect(told(one.block([bytes], timeMs)[0])).toMatch(/^(duplicate|EXPIRED)$/)
          }
          compare(model)
        }
        expect(twin.root).toBe(ledger.root)
      }),
      { numRuns: 25, seed: 11 },
    )
    expect(passed).toBeGreaterThan(25)
  })
})

test('V8: what was decided after a committee was drawn waits for the one after next', () => {
  pass(ADD_E, A, B, C)
  ledger.turnView('assemble')
  expect(statuses()).toEqual(['e joining', 'm0 active', 'm1 active', 'm2 active', 'm3 active'])
  pass({ kind: 'remove', member: D }, A, B, C, E)
  ledger.turnView('reconfigure')
  expect(look('SELECT height FROM _quorate_head')).toEqual([[BigInt(ledger.next - 1)]])
  expect(statuses()).toEqual(['e active', 'm0 active', 'm1 active', 'm2 active', 'm3 leaving'])
  // A committee that did not come about is drawn again.
  ledger.turnView('assemble')
  rotate()
  expect(statuses()).toEqual(['e active', 'm0 active', 'm1 active', 'm2 active'])
})
