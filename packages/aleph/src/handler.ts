// The ordering of one view, all parts together: units in, order out.
//
// The path of a unit: `units` -> legal by itself? (unit-rules) -> a fork? (evidence) -> all parents there? (else
// waiting-room, and requests) -> legal beside the others? -> DAG (unit-store) -> ordered (orderer) -> perhaps an own
// unit upon it (pacing, creation) -> `create` -> the host signs and stores -> `created` -> sent to all. What gets
// lost on the way anti-entropy (peers) repairs.

import { assert, must } from '@quorate/kernel'
import type { AdmittedUnit, Committee, Digest, Millis, Round, Seat } from '@quorate/types'
import { millis, round as toRound, seat as toSeat } from '@quorate/types'
import { Creation } from './create/creation.ts'
import { Pacing } from './create/pacing.ts'
import { PayloadQueue } from './create/payload-queue.ts'
import { refuse, shun } from './dag/unit-rules.ts'
import type { RefusalCode, ShunCode } from './dag/unit-rules.ts'
import { UnitStore } from './dag/unit-store.ts'
import type { Held } from './dag/waiting-room.ts'
import { WaitingRoom } from './dag/waiting-room.ts'
import type { AlephConfig, AlephStatus } from './config.ts'
import type { AlephEffect } from './effect.ts'
import type { AlephInput, Now } from './input.ts'
import type { AlephLimits } from './limits.ts'
import { ALEPH_LIMITS } from './limits.ts'
import { AskedCoin } from './order/asked-coin.ts'
import { quorateRules } from './order/rules.ts'
import { Peers } from './sync/peers.ts'
import type { Asker } from './sync/requests.ts'
import { dueRequests, firstAskMs, nextRequestMs } from './sync/requests.ts'

/** Units younger than this are on their way to a peer anyway: its frontier isn't answered with them. */
const IN_FLIGHT_MS = 50
const NO_PAYLOAD = new Uint8Array(0)

/** Leaderless ordering of one view as a function of inputs. Not reentrant; drive it from one thread. */
export class Aleph {
  readonly #committee: Committee
  readonly #seat: Seat
  readonly #limits: AlephLimits
  readonly #store: UnitStore
  readonly #waiting: WaitingRoom
  readonly #queue: PayloadQueue
  readonly #creation: Creation
  readonly #pacing = new Pacing()
  readonly #peers: Peers
  readonly #asker: Asker
  /** Undefined where the coin is computed. */
  readonly #coin: AskedCoin | undefined
  readonly #forkers = new Set<Seat>()
  readonly #violations: number[]
  #isUnsure: boolean
  #isHeld = false
  #createAtMs: number | undefined
  #effects: AlephEffect[] = []
  #now: Now = { monotonicMs: millis(0), wallMs: millis(0) }

