// Members on a virtual clock, joined by a network that delays, loses, repeats and reorders. Everything follows from the seed.

import { createHash } from 'node:crypto'
import type { AdmittedUnit, ConsensusKey, Digest, MemberId, Message, Seat, ViewId } from '@quorate/types'
import {
  admitUnit,
  Committee,
  decodePayload,
  decodeUnit,
  encodeItem,
  encodePayload,
  millis,
  seat as toSeat,
  sealUnit,
} from '@quorate/types'
import type { AlephEffect } from '../effect.ts'
import { Aleph } from '../handler.ts'
import type { AlephInput, Base, Now, OrderedRef } from '../input.ts'
import type { AlephLimits } from '../limits.ts'
import { ALEPH_LIMITS } from '../limits.ts'
import { deterministicCoin } from '../order/coin.ts'
import type { Coin } from '../order/rules.ts'
import { Random } from './random.ts'
import { sure } from './sure.ts'

export const VIEW = createHash('sha256').update('view').digest('hex') as ViewId
const WALL_START_MS = 1_700_000_000_000

export function committeeOf(size: number): Committee {
  const key = (text: string): string => createHash('sha256').update(text).digest('hex')
  return new Committee(
    VIEW,
    Array.from({ length: size }, (_, at) => ({
      id: key(`id ${at}`) as MemberId,
      key: key(`key ${at}`) as ConsensusKey,
    })),
  )
}

/** A transaction's item, as a payload holds it. */
export function item(text: string): Uint8Array {
  return encodeItem({ kind: 'transaction', bytes: Buffer.from(text) })
}

/** The texts in a payload. */
export function texts(payload: Uint8Array): string[] {
  const decoded = decodePayload(payload)
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value.map((each) => (each.kind === 'transaction' ? Buffer.from(each.bytes).toString() : each.kind))
}

/** Decodes and admits a unit; every signature is good here. */
export function admit(bytes: Uint8Array, committee: Committee): AdmittedUnit {
  const decoded = decodeUnit(bytes)
  if (!decoded.ok) throw new Error(decoded.error.message)
  const admitted = admitUnit(decoded.value, committee, () => true)
  if (!admitted.ok) throw new Error(admitted.error.message)
  return admitted.value
}

export interface Weather {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** Percent of messages lost, and sent twice. */
  readonly loss: number
  readonly repeat: number
  /** Longest time to sign and persist. */
  readonly diskMaxMs: number
}

export const FAIR: Weather = { delayMinMs: 1, delayMaxMs: 3, loss: 0, repeat: 0, diskMaxMs: 2 }
export const STORM: Weather = { delayMinMs: 1, delayMaxMs: 40, loss: 15, repeat: 10, diskMaxMs: 4 }

/** What a head ordered, by names. */
export interface LogEntry {
  readonly round: number
  readonly slot: number
  readonly head: Digest
  readonly units: readonly OrderedRef[]
  readonly texts: readonly string[]
}

/** One member: its core, its disk, its log. */
export class Node {
  readonly seat: Seat
  core: Aleph | undefined
  readonly disk = new Map<Digest, AdmittedUnit>()
  own: AdmittedUnit | undefined
  log: LogEntry[] = []
  /** Index in the whole order at which `log` starts. */
  logStart = 0
  forks = new Map<Seat, readonly [AdmittedUnit, AdmittedUnit]>()
  twins = new Map<Digest, Uint8Array>()
  /** Makes two units for every round. */
  isForker = false
  /** Answers requests in place of a core. */
  answers: ((hashes: readonly Digest[]) => readonly AdmittedUnit[]) | undefined
  sends = 0
  lives = 0

