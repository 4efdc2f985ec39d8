// The wires between replicas: one link for each direction of each pair, each with a rate, a queue, a delay and its own faults.
// Frames carry a code and bytes and nothing else is known of them here, except by the adversary's clock.
//
// Links join machines, not members: twins are two machines with one identity, and each other machine reaches one of them.

import { must } from '@quorate/kernel'
import type { MemberId } from '@quorate/types'
import { pushesCandidate } from './adversary.ts'
import type { Weather } from './plan.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** A machine on the network. */
export interface Station {
  readonly index: number
  /** Number of the member it is run by. */
  readonly member: number
  readonly id: MemberId
  readonly isUp: boolean
  /** Changes with each process on it. */
  readonly life: number
  /** Sent frames are late by so much, if it wants. */
  readonly tarryMs: number
  receive(from: MemberId, code: number, body: Uint8Array): void
  greet(peer: MemberId): void
}

interface Frame {
  readonly code: number
  readonly body: Uint8Array
}

interface Link {
  /** Faults that cut it now. */
  cuts: number
  clogs: number
  slowerMs: number
  freeAtMs: number
  lastAtMs: number
  /** Changes when its connection breaks: what is under way is lost. */
  connection: number
  old: Frame[]
  stuck: Frame[]
}

const OLD_FRAMES_MAX = 32
const STUCK_FRAMES_MAX = 4096
/** What a frame costs beyond its body. */
const HEAD_BYTES = 64

/** What became of the frames of a run. */
export interface Traffic {
  sent: number
  lost: number
  overflown: number
  replayed: number
  bytes: number
}

export class SimNetwork {
  readonly #world: World
  readonly #random: Random
  readonly #weather: Weather
  readonly #members: number
  #stations: readonly Station[] = []
  #links: Link[] = []
  #byMember = new Map<MemberId, readonly Station[]>()
  /** Stations among which nothing goes wrong any more. */
  #calm: ReadonlySet<number> = new Set()
  readonly traffic: Traffic = { sent: 0, lost: 0, overflown: 0, replayed: 0, bytes: 0 }

  constructor(world: World, weather: Weather, members: number) {
    this.#world = world
    this.#random = world.random('network')
    this.#weather = weather
    this.#members = members
  }

  /** What each directed link carries. */
  get bytesPerMs(): number {
    return this.#weather.bytesPerMs
  }