  constructor({ committee, seat, coin, base, heads = 'one', limits = ALEPH_LIMITS, isUnsure = false }: AlephConfig) {
    assert(committee.has(seat), `seat ${seat} of ${committee.size}`)
    this.#committee = committee
    this.#seat = seat
    this.#limits = limits
    this.#coin = coin === 'asked' ? new AskedCoin(limits.coinsPerSeatMax) : undefined
    const flip = coin === 'asked' ? this.#asked.flip : coin
    const rules = quorateRules(flip, { heads, windowRounds: limits.windowRounds })
    this.#store = new UnitStore(committee.size, committee.quorum, rules, limits, base)
    this.#waiting = new WaitingRoom(committee.size, limits)
    this.#queue = new PayloadQueue(limits)
    this.#creation = new Creation(committee, seat, this.#store)
    this.#isUnsure = isUnsure
    this.#peers = new Peers(
      committee.size,
      seat,
      () => this.#store.frontier(),
      () => this.#store.floor,
      isUnsure,
    )
    this.#asker = { view: committee.view, seat, size: committee.size, limits }
    this.#violations = Array.from({ length: committee.size }, () => 0)
  }

  /** What `submit` has place for. */
  get room(): { readonly items: number; readonly bytes: number } {
    return this.#queue.room
  }

  /** Items submitted and in no unit yet: who leaves the view takes them along. */
  queued(): readonly Uint8Array[] {
    return this.#queue.items
  }

  /** Units below this round are never needed again. */
  get floor(): Round {
    return this.#store.floor
  }

  /** By seat, the round of its newest unit here. */
  get rounds(): readonly (Round | undefined)[] {
    return this.#store.frontier()
  }

  get status(): AlephStatus {
    return {
      round: this.#store.maxRound,
      ownRound: this.#creation.ownRound,
      nextHeadRound: this.#store.nextHeadRound,
      floor: this.#store.floor,
      unitsKept: this.#store.count,
      bytesKept: this.#store.bytes,
      unitsHeld: this.#waiting.heldCount,
      unitsMissing: this.#waiting.wantCount,
      oneWayMs: this.#pacing.oneWayMs,
      forkers: [...this.#forkers].sort((a, b) => a - b),
      violations: [...this.#violations],
    }
  }

  /** When to feed `tick` (monotonic), if nothing else happens before; undefined while there is nothing to wait for. */
  wakeAt(): Millis | undefined {
    const times = [this.#createAtMs, nextRequestMs(this.#waiting.wants()), this.#peers.wakeAtMs]
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : millis(known.reduce((a, b) => Math.min(a, b)))
  }

  /** Takes one input and returns what the host must do, in order. */
  handle(input: AlephInput, now: Now): AlephEffect[] {
    this.#now = now
    this.#effects = []
    this.#take(input)
    this.#advance()
    this.#makeUnit()
    this.#tellCoins()
    this.#effects.push(...dueRequests(this.#waiting.wants(), this.#asker, now.monotonicMs, this.#pacing.oneWayMs))
    for (const seat of this.#peers.due(now.monotonicMs)) this.#tellFrontier(seat)
    return this.#effects
  }

  #take(input: AlephInput): void {
    switch (input.kind) {
      case 'submit':
        return this.#onSubmit(input.items)
      case 'units':
        return this.#onUnits(input.from, input.units)
      case 'frontier':
        return this.#onFrontier(input.from, input.rounds)
      case 'created':
        return this.#onCreated(input.unit)
      case 'restored':
        return this.#onRestored(input.units, input.own)
      case 'hold':
        this.#isHeld = input.on
        return
      case 'connected':
        return this.#tellFrontier(input.seat)
      case 'coin':
        return this.#isNear(input.round) ? this.#asked.learn(input.round, input.value) : undefined
      case 'coin-wanted':
        return this.#onCoinWanted(input.from, input.round)
      case 'tick':
        return
    }
  }

  #onCoinWanted(from: Seat, round: Round): void {
    if (!this.#isNear(round) || this.#asked.wantFor(from, round)) return
    this.#trace('coin-refused', { seat: from, round })
  }

  get #asked(): AskedCoin {
    return must(this.#coin, 'this coin is computed, nobody asks for it')
  }

  /** Whether a coin of the round can matter to what is kept, or soon will be. What is fed too early is asked for again. */
  #isNear(round: Round): boolean {
    const isNear = round >= this.#store.floor && round <= this.#store.maxRound + this.#limits.aheadRoundsMax
    if (!isNear) this.#trace('coin-far', { round })
    return isNear
  }

  #tellCoins(): void {
    if (this.#coin === undefined) return
    this.#coin.forget(this.#store.floor)
    for (const round of this.#coin.due(this.#creation.ownRound)) {
      this.#effects.push({ kind: 'coin', round: toRound(round) })
    }
  }

  #onSubmit(items: readonly Uint8Array[]): void {
    const refused = this.#queue.push(items)
    if (refused.length > 0) this.#effects.push({ kind: 'refused', items: refused })
  }

  #onUnits(from: Seat, units: readonly AdmittedUnit[]): void {
    for (const unit of units) this.#receive({ unit, from, durable: false })
    const { monotonicMs } = this.#now
    // An answer to a frontier brings many; a push brings one, and says nothing about being behind.
    if (units.length > 1 && this.#peers.wantsMore(from, monotonicMs)) this.#tellFrontier(from)
  }

  /** The bytes of those units that are known here, as many as one answer may hold. Changes nothing. */
  unitsOf(hashes: readonly Digest[]): readonly Uint8Array[] {
    const units: Uint8Array[] = []
    let bytes = 0
    for (const hash of hashes) {
      const unit = this.#store.find(hash)?.unit
      if (unit === undefined) continue
      if (units.length > 0 && bytes + unit.bytes.length > this.#limits.answerBytesMax) break
      bytes += unit.bytes.length
      if (units.push(unit.bytes) >= this.#limits.answerUnitsMax) break
    }
    return units
  }

  #onFrontier(from: Seat, rounds: readonly (Round | undefined)[]): void {
    const seats = rounds.length
    if (seats !== this.#committee.size) return this.#trace('frontier-refused', { seat: from, seats })
    const { monotonicMs } = this.#now
    const highest = rounds.reduce((max: number, known) => Math.max(max, known ?? -1), -1)
    // Below the floor nothing is kept, so what lies above could not be inserted there: that peer needs a state
    // transfer.
    const isHelpless = this.#store.floor > 0 && highest < this.#store.floor
    const answer = isHelpless ? { units: [], whole: true } : this.#store.above(rounds, monotonicMs - IN_FLIGHT_MS)
    if (answer.units.length > 0) {
      const units = answer.units.map((unit) => unit.bytes)
      this.#effects.push({ kind: 'send', to: [from], message: { kind: 'units', units } })
    }
    if (this.#peers.heardFrontier(from, rounds, answer.whole, monotonicMs)) this.#tellFrontier(from)
  }

  #onCreated(unit: AdmittedUnit): void {
    this.#creation.created(unit)
    const to = this.#peers.seats
    if (to.length > 0) this.#effects.push({ kind: 'send', to, message: { kind: 'units', units: [unit.bytes] } })
    const isWork = unit.payload.length > 0 || this.#hasOpenPayload()
    this.#pacing.sent(unit.round, isWork, this.#now.monotonicMs)
    if (unit.round < this.#store.floor) this.#dropOwn(unit)
    else this.#insert({ unit, from: this.#seat, durable: true })
  }

  #onRestored(units: readonly AdmittedUnit[], own: AdmittedUnit | undefined): void {
    if (own !== undefined) this.#creation.know(own)
    const all = own === undefined ? [...units] : [...units, own]
    for (const unit of all.sort((a, b) => a.round - b.round)) {
      this.#store.complete(unit)
      this.#receive({ unit, from: this.#seat, durable: true })
    }
    const to = this.#peers.seats
    if (own !== undefined && to.length > 0) {
      this.#effects.push({ kind: 'send', to, message: { kind: 'units', units: [own.bytes] } })
    }
    for (const seat of to) this.#tellFrontier(seat)
  }

  /** A unit from the network or the disk: into the DAG, into the waiting room, or away. */
  #receive(held: Held): void {
    const { unit, from } = held
    const { monotonicMs } = this.#now
    const refused = refuse(unit, this.#committee, this.#limits)
    if (refused !== undefined) return this.#count(unit, refused)
    if (from !== this.#seat) this.#peers.heardUnit(from, unit, monotonicMs)
    if (unit.round < this.#store.floor || this.#isKnown(unit.hash)) return
    this.#noticeFork(unit)
    const isNeeded = held.durable || this.#waiting.isWanted(unit.hash)
    if (this.#forkers.has(unit.creator) && !isNeeded) return this.#count(unit, 'KNOWN_FORKER')
    if (unit.round > this.#store.maxRound + this.#limits.aheadRoundsMax) {
      return this.#trace('unit-ahead', { seat: unit.creator, round: unit.round })
    }
    const parents = unit.parents.filter((parent) => parent !== undefined)
    const missing = parents.filter((parent) => !this.#store.hasParent(parent))
    if (missing.length === 0) return this.#insert(held)
    const oldest = missing.reduce((min, parent) => Math.min(min, parent.round), unit.round as number)
    const askAtMs = firstAskMs(unit, oldest, monotonicMs, this.#pacing.oneWayMs)
    if (!this.#waiting.hold(held, missing, askAtMs)) this.#trace('quota-full', { seat: unit.creator })
  }

  #isKnown(hash: Digest): boolean {
    return this.#store.find(hash) !== undefined || this.#waiting.has(hash)
  }

  /** Inserts a unit whose parents are there, and every unit that waited for it alone. */
  #insert(first: Held): void {
    const nowMs = this.#now.monotonicMs
    const ready: Held[] = [first]
    for (let held = ready.pop(); held !== undefined; held = ready.pop()) {
      const { unit, durable } = held
      if (unit.round < this.#store.floor) continue
      const isNeeded = durable || this.#waiting.isWanted(unit.hash)
      if (!isNeeded) {
        const shunned = this.#forkers.has(unit.creator) ? 'KNOWN_FORKER' : shun(unit, this.#store, this.#limits)
        if (shunned !== undefined) {
          this.#count(unit, shunned)
          continue
        }
      }
      this.#store.insert(unit, { nowMs, durable })
      this.#peers.changed(nowMs)
      if (unit.creator === this.#seat) this.#creation.know(unit)
      else this.#pacing.heard(unit, unit.parents[this.#seat]?.round, nowMs)
      ready.push(...this.#waiting.arrived(unit.hash))
    }
  }

  /** Two units of one creator in one round convict it, whichever of them is taken. */
  #noticeFork(unit: AdmittedUnit): void {
    if (this.#forkers.has(unit.creator)) return
    const known = this.#store.at(unit.round, unit.creator).find((ref) => ref.unit !== undefined)?.unit
    const first = known ?? this.#waiting.rival(unit)
    if (first === undefined || first.hash === unit.hash) return
    this.#forkers.add(unit.creator)
    this.#effects.push({ kind: 'fork', seat: unit.creator, first, second: unit })
  }

  #advance(): void {
    for (let batches = this.#store.advance(); batches.length > 0; batches = this.#store.advance()) {
      for (const { round, slot, head, units, lost } of batches) {
        this.#effects.push({ kind: 'ordered', round, slot, head, units })
        for (const unit of lost) if (unit.creator === this.#seat) this.#dropOwn(unit)
      }
      for (const held of this.#waiting.raiseFloor(this.#store.floor)) this.#insert(held)
    }
  }

  #dropOwn(unit: AdmittedUnit): void {
    if (unit.payload.length > 0) this.#effects.push({ kind: 'dropped', payload: unit.payload })
  }

  #makeUnit(): void {
    this.#createAtMs = undefined
    if (this.#isHeld || this.#creation.isPending || !this.#isSure()) return
    const { monotonicMs, wallMs } = this.#now
    const next = this.#creation.nextRound()
    if (next !== undefined && next > 0) this.#pacing.reached(next - 1, monotonicMs)
    const hasWork = !this.#queue.isEmpty || this.#hasOpenPayload()
    const round = hasWork ? next : this.#creation.levelRound()
    if (round === undefined || round > this.#limits.roundsMax) return
    // Only the newest round is worth waiting for; below it this member is late already.
    const dueMs = round === next && round > 0 ? this.#pacing.dueMs(this.#isComplete(round - 1)) : monotonicMs
    if (dueMs > monotonicMs) {
      this.#createAtMs = dueMs
      return
    }
    const unit = this.#creation.make(round, this.#isFresh() ? this.#queue.take() : NO_PAYLOAD, wallMs)
    this.#effects.push({ kind: 'create', unit, alongside: this.#store.takeUndurable(unit.parents) })
  }

  /**
   * Whether no own unit can be missing here that matters: a quorum, ourselves included, knows none above ours. Whatever was ordered
   * with a lost unit had a quorum above it; and those who know it send it, so that the count is reached. One below the floor comes no
   * more and does no harm: new ones lie above. Peers so far ahead that they may have forgotten one above our floor don't count.
   */
  #isSure(): boolean {
    if (!this.#isUnsure) return true
    const known = Math.max(this.#creation.ownRound, this.#store.floor - 1)
    const highest = this.#store.maxRound + this.#limits.windowRounds
    if (1 + this.#peers.knowNoMoreOf(this.#seat, known, highest) < this.#committee.quorum) return false
    this.#isUnsure = false
    this.#peers.settle()
    return true
  }

  /** Whether a lost own unit could still turn up. */
  get isUnsure(): boolean {
    return this.#isUnsure
  }

  /**
   * Whether the others have lately heard our clock, and so we theirs. After a pause a first, empty unit wakes everybody up, and what
   * there is to say goes into the next: that one stands on clocks of now, from which its block takes its time.
   */
  #isFresh(): boolean {
    return this.#now.wallMs - (this.#creation.ownTimestampMs ?? 0) < this.#limits.freshMs
  }

  #isComplete(below: number): boolean {
    return this.#creation.isComplete(below, this.#forkers)
  }

  /**
   * Whether honest payload is in the DAG that isn't ordered yet. A forker's may never be: nobody is kept awake by it.
   */
  #hasOpenPayload(): boolean {
    for (let index = 0; index < this.#committee.size; index += 1) {
      const seat = toSeat(index)
      if (this.#store.openPayloads(seat) > 0 && !this.#forkers.has(seat)) return true
    }
    return false
  }

  #tellFrontier(seat: Seat): void {
    this.#peers.told(seat, this.#now.monotonicMs)
    const message = { kind: 'frontier', view: this.#committee.view, rounds: this.#store.frontier() } as const
    this.#effects.push({ kind: 'send', to: [seat], message })
  }

  #count(unit: AdmittedUnit, code: RefusalCode | ShunCode): void {
    this.#violations[unit.creator] = (this.#violations[unit.creator] ?? 0) + 1
    this.#trace('unit-refused', { seat: unit.creator, round: toRound(unit.round), code })
  }

  #trace(event: string, detail: Readonly<Record<string, string | number>>): void {
    this.#effects.push({ kind: 'trace', event, detail })
  }
}
