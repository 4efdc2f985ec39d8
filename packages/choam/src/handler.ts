// Committee maintenance of state machine replication, as one deterministic machine: inputs in, effects out.
//
// The path of a transaction: `submit` -> the view's ordering -> a head -> the cutter's block -> `execute` -> header, `vote` ->
// votes of a quorum -> `certified`. The path of a founder: its join, ordered in the genesis view, becomes part of block 0, whose
// certificate seats the committee. The path of one who missed blocks: peers' tips -> `ask` for blocks -> certified blocks, executed
// and compared -> ordering begins again behind them.

import type { AlephEffect } from '@quorate/aleph'
import { assert, BoundedQueue, must } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import type {
  AdmittedUnit,
  Ask,
  Committee,
  Digest,
  Evidence,
  Genesis,
  Height,
  MemberId,
  Message,
  Millis,
  OrderedHead,
  SignedJoin,
  UnitsAsk,
  ViewId,
  Vote,
} from '@quorate/types'
import {
  decodeBody,
  decodeHeader,
  encodeBody,
  encodeItem,
  foundersCommittee,
  height,
  ledgerId,
  millis,
} from '@quorate/types'
import { Cutter } from './cutter.ts'
import type { ChoamEffect } from './effect.ts'
import { Founding } from './founding.ts'
import type { AdmittedAnswer, AdmittedBlock, AdmittedMessage, ChoamInput, Now, Restored } from './input.ts'
import type { LifeEvent, Phase } from './life.ts'
import { live } from './life.ts'
import type { ChoamLimits } from './limits.ts'
import { CHOAM_LIMITS } from './limits.ts'
import { itemsOf, Ordering } from './ordering.ts'
import type { Final } from './pipeline.ts'
import { Pipeline } from './pipeline.ts'
import { ReadIndex } from './read-index.ts'
import { RecentOrder } from './recent-order.ts'
import { Repair } from './repair.ts'
import type { ChoamStatus, Fault } from './status.ts'
import type { WrongVote } from './vote-book.ts'
import { VoteBook } from './vote-book.ts'

/** What a replica's core is made from. */
export interface ChoamConfig {
  readonly genesis: Genesis
  readonly me: MemberId
  /** Our own join of the genesis view, signed by our identity. */
  readonly join: SignedJoin
  /** Number of the rule set that this software executes. */
  readonly era: number
  readonly limits?: ChoamLimits
}

/** Open own votes sent to a peer that is behind, at once. */
const VOTES_RESENT_MAX = 64

export class Choam {
  readonly #config: ChoamConfig
  readonly #limits: ChoamLimits
  readonly #ledger: Digest
  readonly #founders: Committee
  readonly #peers: readonly MemberId[]
  readonly #pipeline: Pipeline
  readonly #votes: VoteBook
  readonly #repair: Repair
  readonly #reads: ReadIndex
  readonly #founding: Founding
  readonly #faults: Fault[] = []
  readonly #backlog: BoundedQueue<Uint8Array>
  #committee: Committee
  #ordering: Ordering | undefined
  #cutter: Cutter
  #recent: RecentOrder
  #phase: Phase = 'initial'
  /** Who joined in the genesis block, once there is one in any state. */
  #joins: readonly SignedJoin[] = []
  #tip: ChoamStatus['tip']
  #isHeld = false
  /** The genesis block was fetched, not made here. */
  #isNewcomer = false
  #tipAtMs = 0
  #impatientAtMs: number | undefined
  #effects: ChoamEffect[] = []
  #now: Now = { monotonicMs: millis(0), wallMs: millis(0) }

