// Goal: the rules of one member, one by one, and each limit. Method: a core with a few peers, fed by hand.

import type { MemberId, Millis } from '@quorate/types'
import { hashOf, height, millis } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { members } from '../testing/members.ts'
import type { BroadcastEffect } from './effect.ts'
import { Broadcast } from './handler.ts'
import type { BroadcastInput, SpreadBlock, Verdict } from './input.ts'
import { BROADCAST_LIMITS } from './limits.ts'
import { Spread } from './spread.ts'

const ALL = members(12)
const SEATED = ALL.slice(0, 4)
const ME = ALL[11]!
const [A, B, C] = ALL.slice(0, 3) as [MemberId, MemberId, MemberId]

function blockAt(at: number, size = 10): SpreadBlock {
  return { height: height(at), hash: hashOf('block', Uint8Array.of(at % 256)), bytes: new Uint8Array(size) }
}

/** A core that holds block 0 and is connected to all. */
class Bed {
  readonly core: Broadcast
  nowMs = 0

  constructor(limits: Partial<typeof BROADCAST_LIMITS> = {}, me = ME) {
    const spread = new Spread({ members: ALL, seated: SEATED }, 50)
    this.core = new Broadcast({ me, spread, have: height(0), limits: { ...BROADCAST_LIMITS, ...limits } })
    for (const member of ALL) if (member !== me) this.feed({ kind: 'peer', member, up: true })
    this.pass(2000)
  }

  feed(input: BroadcastInput): readonly BroadcastEffect[] {
    return this.core.handle(input, this.nowMs as Millis)
  }

  /** Lets time pass, waking the core when it wants; gives all effects. */
  pass(ms: number): readonly BroadcastEffect[] {
    const until = this.nowMs + ms
    const effects: BroadcastEffect[] = []
    while (this.core.wakeAt() <= until) {
      this.nowMs = Math.max(this.nowMs, this.core.wakeAt())
      effects.push(...this.feed({ kind: 'tick' }))
    }
    this.nowMs = until
    return effects
  }

  offer(from: MemberId, block: SpreadBlock): readonly BroadcastEffect[] {
    return this.feed({ kind: 'block', from, block })
  }

  checked(at: number, verdict: Verdict, hash = blockAt(at).hash): readonly BroadcastEffect[] {
    return this.feed({ kind: 'checked', height: height(at), hash, verdict })
  }

  have(from: MemberId, at: number): readonly BroadcastEffect[] {
    return this.feed({ kind: 'have', from, height: height(at) })
  }

  /** Takes valid blocks up to a height. */
  take(upTo: number): void {
    for (let at = (this.core.have ?? -1) + 1; at <= upTo; at += 1) {
      this.offer(A, blockAt(at))
      this.checked(at, 'valid')
    }
  }
}

const of = <K extends BroadcastEffect['kind']>(effects: readonly BroadcastEffect[], kind: K) =>
  effects.filter((effect): effect is Extract<BroadcastEffect, { readonly kind: K }> => effect.kind === kind)
const heights = (effects: readonly BroadcastEffect[]): readonly number[] =>
  of(effects, 'deliver').map(({ block }) => block.height)

