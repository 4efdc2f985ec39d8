// Anti-entropy: what each peer is known to have, and when to compare.
//
// A pushed unit may be lost, and nobody notices if it was the last one. So members compare frontiers (the highest
// round of each seat) until they know that they agree, and then fall silent. Who is behind gets what it lacks.
//
// A frontier is sent when the DAG has changed and a peer isn't known to have everything: to a few peers at a time, in
// turn, so that a member that missed much isn't sent all of it by everybody. It is answered with units, and with the
// own frontier where the peer has something we lack, or can't know yet that we agree. An answer to an unchanged
// frontier is held back for a while: that is what ends every ping-pong.

import type { AdmittedUnit, Round, Seat } from '@quorate/types'
import { seat as toSeat } from '@quorate/types'

/** First wait before comparing frontiers, and the longest between two comparisons. */
export const PROBE_MIN_MS = 250
export const PROBE_MAX_MS = 2_000
/** Wait between two frontiers to one peer that say the same. */
const REPEAT_MS = 1_000
/** Wait between two frontiers to one peer while catching up. */
const CATCH_UP_MS = 5

type Frontier = readonly (Round | undefined)[]

interface Peer {
  readonly seat: Seat
  /** Highest round of each seat that the peer has; -1 for none. */
  readonly heard: number[]
  /** Whether `heard` equals the own frontier; undefined when that has to be looked at again. */
  agrees: boolean | undefined
  /** Own version it was told last; -1 for never. */
  toldVersion: number
  toldMs: number
}

/** What is known of the other members' DAGs. */
export class Peers {
  readonly #peers: Peer[] = []
  readonly #frontier: () => Frontier
  readonly #floor: () => number
  #version = 0
  #probedVersion = 0
  #probeAtMs: number | undefined
  #intervalMs = PROBE_MIN_MS
  #cursor = 0
  /** Peers whose frontier must be heard, and wasn't yet. */
  readonly #unheard = new Set<Seat>()

