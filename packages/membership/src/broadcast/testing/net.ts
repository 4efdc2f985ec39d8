// A membership on virtual time: real broadcasts, a network that delays and loses, members that are down, and liars. The committee makes
// a block every so often; each of its members that is up gets it by itself, as certification does.

import { must } from '@quorate/kernel'
import type { MemberId, Millis } from '@quorate/types'
import { hashOf, height, millis } from '@quorate/types'
import { Context } from '../../context.ts'
import { members, viewAt } from '../../testing/members.ts'
import type { BroadcastEffect } from '../effect.ts'
import { Broadcast } from '../handler.ts'
import type { BroadcastInput, SpreadBlock } from '../input.ts'
import type { BroadcastLimits } from '../limits.ts'
import { LOSS_PER_MILLE } from '../limits.ts'
import { encodeBroadcast } from '../message.ts'
import type { Audience } from '../spread.ts'
import { Spread } from '../spread.ts'
import { drawFrom } from './draw.ts'

/** What a member does: `withholds` takes part in name only, `garbles` pushes blocks that are none, `boasts` of heights nobody has. */
export type Conduct = 'honest' | 'down' | 'withholds' | 'garbles' | 'boasts'

/** How a run goes. */
export interface NetConfig {
  readonly seed: number
  readonly members: number
  readonly seats: number
  readonly blocks: number
  readonly everyMs: number
  readonly blockBytes: number
  /** Chance that a message is lost. */
  readonly loss: number
  readonly conduct: (index: number, isSeated: boolean) => Conduct
  /** Whether members that are down are known to be. */
  readonly isDownKnown: boolean
  readonly limits?: BroadcastLimits
}

/** What a member sent. */
export interface Sent {
  blocks: number
  messages: number
  bytes: number
}

interface Node {
  readonly id: MemberId
  readonly index: number
  readonly conduct: Conduct
  readonly core: Broadcast
  readonly sent: Sent
  readonly got: number[]
  checks: number
  wakeMs: number
}

/** Bytes around a message: length, kind, and what TLS adds. */
const FRAME_BYTES = 34
/** Time that the check of a certificate takes. */
const CHECK_MS = 2

export class Net {
  readonly nodes: readonly Node[]
  readonly audience: Audience
  readonly spread: Spread
  readonly faults: { readonly by: number; readonly effect: Extract<BroadcastEffect, { readonly kind: 'fault' }> }[] = []
  readonly #config: NetConfig
  readonly #byId: ReadonlyMap<MemberId, Node>
  readonly #draw: () => number
  readonly #calendar = new Map<number, (() => void)[]>()
  readonly #madeAtMs: number[] = []
  #nowMs = 0

  constructor(config: NetConfig) {
    this.#config = config
    this.#draw = drawFrom(config.seed)
    const ids = members(config.members)
    const seated = new Context(ids).cut(viewAt(config.seed), config.seats)
    this.audience = { members: ids, seated }
    this.spread = new Spread(this.audience, LOSS_PER_MILLE)
    this.nodes = ids.map((id, index) => ({
      id,
      index,
      conduct: config.conduct(index, seated.includes(id)),
      core: new Broadcast({
        me: id,
        spread: this.spread,
        have: height(0),
        ...(config.limits === undefined ? {} : { limits: config.limits }),
      }),
      sent: { blocks: 0, messages: 0, bytes: 0 },
      got: [],
      checks: 0,
      wakeMs: Infinity,
    }))
    this.#byId = new Map(this.nodes.map((node) => [node.id, node]))
  }

  get honest(): readonly Node[] {
    return this.nodes.filter(({ conduct }) => conduct === 'honest')
  }