describe('blocks', () => {
  test('R2: only the first copy of a height is looked at', () => {
    const bed = new Bed()
    expect(of(bed.offer(A, blockAt(1)), 'check')).toHaveLength(1)
    expect(bed.offer(B, blockAt(1))).toEqual([])
    expect(heights(bed.checked(1, 'valid'))).toEqual([1])
    expect(bed.offer(C, blockAt(1))).toEqual([])
    expect(bed.checked(1, 'valid')).toEqual([])
    expect(bed.offer(A, blockAt(0))).toEqual([])
  })

  test('R1: are delivered in order, each once, and passed on as soon as they are valid', () => {
    let passedOn = 0
    for (const me of ALL.slice(4)) {
      const bed = new Bed({}, me)
      bed.offer(A, blockAt(2))
      const early = bed.checked(2, 'valid')
      expect(heights(early)).toEqual([])
      passedOn += of(early, 'push').flatMap(({ to }) => to).length
      bed.offer(B, blockAt(1))
      const late = bed.checked(1, 'valid')
      expect(heights(late)).toEqual([1, 2])
      for (const { to, block } of of(late, 'push')) {
        expect(block.height).toBe(1)
        expect(to).not.toContain(B)
      }
      expect(bed.core.held).toEqual({ blocks: 0, bytes: 0 })
    }
    // Of the twelve, the roots feed all directly: the eight others have nobody below them.
    expect(passedOn).toBe(0)
    const root = new Bed({}, SEATED[0]!)
    const pushed = of(root.feed({ kind: 'own', block: blockAt(1) }), 'push')
    expect(pushed).toHaveLength(1)
    expect(of(root.feed({ kind: 'own', block: blockAt(1) }), 'push')).toEqual([])
    expect(root.core.have).toBe(1)
  })

  test('R3: garbage names its sender, who is not listened to for a while, longer each time', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(1))
    expect(of(bed.checked(1, 'invalid'), 'fault')).toEqual([{ kind: 'fault', member: A, code: 'GARBAGE', height: 1 }])
    expect(bed.offer(A, blockAt(1))).toEqual([])
    bed.pass(BROADCAST_LIMITS.penaltyMsMin)
    expect(of(bed.offer(A, blockAt(1)), 'check')).toHaveLength(1)
    bed.checked(1, 'invalid')
    bed.pass(BROADCAST_LIMITS.penaltyMsMin)
    expect(bed.offer(A, blockAt(1))).toEqual([])
    expect(of(bed.offer(B, blockAt(1)), 'check')).toHaveLength(1)
  })

  test('R3: a true copy that came second to garbage is asked for at once', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(1))
    bed.offer(B, blockAt(1))
    expect(of(bed.checked(1, 'invalid'), 'ask')).toEqual([{ kind: 'ask', to: B, first: 1, count: 1 }])
    bed.offer(B, blockAt(1))
    expect(heights(bed.checked(1, 'valid'))).toEqual([1])
  })

  test('R3: a block of a view that is not known yet is nobody’s fault', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(1))
    expect(of(bed.checked(1, 'unknown'), 'fault')).toEqual([])
    expect(of(bed.offer(A, blockAt(1)), 'check')).toHaveLength(1)
  })

  test('R8: what came in another way is not pushed, and what waits below it goes', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(3))
    bed.checked(3, 'valid')
    expect(bed.feed({ kind: 'advanced', height: height(2) }).map(({ kind }) => kind)).toContain('deliver')
    expect(bed.core.have).toBe(3)
    expect(of(bed.feed({ kind: 'advanced', height: height(9) }), 'push')).toEqual([])
    expect(bed.core.have).toBe(9)
  })

  test('R9: blocks of a view are pushed along its rings, late ones of the view before along theirs', () => {
    const bed = new Bed({}, SEATED[0])
    const before = new Spread({ members: ALL, seated: SEATED }, 50)
    const after = new Spread({ members: ALL.slice(0, 11), seated: [...ALL.slice(3, 6), SEATED[0]!] }, 50)
    bed.feed({ kind: 'view', first: height(5), spread: after })
    const everybody = (): boolean => true
    for (let at = 1; at <= 8; at += 1) {
      const [push] = of(bed.feed({ kind: 'own', block: blockAt(at) }), 'push')
      const expected = (at < 5 ? before : after).successors(SEATED[0]!, height(at), everybody)
      // Who is no member any more is not known to be reachable either.
      expect(push?.to ?? []).toEqual(expected.filter((member) => member !== ME))
    }
    expect(bed.offer(ME, blockAt(9))).toEqual([])
  })

  test('strangers are not heard', () => {
    const bed = new Bed()
    const stranger = members(13)[12]!
    expect(bed.offer(stranger, blockAt(1))).toEqual([])
    expect(bed.have(stranger, 1)).toEqual([])
    expect(bed.feed({ kind: 'want', from: stranger, first: height(0), count: 1 })).toEqual([])
    expect(of(bed.pass(5000), 'ask')).toEqual([])
  })
})

