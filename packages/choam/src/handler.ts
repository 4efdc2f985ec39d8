// Committee maintenance of state machine replication, as one deterministic machine: inputs in, effects out.
//
// The path of a transaction: `submit` -> the view's ordering -> a head -> the cutter's block -> `execute` -> header, `keep` with our
// vote -> votes of a quorum -> `certified`. The path of a founder: its join, ordered in the genesis view, becomes part of block 0,
// whose certificate seats the committee. The path of a view: an assemble block -> joins of those it seats -> they deal the key of
// their coin -> a reconfigure block, whose certificate seats them. The path of one who missed blocks, or holds no seat: peers' tips ->
// `ask` for blocks -> certified blocks, executed and compared.

import type { AlephEffect } from '@quorate/aleph'
import { assert, BoundedQueue } from '@quorate/kernel'
import { committeeSeatedBy, committeeToCome } from '@quorate/membership'
import type {
  AdmittedUnit,
  Ask,
  Committee,
  Digest,
  Height,
  LedgerMember,
  MemberId,
  Message,
  Millis,
  OrderedHead,
  Seat,
  UnitsAsk,
  ViewId,
  Vote,
} from '@quorate/types'
import {
  encodeItem,
  foundersCommittee,
  ledgerId,
  membersDecidedBy,
  millis,
  seatsOf,
  viewBlocksOf,
} from '@quorate/types'
import type { ChoamConfig } from './config.ts'
import { CatchUp } from './catch-up.ts'
import { Certification } from './certification.ts'
import type { Coin, CoinTurn } from './coin.ts'
import { coinOf } from './coin.ts'
import type { OwnSeat } from './committees.ts'
import { Committees } from './committees.ts'
import type { ChoamEffect } from './effect.ts'
import { Faults } from './faults.ts'
import { Founding } from './founding.ts'
import type { AdmittedAnswer, AdmittedBlock, AdmittedMessage, ChoamInput, Now, Restored } from './input.ts'
import type { LifeEvent, Phase } from './life.ts'
import { live } from './life.ts'
import type { ChoamLimits } from './limits.ts'
import { CHOAM_LIMITS } from './limits.ts'
import type { Ordering } from './ordering.ts'
import { headOf, itemsFor, itemsOf, transactionsAmong } from './ordering.ts'
import type { Final, SeatingBody } from './pipeline.ts'
import { Pipeline } from './pipeline.ts'
import { ReadIndex } from './read-index.ts'
import { Repair } from './repair.ts'
import { RISTRETTO_COINS } from './ristretto-coins.ts'
import { readStored } from './restoring.ts'
import type { ChoamStatus } from './status.ts'
import { foundersOf, heightsOf } from './status.ts'
import { statusOf } from './status-of.ts'
import type { Standing, SuccessionTurn } from './succession.ts'
import { Succession } from './succession.ts'
import type { Cut } from './view.ts'
import { View } from './view.ts'

export class Choam {
  readonly #config: ChoamConfig
  readonly #limits: ChoamLimits
  readonly #founders: Committee
  readonly #committees: Committees
  /** Everybody, as the newest executed block has it. */
  #members: readonly LedgerMember[]
  #peers: readonly MemberId[] = []
  readonly #pipeline: Pipeline
  readonly #chain: Certification
  readonly #repair: Repair
  readonly #catchUp: CatchUp
  readonly #reads: ReadIndex
  readonly #founding: Founding
  readonly #succession: Succession
  readonly #faults: Faults
  readonly #backlog: BoundedQueue<Uint8Array>
  #view: View
  #phase: Phase = 'initial'
  #isHeld = false
  /** The block that seated the view was fetched, not made here: an earlier life of ours, whose disk is gone, may have spoken in it. */
  #isNewcomer = false
  #tipAtMs = 0
  #effects: ChoamEffect[] = []
  #now: Now = { monotonicMs: millis(0), wallMs: millis(0) }

