// Goal: every word of the ledger has one encoding, reads back as itself, and no bytes at all make a decoder throw. Method: random
// values of every kind back and forth; every truncation and random corruption of their bytes; random bytes.

import type { DecodeError, Result } from '@quorate/kernel'
import { utf8 } from '@quorate/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Body, Header } from './block.ts'
import { bodyHash, decodeBody, decodeHeader, encodeBody, encodeHeader } from './block.ts'
import type { Vote } from './certificate.ts'
import { decodeCertificate, decodeVote, encodeCertificate, encodeVote } from './certificate.ts'
import type { SignedDeal } from './deal.ts'
import type { Evidence } from './evidence.ts'
import { decodeEvidence, encodeEvidence } from './evidence.ts'
import { decodeGenesis, encodeGenesis } from './genesis.ts'
import type { ConsensusKey, Digest, Height, MemberId, Millis, Round, Seat, ViewId } from './ids.ts'
import type { SignedJoin } from './join.ts'
import type { Message } from './message.ts'
import { COIN_SHARE_BYTES, decodeMessage, encodeMessage, MESSAGE_CODES } from './message.ts'
import type { StateAnswer, StateAsk } from './request.ts'
import {
  BLOCKS_ANSWER,
  BLOCKS_ASK,
  FORWARD,
  STATE_ANSWER,
  STATE_ASK,
  STATE_LIMITS,
  UNITS_ANSWER,
  UNITS_ASK,
  VOTED_ANSWER,
  VOTED_ASK,
} from './request.ts'
import type { Outcome, Reply, SqlError, StatementResult } from './outcome.ts'
import { decodeOutcome, encodeOutcome } from './outcome.ts'
import { decodePayload, encodeItem, encodePayload } from './payload.ts'
import type { GovernanceAction } from './governance.ts'
import type {
  Condition,
  GovernanceTransaction,
  Program,
  ProgramTransaction,
  Statement,
  Transaction,
} from './transaction.ts'
import { contentHash, decodeTransaction, encodeTransaction, TRANSACTION_LIMITS } from './transaction.ts'
import { decodeUnit, encodeUnsignedUnit, sealUnit, unitHash } from './unit.ts'

const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => hex as Digest)
const view = digest as fc.Arbitrary<ViewId>
const seat = fc.integer({ min: 0, max: 127 }) as fc.Arbitrary<Seat>
const round = fc.integer({ min: 0, max: 0xffff_ffff }) as fc.Arbitrary<Round>
const height = fc.integer({ min: 0, max: 2 ** 50 }) as fc.Arbitrary<Height>
const millis = fc.integer({ min: 0, max: 2 ** 50 }) as fc.Arbitrary<Millis>
const small = fc.uint8Array({ maxLength: 40 })
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

/** Runs in their one form: gaps and counts become places. */
const runs = fc
  .array(fc.record({ gap: fc.nat(1000), count: fc.integer({ min: 1, max: 12 }) }), { minLength: 1, maxLength: 10 })
  .map((steps) => {
    let free = 0
    return steps.map(({ gap, count }) => {
      const from = free + gap
      free = from + count + 1
      return { from, count }
    })
  })

/** Drops the keys whose value is undefined: absent and undefined are the same word. */
function tidy<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T
}

const value = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  text,
  small,
)
const statement: fc.Arbitrary<Statement> = fc
  .record({
    sql: text,
    args: fc.array(value, { maxLength: 3 }),
    namedArgs: fc.array(fc.record({ name: text, value }), { maxLength: 2 }),
    wantRows: fc.boolean(),
    expect: maybe(digest),
  })
  .map((each) => tidy(each) as Statement)
const conditions: readonly Condition[] = [
  { kind: 'ok', step: 0 },
  { kind: 'not', condition: { kind: 'error', step: 0 } },
  { kind: 'and', conditions: [{ kind: 'autocommit' }, { kind: 'or', conditions: [] }] },
]
const program: fc.Arbitrary<Program> = fc
  .array(
    fc.oneof(
      statement.map((each) => ({ kind: 'execute' as const, statement: each })),
      fc.tuple(statement, statement, fc.constantFrom(...conditions)).map(([first, second, condition]) => ({
        kind: 'batch' as const,
        steps: [{ statement: first }, { condition, statement: second }],
      })),
      text.map((sql) => ({ kind: 'sequence' as const, sql })),
      text.map((sql) => ({ kind: 'describe' as const, sql })),
      fc.constant({ kind: 'autocommit' as const }),
    ),
    { maxLength: 4 },
  )
  .map((requests) => ({ requests }))