describe('asking', () => {
  test('R4: waits for the push first, then asks one, then another', () => {
    const bed = new Bed()
    bed.have(A, 2)
    bed.have(B, 2)
    expect(of(bed.pass(BROADCAST_LIMITS.waitMs - 1), 'ask')).toEqual([])
    const [first] = of(bed.pass(1), 'ask')
    expect(first).toMatchObject({ first: 1, count: 2 })
    expect([A, B]).toContain(first!.to)
    const [second] = of(bed.pass(BROADCAST_LIMITS.answerMs), 'ask')
    expect(new Set([first!.to, second!.to])).toEqual(new Set([A, B]))
    bed.offer(second!.to, blockAt(1))
    bed.offer(second!.to, blockAt(2))
    bed.checked(1, 'valid')
    bed.checked(2, 'valid')
    expect(of(bed.pass(5000), 'ask')).toEqual([])
  })

  test('R4: a block behind a gap tells of the gap', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(3))
    bed.checked(3, 'valid')
    bed.have(B, 1)
    bed.have(C, 3)
    expect(of(bed.pass(BROADCAST_LIMITS.waitMs), 'ask')).toHaveLength(1)
    bed.take(3)
    expect(bed.core.have).toBe(3)
  })

  test('R5: heights nobody has cost a few questions, the fewer the longer it goes on, and who boasts is named', () => {
    const bed = new Bed()
    const asked: number[] = []
    const named: MemberId[] = []
    for (let second = 0; second < 120; second += 1) {
      bed.have(A, 1_000_000)
      const effects = bed.pass(1000)
      asked.push(of(effects, 'ask').length)
      named.push(...of(effects, 'fault').map(({ member }) => member))
    }
    expect(asked.slice(0, 60).reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(8)
    expect(asked.slice(60).reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(2)
    expect(new Set(named)).toEqual(new Set([A]))
    // And a true block still waits for its push only.
    bed.offer(B, blockAt(1))
    expect(heights(bed.checked(1, 'valid'))).toEqual([1])
  })

  test('R4: of equals, who gave blocks before is asked', () => {
    const asked = (giver: MemberId): MemberId | undefined => {
      const bed = new Bed()
      bed.offer(giver, blockAt(1))
      bed.checked(1, 'valid')
      for (const member of [A, B, C]) bed.have(member, 2)
      return of(bed.pass(BROADCAST_LIMITS.waitMs), 'ask')[0]?.to
    }
    expect([A, B, C].map(asked)).toEqual([A, B, C])
  })

  test('R5: what only a boaster spoke of is forgotten, so that a true block has its time to come', () => {
    const bed = new Bed()
    bed.have(A, 40)
    const failed = bed.pass(BROADCAST_LIMITS.waitMs + BROADCAST_LIMITS.answerMs)
    expect(of(failed, 'ask')).toHaveLength(1)
    expect(of(bed.have(B, 1), 'ask')).toEqual([])
    expect(of(bed.pass(BROADCAST_LIMITS.waitMs - 1), 'ask')).toEqual([])
    expect(of(bed.pass(1), 'ask')).toEqual([{ kind: 'ask', to: B, first: 1, count: 1 }])
  })

  test('R6: the next ones on the ring are told, in turn all', () => {
    const bed = new Bed()
    const told = new Set<MemberId>()
    for (let at = 1; at <= 3; at += 1) {
      bed.offer(A, blockAt(at))
      const tells = of([...bed.checked(at, 'valid'), ...bed.pass(BROADCAST_LIMITS.tellMs)], 'tell')
      for (const { to, height: upTo } of tells) {
        expect(to.length).toBe(BROADCAST_LIMITS.tellCount)
        expect(upTo).toBe(at)
        for (const member of to) told.add(member)
      }
    }
    expect(told.size).toBe(11)
  })

  test('R6: who is behind learns it when it tells', () => {
    const bed = new Bed()
    bed.take(2)
    expect(of(bed.have(B, 1), 'tell')).toEqual([])
    bed.pass(BROADCAST_LIMITS.waitMs)
    expect(of(bed.have(B, 1), 'tell')).toContainEqual({ kind: 'tell', to: [B], height: 2 })
    expect(of(bed.feed({ kind: 'peer', member: B, up: true }), 'tell')).toContainEqual({
      kind: 'tell',
      to: [B],
      height: 2,
    })
  })

  test('R6: members that are down are neither told nor asked', () => {
    const bed = new Bed()
    bed.have(A, 5)
    for (const member of ALL) if (member !== ME) bed.feed({ kind: 'peer', member, up: false })
    expect(bed.pass(5000)).toEqual([])
  })
})