  /** Names the machines, once. */
  connect(stations: readonly Station[]): void {
    this.#stations = stations
    this.#links = stations.flatMap(() =>
      stations.map((): Link => ({
        cuts: 0,
        clogs: 0,
        slowerMs: 0,
        freeAtMs: 0,
        lastAtMs: 0,
        connection: 0,
        old: [],
        stuck: [],
      })),
    )
    for (const station of stations) this.#byMember.set(station.id, [...(this.#byMember.get(station.id) ?? []), station])
  }

  #link(from: Station, to: Station): Link {
    return must(this.#links[from.index * this.#stations.length + to.index], 'a link for each pair')
  }

  /** Whether frames can go this way at all. Who looks at twins sees one of them, by its own number; twins of two members see their like. */
  #isWired(from: Station, to: Station): boolean {
    if (from.member === to.member) return false
    const twinsOf = (one: Station): readonly Station[] => this.#byMember.get(one.id) ?? []
    if (twinsOf(from).length > 1 && twinsOf(to).length > 1)
      return twinsOf(from).indexOf(from) === twinsOf(to).indexOf(to)
    const sees = (one: Station, other: Station): boolean => {
      const twins = twinsOf(other)
      return twins.length < 2 || twins[(one.member + Math.floor(one.member / 2)) % twins.length] === other
    }
    return sees(from, to) && sees(to, from)
  }

  /** Sends a frame to a member. */
  send(from: Station, to: MemberId, code: number, body: Uint8Array): void {
    for (const station of this.#byMember.get(to) ?? [])
      if (this.#isWired(from, station)) this.#sendTo(from, station, { code, body })
  }

  #sendTo(from: Station, to: Station, frame: Frame): void {
    const link = this.#link(from, to)
    const { traffic } = this
    traffic.sent += 1
    traffic.bytes += frame.body.length
    const isCalm = this.#calm.has(from.index) && this.#calm.has(to.index)
    if (isCalm) return this.#travel(from, to, frame, 1)
    const { loss, duplicate, replay } = this.#weather
    if (link.cuts > 0 || this.#random.chance(loss)) {
      traffic.lost += 1
      return
    }
    if (link.clogs > 0) {
      if (link.stuck.length < STUCK_FRAMES_MAX) link.stuck.push(frame)
      return
    }
    this.#travel(from, to, frame, this.#random.chance(duplicate) ? 2 : 1)
    if (replay === 0) return
    if (link.old.length > 0 && this.#random.chance(replay)) {
      traffic.replayed += 1
      this.#travel(from, to, this.#random.pick(link.old), 1)
    }
    if (link.old.length < OLD_FRAMES_MAX) link.old.push(frame)
    else link.old[this.#random.whole(0, OLD_FRAMES_MAX - 1)] = frame
  }

  #travel(from: Station, to: Station, frame: Frame, copies: number): void {
    const link = this.#link(from, to)
    const { bytesPerMs, queueBytesMax, reorder } = this.#weather
    const { nowMs } = this.#world
    const begins = Math.max(nowMs, link.freeAtMs)
    if ((begins - nowMs) * bytesPerMs > queueBytesMax) {
      this.traffic.overflown += 1
      return
    }
    link.freeAtMs = begins + (frame.body.length + HEAD_BYTES) / bytesPerMs
    for (let copy = 0; copy < copies; copy += 1) {
      const arrives = link.freeAtMs + this.#delayMs(from, to, link) + this.#spiteMs(from, to, frame)
      const atMs = reorder ? arrives : Math.max(arrives, link.lastAtMs)
      link.lastAtMs = atMs
      const { life } = to
      const { connection } = link
      this.#world.at(atMs, () => {
        if (!to.isUp || to.life !== life || link.connection !== connection) return
        this.#world.stir(
          frame.code * 65_536 + from.index * 256 + to.index,
          frame.body.length * 256 + (frame.body.at(-1) ?? 0),
        )
        to.receive(from.id, frame.code, frame.body)
      })
    }
  }

  #delayMs(from: Station, to: Station, link: Link): number {
    const [least, mean] = this.#weather.delayMs
    const base = least + this.#random.exponential(mean)
    if (this.#calm.has(from.index) && this.#calm.has(to.index)) return base
    return base + link.slowerMs + from.tarryMs
  }

  /** What the adversary adds. */
  #spiteMs(from: Station, to: Station, { code, body }: Frame): number {
    const { adversary } = this.#weather
    if (adversary === undefined || (this.#calm.has(from.index) && this.#calm.has(to.index))) return 0
    const { periodMs, delayMs, aim } = adversary
    const isTarget =
      aim === 'head'
        ? pushesCandidate(code, body)
        : from.member === Math.floor(this.#world.nowMs / periodMs) % this.#members
    return isTarget ? delayMs : 0
  }

  // ---- faults

  /** The links from each of `from` to each of `to`, members by number. */
  #between(from: ReadonlySet<number>, to: ReadonlySet<number>): readonly (readonly [Station, Station, Link])[] {
    const links: (readonly [Station, Station, Link])[] = []
    for (const a of this.#stations)
      for (const b of this.#stations)
        if (a !== b && from.has(a.member) && to.has(b.member)) links.push([a, b, this.#link(a, b)])
    return links
  }

  /** Cuts links, or heals them by the same measure; who is joined again greets. */
  cut(from: ReadonlySet<number>, to: ReadonlySet<number>, on: boolean): void {
    for (const [a, b, link] of this.#between(from, to)) {
      link.cuts += on ? 1 : -1
      if (link.cuts === 0) this.#meet(a, b)
    }
  }

  slow(member: number, byMs: number): void {
    const all = new Set(this.#stations.map((station) => station.member))
    const one = new Set([member])
    for (const [, , link] of [...this.#between(one, all), ...this.#between(all, one)]) link.slowerMs += byMs
  }

  clog(from: number, to: number, on: boolean): void {
    for (const [a, b, link] of this.#between(new Set([from]), new Set([to]))) {
      link.clogs += on ? 1 : -1
      if (link.clogs > 0) continue
      const { stuck } = link
      link.stuck = []
      for (const frame of stuck) this.#travel(a, b, frame, 1)
    }
  }

  /** Every connection of the member breaks and is made again. */
  reset(member: number): void {
    const all = new Set(this.#stations.map((station) => station.member))
    for (const [a, b, link] of this.#between(new Set([member]), all)) {
      link.connection += 1
      this.#link(b, a).connection += 1
      this.#meet(a, b)
    }
  }

  /** Nothing goes wrong among these members from now on. */
  heal(members: ReadonlySet<number>): void {
    this.#calm = new Set(
      this.#stations.filter((station) => members.has(station.member)).map((station) => station.index),
    )
    for (const [a, b, link] of this.#between(members, members)) {
      link.slowerMs = 0
      link.cuts = 0
      link.clogs = 0
      const { stuck } = link
      link.stuck = []
      for (const frame of stuck) this.#travel(a, b, frame, 1)
      if (a.index < b.index) this.#meet(a, b)
    }
  }

  /** A machine is up: it meets whom it can reach. */
  joined(station: Station): void {
    for (const other of this.#stations) if (other !== station) this.#meet(station, other)
  }

  /** A connection comes up in both directions, a little later, where nothing is cut. */
  #meet(a: Station, b: Station): void {
    if (!this.#isWired(a, b)) return
    const { life } = a
    const other = b.life
    this.#world.after(this.#delayMs(a, b, this.#link(a, b)), () => {
      if (!a.isUp || !b.isUp || a.life !== life || b.life !== other) return
      if (this.#link(a, b).cuts > 0 || this.#link(b, a).cuts > 0) return
      a.greet(b.id)
      b.greet(a.id)
    })
  }
}