const id = text.filter((each) => each.length > 0 && utf8(each).length <= 128)
const sql: fc.Arbitrary<ProgramTransaction> = fc
  .record({
    id,
    expiresMs: millis,
    program,
    replay: maybe(fc.record({ timeMs: millis, seed: digest })),
  })
  .map((each) => tidy(each) as ProgramTransaction)
const memberId = digest as unknown as fc.Arbitrary<MemberId>
const address = fc.constantFrom('h:1', 'node-1.example:7400', '[2001:db8::1]:65535')
const action: fc.Arbitrary<GovernanceAction> = fc.oneof(
  fc.record({
    kind: fc.constant('propose' as const),
    change: fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        member: memberId,
        name: fc.stringMatching(/^[\w.-]{1,64}$/),
        address,
      }),
      fc.record({ kind: fc.constant('remove' as const), member: memberId }),
    ),
  }),
  fc.record({
    kind: fc.constant('propose' as const),
    change: fc.record({ kind: fc.constant('rekey' as const), member: memberId, successor: memberId }),
    consent: signature,
  }),
  fc.record({ kind: fc.constant('approve' as const), proposal: fc.nat(), change: digest }),
  fc.record({ kind: fc.constant('withdraw' as const), proposal: fc.nat() }),
  fc.record({ kind: fc.constant('address' as const), address }),
)
const order: fc.Arbitrary<GovernanceTransaction> = fc.record({
  id,
  expiresMs: millis,
  governance: fc.record({ ledger: digest, author: memberId, action, signature }),
})
const transaction: fc.Arbitrary<Transaction> = fc.oneof(sql, order)

const error: fc.Arbitrary<SqlError> = fc
  .record({ code: fc.stringMatching(/^[A-Z_]{1,20}$/), message: text, offset: maybe(fc.nat(1000)) })
  .map((each) => tidy(each) as SqlError)
const result: fc.Arbitrary<StatementResult> = fc
  .record({
    columns: fc.constant([{ name: 'a', decltype: 'TEXT' }, { name: 'b' }]),
    rows: fc.array(fc.tuple(value, value), { maxLength: 3 }),
    affectedRows: fc.nat(1000),
    lastInsertRowid: maybe(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })),
  })
  .map((each) => tidy(each) as StatementResult)
const reply: fc.Arbitrary<Reply> = fc.oneof(
  result.map((each) => ({ kind: 'result' as const, result: each })),
  error.map((each) => ({ kind: 'error' as const, error: each })),
  fc.tuple(result, error).map(([good, bad]) => ({
    kind: 'batch' as const,
    steps: [
      { kind: 'result' as const, result: good },
      { kind: 'error' as const, error: bad },
      { kind: 'skipped' as const },
    ],
  })),
  fc.constant({ kind: 'sequence' as const }),
  fc.constant({
    kind: 'description' as const,
    description: { parameters: [{ name: ':a' }, {}], columns: [{ name: 'x' }], isExplain: false, isReadonly: true },
  }),
  fc.boolean().map((autocommit) => ({ kind: 'autocommit' as const, autocommit })),
)
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('executed' as const), replies: fc.array(reply, { maxLength: 3 }), gas: fc.nat() }),
  fc.record({ kind: fc.constant('failed' as const), error, gas: fc.nat() }),
  fc.record({ kind: fc.constant('conflict' as const), statement: fc.nat(100), gas: fc.nat() }),
  fc.record({ kind: fc.constant('duplicate' as const), height, position: fc.nat(1000) }),
  fc.record({
    kind: fc.constant('refused' as const),
    code: fc.constantFrom('EXPIRED', 'ID_REUSED', 'MALFORMED', 'WRONG_LEDGER', 'NOT_A_MEMBER', 'BAD_SIGNATURE'),
    message: text,
  }),
)