  constructor(seat: Seat) {
    this.seat = seat
  }
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class Network {
  readonly committee: Committee
  readonly nodes: readonly Node[]
  readonly random: Random
  readonly limits: AlephLimits
  weather: Weather
  heads: 'one' | 'every' = 'one'
  /** With `asked` nobody answers: good for as long as nobody asks. */
  coin: Coin | 'asked' = deterministicCoin(VIEW)
  nowMs = 0
  #order = 0
  readonly #heap: Event[] = []
  /** Transcript lines, where one is kept. */
  transcript: string[] | undefined

  constructor(size: number, seed: number, weather: Weather = FAIR, limits: AlephLimits = ALEPH_LIMITS) {
    this.committee = committeeOf(size)
    this.nodes = Array.from({ length: size }, (_, at) => new Node(toSeat(at)))
    this.random = new Random(seed)
    this.weather = weather
    this.limits = limits
  }

  node(at: number): Node {
    return sure(this.nodes[at])
  }

  start(at: number, base?: Base): void {
    const node = this.node(at)
    const { committee, limits } = this
    node.core = new Aleph({
      committee,
      seat: node.seat,
      coin: this.coin,
      base,
      heads: this.heads,
      limits,
    })
    node.lives += 1
    if (node.lives > 1 || base !== undefined) {
      this.feed(node, { kind: 'restored', units: [...node.disk.values()], own: node.own })
    }
  }

  startAll(except: readonly number[] = []): void {
    for (const node of this.nodes) if (!except.includes(node.seat)) this.start(node.seat)
  }

  crash(at: number): void {
    this.node(at).core = undefined
  }

  /** Restarts a crashed node from its disk: from the beginning of the view, or from its own log. */
  restart(at: number, from: 'start' | 'log'): void {
    const node = this.node(at)
    if (from === 'log' && node.log.length > 0) return this.start(at, this.baseOf(node, node.log.length))
    node.log = []
    this.start(at)
  }

  /** The base behind the first `count` entries of a node's log. */
  baseOf(node: Node, count: number): Base {
    const last = sure(node.log[count - 1])
    const floor = last.round - this.limits.windowRounds
    const ordered = node.log.slice(0, count).flatMap((entry) => entry.units.filter((unit) => unit.round >= floor))
    return { round: sure(ordered.at(-1)).round, slot: last.slot, ordered }
  }

  submit(at: number, ...items: readonly string[]): void {
    this.feed(this.node(at), { kind: 'submit', items: items.map(item) })
  }

  feed(node: Node, input: AlephInput): void {
    if (node.core === undefined) return
    const now: Now = { monotonicMs: millis(this.nowMs), wallMs: millis(WALL_START_MS + Math.trunc(this.nowMs)) }
    this.#say(node, input)
    const core = node.core
    for (const effect of core.handle(input, now)) this.#carryOut(node, core, effect)
    const wakeAt = core.wakeAt()
    if (wakeAt === undefined) return
    this.at(Math.max(wakeAt, this.nowMs), () => {
      const again = node.core?.wakeAt()
      if (node.core === core && again !== undefined && again <= this.nowMs) this.feed(node, { kind: 'tick' })
    })
  }

  #carryOut(node: Node, core: Aleph, effect: AlephEffect): void {
    this.#say(node, effect)
    switch (effect.kind) {
      case 'create': {
        const unit = sealUnit(effect.unit, new Uint8Array(64))
        const life = node.lives
        this.after(this.random.below(this.weather.diskMaxMs * 10 + 1) / 10, () => {
          if (node.core !== core || node.lives !== life) return
          for (const other of effect.alongside) node.disk.set(other.hash, other)
          node.disk.set(unit.hash, unit)
          node.own = unit
          if (node.isForker) {
            const payload = encodePayload([item(`twin of ${unit.creator} in ${unit.round}`)])
            node.twins.set(unit.hash, sealUnit({ ...effect.unit, payload }, new Uint8Array(64)).bytes)
          }
          this.feed(node, { kind: 'created', unit })
        })
        return
      }
      case 'send':
        for (const to of effect.to) this.#send(node, to, effect.message)
        return
      case 'ask':
        this.#ask(node, effect.to, effect.hashes)
        return
      case 'ordered': {
        const { round, slot, head, units } = effect
        const refs = units.map((unit): OrderedRef => ({ creator: unit.creator, round: unit.round, hash: unit.hash }))
        // The head goes last: its round is the base's.
        refs.sort((a, b) => Number(a.hash === head) - Number(b.hash === head))
        node.log.push({ round, slot, head, units: refs, texts: units.flatMap((unit) => texts(unit.payload)) })
        return
      }
      case 'fork':
        node.forks.set(effect.seat, [effect.first, effect.second])
        return
      case 'dropped':
        this.at(this.nowMs, () => {
          this.feed(node, { kind: 'submit', items: texts(effect.payload).map(item) })
        })
        return
      case 'refused':
        throw new Error('no room')
      case 'coin':
        throw new Error('a coin is asked for, and there is none')
      case 'trace':
        return
    }
  }