  constructor(config: ChoamConfig) {
    const limits = config.limits ?? CHOAM_LIMITS
    this.#config = config
    this.#limits = limits
    this.#founders = foundersCommittee(config.genesis)
    this.#committees = new Committees(config.me, this.#founders)
    this.#members = foundersOf(config.genesis)
    this.#know(this.#members)
    this.#pipeline = new Pipeline(ledgerId(config.genesis), config.era, limits)
    this.#repair = new Repair(limits)
    this.#reads = new ReadIndex(limits.readMs)
    this.#founding = new Founding(config.genesis, this.#founders)
    this.#succession = new Succession(config.join, this.#committees, limits.joinMs)
    this.#faults = new Faults(config.me)
    this.#chain = new Certification(this.#pipeline, this.#faults, (view) => this.committeeOf(view), limits)
    this.#view = this.#newView(this.#founders, -1, undefined)
    this.#catchUp = new CatchUp(this.#pipeline, this.#chain, this.#repair)
    this.#backlog = new BoundedQueue(
      { countMax: limits.backlogItemsMax, weightMax: limits.backlogBytesMax },
      (item) => item.length,
    )
  }

  get #ordering(): Ordering | undefined {
    return this.#view.ordering
  }

  get #committee(): Committee {
    return this.#view.committee
  }

  /** What `submit` has place for. Above it, the host answers its clients OVERLOADED. */
  get room(): { readonly items: number; readonly bytes: number } {
    if (this.#ordering !== undefined && this.#phase === 'operational') return this.#ordering.room
    const { backlogItemsMax, backlogBytesMax } = this.#limits
    return { items: backlogItemsMax - this.#backlog.size, bytes: backlogBytesMax - this.#backlog.weight }
  }

  /** The committee of a view that messages may speak of, or undefined. */
  committeeOf(view: ViewId): Committee | undefined {
    return this.#committees.of(view)
  }

  /** Our seat in a view; undefined where we hold none, or lost its key. */
  seatIn(view: ViewId): OwnSeat | undefined {
    return this.#committees.seatIn(view)
  }

  /** The answer to a peer that asks for units: those that are known here, as many as one answer may hold. */
  unitsFor({ view, hashes }: UnitsAsk): readonly Uint8Array[] {
    return this.#ordering?.committee.view === view ? this.#ordering.unitsOf(hashes) : []
  }

  /** The answer to a peer that asks how far this replica has voted; undefined before genesis. */
  get votedHeight(): Height | undefined {
    return heightsOf(this.#pipeline).voted
  }

  status(): ChoamStatus {
    return statusOf({
      phase: this.#phase,
      me: this.#config.me,
      view: this.#view,
      seat: this.seatIn(this.#committee.view)?.index,
      pipeline: this.#pipeline,
      tip: this.#chain.tip,
      members: this.#members,
      tipOf: (member) => this.#repair.tipOf(member),
      faults: this.#faults.all,
    })
  }

  /** When to feed `tick`, if nothing else happens before. */
  wakeAt(): Millis | undefined {
    if (this.#phase === 'failed' || this.#phase === 'initial') return undefined
    const { certified, ordered } = this.#pipeline
    const times = [
      this.#ordering?.wakeAt(),
      this.#repair.dueMs(certified, ordered, this.#phase === 'following'),
      this.#reads.wakeAt(),
      this.#succession.wakeAt(),
      this.#ordering === undefined ? undefined : this.#view.coin?.wakeAt(),
    ]
    return millis(times.reduce((a: number, b) => Math.min(a, b ?? a), this.#tipAtMs + this.#limits.tipMs))
  }

  /** Takes one input and returns what the host must do, in order. */
  handle(input: ChoamInput, now: Now): ChoamEffect[] {
    this.#now = now
    this.#effects = []
    if (this.#phase === 'failed') return this.#effects
    this.#take(input)
    this.#settle()
    return this.#effects
  }

  #take(input: ChoamInput): void {
    switch (input.kind) {
      case 'start':
        return this.#start(input.restored)
      case 'submit':
        return this.#submit(input.transactions)
      case 'message':
        return this.#message(input.from, input.message)
      case 'answer':
        return this.#answer(input.from, input.answer)
      case 'peer':
        return this.#peer(input.member, input.up)
      case 'created':
        return this.#order({ kind: 'created', unit: input.unit }, input.unit.view)
      case 'executed':
        return this.#executed(input.executed)
      case 'kept':
        return this.#kept(input.height, input.vote)
      case 'joined':
        if (input.join.view === this.#committee.view) this.#succession.joined(input.join, input.secret)
        return
      case 'dealt':
        return this.#succeed(this.#succession.signed(input.deal, this.#standing))
      case 'read':
        return this.#reads.ask(input.request)
      case 'tick':
        return this.#order({ kind: 'tick' })
    }
  }

  /** What follows from the state, whatever the input was. */
  #settle(): void {
    const { monotonicMs } = this.#now
    this.#certify()
    if (this.#effects.some((effect) => effect.kind === 'diverged')) return this.#live('diverged')
    this.#followPeers()
    this.#hold()
    this.#succeed(this.#succession.due(this.#standing))
    this.#coinTurns((coin, ordering) => coin.due(ordering, monotonicMs))
    const own = { member: this.#config.me, voted: this.#pipeline.voted }
    const question = this.#reads.due(monotonicMs, this.seatIn(this.#committee.view) === undefined ? undefined : own)
    if (question !== undefined) this.#ask(this.#seatedPeers(), { kind: 'voted', question })
    this.#effects.push(...this.#reads.readable(this.#pipeline.certified, this.#committee.quorum))
    if (monotonicMs >= this.#tipAtMs + this.#limits.tipMs) {
      this.#tipAtMs = monotonicMs
      this.#tellTip(this.#peers)
    }
    this.#effects.push(...this.#pipeline.executions())
  }

  // ---- beginning

  #start(restored: Restored): void {
    this.#committees.restore(restored.keys, restored.shares)
    this.#faults.restore(restored.faults)
    if (restored.members !== undefined) this.#know(restored.members)
    this.#restoreBlocks(restored)
    this.#repair.progressed(this.#now.monotonicMs)
    if (this.#committee !== this.#founders) this.#beginView()
    else this.#live('found')
    if (this.seatIn(this.#committee.view) === undefined) return
    // After a restart the disk may lack what was said: it may be an older one, or have lost its end.
    this.#append(this.#view.enter(this.#config.me, restored.blocks.length > 0))
    const units = restored.units.filter((unit) => unit.view === this.#committee.view)
    const own = units.filter((unit) => unit.creator === this.#ordering?.seat).sort((a, b) => b.round - a.round)[0]
    if (units.length > 0) this.#order({ kind: 'restored', units, own })
    this.#askForTurn()
  }

  #restoreBlocks({ blocks, votes }: Restored): void {
    for (const block of blocks.map(readStored)) {
      const { header, hash, body } = block
      this.#pipeline.restore(block)
      const isFinal = header.height <= this.#pipeline.certified
      this.#chain.restore(block)
      if (isFinal && (body.kind === 'genesis' || body.kind === 'reconfigure')) this.#seat(body, hash, header.height)
      else this.#view.block(header.height, body)
      if (body.kind === 'assemble') this.#seatNext(header.height, hash)
    }
    for (const vote of votes) {
      this.#pipeline.restoreVote(vote)
      this.#effects.push(...this.#chain.vote(vote, this.#committee))
    }
  }

  #newView(committee: Committee, began: number, group: Uint8Array | undefined): View {
    const own = { seat: committee.seatOf(this.#config.me), share: this.#committees.shareIn(committee) }
    const coins = this.#config.coins ?? RISTRETTO_COINS
    const coin = coinOf(coins, committee, group, own)
    const blocksMax = viewBlocksOf(this.#config.genesis)
    return new View({ committee, began, blocksMax, coin, coins, limits: this.#limits })
  }

  /** A block seats a committee for good. */
  #seat(body: SeatingBody, hash: Digest, at: Height): void {
    const committee = committeeSeatedBy(this.#config.genesis, hash, body)
    this.#committees.seated(committee)
    this.#view = this.#newView(committee, at, body.kind === 'reconfigure' ? body.coin : undefined)
  }

  // ---- ordering

  #submit(transactions: readonly Uint8Array[]): void {
    if (this.#phase === 'following') {
      this.#effects.push({ kind: 'unplaced', transactions })
      return
    }
    const items = itemsFor(transactions)
    if (this.#phase === 'operational') return this.#order({ kind: 'submit', items })
    for (const item of items) assert(this.#backlog.push(item), 'the host asks for room first')
  }

  /** Gives the ordering an input, if it is (still) of its view. */
  #order(input: Parameters<Ordering['handle']>[0], view = this.#ordering?.committee.view): void {
    const ordering = this.#ordering
    if (ordering === undefined || view !== ordering.committee.view) return
    for (const effect of ordering.handle(input, this.#now)) this.#alephEffect(ordering, effect)
  }

  #alephEffect(ordering: Ordering, effect: AlephEffect): void {
    const { committee } = ordering
    const memberAt = (seat: Seat): MemberId => committee.at(seat).id
    switch (effect.kind) {
      case 'create':
        this.#effects.push({ ...effect, key: committee.at(ordering.seat).key })
        return
      case 'trace':
        this.#effects.push(effect)
        return
      case 'send':
        return this.#send(effect.to.map(memberAt), effect.message)
      case 'ask':
        return this.#ask([memberAt(effect.to)], { kind: 'units', view: committee.view, hashes: effect.hashes })
      case 'ordered':
        // Behind fetched blocks the order begins anew; what the old one still says is in those blocks, or will be said again.
        if (this.#phase !== 'synchronizing') this.#head(headOf(effect))
        return
      case 'fork':
        this.#effects.push(...this.#faults.fork(memberAt(effect.seat), effect.first, effect.second))
        return
      case 'dropped':
        return this.#order({ kind: 'submit', items: itemsOf(effect.payload) })
      case 'refused':
        for (const item of effect.items) this.#backlog.push(item)
        return
      case 'coin':
        return this.#coinTurns((coin) => coin.tell(effect.round, ordering, this.#now.monotonicMs))
    }
  }

  /** Does what the coin of the view asks for, where one was dealt and we take part. */
  #coinTurns(turn: (coin: Coin, ordering: Ordering) => readonly CoinTurn[]): void {
    const { ordering, coin } = this.#view
    if (ordering === undefined || coin === undefined) return
    for (const each of turn(coin, ordering))
      if (each.kind === 'feed') this.#order(each.input)
      else this.#alephEffect(ordering, each)
  }

  #head(head: OrderedHead): void {
    if (this.#committee !== this.#founders) return this.#append(this.#view.head(head))
    for (const unit of head.units) this.#ordering?.ordered(unit.hash)
    const founded = this.#founding.add(head)
    if (founded === undefined || this.#pipeline.ordered >= 0) return
    this.#append([founded])
  }

  #append(cuts: readonly Cut[]): void {
    for (const { body, timeMs } of cuts) {
      this.#pipeline.append(this.#committee.view, body, timeMs)
      if (body.kind === 'genesis' || body.kind === 'reconfigure') this.#isNewcomer = false
    }
  }

  /** Too much is on its way, or the order is about to be left: make no units. */
  #hold(): void {
    const on = this.#pipeline.isFull || this.#phase === 'synchronizing' || this.#view.rotation.stage === 'ended'
    if (on === this.#isHeld) return
    this.#isHeld = on
    this.#order({ kind: 'hold', on })
  }

  // ---- views

  #know(members: readonly LedgerMember[]): void {
    this.#members = members
    this.#peers = members.map(({ id }) => id).filter((id) => id !== this.#config.me)
  }

  /** Something was decided about members that holds from the next view on: those who sit ask for it. */
  #askForTurn(): void {
    const isSettled = this.#members.every(({ status }) => status === 'active')
    if (isSettled || this.#phase !== 'operational') return
    this.#order({ kind: 'submit', items: [encodeItem({ kind: 'turn' })] })
  }

  /** The members that an assemble block seats are to join. */
  #seatNext(at: Height, hash: Digest): void {
    const members = membersDecidedBy(this.#members, at).map(({ id }) => id)
    const committee = committeeToCome(hash, members, seatsOf(this.#config.genesis))
    this.#append(this.#view.seated(at, committee))
  }

  /** Where we stand in the turn to the committee that comes. */
  get #standing(): Standing {
    const isFounding = this.#phase === 'founding'
    return {
      view: this.#view,
      gathering: isFounding ? this.#founding.gathering : this.#view.rotation.gathering,
      seated: this.#seatedPeers(),
      isOrdering: isFounding || this.#phase === 'operational',
      nowMs: this.#now.monotonicMs,
    }
  }

  #succeed(turns: readonly SuccessionTurn[]): void {
    for (const turn of turns)
      if (turn.kind === 'order') this.#order({ kind: 'submit', items: [turn.item] })
      else if (turn.kind !== 'send' || turn.to.length > 0) this.#effects.push(turn)
  }

  /** A certified block seats the next committee. */
  #handOver({ header, hash, body }: Final & { readonly body: SeatingBody }): void {
    const left = this.#view
    this.#seat(body, hash, header.height)
    this.#beginView()
    // What was accepted in the view that is over, and not ordered: joins of that view are not worth it.
    const items = [...itemsFor(transactionsAmong(left.ordering?.unordered() ?? [])), ...this.#backlog.drain()]
    if (this.#phase === 'operational') this.#enterView(this.#isNewcomer, undefined, items)
    else if (this.#phase === 'following')
      this.#effects.push({ kind: 'unplaced', transactions: transactionsAmong(items) })
    else for (const item of items) this.#backlog.push(item)
  }

  /** We hold a seat of the view, or follow those who do. */
  #beginView(): void {
    const { view } = this.#committee
    const seat = this.seatIn(view)
    this.#succession.begun()
    this.#reads.restart()
    this.#live(seat === undefined ? 'unseated' : 'seated')
    this.#effects.push({ kind: 'seated', view, key: seat?.key })
  }

  /** Takes part in the view (again), behind the newest block. */
  #enterView(isUnsure: boolean, own: AdmittedUnit | undefined, items: readonly Uint8Array[]): void {
    this.#isHeld = false
    this.#append(this.#view.enter(this.#config.me, isUnsure))
    if (own !== undefined) this.#order({ kind: 'restored', units: [own], own })
    if (items.length > 0) this.#order({ kind: 'submit', items })
    this.#askForTurn()
    for (const member of this.#peers) {
      const seat = this.#committee.seatOf(member)
      if (seat !== undefined) this.#order({ kind: 'connected', seat })
    }
  }

  // ---- certification

  #executed(executed: Extract<ChoamInput, { readonly kind: 'executed' }>['executed']): void {
    const made = this.#pipeline.executed(executed)
    if (made.kind === 'diverged') {
      this.#effects.push(made)
      return
    }
    const { body, header, headerBytes, bodyBytes, hash } = made
    this.#effects.push({ kind: 'keep', seat: this.seatIn(header.view), header, headerBytes, bodyBytes, hash })
    if (executed.members !== undefined) this.#know(executed.members)
    // An assemble block tells of members without having changed them.
    if (executed.members !== undefined && body === 'executions') this.#askForTurn()
    if (body === 'assemble') this.#seatNext(header.height, hash)
  }

  #kept(at: Height, vote: Vote | undefined): void {
    this.#pipeline.kept(at, vote)
    if (vote === undefined) return
    this.#send(this.#seatedPeers(), { kind: 'vote', vote })
    this.#effects.push(...this.#chain.vote(vote, this.#committee))
  }

  /** Makes final what is kept here and certified, in height order. */
  #certify(): void {
    for (let next = this.#chain.next(this.#committee); next !== undefined; next = this.#chain.next(this.#committee)) {
      if ('kind' in next) {
        this.#effects.push(next)
        return
      }
      this.#effects.push(...next.effects)
      this.#final(next.final)
    }
  }

  #final(final: Final): void {
    const { header, body } = final
    this.#repair.progressed(this.#now.monotonicMs)
    if (body !== undefined) this.#handOver({ ...final, body })
    else if (this.#ordering !== undefined && header.height % 64 === 0)
      this.#effects.push({ kind: 'prune', view: this.#committee.view, below: this.#ordering.floor })
    if (this.seatIn(this.#committee.view) !== undefined)
      this.#tellTip(this.#peers.filter((peer) => this.#committee.seatOf(peer) === undefined))
  }

  // ---- peers

  #seatedPeers(): readonly MemberId[] {
    return this.#peers.filter((peer) => this.#committee.seatOf(peer) !== undefined)
  }

  #message(from: MemberId, message: AdmittedMessage): void {
    const seat = this.#ordering?.committee.seatOf(from)
    switch (message.kind) {
      case 'units':
        return this.#units(from, message.units)
      case 'frontier':
        if (seat !== undefined) this.#order({ kind: 'frontier', from: seat, rounds: message.rounds }, message.view)
        return
      case 'vote':
        this.#effects.push(...this.#chain.vote(message.vote, this.#committee))
        return
      case 'tip':
        return this.#peerTip(from, message.certified, message.voted)
      case 'join':
      case 'deal':
        return this.#succeed(this.#succession.heard(message, this.#standing))
      case 'coin':
        if (seat !== undefined && message.view === this.#committee.view)
          this.#coinTurns((coin, ordering) => coin.hear(seat, message, ordering))
        return
    }
  }

  #answer(from: MemberId, answer: AdmittedAnswer): void {
    switch (answer.kind) {
      case 'units':
        return this.#units(from, answer.units)
      case 'blocks':
        return this.#blocks(from, answer.blocks)
      case 'voted':
        if (this.#committee.seatOf(from) !== undefined) this.#reads.answered(from, answer.question, answer.voted)
    }
  }

  #units(from: MemberId, all: readonly AdmittedUnit[]): void {
    const committee = this.#ordering?.committee
    const seat = committee?.seatOf(from)
    const units = all.filter((unit) => unit.view === committee?.view)
    if (seat !== undefined && units.length > 0) this.#order({ kind: 'units', from: seat, units })
  }

  #peer(member: MemberId, up: boolean): void {
    if (!up) return
    this.#tellTip([member])
    const seat = this.#ordering?.committee.seatOf(member)
    if (seat === undefined) return
    this.#order({ kind: 'connected', seat })
    this.#coinTurns((coin) => coin.connected(seat, this.#now.monotonicMs))
  }

  #tellTip(to: readonly MemberId[]): void {
    this.#send(to, { kind: 'tip', ...heightsOf(this.#pipeline) })
  }

  /** A seat that lacks a certificate we wait for too may lack our vote. */
  #peerTip(from: MemberId, certified: Height | undefined, voted: Height | undefined): void {
    this.#repair.heard(from, certified, voted)
    if (this.#committee.seatOf(from) === undefined) return
    for (const vote of this.#chain.votesFor(certified)) this.#send([from], { kind: 'vote', vote })
  }

  #blocks(from: MemberId, blocks: readonly AdmittedBlock[]): void {
    const { taken, diverged } = this.#catchUp.take(from, blocks, this.#view)
    if (diverged !== undefined) this.#effects.push(diverged)
    for (const { body } of taken) {
      if (body.kind !== 'genesis') this.#live('fetched')
      if (body.kind === 'genesis' || body.kind === 'reconfigure') this.#isNewcomer = true
    }
  }

  /** Fetches what is missing; once level with the peers, orders again. */
  #followPeers(): void {
    const { certified, ordered } = this.#pipeline
    const request = this.#repair.due(this.#now.monotonicMs, certified, ordered, this.#phase === 'following')
    if (request !== undefined) {
      const { to, from, count } = request
      this.#ask([to], { kind: 'blocks', from, count })
    }
    const isThrough = certified === ordered && this.#repair.isLevel(certified, this.#committee.faultyMax)
    if (this.#phase !== 'synchronizing' || !isThrough || this.#ordering?.isCreating === true) return
    this.#live('level')
    const { ordering } = this.#view
    const items = [...(ordering?.unordered() ?? []), ...this.#backlog.drain()]
    this.#enterView(ordering?.isUnsure ?? this.#isNewcomer, ordering?.ownLatest, items)
  }

  // ---- words

  #live(event: LifeEvent): void {
    const before = this.#phase
    this.#phase = live(before, event)
    if (this.#phase !== before)
      this.#effects.push({ kind: 'trace', event: 'phase', detail: { before, after: this.#phase } })
  }

  #send(to: readonly MemberId[], message: Message): void {
    if (to.length > 0) this.#effects.push({ kind: 'send', to, message })
  }

  #ask(to: readonly MemberId[], ask: Ask): void {
    if (to.length > 0) this.#effects.push({ kind: 'ask', to, ask })
  }
}
