// A whole committee of cores in one thread, on virtual time, driven by one seed: messages delayed, lost, duplicated, reordered;
// members that crash and restart with what the durability contract says is on their disk, and nothing else.

import { assert, must } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import type {
  AdmittedUnit,
  Answer,
  Ask,
  Body,
  Committee,
  ConsensusKey,
  Deal,
  Digest,
  Genesis,
  Header,
  LedgerMember,
  MemberId,
  Message,
  ViewId,
  Vote,
} from '@quorate/types'
import {
  blockHash,
  committeeAfter,
  dealSignedBytes,
  decodeBody,
  encodeMessage,
  encodeUnsignedUnit,
  genesisView,
  height as heightOf,
  hashOf,
  identityKey,
  joinSignedBytes,
  ledgerId,
  merkleRoot,
  MESSAGE_CODES,
  millis,
  outcomeHash,
  sealUnit,
  transactionHash,
  transactionsOf,
  unitHash,
  unitSignedBytes,
  voteSignedBytes,
  encodeCertificate,
} from '@quorate/types'
import type { Certificate, CertifiedBlock } from '@quorate/types'
import type { Check } from '../admission.ts'
import { prepare, prepareAnswer } from '../admission.ts'
import type { CoinScheme } from '../coin-scheme.ts'
import type { ChoamEffect } from '../effect.ts'
import { Choam } from '../handler.ts'
import type { ChoamInput, StoredBlock } from '../input.ts'
import type { Fault } from '../status.ts'
import { SimulatedCoins } from './simulated-coins.ts'

