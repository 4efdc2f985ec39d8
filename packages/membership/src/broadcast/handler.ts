// Reliable broadcast of certified blocks to all members: eager push along ring successors (spread.ts), lazy telling, asking for what
// did not come.
//
// The problem: every member must get every block, quickly, though messages are lost, members are down, and up to a third of them lie;
// and no member may have to send more because there are more members. Pushing alone can't do it cheaply: certainty takes as many copies
// as there may be faulty members. Asking alone is slow, and all ask the few who have it first.
//
// So, as in Plumtree (Leitao, Pereira, Rodrigues 2007), blocks are pushed where the good case needs them, and all else moves numbers.
// Plumtree finds its tree by pruning links that brought a second copy; here the rings give it, another one for each height, and there
// is nothing to agree on or to repair in it. A member that has new blocks tells some others how far it is, the next ones on the ring
// each time, so that in the end everybody hears from everybody. Who hears of a block, or sees one behind it, waits a moment for the
// push, then asks one of those who say to have it, and then another.
//
// Why every honest member gets every block: a block is certified, so who gets it knows it for what it is, and lies can't take its
// place. Each honest member comes round to telling each other member; who is told and has waited asks; of those it asks, each liar
// costs it one `answerMs` and is then behind all others for a time that doubles, so an honest one's turn comes.
//
// What a lie costs: a claim of heights nobody has, a question; a block kept back, a wait; garbage, one check of a certificate, at most
// `checksPerMemberMax` until the first verdict mutes who sent it. A copy suppressed for a block that turns out to be garbage isn't
// lost: who offered it is asked at once.
//
// Limits: see limits.ts, each of them tested. Members far behind should fetch in larger steps than this does, and say `advanced`.

import { assert } from '@quorate/kernel'
import type { Digest, Height, MemberId, Millis } from '@quorate/types'
import { height } from '@quorate/types'
import type { BroadcastEffect } from './effect.ts'
import type { BroadcastInput, SpreadBlock, Verdict } from './input.ts'
import type { BroadcastLimits } from './limits.ts'
import { BROADCAST_LIMITS } from './limits.ts'
import type { Held } from './shelf.ts'
import { Shelf } from './shelf.ts'
import { Sources } from './sources.ts'
import type { Spread } from './spread.ts'

/** What a broadcast begins with. */
export interface BroadcastConfig {
  readonly me: MemberId
  readonly spread: Spread
  /** All blocks up to this height are here; undefined where none is. */
  readonly have: Height | undefined
  readonly limits?: BroadcastLimits
}

/** An answer may be lost: only who fails more often than it gives is named. */
const FAILURES_NAMED = 3

interface Want {
  readonly to: MemberId
  readonly first: number
  readonly last: number
  untilMs: number
}

export class Broadcast {
  readonly #me: MemberId
  readonly #limits: BroadcastLimits
  readonly #sources: Sources
  readonly #shelf: Shelf
  #spread: Spread
  /** The view before, for blocks that came late. */
  #spreadBefore: Spread
  #viewFirst = 0
  /** Everybody else, in ring order behind us. */
  #ring: readonly MemberId[]
  #told = 0
  #toldAtMs = 0
  #tellAtMs = 0
  /** The last block delivered, with all before it; -1 for none. */
  #have: number
  #haveAtMs = 0
  #lastTold = -1
  /** Heights above ours that are known to exist, or said to, and since when. */
  readonly #seenAtMs = new Map<number, number>()
  #want: Want | undefined
  #effects: BroadcastEffect[] = []
  #nowMs = 0

  constructor({ me, spread, have, limits = BROADCAST_LIMITS }: BroadcastConfig) {
    this.#me = me
    this.#limits = limits
    this.#sources = new Sources(limits)
    this.#shelf = new Shelf(limits)
    this.#spread = spread
    this.#spreadBefore = spread
    this.#ring = spread.behind(me)
    this.#sources.members(this.#ring)
    this.#have = have ?? -1
  }

  /** The last block delivered, with all before it; undefined where there is none. */
  get have(): Height | undefined {
    return this.#have < 0 ? undefined : height(this.#have)
  }