  /**
   * @param floor - Lowest round that is kept: what frontiers say of rounds below makes no difference.
   * @param mustHear - Every peer is asked for its frontier until it has told one.
   */
  constructor(size: number, self: Seat, frontier: () => Frontier, floor: () => number, mustHear = false) {
    this.#frontier = frontier
    this.#floor = floor
    for (let index = 0; index < size; index += 1) {
      if (index === self) continue
      const heard = Array.from({ length: size }, () => -1)
      this.#peers.push({ seat: toSeat(index), heard, agrees: undefined, toldVersion: -1, toldMs: -REPEAT_MS })
      if (mustHear) this.#unheard.add(toSeat(index))
    }
    if (this.#unheard.size > 0) this.#probeAtMs = 0
  }

  get seats(): readonly Seat[] {
    return this.#peers.map((peer) => peer.seat)
  }

  /** The own DAG grew. */
  changed(nowMs: number): void {
    this.#version += 1
    for (const peer of this.#peers) peer.agrees = undefined
    this.#intervalMs = PROBE_MIN_MS
    if (this.#probeAtMs === undefined || this.#probeAtMs > nowMs + PROBE_MIN_MS) this.#probeAtMs = nowMs + PROBE_MIN_MS
  }

  /** A peer sent a unit: it has that and, if it is its own, everything the unit stands on. */
  heardUnit(from: Seat, unit: AdmittedUnit, nowMs: number): void {
    const peer = this.#peerOf(from)
    if (peer === undefined) return
    peer.heard[unit.creator] = Math.max(peer.heard[unit.creator] ?? -1, unit.round)
    peer.agrees = undefined
    this.#probeAtMs ??= nowMs + this.#intervalMs
    if (unit.creator !== from) return
    for (const [seat, parent] of unit.parents.entries()) {
      if (parent !== undefined) peer.heard[seat] = Math.max(peer.heard[seat] ?? -1, parent.round)
    }
  }

  /** A peer told its frontier. Returns whether it is told ours in answer. `whole`: it was just sent all it lacked. */
  heardFrontier(from: Seat, rounds: Frontier, whole: boolean, nowMs: number): boolean {
    const peer = this.#peerOf(from)
    if (peer === undefined) return false
    const agreed = this.#agrees(peer)
    this.#unheard.delete(from)
    for (let seat = 0; seat < peer.heard.length; seat += 1) peer.heard[seat] = rounds[seat] ?? -1
    peer.agrees = undefined
    const agrees = this.#agrees(peer)
    this.#probeAtMs ??= nowMs + this.#intervalMs
    const untold = peer.toldVersion !== this.#version
    const asksAgain = agreed && agrees
    const wants = this.#isBehind(peer) || !whole || untold || asksAgain
    return wants && (untold || nowMs >= peer.toldMs + REPEAT_MS)
  }

  /** How many peers have told a frontier that knows nothing of `seat` above `round`, and nothing of anybody above `highest`. */
  knowNoMoreOf(seat: Seat, round: number, highest: number): number {
    return this.#peers.filter(
      ({ seat: peer, heard }) =>
        !this.#unheard.has(peer) && (heard[seat] ?? -1) <= round && heard.every((top) => top <= highest),
    ).length
  }

  /** Nobody must be heard any more. */
  settle(): void {
    this.#unheard.clear()
  }

  /** After units of an answer: whether to ask the same peer for more at once. */
  wantsMore(from: Seat, nowMs: number): boolean {
    const peer = this.#peerOf(from)
    if (peer === undefined || peer.toldVersion === this.#version) return false
    return nowMs >= peer.toldMs + CATCH_UP_MS && this.#isBehind(peer)
  }

  /** The own frontier goes out to a peer. */
  told(seat: Seat, nowMs: number): void {
    const peer = this.#peerOf(seat)
    if (peer === undefined) return
    peer.toldVersion = this.#version
    peer.toldMs = nowMs
  }

  /** Peers to compare frontiers with now. */
  due(nowMs: number): Seat[] {
    if (this.#probeAtMs === undefined || this.#probeAtMs > nowMs) return []
    const unsettled = this.#peers.filter((peer) => !this.#agrees(peer))
    if (unsettled.length === 0) {
      this.#probeAtMs = undefined
      return []
    }
    const quiet = this.#probedVersion === this.#version
    this.#intervalMs = quiet ? Math.min(PROBE_MAX_MS, this.#intervalMs * 2) : PROBE_MIN_MS
    this.#probedVersion = this.#version
    this.#probeAtMs = nowMs + this.#intervalMs
    const count = Math.min(unsettled.length, Math.ceil(this.#peers.length / 4))
    const due: Seat[] = []
    for (let k = 0; k < count; k += 1) {
      const peer = unsettled[(this.#cursor + k) % unsettled.length]
      if (peer !== undefined) due.push(peer.seat)
    }
    this.#cursor += count
    return due
  }

  /** When frontiers are compared next; undefined while everybody agrees. */
  get wakeAtMs(): number | undefined {
    if (this.#probeAtMs === undefined) return undefined
    return this.#peers.some((peer) => !this.#agrees(peer)) ? this.#probeAtMs : undefined
  }

  #agrees(peer: Peer): boolean {
    if (this.#unheard.has(peer.seat)) return false
    peer.agrees ??= this.#compare(peer).every((ahead) => ahead === 0)
    return peer.agrees
  }

  #isBehind(peer: Peer): boolean {
    return this.#compare(peer).some((ahead) => ahead < 0)
  }

  /** How many rounds that are kept we are ahead of the peer, by seat. */
  #compare(peer: Peer): readonly number[] {
    const below = this.#floor() - 1
    return this.#frontier().map((round, seat) => Math.max(round ?? -1, below) - Math.max(peer.heard[seat] ?? -1, below))
  }

  #peerOf(seat: Seat): Peer | undefined {
    return this.#peers.find((peer) => peer.seat === seat)
  }
}