describe('limits (R7)', () => {
  test('blocks are taken within the window', () => {
    const bed = new Bed({ windowHeights: 8 })
    expect(of(bed.offer(A, blockAt(8)), 'check')).toHaveLength(1)
    expect(bed.offer(A, blockAt(9))).toEqual([])
  })

  test('what is held has bounded bytes; lower blocks make higher ones go, and the next one always has room', () => {
    const bed = new Bed({ heldBytesMax: 100 })
    for (const at of [4, 5]) expect(of(bed.offer(A, blockAt(at, 50)), 'check')).toHaveLength(1)
    expect(bed.offer(A, blockAt(6, 1))).toEqual([])
    expect(of(bed.offer(A, blockAt(3, 40)), 'check')).toHaveLength(1)
    expect(bed.core.held).toEqual({ blocks: 2, bytes: 90 })
    expect(of(bed.offer(B, blockAt(1, 500)), 'check')).toHaveLength(1)
    expect(bed.core.held).toEqual({ blocks: 1, bytes: 500 })
  })

  test('a block has bounded bytes', () => {
    const bed = new Bed({ blockBytesMax: 20 })
    expect(of(bed.offer(A, blockAt(1, 20)), 'check')).toHaveLength(1)
    expect(of(bed.offer(B, blockAt(2, 21)), 'fault')).toHaveLength(1)
  })

  test('a member has so many blocks checked at once', () => {
    const bed = new Bed({ checksPerMemberMax: 3 })
    const checks = [1, 2, 3, 4, 5].map((at) => of(bed.offer(A, blockAt(at)), 'check').length)
    expect(checks).toEqual([1, 1, 1, 0, 0])
    expect(of(bed.offer(B, blockAt(4)), 'check')).toHaveLength(1)
    // The first lie drops all that is unchecked of it.
    bed.checked(1, 'invalid')
    expect(bed.core.held.blocks).toBe(1)
  })

  test('a question is for so many blocks, and so many are answered, within what is here', () => {
    const bed = new Bed({ wantBlocksMax: 4, servesPerMemberMax: 2, servesMax: 3 })
    bed.take(10)
    const want = (from: MemberId, first: number, count: number) =>
      of(bed.feed({ kind: 'want', from, first: height(first), count }), 'serve')
    expect(want(A, 2, 100)).toEqual([{ kind: 'serve', to: A, first: 2, count: 4 }])
    expect(want(A, 9, 100)).toEqual([{ kind: 'serve', to: A, first: 9, count: 2 }])
    expect(want(A, 9, 1)).toEqual([])
    expect(want(B, 11, 1)).toEqual([])
    expect(want(B, 1, 0)).toEqual([])
    expect(want(B, 1, 1)).toHaveLength(1)
    expect(want(C, 1, 1)).toEqual([])
    bed.pass(1000)
    expect(want(C, 1, 1)).toHaveLength(1)
    bed.have(B, 60)
    expect(of(bed.pass(BROADCAST_LIMITS.waitMs), 'ask')).toMatchObject([{ first: 11, count: 4 }])
  })

  test('a block that waits for another is given to who asks for it', () => {
    const bed = new Bed()
    bed.offer(A, blockAt(2))
    bed.checked(2, 'valid')
    const given = bed.feed({ kind: 'want', from: B, first: height(2), count: 1 })
    expect(of(given, 'push')).toEqual([{ kind: 'push', to: [B], block: blockAt(2) }])
  })
})

test('time that runs backwards is a fault of the host', () => {
  const bed = new Bed()
  bed.nowMs = 5000
  bed.feed({ kind: 'tick' })
  expect(() => bed.core.handle({ kind: 'tick' }, millis(4999))).toThrow('time runs backwards, from 5000 to 4999')
})