const unsigned = fc.record({
  view,
  creator: seat,
  round,
  parents: fc.array(maybe(fc.record({ round, hash: digest })), { maxLength: 5 }),
  timestampMs: millis,
  payload: small,
})
const header: fc.Arbitrary<Header> = fc.record({
  era: fc.nat(10),
  height,
  view,
  previous: digest,
  lastReconfigure: fc.record({ height, hash: digest }),
  lastAssemble: fc.record({ height, hash: digest }),
  lastCheckpoint: fc.record({ height, hash: digest }),
  timeMs: millis,
  transactionsRoot: digest,
  resultsRoot: digest,
  stateRoot: digest,
  body: digest,
})
const join = fc.record({
  member: digest as unknown as fc.Arbitrary<MemberId>,
  view,
  key: digest as unknown as fc.Arbitrary<ConsensusKey>,
  signature,
})
const joins = fc.array(
  fc.tuple(join, maybe(digest)).map(([each, receiver]): SignedJoin => tidy({ ...each, receiver }) as SignedJoin),
  { maxLength: 2 },
)
const deal: fc.Arbitrary<SignedDeal> = fc.record({
  member: digest as unknown as fc.Arbitrary<MemberId>,
  view,
  next: view,
  message: small,
  signature,
})
const body: fc.Arbitrary<Body> = fc.oneof(
  fc.record({ kind: fc.constant('genesis' as const), genesis: small, joins }),
  fc.record({
    kind: fc.constant('executions' as const),
    heads: fc.array(
      fc.record({
        round,
        slot: fc.nat(100),
        hash: digest,
        units: fc.array(fc.record({ creator: seat, round, hash: digest, timestampMs: millis, payload: small }), {
          maxLength: 3,
        }),
      }),
      { maxLength: 2 },
    ),
  }),
  fc.constant({ kind: 'assemble' as const }),
  fc
    .tuple(
      view,
      fc.uniqueArray(digest as unknown as fc.Arbitrary<MemberId>, { minLength: 1, maxLength: 4 }),
      joins,
      maybe(small),
    )
    .map(([next, seats, all, coin]): Body => tidy({ kind: 'reconfigure', next, seats, joins: all, coin })),
)
const vote: fc.Arbitrary<Vote> = fc.record({ view, height, block: digest, seat, signature })
const certificate = fc.record({ signatures: fc.array(fc.record({ seat, signature }), { maxLength: 4 }) })
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('units' as const), units: fc.array(small, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('frontier' as const), view, rounds: fc.array(maybe(round), { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('vote' as const), vote }),
  fc.record({ kind: fc.constant('tip' as const), certified: maybe(height), voted: maybe(height) }),
  joins.filter(([first]) => first !== undefined).map(([first]) => ({ kind: 'join', join: first }) as Message),
  fc.record({ kind: fc.constant('deal' as const), deal }),
  fc.record({
    kind: fc.constant('coin' as const),
    view,
    round,
    share: maybe(fc.uint8Array({ minLength: COIN_SHARE_BYTES, maxLength: COIN_SHARE_BYTES })),
    wanted: fc.boolean(),
  }),
)
const evidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.record({ kind: fc.constant('fork' as const), first: small, second: small }),
  fc.record({ kind: fc.constant('wrong-vote' as const), vote, block: digest, certificate }),
)

interface Codec<T> {
  readonly arbitrary: fc.Arbitrary<T>
  readonly encode: (value: T) => Uint8Array
  readonly decode: (bytes: Uint8Array) => Result<T, DecodeError>
}

const codec = <T>(arbitrary: fc.Arbitrary<T>, encode: Codec<T>['encode'], decode: Codec<T>['decode']): Codec<unknown> =>
  ({ arbitrary, encode, decode }) as unknown as Codec<unknown>

const codecs: Readonly<Record<string, Codec<unknown>>> = {
  transaction: codec(transaction, encodeTransaction, decodeTransaction),
  outcome: codec(outcome, encodeOutcome, decodeOutcome),
  header: codec(header, encodeHeader, decodeHeader),
  body: codec(body, encodeBody, decodeBody),
  vote: codec(vote, encodeVote, decodeVote),
  certificate: codec(certificate, encodeCertificate, decodeCertificate),
  evidence: codec(evidence, encodeEvidence, decodeEvidence),
  'units ask': codec(
    fc.record({ kind: fc.constant('units' as const), view, hashes: fc.array(digest, { maxLength: 3 }) }),
    UNITS_ASK.encode,
    UNITS_ASK.decode,
  ),
  'units answer': codec(
    fc.record({ kind: fc.constant('units' as const), units: fc.array(small, { maxLength: 3 }) }),
    UNITS_ANSWER.encode,
    UNITS_ANSWER.decode,
  ),
  'blocks ask': codec(
    fc.record({ kind: fc.constant('blocks' as const), from: height, count: fc.nat(1000) }),
    BLOCKS_ASK.encode,
    BLOCKS_ASK.decode,
  ),
  'blocks answer': codec(
    fc.record({
      kind: fc.constant('blocks' as const),
      blocks: fc.array(fc.record({ header: small, body: small, certificate: small }), { maxLength: 2 }),
    }),
    BLOCKS_ANSWER.encode,
    BLOCKS_ANSWER.decode,
  ),
  'voted ask': codec(
    fc.record({ kind: fc.constant('voted' as const), question: fc.nat() }),
    VOTED_ASK.encode,
    VOTED_ASK.decode,
  ),
  'voted answer': codec(
    fc.record({ kind: fc.constant('voted' as const), question: fc.nat(), voted: maybe(height) }),
    VOTED_ANSWER.encode,
    VOTED_ANSWER.decode,
  ),
  stateAsk: codec<StateAsk>(
    fc.oneof(
      fc.record({ kind: fc.constant('pages' as const), height, runs }),
      fc.record({
        kind: fc.constant('hashes' as const),
        height,
        level: fc.nat(STATE_LIMITS.levelMax),
        run: fc.record({ from: fc.nat(), count: fc.integer({ min: 1, max: STATE_LIMITS.hashesMax }) }),
      }),
    ),
    STATE_ASK.encode,
    STATE_ASK.decode,
  ),
  stateAnswer: codec<StateAnswer>(
    fc.oneof(
      fc.record({ kind: fc.constant('pages' as const), pages: small, proof: small }),
      fc.record({ kind: fc.constant('hashes' as const), hashes: small, proof: small }),
      fc.record({
        kind: fc.constant('refused' as const),
        code: fc.constantFrom('GONE' as const, 'NOT_YET' as const, 'BUSY' as const, 'RANGE' as const),
        retryAfterMs: fc.nat(),
      }),
    ),
    STATE_ANSWER.encode,
    STATE_ANSWER.decode,
  ),
  forward: codec(fc.record({ transactions: fc.array(small, { maxLength: 3 }) }), FORWARD.encode, FORWARD.decode),
}

