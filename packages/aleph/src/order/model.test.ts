// Goal: O3, one candidate is never decided both ways, for n = 4 with one Byzantine seat, exhaustively. A candidate is
// a slot of its own, so this is the whole safety argument for one head a round and for a head in every slot. Method:
// explore every reachable vector of votes of the three honest seats, level by level. A unit stands on any quorum of
// the level below; honest seats may be absent from a level; the Byzantine seat has a fork for every vote that a legal
// unit of that level can have, and shows each unit whichever it likes. The common vote alternates up to the prefix;
// beyond it is any bit, the same for all.

import { expect, test } from 'vitest'
import { alternatingVote, DETERMINISTIC_PREFIX } from './rules.ts'

type Bit = 0 | 1
type Vote = Bit | 'undecided'
type Votes = readonly (Vote | 'absent')[]

interface Level {
  readonly votes: Votes
  /** Votes that a legal unit of this level can have. */
  readonly legal: readonly Vote[]
  /** Common vote of this level. */
  readonly common: Bit
  /** Values decided by any unit up to here. */
  readonly decided: readonly Bit[]
}

const QUORUM = 3
const LAST_DIFFERENCE = 14

function commonVotes(difference: number): readonly Bit[] {
  const vote = alternatingVote(DETERMINISTIC_PREFIX, () => undefined)({ difference, round: 0, creator: 0 })
  return vote === undefined ? [0, 1] : [vote]
}

/** What a unit may vote and decide, over all quorums and all lies. */
function outcomes(below: Level, common: Bit, decideAt: number): { vote: Vote; decides: Bit | undefined }[] {
  const found = new Map<string, { vote: Vote; decides: Bit | undefined }>()
  for (let chosen = 0; chosen < 8; chosen += 1) {
    const picked = below.votes.filter((_, seat) => ((chosen >> seat) & 1) === 1)
    if (picked.includes('absent')) continue
    for (const lie of [undefined, ...below.legal]) {
      const votes = lie === undefined ? picked : [...picked, lie]
      if (votes.length < QUORUM) continue
      const ones = votes.filter((vote) => (vote === 'undecided' ? below.common : vote) === 1).length
      const zeros = votes.length - ones
      const vote = zeros === 0 ? 1 : ones === 0 ? 0 : 'undecided'
      const decides = ones >= decideAt && common === 1 ? 1 : zeros >= decideAt && common === 0 ? 0 : undefined
      found.set(`${vote}/${decides}`, { vote, decides })
    }
  }
  return [...found.values()]
}

function nextLevels(below: Level, common: Bit, decideAt: number): Level[] {
  const each = outcomes(below, common, decideAt)
  const legal = [...new Set(each.map(({ vote }) => vote))]
  const votes: readonly (Vote | 'absent')[] = ['absent', ...legal]
  const next: Level[] = []
  for (const { decides } of each) {
    const decided = [...new Set([...below.decided, ...(decides === undefined ? [] : [decides])])].sort((a, b) => a - b)
    for (const a of votes) {
      for (const b of votes) for (const c of votes) next.push({ votes: [a, b, c], legal, common, decided })
    }
  }
  return next
}

function explore(decideAt: number): { readonly seen: number; readonly conflicts: number; readonly opposed: number } {
  let levels = new Map<string, Level>()
  const first: readonly (Bit | 'absent')[] = [0, 1, 'absent']
  for (const a of first) {
    for (const b of first) {
      for (const c of first) levels.set(`${a}${b}${c}`, { votes: [a, b, c], legal: [0, 1], common: 0, decided: [] })
    }
  }
  let seen = levels.size
  let conflicts = 0
  let opposed = 0
  for (let difference = 2; difference <= LAST_DIFFERENCE; difference += 1) {
    const next = new Map<string, Level>()
    for (const below of levels.values()) {
      for (const common of commonVotes(difference)) {
        for (const level of nextLevels(below, common, decideAt)) next.set(JSON.stringify(level), level)
      }
    }
    levels = next
    seen += levels.size
    for (const level of levels.values()) {
      if (level.decided.length > 1) conflicts += 1
      if (level.legal.includes(0) && level.legal.includes(1)) opposed += 1
    }
  }
  return { seen, conflicts, opposed }
}

test('O3: no candidate is decided both ways', () => {
  const { seen, conflicts } = explore(QUORUM)
  expect(seen).toBeGreaterThan(500)
  expect(conflicts).toBe(0)
})

test('O3, K5: beyond the first round no two units can vote the opposite', () => {
  expect(explore(QUORUM).opposed).toBe(0)
})

test('O3: the search would find a conflict: deciding on less than a quorum breaks it', () => {
  expect(explore(QUORUM - 1).conflicts).toBeGreaterThan(0)
})

test('O3: the common vote is 1 at difference 2, 0 at difference 3, and comes back to 0', () => {
  expect(commonVotes(2)).toEqual([1])
  expect(commonVotes(3)).toEqual([0])
  expect(commonVotes(5)).toEqual([0])
})