  constructor(config: ChoamConfig) {
    const limits = config.limits ?? CHOAM_LIMITS
    this.#config = config
    this.#limits = limits
    this.#ledger = ledgerId(config.genesis)
    this.#founders = foundersCommittee(config.genesis)
    this.#committee = this.#founders
    this.#peers = this.#founders.members.map((member) => member.id).filter((id) => id !== config.me)
    this.#pipeline = new Pipeline(this.#ledger, config.era, limits)
    this.#votes = new VoteBook(limits.voteWindow, limits.decidedMax)
    this.#repair = new Repair(limits)
    this.#reads = new ReadIndex(limits.readMs)
    this.#founding = new Founding(config.genesis, this.#founders)
    this.#cutter = new Cutter(limits.quietRoundsMax, -1)
    this.#recent = new RecentOrder(limits.windowRounds)
    this.#backlog = new BoundedQueue(
      { countMax: limits.backlogItemsMax, weightMax: limits.backlogBytesMax },
      (item) => item.length,
    )
  }

  /** What `submit` has place for. Above it, the host answers its clients OVERLOADED. */
  get room(): { readonly items: number; readonly bytes: number } {
    if (this.#ordering !== undefined && this.#phase === 'operational') return this.#ordering.room
    const { backlogItemsMax, backlogBytesMax } = this.#limits
    return { items: backlogItemsMax - this.#backlog.size, bytes: backlogBytesMax - this.#backlog.weight }
  }

  /** The committee of a view that messages may speak of, or undefined. */
  committeeOf(view: ViewId): Committee | undefined {
    if (view === this.#committee.view) return this.#committee
    return view === this.#founders.view ? this.#founders : undefined
  }

  /** Our seat in a view. */
  seatIn(view: ViewId): Vote['seat'] | undefined {
    return this.committeeOf(view)?.seatOf(this.#config.me)
  }

  /** The answer to a peer that asks for units: those that are known here, as many as one answer may hold. */
  unitsFor({ view, hashes }: UnitsAsk): readonly Uint8Array[] {
    return this.#ordering?.committee.view === view ? this.#ordering.unitsOf(hashes) : []
  }

  /** The answer to a peer that asks how far this replica has voted; undefined before genesis. */
  get votedHeight(): Height | undefined {
    const { voted } = this.#pipeline
    return voted < 0 ? undefined : height(voted)
  }

  status(): ChoamStatus {
    const orUndefined = (at: number): number | undefined => (at < 0 ? undefined : at)
    return {
      phase: this.#phase,
      view: this.#committee.view,
      seat: this.#committee.seatOf(this.#config.me),
      quorum: this.#committee.quorum,
      certified: orUndefined(this.#pipeline.certified),
      voted: orUndefined(this.#pipeline.voted),
      round: this.#ordering?.round ?? -1,
      tip: this.#tip,
      committee: this.#committee.members.map(({ id }, seat) => {
        const tip = id === this.#config.me ? this.#pipeline : this.#repair.tipOf(id)
        const round = this.#ordering?.rounds[seat]
        return { member: id, certified: orUndefined(tip?.certified ?? -1), voted: orUndefined(tip?.voted ?? -1), round }
      }),
      faults: [...this.#faults],
    }
  }

  /** When to feed `tick`, if nothing else happens before. */
  wakeAt(): Millis | undefined {
    if (this.#phase === 'failed' || this.#phase === 'initial') return undefined
    const times = [
      this.#ordering?.wakeAt(),
      this.#repair.dueMs(this.#pipeline.certified, this.#pipeline.ordered),
      this.#reads.wakeAt(),
      this.#impatientAtMs,
      this.#tipAtMs + this.#limits.tipMs,
    ].filter((at) => at !== undefined)
    return millis(times.reduce((a, b) => Math.min(a, b)))
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
        this.#effects.push(this.#pipeline.executed(input.executed))
        return
      case 'voted':
        return this.#voted(input.vote)
      case 'read':
        return this.#reads.ask(input.request)
      case 'tick':
        return this.#order({ kind: 'tick' })
    }
  }

  /** What follows from the state, whatever the input was. */
  #settle(): void {
    const { monotonicMs } = this.#now
    this.#effects.push(...this.#pipeline.executions())
    this.#certify()
    if (this.#effects.some((effect) => effect.kind === 'diverged')) return this.#live('diverged')
    this.#followPeers()
    this.#hold()
    this.#beImpatient()
    const own = { member: this.#config.me, voted: this.#pipeline.voted }
    const question = this.#reads.due(monotonicMs, own)
    if (question !== undefined) this.#ask(this.#peers, { kind: 'voted', question })
    this.#answerReads()
    if (monotonicMs >= this.#tipAtMs + this.#limits.tipMs) {
      this.#tipAtMs = monotonicMs
      this.#tellTip(this.#peers)
    }
  }

  // ---- beginning

  #start(restored: Restored): void {
    this.#faults.push(...restored.faults)
    this.#restoreBlocks(restored)
    const base = this.#recent.base()
    // After a restart the disk may lack what was said: it may be an older one, or have lost its end.
    this.#ordering = new Ordering(this.#committee, this.#config.me, base, restored.blocks.length > 0)
    this.#cutter = new Cutter(this.#limits.quietRoundsMax, this.#recent.lastRound)
    this.#live(this.#committee === this.#founders ? 'found' : 'seated')
    const units = restored.units.filter((unit) => unit.view === this.#committee.view)
    const own = units.filter((unit) => unit.creator === this.#ordering?.seat).sort((a, b) => b.round - a.round)[0]
    if (units.length > 0) this.#order({ kind: 'restored', units, own })
    if (this.#phase === 'founding' && !this.#founding.isDecided) this.#join()
    this.#repair.progressed(this.#now.monotonicMs)
  }

  #restoreBlocks({ blocks, votes }: Restored): void {
    for (const block of blocks) {
      const header = decodeHeader(block.headerBytes)
      const body = decodeBody(block.bodyBytes)
      assert(header.ok && body.ok, 'a block on our own disk decodes')
      this.#pipeline.restore(
        { header: header.value, headerBytes: block.headerBytes, bodyBytes: block.bodyBytes },
        block.certificate,
      )
      if (body.value.kind === 'executions') this.#recent.add(body.value.heads)
      else this.#joins = body.value.joins
      const isFinal = header.value.height <= this.#pipeline.certified
      if (!isFinal) continue
      this.#tip = {
        hash: this.#hashOf(header.value.height),
        timeMs: header.value.timeMs,
        stateRoot: header.value.stateRoot,
      }
      if (header.value.height === 0)
        this.#committee = seatCommittee(this.#config.genesis, this.#pipeline.genesis.hash, this.#joins)
    }
    for (const vote of votes) {
      this.#pipeline.restoreVote(vote)
      this.#votes.add(vote, this.#pipeline.certified)
    }
  }

  #hashOf(at: number): Digest {
    return must(this.#pipeline.hashAt(at), `the hash of block ${at} is known`)
  }

  #join(): void {
    this.#order({ kind: 'submit', items: [encodeItem({ kind: 'join', join: this.#config.join })] })
  }

  /** Once a quorum of founders has joined, and the rest is late: say that we would go on without them. */
  #beImpatient(): void {
    const { monotonicMs } = this.#now
    if (this.#phase !== 'founding' || !this.#founding.hasQuorum || this.#founding.isDecided) {
      this.#impatientAtMs = undefined
    } else if (this.#impatientAtMs === undefined) {
      this.#impatientAtMs = monotonicMs + this.#limits.foundingMs
    } else if (monotonicMs >= this.#impatientAtMs) {
      this.#impatientAtMs = monotonicMs + this.#limits.foundingMs
      this.#join()
    }
  }

  // ---- ordering

  #submit(transactions: readonly Uint8Array[]): void {
    const items = transactions.map((bytes) => encodeItem({ kind: 'transaction', bytes }))
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
    const memberAt = (seat: Vote['seat']): MemberId => ordering.committee.at(seat).id
    switch (effect.kind) {
      case 'create':
      case 'trace':
        this.#effects.push(effect)
        return
      case 'send':
        return this.#send(effect.to.map(memberAt), effect.message)
      case 'ask':
        return this.#ask([memberAt(effect.to)], { kind: 'units', view: ordering.committee.view, hashes: effect.hashes })
      case 'ordered':
        return this.#head(effect)
      case 'fork':
        return this.#accuse(
          memberAt(effect.seat),
          { kind: 'fork', first: effect.first.bytes, second: effect.second.bytes },
          effect.first.round,
        )
      case 'dropped':
        return this.#order({ kind: 'submit', items: itemsOf(effect.payload) })
      case 'refused':
        for (const item of effect.items) this.#backlog.push(item)
        return
      case 'coin':
        // The view's coin is computed (ordering.ts): nobody asks for it.
        return
    }
  }

  #head({ round, slot, head: hash, units }: AlephEffect & { kind: 'ordered' }): void {
    const head: OrderedHead = {
      round,
      slot,
      hash,
      units: units.map(({ creator, round: at, hash: unit, timestampMs, payload }) => ({
        creator,
        round: at,
        hash: unit,
        timestampMs,
        payload,
      })),
    }
    // Behind fetched blocks the order begins anew; what the old one still says is in those blocks, or will be said again.
    if (this.#phase === 'synchronizing') return
    for (const unit of units) this.#ordering?.ordered(unit.hash)
    if (this.#committee === this.#founders) return this.#found(head)
    const heads = this.#cutter.add(head)
    if (heads === undefined) return
    this.#recent.add(heads)
    const timeMs = this.#recent.timeMs(this.#committee.size)
    this.#pipeline.append(this.#committee.view, encodeBody({ kind: 'executions', heads }), timeMs)
  }

  #found(head: OrderedHead): void {
    const founded = this.#founding.add(head)
    if (founded === undefined || this.#pipeline.ordered >= 0) return
    this.#joins = founded.body.joins
    this.#pipeline.append(this.#committee.view, encodeBody(founded.body), founded.timeMs)
  }

  /** Too many blocks on their way, or an order that is about to be left: make no units. */
  #hold(): void {
    const on = this.#pipeline.isFull || this.#phase === 'synchronizing'
    if (on === this.#isHeld) return
    this.#isHeld = on
    this.#order({ kind: 'hold', on })
  }

  /** Enters the view (again), behind the newest block. */
  #enterView(): void {
    const before = this.#ordering
    const isSameView = before?.committee === this.#committee
    const isUnsure = isSameView ? before.isUnsure : this.#isNewcomer
    const ordering = new Ordering(this.#committee, this.#config.me, this.#recent.base(), isUnsure)
    this.#ordering = ordering
    this.#cutter = new Cutter(this.#limits.quietRoundsMax, this.#recent.lastRound)
    this.#isHeld = false
    const own = isSameView ? before.ownLatest : undefined
    if (own !== undefined) this.#order({ kind: 'restored', units: [own], own })
    const items = isSameView ? [...before.unordered()] : []
    for (let item = this.#backlog.shift(); item !== undefined; item = this.#backlog.shift()) items.push(item)
    if (items.length > 0) this.#order({ kind: 'submit', items })
    for (const member of this.#peers) {
      const seat = this.#committee.seatOf(member)
      if (seat !== undefined) this.#order({ kind: 'connected', seat })
    }
  }

  // ---- certification

  #voted(vote: Vote): void {
    this.#pipeline.votedFor(vote)
    this.#send(this.#peers, { kind: 'vote', vote })
    this.#vote(vote)
  }

  #vote(vote: Vote): void {
    const isGenesis = vote.height === 0
    if (isGenesis !== (vote.view === this.#founders.view)) return
    const wrong = this.#votes.add(vote, this.#pipeline.certified)
    if (wrong !== undefined) this.#accuseVote(wrong)
  }

  /** Makes final what is voted for here and certified, in height order. */
  #certify(): void {
    for (let isProgress = true; isProgress;) {
      const at = height(this.#pipeline.certified + 1)
      const decided = this.#votes.quorumAt(at, this.#committee)
      const diverged = decided === undefined ? undefined : this.#pipeline.certify(at, decided.hash, decided.certificate)
      if (diverged !== undefined) this.#effects.push(diverged)
      const final = diverged === undefined ? this.#pipeline.next() : undefined
      if (final !== undefined) this.#final(final)
      isProgress = final !== undefined
    }
  }

  #final({ header, hash, certificate }: Final): void {
    const { monotonicMs } = this.#now
    for (const wrong of this.#votes.decide(header.height, { hash, certificate })) this.#accuseVote(wrong)
    this.#repair.progressed(monotonicMs)
    this.#tip = { hash, timeMs: header.timeMs, stateRoot: header.stateRoot }
    this.#effects.push({ kind: 'certified', header, hash, certificate })
    if (header.height === 0) this.#seat(hash)
    else if (this.#ordering !== undefined && header.height % 64 === 0) {
      this.#effects.push({ kind: 'prune', view: this.#committee.view, below: this.#ordering.floor })
    }
  }

  #seat(genesisHash: Digest): void {
    this.#committee = seatCommittee(this.#config.genesis, genesisHash, this.#joins)
    this.#live('seated')
    this.#effects.push({ kind: 'seated', view: this.#committee.view })
    this.#enterView()
  }

  // ---- peers

  #message(from: MemberId, message: AdmittedMessage): void {
    const seat = this.#ordering?.committee.seatOf(from)
    switch (message.kind) {
      case 'units':
        return this.#units(from, message.units)
      case 'frontier':
        if (seat !== undefined) this.#order({ kind: 'frontier', from: seat, rounds: message.rounds }, message.view)
        return
      case 'vote':
        return this.#vote(message.vote)
      case 'tip':
        return this.#peerTip(from, message.certified, message.voted)
    }
  }

  #answer(from: MemberId, answer: AdmittedAnswer): void {
    switch (answer.kind) {
      case 'units':
        return this.#units(from, answer.units)
      case 'blocks':
        return this.#blocks(from, answer.blocks)
      case 'voted':
        return this.#reads.answered(from, answer.question, answer.voted)
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
    if (seat !== undefined) this.#order({ kind: 'connected', seat })
  }

  #tellTip(to: readonly MemberId[]): void {
    const { certified, voted } = this.#pipeline
    const at = (value: number): Height | undefined => (value < 0 ? undefined : height(value))
    this.#send(to, { kind: 'tip', certified: at(certified), voted: at(voted) })
  }

  /** A peer that lacks a certificate we wait for too may lack our vote. */
  #peerTip(from: MemberId, certified: Height | undefined, voted: Height | undefined): void {
    this.#repair.heard(from, certified, voted)
    for (const vote of this.#pipeline.openVotes(certified ?? -1).slice(0, VOTES_RESENT_MAX))
      this.#send([from], { kind: 'vote', vote })
  }

  #blocks(from: MemberId, blocks: readonly AdmittedBlock[]): void {
    const { certified } = this.#pipeline
    let isUseful = false
    for (const block of blocks) {
      if (!this.#block(block)) break
      isUseful ||= block.header.height > certified
    }
    // Who answers with nothing of use has its turn until the time for an answer is up: asking again at once would be a loop.
    if (isUseful) this.#repair.answered(from)
  }

  /** Takes one certified block; false where it does not fit, so that those behind it don't either. */
  #block({ header, hash, bodyBytes, certificate }: AdmittedBlock): boolean {
    const { certified, ordered } = this.#pipeline
    if (header.height <= certified) return true
    const view = header.height === 0 ? this.#founders.view : this.#committee.view
    if (header.view !== view) return false
    if (header.height <= ordered) {
      const diverged = this.#pipeline.certify(header.height, hash, certificate)
      if (diverged !== undefined) this.#effects.push(diverged)
      return diverged === undefined
    }
    if (header.height !== ordered + 1 || this.#pipeline.isFull) return false
    const previous = this.#pipeline.hashAt(ordered)
    if (previous !== undefined && previous !== header.previous) return false
    const body = decodeBody(bodyBytes)
    if (!body.ok) return false
    if (body.value.kind === 'executions') {
      this.#recent.add(body.value.heads)
      for (const head of body.value.heads) for (const unit of head.units) this.#ordering?.ordered(unit.hash)
      this.#live('fetched')
    } else {
      this.#joins = body.value.joins
      // Founded without us, or by an earlier life of ours whose disk is gone.
      this.#isNewcomer = true
    }
    this.#pipeline.appendCertified(header, bodyBytes, hash, certificate)
    return true
  }

  /** Fetches what is missing; once level with the peers, orders again. */
  #followPeers(): void {
    const { certified, ordered } = this.#pipeline
    const request = this.#repair.due(this.#now.monotonicMs, certified, ordered)
    if (request !== undefined) {
      const { to, from, count } = request
      this.#ask([to], { kind: 'blocks', from, count })
    }
    const isThrough = certified === ordered && this.#repair.isLevel(certified, this.#committee.faultyMax)
    if (this.#phase !== 'synchronizing' || !isThrough || this.#ordering?.isCreating === true) return
    this.#live('level')
    this.#enterView()
  }

  #answerReads(): void {
    if (this.#pipeline.certified < 0) return
    const certified = height(this.#pipeline.certified)
    for (const request of this.#reads.ready(certified, this.#committee.quorum))
      this.#effects.push({ kind: 'readable', request, height: certified })
  }

  // ---- faults

  #accuseVote({ vote, decided }: WrongVote): void {
    const committee = vote.height === 0 ? this.#founders : this.#committee
    const { hash, certificate } = decided
    this.#accuse(committee.at(vote.seat).id, { kind: 'wrong-vote', vote, block: hash, certificate }, vote.height)
  }

  #accuse(member: MemberId, evidence: Evidence, at: number): void {
    if (member === this.#config.me) return
    if (this.#faults.some((fault) => fault.member === member && fault.kind === evidence.kind)) return
    this.#faults.push({ member, kind: evidence.kind, at })
    this.#effects.push({ kind: 'evidence', member, evidence })
  }

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