describe.each(Object.entries(codecs))('%s', (_name, { arbitrary, encode, decode }) => {
  test('reads back as itself, and no truncation of it reads at all', () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (each, cut) => {
        const bytes = encode(each)
        expect(decode(bytes)).toEqual({ ok: true, value: each })
        if (bytes.length > 0) expect(decode(bytes.subarray(0, cut % bytes.length)).ok).toBe(false)
      }),
    )
  })

  test('whatever reads is canonical: encoding it again gives the same bytes', () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), fc.nat(255), (each, at, byte) => {
        const bytes = encode(each).slice()
        if (bytes.length > 0) bytes[at % bytes.length] = byte
        const read = decode(bytes)
        if (read.ok) expect(encode(read.value)).toEqual(bytes)
      }),
    )
  })

  test('no bytes make it throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => typeof decode(bytes).ok === 'boolean'))
  })
})

describe('messages', () => {
  test('read back as themselves under their own code and no unknown one', () => {
    fc.assert(
      fc.property(message, (each) => {
        const bytes = encodeMessage(each)
        expect(decodeMessage(MESSAGE_CODES[each.kind], bytes)).toEqual({ ok: true, value: each })
        expect(decodeMessage(200, bytes).ok).toBe(false)
      }),
    )
  })

  test('no code and bytes make decoding throw', () => {
    fc.assert(
      fc.property(
        fc.nat(255),
        fc.uint8Array({ maxLength: 300 }),
        (code, bytes) => typeof decodeMessage(code, bytes).ok === 'boolean',
      ),
    )
  })
})

describe('units', () => {
  test('hash binds every field but the signature', () => {
    fc.assert(
      fc.property(unsigned, signature, (each, sign) => {
        const sealed = sealUnit(each, sign)
        const read = decodeUnit(sealed.bytes)
        expect(read).toMatchObject({ ok: true, value: { ...each, hash: sealed.hash } })
        const changes = [
          { ...each, round: ((each.round + 1) % 2 ** 32) as Round },
          { ...each, creator: ((each.creator + 1) % 128) as Seat },
          { ...each, timestampMs: (each.timestampMs + 1) as Millis },
          { ...each, payload: Uint8Array.of(...each.payload, 0) },
          { ...each, parents: [...each.parents, undefined] },
        ]
        for (const changed of changes) expect(unitHash(encodeUnsignedUnit(changed))).not.toBe(sealed.hash)
      }),
    )
  })

  test('no bytes make decoding throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof decodeUnit(bytes).ok === 'boolean'))
  })
})

test('payloads carry their items in order', () => {
  fc.assert(
    fc.property(
      fc.array(small, { maxLength: 5 }),
      joins,
      fc.array(deal, { maxLength: 2 }),
      (transactions, all, deals) => {
        const items = [
          ...transactions.map((bytes) => ({ kind: 'transaction' as const, bytes })),
          ...all.map((each) => ({ kind: 'join' as const, join: each })),
          ...deals.map((each) => ({ kind: 'deal' as const, deal: each })),
        ]
        expect(decodePayload(encodePayload(items.map(encodeItem)))).toEqual({ ok: true, value: items })
      },
    ),
  )
})