  /** The block of a height, which all committees' members hold alike. */
  blockAt(at: number): SpreadBlock {
    const bytes = new Uint8Array(this.#config.blockBytes)
    return { height: height(at), hash: hashOf('block', Uint8Array.of(at % 256, Math.floor(at / 256))), bytes }
  }

  /** Makes all blocks, and runs until every honest member has all, at most until `limitMs`. Gives the time since the last was made. */
  run(limitMs: number): number {
    const { blocks, everyMs, isDownKnown } = this.#config
    for (const node of this.nodes) if (node.conduct !== 'down') this.#connect(node, isDownKnown)
    for (let at = 1; at <= blocks; at += 1) this.#at(at * everyMs, () => this.#make(at))
    const madeMs = blocks * everyMs
    const { honest } = this
    for (; this.#nowMs <= limitMs; this.#nowMs += 1) {
      // What is planned for now while now is running is run too.
      for (const run of this.#calendar.get(this.#nowMs) ?? []) run()
      this.#calendar.delete(this.#nowMs)
      if (this.#nowMs >= madeMs && honest.every(({ core }) => core.have === blocks)) break
    }
    return this.#nowMs - madeMs
  }

  /** Milliseconds from a block's making until this share of the honest members without a seat had it. */
  latencyMs(share: number): number {
    const times = this.honest
      .filter(({ id }) => !this.audience.seated.includes(id))
      .flatMap(({ got }) => got.map((atMs, i) => atMs - (this.#madeAtMs[i] ?? 0)))
      .sort((a, b) => a - b)
    return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  }

  #connect(node: Node, isDownKnown: boolean): void {
    for (const peer of this.nodes)
      if (peer !== node && !(isDownKnown && peer.conduct === 'down'))
        node.core.handle({ kind: 'peer', member: peer.id, up: true }, millis(0))
    this.#at(this.#draw() * 500, () => this.#feed(node, { kind: 'tick' }))
  }

  #make(at: number): void {
    this.#madeAtMs.push(this.#nowMs)
    for (const id of this.audience.seated) {
      const node = this.#byId.get(id)
      if (node !== undefined && node.conduct !== 'down')
        this.#at(this.#nowMs + this.#draw() * 10, () => this.#feed(node, { kind: 'own', block: this.blockAt(at) }))
    }
    for (const node of this.nodes) if (node.conduct === 'garbles' || node.conduct === 'boasts') this.#lie(node, at)
  }

  #lie(node: Node, at: number): void {
    for (let i = 0; i < 8; i += 1) {
      const to = must(this.nodes[Math.floor(this.#draw() * this.nodes.length)], 'a member')
      if (node.conduct === 'boasts') this.#deliver(node, to, { kind: 'have', from: node.id, height: height(at + 40) })
      else {
        // Sometimes the true hash, so that the true block is taken for a second copy.
        const { hash } = this.blockAt(at)
        const claimed = this.#draw() < 0.5 ? hash : hashOf('body')
        const block = { height: height(at), hash: claimed, bytes: new Uint8Array(3) }
        this.#deliver(node, to, { kind: 'block', from: node.id, block })
      }
    }
  }

  #feed(node: Node, input: BroadcastInput): void {
    if (node.conduct === 'down') return
    for (const effect of node.core.handle(input, this.#nowMs as Millis)) this.#carryOut(node, effect)
    const wakeMs = node.core.wakeAt()
    if (wakeMs >= node.wakeMs && node.wakeMs > this.#nowMs) return
    node.wakeMs = Math.max(wakeMs, this.#nowMs + 1)
    const plannedMs = node.wakeMs
    this.#at(plannedMs, () => {
      if (node.wakeMs !== plannedMs) return
      node.wakeMs = Infinity
      this.#feed(node, { kind: 'tick' })
    })
  }

  #carryOut(node: Node, effect: BroadcastEffect): void {
    switch (effect.kind) {
      case 'check': {
        node.checks += 1
        const { height: at, hash, bytes } = effect.block
        const isTrue = bytes.length === this.#config.blockBytes && hash === this.blockAt(at).hash
        const verdict = isTrue ? 'valid' : 'invalid'
        return this.#at(this.#nowMs + CHECK_MS, () => this.#feed(node, { kind: 'checked', height: at, hash, verdict }))
      }
      case 'deliver':
        node.got.push(this.#nowMs)
        return undefined
      case 'push':
        for (const to of effect.to) this.#send(node, to, { kind: 'block', from: node.id, block: effect.block })
        return undefined
      case 'tell':
        for (const to of effect.to) this.#send(node, to, { kind: 'have', from: node.id, height: effect.height })
        return undefined
      case 'ask':
        return this.#send(node, effect.to, { kind: 'want', from: node.id, first: effect.first, count: effect.count })
      case 'serve':
        for (let at: number = effect.first; at < effect.first + effect.count; at += 1)
          this.#send(node, effect.to, { kind: 'block', from: node.id, block: this.blockAt(at) })
        return undefined
      case 'fault':
        this.faults.push({ by: node.index, effect })
    }
  }

  #send(from: Node, to: MemberId, input: Extract<BroadcastInput, { readonly from: MemberId }>): void {
    if (from.conduct === 'withholds' && input.kind === 'block') return
    const node = this.#byId.get(to)
    if (node !== undefined) this.#deliver(from, node, input)
  }

  #deliver(from: Node, to: Node, input: Extract<BroadcastInput, { readonly from: MemberId }>): void {
    if (input.kind === 'block') from.sent.blocks += 1
    from.sent.messages += 1
    from.sent.bytes += FRAME_BYTES + sizeOf(input)
    if (this.#draw() < this.#config.loss) return
    this.#at(this.#nowMs + 10 + this.#draw() * 40, () => this.#feed(to, input))
  }

  /** What happens at one millisecond happens in the order in which it was planned. */
  #at(atMs: number, run: () => void): void {
    const at = Math.max(Math.ceil(atMs), this.#nowMs)
    const due = this.#calendar.get(at)
    if (due === undefined) this.#calendar.set(at, [run])
    else due.push(run)
  }
}

function sizeOf(input: Extract<BroadcastInput, { readonly from: MemberId }>): number {
  switch (input.kind) {
    case 'block':
      return 48 + input.block.bytes.length
    case 'have':
    case 'want':
      return encodeBroadcast(input).length
  }
}