/** Uniform numbers in [0, 1) from a seed: the same on every machine. */
export function seeded(seed: number): () => number {
  let state = (seed ^ 0x9e37_79b9) >>> 0
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A signature nobody can make without the key, as far as the test goes: cheap, and wrong ones really fail. */
function fakeSign(key: ConsensusKey | MemberId, message: Uint8Array): Uint8Array {
  const half = Uint8Array.from(Buffer.from(hashOf('coin', Buffer.from(key, 'hex'), message), 'hex'))
  return Uint8Array.of(...half, ...half)
}

/** What a member's view keys stand for on its disk. */
interface KeptKey {
  readonly key: ConsensusKey
  readonly secret: Uint8Array
  share: Uint8Array | undefined
}

interface Disk {
  readonly units: Map<Digest, AdmittedUnit>
  readonly blocks: Map<number, { headerBytes: Uint8Array; bodyBytes: Uint8Array; certificate: Certificate | undefined }>
  readonly votes: Map<number, Vote>
  readonly faults: Fault[]
  /** Keys made for views, by the view they were made in. */
  readonly keys: Map<ViewId, KeptKey>
}

/** Changes what a member sends: how it lies. */
export type Lie = (
  effect: ChoamEffect & { kind: 'send' },
  sign: (message: Uint8Array) => Uint8Array,
) => readonly (ChoamEffect & { kind: 'send' })[]

/** How messages travel. */
export interface Weather {
  readonly delayMs: readonly [number, number]
  readonly loss: number
  readonly duplicate: number
}

export const FAIR: Weather = { delayMs: [1, 5], loss: 0, duplicate: 0 }

/** One member with its disk. */
export class Member {
  readonly id: MemberId
  readonly disk: Disk = {
    units: new Map(),
    blocks: new Map(),
    votes: new Map(),
    faults: [],
    keys: new Map<ViewId, KeptKey>(),
  }
  core: Choam
  isUp = true
  /** Changes with every crash: what was under way before is lost. */
  life = 0
  lie: Lie | undefined
  /** How it lies in a dealing. */
  dealLie: ((deal: Deal) => Deal) | undefined
  readonly headers = new Map<number, Header>()
  readonly bodies = new Map<number, Body>()
  readonly certified = new Map<number, { readonly hash: Digest; readonly certificate: Certificate }>()
  readonly readable: { readonly request: number; readonly height: number }[] = []
  diverged: (ChoamEffect & { kind: 'diverged' }) | undefined
  state: Digest = hashOf('state')
  executed = -1

  constructor(id: MemberId, core: Choam) {
    this.id = id
    this.core = core
  }
}

/** What a member's host answers, from its core and its disk. */
function answerOf(member: Member, ask: Ask): Answer {
  if (ask.kind === 'units') return { kind: 'units', units: member.core.unitsFor(ask) }
  if (ask.kind === 'voted') return { kind: 'voted', question: ask.question, voted: member.core.votedHeight }
  const blocks: CertifiedBlock[] = []
  for (let at: number = ask.from; at < ask.from + ask.count; at += 1) {
    const block = member.disk.blocks.get(at)
    if (block?.certificate === undefined) break
    const { headerBytes, bodyBytes, certificate } = block
    blocks.push({ header: headerBytes, body: bodyBytes, certificate: encodeCertificate(certificate) })
  }
  return { kind: 'blocks', blocks }
}

/** The key of a member for the view after `view`: another in every view. */
function viewKey(member: MemberId, view: ViewId): KeptKey {
  const parts = [Buffer.from(member, 'hex'), Buffer.from(view, 'hex')]
  const secret = Uint8Array.from(Buffer.from(hashOf('coin', ...parts), 'hex'))
  return { key: hashOf('join', ...parts) as string as ConsensusKey, secret, share: undefined }
}

/** Whom a transaction puts out: `leave 3`. */
function leaverIn(bytes: Uint8Array): number | undefined {
  const number = /^leave (\d+)$/.exec(Buffer.from(bytes).toString())?.[1]
  return number === undefined ? undefined : Number(number)
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class TestCluster {
  readonly genesis: Genesis
  readonly members: readonly Member[]
  readonly random: () => number
  readonly coins: CoinScheme
  weather: Weather = FAIR
  /** Whether `to` hears `from` now. */
  reaches: (from: Member, to: Member) => boolean = () => true
  nowMs = 0
  #events: Event[] = []
  #order = 0

  constructor(
    size: number,
    seed: number,
    rules: Pick<Genesis, 'seats' | 'viewBlocks'> = {},
    coins: CoinScheme = new SimulatedCoins(),
  ) {
    this.coins = coins
    this.random = seeded(seed)
    const ids = Array.from({ length: size }, (_, i) => hashOf('join', Uint8Array.of(i)) as string as MemberId)
    this.genesis = {
      version: 1,
      name: 'test',
      founders: ids.map((id, i) => ({ id, name: `m${i}`, address: 'h:1' })),
      sql: [],
      ...rules,
    }
    this.members = ids.map((id) => new Member(id, this.#newCore(id)))
  }

  #newCore(id: MemberId): Choam {
    const join = { member: id, view: genesisView(ledgerId(this.genesis)), key: identityKey(id) }
    return new Choam({
      genesis: this.genesis,
      me: id,
      era: 1,
      join: { ...join, signature: new Uint8Array(64) },
      coins: this.coins,
    })
  }

  member(index: number): Member {
    return must(this.members[index], `member ${index}`)
  }

  start(indexes: Iterable<number> = this.members.keys()): void {
    for (const index of indexes) {
      const member = this.member(index)
      this.input(member, {
        kind: 'start',
        restored: { blocks: [], units: [], votes: [], faults: [], keys: [], shares: [], members: undefined },
      })
      this.#greet(member)
    }
  }

  /** Ends the process: everything not on disk is gone. */
  crash(index: number): void {
    const member = this.member(index)
    member.isUp = false
    member.life += 1
  }

  restart(index: number): void {
    const member = this.member(index)
    member.isUp = true
    member.core = this.#newCore(member.id)
    const { disk } = member
    const blocks = this.#storedBlocks(disk)
    const certified = Math.max(
      -1,
      ...[...disk.blocks].filter(([, block]) => block.certificate !== undefined).map(([at]) => at),
    )
    // The database follows the ledger: what was executed and not stored is taken back.
    member.executed = Math.max(-1, ...disk.blocks.keys())
    member.state = this.#stateAt(member, member.executed)
    const votes = [...disk.votes.values()].filter((vote) => vote.height > certified)
    this.input(member, {
      kind: 'start',
      restored: {
        blocks,
        units: [...disk.units.values()],
        votes,
        faults: disk.faults,
        keys: [...disk.keys.values()].map(({ key }) => key),
        shares: [...disk.keys.values()].flatMap(({ key, share }) => (share === undefined ? [] : [{ key, share }])),
        members: member.executed < 0 ? undefined : this.#membersAfter(member, member.executed),
      },
    })
    this.#greet(member)
  }

  /** The block that seats the newest view, and those of the view itself. */
  #storedBlocks(disk: Disk): readonly StoredBlock[] {
    const all = [...disk.blocks].sort(([a], [b]) => a - b).map(([, block]) => block)
    const seats = all.findLastIndex(({ bodyBytes, certificate }) => {
      const body = decodeBody(bodyBytes)
      return (
        body.ok && (body.value.kind === 'genesis' || body.value.kind === 'reconfigure') && certificate !== undefined
      )
    })
    return all.slice(Math.max(0, seats))
  }

  #greet(member: Member): void {
    for (const other of this.members) {
      if (other === member || !other.isUp) continue
      this.input(member, { kind: 'peer', member: other.id, up: true })
      this.input(other, { kind: 'peer', member: member.id, up: true })
    }
  }

  submit(index: number, ...texts: readonly string[]): void {
    const transactions = texts.map((text) => Uint8Array.from(Buffer.from(text)))
    this.input(this.member(index), { kind: 'submit', transactions })
  }

  /** Runs virtual time forward until `isDone`, or fails after `limitMs`. */
  run(limitMs: number, isDone: () => boolean): void {
    const end = this.nowMs + limitMs
    while (!isDone()) {
      const next = this.#next()
      if (next === undefined || next.atMs > end) throw new Error(`not within ${limitMs} virtual ms`)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
  }

  /** Runs virtual time forward by `ms`. */
  pass(ms: number): void {
    const end = this.nowMs + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    this.nowMs = end
  }

  /** The transactions that stand in `member`'s certified blocks, in order. */
  ledger(index: number): string[] {
    const { disk, certified } = this.member(index)
    const texts: string[] = []
    for (const [at, { bodyBytes }] of [...disk.blocks].sort(([a], [b]) => a - b)) {
      const body = decodeBody(bodyBytes)
      if (body.ok && certified.has(at))
        texts.push(...transactionsOf(body.value).map((bytes) => Buffer.from(bytes).toString()))
    }
    return texts
  }

  input(member: Member, input: ChoamInput): void {
    if (!member.isUp) return
    const now = { monotonicMs: millis(this.nowMs), wallMs: millis(1_700_000_000_000 + Math.floor(this.nowMs)) }
    for (const effect of member.core.handle(input, now)) this.#apply(member, effect)
  }

  #next(end = Infinity): Event | undefined {
    const wake = this.members
      .filter((member) => member.isUp)
      .map((member) => ({ member, at: member.core.wakeAt() ?? Infinity }))
    const soonest = wake.reduce((a, b) => (b.at < a.at ? b : a), { member: this.member(0), at: Infinity as number })
    this.#events.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
    const event = this.#events[0]
    if (event !== undefined && event.atMs <= soonest.at) {
      if (event.atMs > end) return undefined
      this.#events.shift()
      return event
    }
    if (soonest.at > end || soonest.at === Infinity) return undefined
    return { atMs: soonest.at, order: 0, run: () => this.input(soonest.member, { kind: 'tick' }) }
  }

  /** Something that takes time and is lost if the member crashes meanwhile. */
  #later(member: Member, delayMs: number, run: () => void): void {
    const { life } = member
    this.#order += 1
    this.#events.push({ atMs: this.nowMs + delayMs, order: this.#order, run: () => member.life === life && run() })
  }

  #apply(member: Member, effect: ChoamEffect): void {
    switch (effect.kind) {
      case 'send': {
        const sends =
          member.lie === undefined ? [effect] : member.lie(effect, (message) => fakeSign(member.id, message))
        for (const send of sends) for (const to of send.to) this.#send(member, to, send.message)
        return
      }
      case 'create': {
        const signature = fakeSign(effect.key, unitSignedBytes(unitHash(encodeUnsignedUnit(effect.unit))))
        const unit = sealUnit(effect.unit, signature)
        this.#later(member, 1, () => {
          for (const each of [...effect.alongside, unit]) member.disk.units.set(each.hash, each)
          this.input(member, { kind: 'created', unit })
        })
        return
      }
      case 'execute':
        this.#later(member, 1, () => this.#execute(member, effect))
        return
      case 'keep':
        this.#keep(member, effect)
        return
      case 'join': {
        const kept = member.disk.keys.get(effect.view) ?? viewKey(member.id, effect.view)
        this.#later(member, 1, () => {
          member.disk.keys.set(effect.view, kept)
          const { key, secret } = kept
          const join = { member: member.id, view: effect.view, key, receiver: this.coins.receiver(secret) }
          const signature = fakeSign(member.id, joinSignedBytes(join))
          this.input(member, { kind: 'joined', join: { ...join, signature }, secret })
        })
        return
      }
      case 'deal': {
        const { deal } = member.dealLie === undefined ? effect : { deal: member.dealLie(effect.deal) }
        const signature = fakeSign(member.id, dealSignedBytes(deal))
        this.#later(member, 1, () => this.input(member, { kind: 'dealt', deal: { ...deal, signature } }))
        return
      }
      case 'share':
        for (const kept of member.disk.keys.values()) if (kept.key === effect.key) kept.share = effect.share
        return
      case 'unplaced':
        this.#place(member, effect.transactions)
        return
      case 'certified': {
        const { header, hash, certificate } = effect
        member.certified.set(header.height, { hash, certificate })
        const block = must(member.disk.blocks.get(header.height), 'a certified block is on disk')
        block.certificate = certificate
        return
      }
      case 'ask':
        for (const to of effect.to) this.#ask(member, this.#known(to), effect.ask)
        return
      case 'evidence':
        member.disk.faults.push({ member: effect.member, kind: effect.evidence.kind, at: 0 })
        return
      case 'readable':
        member.readable.push(effect)
        return
      case 'diverged':
        member.diverged = effect
        return
      case 'prune':
      case 'seated':
      case 'trace':
    }
  }

  #execute(member: Member, { height, bodyBytes, seed }: ChoamEffect & { kind: 'execute' }): void {
    assert(height === member.executed + 1, `executing ${height} after ${member.executed}`)
    const body = this.#bodyOf(bodyBytes)
    const transactions = transactionsOf(body)
    member.executed = height
    member.bodies.set(height, body)
    member.state = hashOf('state', Buffer.from(member.state, 'hex'), Buffer.from(seed, 'hex'), ...transactions)
    const members = this.#membersAfter(member, height)
    const isTold = body.kind !== 'executions' || transactions.some((bytes) => leaverIn(bytes) !== undefined)
    const executed = {
      height,
      ...(isTold ? { members } : {}),
      transactionsRoot: merkleRoot(transactions.map(transactionHash)),
      resultsRoot: merkleRoot(transactions.map(outcomeHash)),
      stateRoot: member.state,
    }
    this.input(member, { kind: 'executed', executed })
  }

  #bodyOf(bodyBytes: Uint8Array): Body {
    const body = decodeBody(bodyBytes)
    assert(body.ok, 'a body decodes')
    return body.value
  }

  /** The founders, but those whom a transaction `leave N` put out: they are gone once a view begins that was assembled since. */
  #membersAfter(member: Member, height: number): readonly LedgerMember[] {
    const leaving = new Map<number, number>()
    const gone = new Set<number>()
    let assembled = -1
    for (let at = 0; at <= height; at += 1) {
      const body = must(member.bodies.get(at), 'an executed block')
      if (body.kind === 'assemble') assembled = at
      if (body.kind === 'reconfigure') for (const [who, since] of leaving) if (since <= assembled) gone.add(who)
      for (const bytes of transactionsOf(body)) {
        const who = leaverIn(bytes)
        if (who !== undefined) leaving.set(who, leaving.get(who) ?? at)
      }
    }
    return this.genesis.founders.flatMap(({ id, name }, i) => {
      const since = heightOf(leaving.get(i) ?? 0)
      return gone.has(i) ? [] : [{ id, name, address: undefined, status: leaving.has(i) ? 'leaving' : 'active', since }]
    })
  }

  #stateAt(member: Member, height: number): Digest {
    return height < 0 ? hashOf('state') : must(member.headers.get(height), 'a stored block has a header').stateRoot
  }

  /** Hands transactions to a member that can order them, sooner or later. */
  #place(member: Member, transactions: readonly Uint8Array[]): void {
    this.#later(member, 20, () => {
      const able = this.members.find((other) => other.isUp && other.core.status().phase === 'operational')
      if (able === undefined) this.#place(member, transactions)
      else this.input(able, { kind: 'submit', transactions })
    })
  }

  #keep(member: Member, { header, headerBytes, bodyBytes, hash, seat }: ChoamEffect & { kind: 'keep' }): void {
    const { view, height } = header
    const placed = { view, height, block: hash }
    const vote: Vote | undefined =
      seat === undefined
        ? undefined
        : { ...placed, seat: seat.index, signature: fakeSign(seat.key, voteSignedBytes(placed)) }
    this.#later(member, 1, () => {
      member.headers.set(height, header)
      if (vote !== undefined) {
        const before = member.disk.votes.get(height)
        assert(before === undefined || before.block === vote.block, `two votes at height ${height}`)
        member.disk.votes.set(height, vote)
      }
      member.disk.blocks.set(header.height, {
        headerBytes,
        bodyBytes,
        certificate: member.disk.blocks.get(header.height)?.certificate,
      })
      this.input(member, { kind: 'kept', height, vote })
    })
  }

  #known(id: MemberId): Member {
    return must(
      this.members.find((member) => member.id === id),
      'a known member',
    )
  }

  #send(from: Member, toId: MemberId, message: Message): void {
    const to = this.#known(toId)
    const body = encodeMessage(message)
    this.#travel(from, to, () => this.#deliver(from, to, MESSAGE_CODES[message.kind], body))
  }

  #ask(from: Member, to: Member, ask: Ask): void {
    const { life } = from
    this.#travel(from, to, () => {
      if (!to.isUp) return
      const answer = answerOf(to, ask)
      // A session ends with the process that opened it.
      this.#travel(to, from, () => from.life === life && this.#answered(to, from, answer))
    })
  }

  #answered(from: Member, to: Member, answer: Answer): void {
    const prepared = prepareAnswer(answer, (view) => to.core.committeeOf(view))
    if (!prepared.ok) return
    const admitted = prepared.value.finish(this.#verdicts(prepared.value.checks))
    if (admitted.ok) this.input(to, { kind: 'answer', from: from.id, answer: admitted.value })
  }

  #travel(from: Member, to: Member, arrive: () => void): void {
    if (!this.reaches(from, to) || this.random() < this.weather.loss) return
    const copies = this.random() < this.weather.duplicate ? 2 : 1
    const [least, most] = this.weather.delayMs
    for (let copy = 0; copy < copies; copy += 1) {
      this.#order += 1
      const atMs = this.nowMs + least + this.random() * (most - least)
      this.#events.push({
        atMs,
        order: this.#order,
        run: arrive,
      })
    }
  }

  #deliver(from: Member, to: Member, code: number, body: Uint8Array): void {
    if (!to.isUp) return
    const prepared = prepare(code, body, (view) => to.core.committeeOf(view))
    if (!prepared.ok) return
    const message = prepared.value.finish(this.#verdicts(prepared.value.checks))
    if (message.ok) this.input(to, { kind: 'message', from: from.id, message: message.value })
  }

  #verdicts(checks: readonly Check[]): readonly boolean[] {
    return checks.map(({ key, message, signature }) => this.#isSigned(key, message, signature))
  }

  /** Joins carry no signature here; everything else does. */
  #isSigned(key: string, message: Uint8Array, signature: Uint8Array): boolean {
    if (signature.every((byte) => byte === 0)) return true
    return Buffer.compare(fakeSign(key as MemberId, message), signature) === 0
  }

  /** All honest members' headers agree where they overlap, and every certificate is of distinct seats of its committee. */
  check(honest: Iterable<number> = this.members.keys()): void {
    const seen = new Map<number, Digest>()
    for (const index of honest) {
      const member = this.member(index)
      assert(member.diverged === undefined, `member ${index} diverged`)
      for (const [height, { hash, certificate }] of member.certified) {
        assert((seen.get(height) ?? hash) === hash, `two blocks certified at height ${height}`)
        seen.set(height, hash)
        const seats = certificate.signatures.map((each) => each.seat)
        const committee = this.#committeeAt(member, height)
        assert(new Set(seats).size >= committee.quorum, `height ${height} is certified by ${seats.join()}`)
      }
    }
  }

  /** The committee that certifies `height`, from the blocks on the member's disk. */
  #committeeAt(member: Member, height: number): Committee {
    const { view } = must(member.headers.get(height), 'a header')
    for (let at = height - 1; at >= 0; at -= 1) {
      const block = member.disk.blocks.get(at)
      const body = block === undefined ? undefined : decodeBody(block.bodyBytes)
      if (block === undefined || body?.ok !== true) continue
      if (body.value.kind === 'reconfigure') return committeeAfter(body.value)
      if (body.value.kind === 'genesis')
        return seatCommittee(this.genesis, blockHash(block.headerBytes), body.value.joins)
    }
    return must(member.core.committeeOf(view), 'the founders')
  }
}