test('a program is itself under any id and expiry', () => {
  fc.assert(
    fc.property(sql, millis, (each, expiresMs) => {
      const renamed = { ...each, id: `${each.id}x`.slice(-5), expiresMs }
      expect(contentHash(renamed, encodeTransaction(renamed))).toBe(contentHash(each, encodeTransaction(each)))
    }),
  )
})

test('a batch condition may only name earlier steps, and nests so deep and no deeper', () => {
  const nested = (depth: number): Condition =>
    depth === 0 ? { kind: 'autocommit' } : { kind: 'not', condition: nested(depth - 1) }
  const withCondition = (condition: Condition): Transaction => ({
    id: 'x',
    expiresMs: 1 as Millis,
    program: {
      requests: [
        { kind: 'batch', steps: [{ condition, statement: { sql: '', args: [], namedArgs: [], wantRows: true } }] },
      ],
    },
  })
  expect(decodeTransaction(encodeTransaction(withCondition({ kind: 'ok', step: 0 }))).ok).toBe(false)
  expect(decodeTransaction(encodeTransaction(withCondition(nested(TRANSACTION_LIMITS.conditionDepthMax)))).ok).toBe(
    true,
  )
  expect(decodeTransaction(encodeTransaction(withCondition(nested(TRANSACTION_LIMITS.conditionDepthMax + 1)))).ok).toBe(
    false,
  )
})

test('genesis reads back without addresses, in one order of founders', () => {
  const founder = (name: string, digit: string): { name: string; id: MemberId; address: string } => ({
    name,
    id: digit.repeat(64) as MemberId,
    address: 'h:1',
  })
  const genesis = {
    version: 1 as const,
    name: 'x',
    founders: [founder('b', '2'), founder('a', '1')],
    sql: ['SELECT 1'],
  }
  const moved = { ...genesis, founders: [founder('a', '1'), { ...founder('b', '2'), address: 'elsewhere:2' }] }
  expect(encodeGenesis(moved)).toEqual(encodeGenesis(genesis))
  expect(decodeGenesis(encodeGenesis(genesis))).toEqual({
    ok: true,
    value: {
      name: 'x',
      founders: [
        { name: 'a', id: '1'.repeat(64) },
        { name: 'b', id: '2'.repeat(64) },
      ],
      sql: ['SELECT 1'],
      seats: 2,
      viewBlocks: 4096,
    },
  })
  expect(bodyHash(Uint8Array.of(1))).not.toBe(bodyHash(Uint8Array.of(2)))
})

test('pages are asked for in one form, and never more than an answer holds', () => {
  const reads = (runsAsked: readonly { from: number; count: number }[]): boolean =>
    STATE_ASK.decode(STATE_ASK.encode({ kind: 'pages', height: 1 as Height, runs: runsAsked })).ok
  const { pagesMax, hashesMax, levelMax } = STATE_LIMITS
  expect(reads([{ from: 5, count: pagesMax }])).toBe(true)
  expect(reads([{ from: 5, count: pagesMax + 1 }])).toBe(false)
  expect(reads(Array.from({ length: pagesMax }, (_, i) => ({ from: 2 * i, count: 1 })))).toBe(true)
  expect(reads(Array.from({ length: pagesMax + 1 }, (_, i) => ({ from: 2 * i, count: 1 })))).toBe(false)
  expect(reads([])).toBe(false)
  expect(reads([{ from: 5, count: 0 }])).toBe(false)
  expect(
    reads([
      { from: 5, count: 1 },
      { from: 6, count: 1 },
    ]),
  ).toBe(false)
  expect(
    reads([
      { from: 5, count: 1 },
      { from: 3, count: 1 },
    ]),
  ).toBe(false)
  const hashes = (level: number, count: number): boolean =>
    STATE_ASK.decode(STATE_ASK.encode({ kind: 'hashes', height: 1 as Height, level, run: { from: 0, count } })).ok
  expect([hashes(levelMax, hashesMax), hashes(levelMax + 1, 1), hashes(0, hashesMax + 1), hashes(0, 0)]).toEqual([
    true,
    false,
    false,
    false,
  ])
  const answer = (bytes: number, proof: number): boolean =>
    STATE_ANSWER.decode(
      STATE_ANSWER.encode({ kind: 'pages', pages: new Uint8Array(bytes), proof: new Uint8Array(proof) }),
    ).ok
  const { pagesBytesMax, proofBytesMax } = STATE_LIMITS
  expect([answer(pagesBytesMax, proofBytesMax), answer(pagesBytesMax + 1, 0), answer(0, proofBytesMax + 1)]).toEqual([
    true,
    false,
    false,
  ])
})