  /** Blocks, and their bytes, that wait here. */
  get held(): { readonly blocks: number; readonly bytes: number } {
    return { blocks: this.#shelf.size, bytes: this.#shelf.bytes }
  }

  /** When to feed `tick` at the latest. */
  wakeAt(): Millis {
    let at = this.#tellAtMs
    if (this.#want !== undefined) at = Math.min(at, this.#want.untilMs)
    else {
      const missing = this.#firstMissing()
      if (missing !== undefined && this.#sources.next(missing.height) !== undefined) at = Math.min(at, missing.dueMs)
    }
    return at as Millis
  }

  handle(input: BroadcastInput, nowMs: Millis): readonly BroadcastEffect[] {
    assert(nowMs >= this.#nowMs, `time runs backwards, from ${this.#nowMs} to ${nowMs}`)
    this.#nowMs = nowMs
    this.#effects = []
    this.#input(input)
    this.#deliver()
    this.#ask()
    this.#tellSome()
    return this.#effects
  }

  #input(input: BroadcastInput): void {
    switch (input.kind) {
      case 'own':
        return this.#own(input.block)
      case 'advanced':
        return this.#advance(input.height)
      case 'block':
        return this.#offered(input.from, input.block)
      case 'checked':
        return this.#checked(input.height, input.hash, input.verdict)
      case 'have':
        return this.#peerHas(input.from, input.height)
      case 'want':
        return this.#peerWants(input.from, input.first, input.count)
      case 'peer':
        return this.#peer(input.member, input.up)
      case 'view':
        return this.#view(input.first, input.spread)
      case 'tick':
        return undefined
    }
  }

  // ---- blocks

  #own(block: SpreadBlock): void {
    if (block.height <= this.#have) return
    const held = this.#shelf.at(block.height)
    // What came from a peer and was valid has been pushed on already.
    if (held?.isValid !== true) this.#push(block, held === undefined ? [] : [held.from, ...held.others])
    this.#advance(block.height)
  }

  #advance(to: number): void {
    if (to <= this.#have) return
    this.#have = to
    this.#haveAtMs = this.#nowMs
    this.#shelf.removeUpTo(to)
    for (const at of this.#seenAtMs.keys()) if (at <= to) this.#seenAtMs.delete(at)
  }

  /** A copy that isn't the first is refused by its height alone, before anything in it is looked at. */
  #offered(from: MemberId, block: SpreadBlock): void {
    const { height: at } = block
    if (!this.#sources.has(from) || this.#sources.isMuted(from, this.#nowMs)) return
    if (at <= this.#have || at > this.#have + this.#limits.windowHeights) return
    if (block.bytes.length > this.#limits.blockBytesMax) return this.#lied(from, at)
    const held = this.#shelf.at(at)
    if (held !== undefined) return this.#shelf.again(held, from)
    if (this.#shelf.checksOf(from) >= this.#limits.checksPerMemberMax) return
    if (this.#shelf.add(block, from, this.#have + 1)) this.#effects.push({ kind: 'check', block })
  }

  #checked(at: number, hash: Digest, verdict: Verdict): void {
    const held = this.#shelf.at(at)
    if (held === undefined || held.isValid || held.block.hash !== hash) return
    switch (verdict) {
      case 'valid':
        held.isValid = true
        this.#saw(at)
        this.#sources.gave(held.from)
        if (this.#want?.to === held.from) this.#want.untilMs = this.#nowMs + this.#limits.answerMs
        return this.#push(held.block, [held.from, ...held.others])
      case 'invalid':
        return this.#lied(held.from, at)
      case 'unknown':
        if (this.#want?.to === held.from) this.#want = undefined
        return this.#drop(held, this.#nowMs)
    }
  }

  /** Nothing that it sent and that is still being checked counts. Who offered the same has it: it is asked at once. */
  #lied(member: MemberId, at: number): void {
    this.#sources.lied(member, this.#nowMs)
    if (this.#want?.to === member) this.#want = undefined
    this.#effects.push({ kind: 'fault', member, code: 'GARBAGE', height: height(at) })
    for (const held of this.#shelf.uncheckedOf(member)) {
      const [other] = held.others
      if (other === undefined) this.#shelf.remove(held.block.height)
      else {
        this.#drop(held, this.#nowMs - this.#limits.waitMs)
        if (this.#want === undefined) this.#askOf(other, held.block.height, held.block.height)
      }
    }
  }

  /** The block has to come again; it counts as known since `sinceMs`. */
  #drop({ block }: Held, sinceMs: number): void {
    this.#shelf.remove(block.height)
    this.#saw(block.height)
    this.#seenAtMs.set(block.height, sinceMs)
  }

  /** Blocks behind a valid one are passed on before those between are here: no gap waits for another member's gap. */
  #push(block: SpreadBlock, besides: readonly MemberId[]): void {
    const spread = block.height >= this.#viewFirst ? this.#spread : this.#spreadBefore
    const successors = spread.successors(this.#me, block.height, (member) => this.#sources.isUp(member))
    const to = successors.filter((member) => !besides.includes(member))
    if (to.length > 0) this.#effects.push({ kind: 'push', to, block })
  }

  #deliver(): void {
    for (let next = this.#shelf.at(this.#have + 1); next?.isValid === true; next = this.#shelf.at(this.#have + 1)) {
      this.#effects.push({ kind: 'deliver', block: next.block })
      this.#advance(next.block.height)
    }
  }

  // ---- telling

  #peerHas(from: MemberId, at: number): void {
    if (this.#sources.claims(from, at, this.#nowMs) && at > this.#have) this.#saw(at)
    // Who is behind by more than what is on its way learns whom to ask.
    const isBehind = at < this.#have && this.#nowMs >= this.#haveAtMs + this.#limits.waitMs
    if (isBehind && this.#sources.isUp(from)) this.#tell([from])
  }

  #peer(member: MemberId, up: boolean): void {
    this.#sources.peer(member, up)
    if (up && this.#sources.has(member)) this.#tell([member])
  }

  #tell(to: readonly MemberId[]): void {
    if (to.length > 0 && this.#have >= 0) this.#effects.push({ kind: 'tell', to, height: height(this.#have) })
  }

  /** The next few on the ring are told, soon where there is something new. */
  #tellSome(): void {
    const { tellCount, tellMs, idleMs } = this.#limits
    const isNew = this.#have > this.#lastTold
    if (isNew) this.#tellAtMs = Math.min(this.#tellAtMs, this.#toldAtMs + tellMs)
    if (this.#nowMs < this.#tellAtMs) return
    this.#toldAtMs = this.#nowMs
    this.#tellAtMs = this.#nowMs + idleMs
    this.#lastTold = this.#have
    const to = new Set<MemberId>()
    for (let i = 0; i < this.#ring.length && to.size < tellCount; i += 1) {
      const member = this.#ring[this.#told % this.#ring.length]
      this.#told += 1
      if (member !== undefined && this.#sources.isUp(member)) to.add(member)
    }
    this.#tell([...to])
  }

  // ---- asking

  /** A block of this height is said to exist, so all before it do. */
  #saw(at: number): void {
    const last = Math.min(at, this.#have + this.#limits.windowHeights)
    for (let each = last; each > this.#have && !this.#seenAtMs.has(each); each -= 1)
      this.#seenAtMs.set(each, this.#nowMs)
  }

  #unsee(from: number): void {
    const known = this.#shelf.highestValid
    for (const at of this.#seenAtMs.keys()) if (at >= from && at > known) this.#seenAtMs.delete(at)
  }

  #firstMissing(): { readonly height: number; readonly dueMs: number } | undefined {
    for (let at = this.#have + 1; ; at += 1) {
      const seenAtMs = this.#seenAtMs.get(at)
      if (seenAtMs === undefined) return undefined
      if (this.#shelf.at(at) === undefined) return { height: at, dueMs: seenAtMs + this.#limits.waitMs }
    }
  }

  #ask(): void {
    this.#endWant()
    const missing = this.#firstMissing()
    if (this.#want !== undefined || missing === undefined || missing.dueMs > this.#nowMs) return
    const source = this.#sources.next(missing.height)
    if (source === undefined) return
    const first = missing.height
    let last = first
    const { windowHeights, wantBlocksMax } = this.#limits
    const lastMax = Math.min(source.claimed, this.#have + windowHeights, first + wantBlocksMax - 1)
    while (last < lastMax && this.#shelf.at(last + 1) === undefined) last += 1
    this.#askOf(source.member, first, last)
  }

  #askOf(to: MemberId, first: number, last: number): void {
    this.#want = { to, first, last, untilMs: this.#nowMs + this.#limits.answerMs }
    this.#sources.asked(to)
    this.#effects.push({ kind: 'ask', to, first: height(first), count: last - first + 1 })
  }

  /** The question that is out is over when all it asked for is here, or its time is up. */
  #endWant(): void {
    const want = this.#want
    if (want === undefined) return
    let missing = Math.max(want.first, this.#have + 1)
    while (missing <= want.last && this.#shelf.at(missing) !== undefined) missing += 1
    if (missing > want.last) this.#want = undefined
    else if (this.#nowMs >= want.untilMs) {
      this.#want = undefined
      const failures = this.#sources.withheld(want.to, this.#nowMs)
      if (failures >= FAILURES_NAMED)
        this.#effects.push({ kind: 'fault', member: want.to, code: 'WITHHELD', height: height(missing) })
      // What only it spoke of is not known to exist any more.
      if (this.#sources.next(missing) === undefined) this.#unsee(missing)
    }
  }

  #peerWants(from: MemberId, first: number, count: number): void {
    const ready = this.#shelf.at(first)
    if (ready?.isValid === true && this.#sources.admits(from, this.#nowMs))
      return void this.#effects.push({ kind: 'push', to: [from], block: ready.block })
    const last = Math.min(first + Math.min(count, this.#limits.wantBlocksMax) - 1, this.#have)
    if (last < first || !this.#sources.admits(from, this.#nowMs)) return
    this.#effects.push({ kind: 'serve', to: from, first: height(first), count: last - first + 1 })
  }

  // ---- views

  #view(first: number, spread: Spread): void {
    this.#spreadBefore = this.#spread
    this.#viewFirst = first
    this.#spread = spread
    this.#ring = spread.behind(this.#me)
    this.#sources.members(this.#ring)
  }
}