  /** Question and answer may each be lost; a repeated one is answered twice. */
  #ask(from: Node, seat: Seat, hashes: readonly Digest[]): void {
    const to = this.node(seat)
    this.#travel(from, () => {
      const units = to.answers?.(hashes).map((unit) => unit.bytes) ?? to.core?.unitsOf(hashes) ?? []
      this.#note(to, `<- asked by ${from.seat}, answers ${units.length} units`)
      if (units.length > 0) this.#travel(to, () => this.#deliver(to, from, { kind: 'units', units }))
    })
  }

  #send(from: Node, to: Seat, message: Message): void {
    this.#travel(from, () => this.#deliver(from, this.node(to), message))
  }

  #travel(from: Node, arrive: () => void): void {
    from.sends += 1
    const { delayMinMs, delayMaxMs, loss, repeat } = this.weather
    for (let copy = this.random.percent(repeat) ? 2 : 1; copy > 0; copy -= 1) {
      if (this.random.percent(loss)) continue
      const delayMs = delayMinMs + this.random.below((delayMaxMs - delayMinMs) * 10 + 1) / 10
      this.after(delayMs, arrive)
    }
  }

  #deliver(from: Node, to: Node, message: Message): void {
    switch (message.kind) {
      case 'units': {
        const chosen = message.units.map((bytes) => {
          const unit = admit(bytes, this.committee)
          const twin = from.twins.get(unit.hash)
          return twin !== undefined && to.seat % 2 === 1 ? admit(twin, this.committee) : unit
        })
        return this.feed(to, { kind: 'units', from: from.seat, units: chosen })
      }
      case 'frontier':
        return this.feed(to, { kind: 'frontier', from: from.seat, rounds: message.rounds })
      case 'vote':
      case 'join':
      case 'deal':
      case 'coin':
      case 'tip':
        throw new Error(`aleph sends no ${message.kind}`)
    }
  }

  #say(node: Node, thing: AlephInput | AlephEffect): void {
    if (this.transcript !== undefined) this.#note(node, describe(thing))
  }

  #note(node: Node, text: string): void {
    this.transcript?.push(`${this.nowMs.toFixed(1).padStart(7)} ${node.seat} ${text}`)
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  at(atMs: number, run: () => void): void {
    const heap = this.#heap
    this.#order += 1
    heap.push({ atMs, order: this.#order, run })
    for (let at = heap.length - 1; at > 0;) {
      const up = (at - 1) >> 1
      if (isBefore(sure(heap[up]), sure(heap[at]))) break
      swap(heap, up, at)
      at = up
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const candidate = heap[child]
        if (candidate !== undefined && isBefore(candidate, sure(heap[least]))) least = child
      }
      if (least === at) return first
      swap(heap, at, least)
      at = least
    }
  }

  /** Runs until the clock reaches `untilMs`, or until nothing is left to happen. False in the second case. */
  run(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined) return false
      if (next.atMs > untilMs) break
      this.#pop()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    this.nowMs = untilMs
    return true
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function swap(heap: Event[], a: number, b: number): void {
  const held = sure(heap[a])
  heap[a] = sure(heap[b])
  heap[b] = held
}

function rounds(list: readonly (number | undefined)[]): string {
  return list.map((round) => round ?? '-').join(' ')
}

function name(unit: { readonly creator: number; readonly round: number }): string {
  return `${unit.creator}@${unit.round}`
}

/** One line for an input or an effect. */
function describe(thing: AlephInput | AlephEffect): string {
  switch (thing.kind) {
    case 'submit':
      return `<- submit ${thing.items.length} items`
    case 'units':
      return `<- units from ${thing.from}: ${thing.units.map(name).join(' ')}`
    case 'frontier':
      return `<- frontier from ${thing.from}: ${rounds(thing.rounds)}`
    case 'created':
      return `<- created ${name(thing.unit)}`
    case 'restored':
      return `<- restored ${thing.units.length} units, own ${thing.own === undefined ? 'none' : name(thing.own)}`
    case 'hold':
      return `<- hold ${thing.on ? 'on' : 'off'}`
    case 'connected':
      return `<- connected ${thing.seat}`
    case 'coin':
      return 'value' in thing ? `<- coin of ${thing.round}: ${thing.value}` : `-> coin of ${thing.round}`
    case 'coin-wanted':
      return `<- coin of ${thing.round} wanted`
    case 'tick':
      return '<- tick'
    case 'create': {
      const { unit, alongside } = thing
      const said = unit.payload.length === 0 ? 'empty' : `${texts(unit.payload).length} items`
      return `-> create ${name(unit)} on ${rounds(unit.parents.map((p) => p?.round))}, ${said}, ${alongside.length} alongside`
    }
    case 'send':
      return `-> send ${thing.message.kind} to ${thing.to.join(' ')}`
    case 'ask':
      return `-> ask ${thing.to} for ${thing.hashes.length} units`
    case 'ordered':
      return `-> ordered by head of ${thing.round}: ${thing.units.map(name).join(' ')}`
    case 'fork':
      return `-> fork ${name(thing.first)}`
    case 'dropped':
      return `-> dropped ${texts(thing.payload).length} items`
    case 'refused':
      return `-> refused ${thing.items.length} items`
    case 'trace':
      return `-> trace ${thing.event} ${Object.values(thing.detail).join(' ')}`
  }
}
