// Why no blocks come, from what the replicas say of themselves and of each other.
//
// Blocks need a quorum of replicas that run, reach one another, make units, execute and vote. So the question is asked in
// that order, and the first thing that is missing is the reason; what stands further down only follows from it. What
// can't stop a quorum (one liar, one full disk, one clock that is off) is told as well, because the next one might.
//
// Limits. A replica can lie about itself. Where replicas contradict each other, both sides are shown.

import type { LedgerStatus } from '@quorate/client'
import type { Look, MemberLook } from './look.ts'
import { answersIn, isSame, linksTo } from './look.ts'

/** Something that was found. */
export interface Finding {
  readonly code:
    | 'NO_ANSWER'
    | 'NO_QUORUM'
    | 'OTHER_LEDGER'
    | 'PHASE'
    | 'STOPPED'
    | 'UNITS_MISSING'
    | 'VOTES_MISSING'
    | 'NOT_ORDERED'
    | 'LINK'
    | 'CONVICTED'
    | 'DIVERGED'
    | 'DISK'
    | 'CLOCK'
  /** In plain words. */
  readonly text: string
}

/** The answer to the question. */
export interface Diagnosis {
  readonly isStuck: boolean
  /** One sentence. */
  readonly summary: string
  readonly findings: readonly Finding[]
}

/** Less than this is nearly full: some minutes of blocks under load. */
const FREE_BYTES_LOW = 256 * 1024 * 1024
/** A clock that is further off than this is told of: block time is the median of clocks, ids expire by it. */
const CLOCK_OFF_MS = 2000

type Answer = MemberLook & { readonly status: LedgerStatus }

function names(members: readonly { readonly name: string }[]): string {
  return members.map((each) => each.name).join(', ')
}

function seconds(ms: number): string {
  return `${(Math.abs(ms) / 1000).toFixed(1)} s`
}

/** The answer that has come furthest: it tells the view, and who sits in its committee. */
function furthest(answers: readonly Answer[]): Answer | undefined {
  return answers.reduce<Answer | undefined>((best, each) => {
    return best === undefined || each.status.height > best.status.height ? each : best
  }, undefined)
}

/** Those who sit in the committee; all, where nobody tells. */
function seated(look: Look): readonly MemberLook[] {
  const reference = furthest(answersIn(look))
  if (reference === undefined) return look.members
  const { status } = reference
  const sits = (member: MemberLook): boolean =>
    member.name === reference.name
      ? status.seat !== undefined
      : status.peers.some((peer) => isSame(peer, member) && peer.seat !== undefined)
  const found = look.members.filter(sits)
  return found.length === 0 ? look.members : found
}

/** Whether it takes part, by its own word, or where it isn't heard by the word of most others. */
function isPresent(look: Look, member: MemberLook): boolean {
  if (member.status !== undefined) return member.status.phase === 'operational' || member.status.phase === 'founding'
  const { connected, asked } = linksTo(look, member)
  return asked > 0 && 2 * connected > asked
}

function absences(look: Look): readonly Finding[] {
  const committee = seated(look)
  return look.members.flatMap((member): readonly Finding[] => {
    const { name, url, status, error, lastWords } = member
    if (status !== undefined) return []
    const { connected, asked } = linksTo(look, member)
    const links = asked === 0 ? '' : `; ${connected} of ${asked} others are connected to it`
    const where = url === undefined ? `${name} has no known URL to ask` : `${name} does not answer at ${url}: ${error}`
    const seat = committee.includes(member) ? '' : '; it holds no seat'
    const findings: Finding[] = [{ code: 'NO_ANSWER', text: `${where}${links}${seat}` }]
    if (lastWords !== undefined) {
      const at = new Date(lastWords.atMs).toISOString()
      const text = `${name} stopped by itself at ${at}: ${lastWords.code}: ${lastWords.message}`
      findings.push({ code: /DIVERGED/.test(lastWords.code) ? 'DIVERGED' : 'STOPPED', text })
    }
    return findings
  })
}

function phases(look: Look, tip: number): readonly Finding[] {
  const committee = seated(look)
  const isRight = (member: Answer): boolean =>
    member.status.phase === (committee.includes(member) ? 'operational' : 'following')
  return answersIn(look)
    .filter((member) => !isRight(member))
    .map(({ name, status: { phase, height } }) => {
      if (phase === 'failed')
        return { code: 'DIVERGED', text: `${name} failed: what a quorum certified contradicts it (height ${height})` }
      const what: Readonly<Record<string, string>> = {
        initial: 'has not begun yet',
        founding: 'waits for a quorum of founders',
        following: `follows blocks at height ${height} of ${tip}, and does not sit in its seat yet`,
        operational: `does not know yet, at height ${height} of ${tip}, that it holds no seat`,
        synchronizing: `fetches blocks, at height ${height} of ${tip}`,
      }
      return { code: 'PHASE', text: `${name} ${what[phase] ?? `is ${phase} at height ${height}`}` }
    })
}

/** The highest that anybody knows of a member. */
function highest(
  answers: readonly Answer[],
  member: MemberLook,
  own: (status: LedgerStatus) => number | undefined,
  other: (peer: LedgerStatus['peers'][number]) => number | undefined,
): number {
  const heard = answers.flatMap(({ status, name }) => {
    if (name === member.name) return [own(status)]
    return status.peers.filter((peer) => isSame(peer, member)).map(other)
  })
  return heard.reduce((most: number, each) => Math.max(most, each ?? -1), -1)
}

/** What a block at the next height waits for. */
function waitingFor(look: Look, tip: number, quorum: number): readonly Finding[] {
  const view = furthest(answersIn(look))?.status.view
  const answers = answersIn(look).filter(({ status }) => status.view === view)
  const committee = seated(look)
  const next = tip + 1
  const voted = committee.map((member) => ({
    name: member.name,
    at: highest(
      answers,
      member,
      (status) => status.voted,
      (peer) => peer.height,
    ),
  }))
  const voters = voted.filter(({ at }) => at >= next)
  if (voters.length > 0) {
    const missing = names(voted.filter(({ at }) => at < next))
    const text = `block ${next} is executed and has ${voters.length} of ${quorum} votes; no vote seen of ${missing}`
    return [{ code: 'VOTES_MISSING', text }]
  }
  const round = answers.reduce((most, { status }) => Math.max(most, status.round), -1)
  const units = committee.map((member) => ({
    name: member.name,
    at: highest(
      answers,
      member,
      (status) => status.ownRound,
      (peer) => peer.round,
    ),
  }))
  const makers = units.filter(({ at }) => at >= round)
  if (round >= 0 && makers.length < quorum) {
    const missing = names(units.filter(({ at }) => at < round))
    const text = `round ${round} has units of ${names(makers)}, and the next one needs ${quorum}; none seen of ${missing}`
    return [{ code: 'UNITS_MISSING', text }]
  }
  const stage = furthest(answers)?.status.stage ?? ''
  const what = stage === '' || stage === 'producing' ? '' : ` (the view is ${stage})`
  const text = `round ${round} has ${makers.length} units, enough to go on, but block ${next} is not ordered yet${what}`
  return [{ code: 'NOT_ORDERED', text }]
}

function links(answers: readonly Answer[]): readonly Finding[] {
  return answers.flatMap((from) =>
    from.status.peers.flatMap((peer): readonly Finding[] => {
      const to = answers.find((each) => isSame(peer, each))
      if (to === undefined || peer.connected) return []
      return [{ code: 'LINK', text: `${from.name} is not connected to ${to.name} (${peer.address}), which answers` }]
    }),
  )
}

function convictions(answers: readonly Answer[]): readonly Finding[] {
  const told = new Map<string, string[]>()
  for (const { name, status } of answers) {
    // A fault seen again and again is one finding, told of once by each.
    const words = new Set(status.faults.map((fault) => `${fault.name} is convicted of ${fault.kind}`))
    for (const word of words) told.set(word, [...(told.get(word) ?? []), name])
  }
  return [...told].map(([word, by]) => ({ code: 'CONVICTED', text: `${word}; ${by.join(', ')} hold the evidence` }))
}

function divergences(answers: readonly Answer[]): readonly Finding[] {
  const byHeight = new Map<number, Map<string, string[]>>()
  for (const { name, status } of answers) {
    const roots = byHeight.get(status.height) ?? new Map<string, string[]>()
    roots.set(status.stateRoot, [...(roots.get(status.stateRoot) ?? []), name])
    byHeight.set(status.height, roots)
  }
  return [...byHeight].flatMap(([height, roots]): readonly Finding[] => {
    if (roots.size < 2) return []
    const sides = [...roots].map(([root, who]) => `${who.join(', ')} ${root.slice(0, 16)}`)
    return [{ code: 'DIVERGED', text: `two states at height ${height}: ${sides.join(' against ')}` }]
  })
}

function machines(answers: readonly Answer[]): readonly Finding[] {
  return answers.flatMap(({ name, status, clockAheadMs }): readonly Finding[] => {
    const findings: Finding[] = []
    const { freeBytes } = status
    if (freeBytes !== undefined && freeBytes < FREE_BYTES_LOW) {
      const text = `${name}'s disk has ${Math.floor(freeBytes / 1024 / 1024)} MiB left; full, it stops`
      findings.push({ code: 'DISK', text })
    }
    if (clockAheadMs !== undefined && Math.abs(clockAheadMs) > CLOCK_OFF_MS) {
      const way = clockAheadMs > 0 ? 'ahead of' : 'behind'
      findings.push({ code: 'CLOCK', text: `${name}'s clock is ${seconds(clockAheadMs)} ${way} this machine's` })
    }
    return findings
  })
}

function ledgers(answers: readonly Answer[]): readonly Finding[] {
  const ids = new Map<string, string[]>()
  for (const { name, status } of answers) ids.set(status.ledger, [...(ids.get(status.ledger) ?? []), name])
  if (ids.size < 2) return []
  const text = [...ids].map(([id, who]) => `${who.join(', ')} of ${id.slice(0, 16)}`).join('; ')
  return [{ code: 'OTHER_LEDGER', text: `not all are of one ledger: ${text}` }]
}

/** Two looks at all members, `elapsedMs` apart. */
export function diagnose(first: Look, second: Look, elapsedMs: number): Diagnosis {
  const answers = answersIn(second)
  const notes = [...ledgers(answers), ...divergences(answers), ...convictions(answers), ...machines(answers)]
  if (answers.length === 0) {
    const summary = 'no replica answers: all are down, or this machine does not reach them'
    return { isStuck: true, summary, findings: absences(second) }
  }
  const tipOf = (look: Look): number => answersIn(look).reduce((most, { status }) => Math.max(most, status.height), 0)
  const [before, tip] = [tipOf(first), tipOf(second)]
  const quorum = furthest(answers)?.status.quorum ?? 1
  const committee = seated(second)
  const seats = Math.max(committee.length, furthest(answers)?.status.seats ?? 0)
  const present = committee.filter((member) => isPresent(second, member))
  const isWorking = answers.some(({ status }) => status.queued > 0 || (status.voted ?? 0) > tip)
  const isFounding = answers.every(({ status }) => status.phase === 'founding' || status.phase === 'initial')
  const span = `in ${seconds(elapsedMs)}`
  const base = [...absences(second), ...phases(second, tip)]
  if (present.length < quorum) {
    const summary = `${present.length} of ${seats} seats take part, and a block needs ${quorum}`
    const waiting = isWorking && !isFounding ? waitingFor(second, tip, quorum) : []
    return { isStuck: true, summary, findings: [{ code: 'NO_QUORUM', text: summary }, ...base, ...waiting, ...notes] }
  }
  const there = `${present.length} of ${seats} seats take part`
  if (tip > before) {
    const summary = `blocks come (height ${before} to ${tip} ${span}), ${there}`
    return { isStuck: false, summary, findings: [...base, ...links(answers), ...notes] }
  }
  if (isWorking || isFounding) {
    const summary = `no block ${span} beyond height ${tip} although ${there} and there is work`
    return {
      isStuck: true,
      summary,
      findings: [...base, ...waitingFor(second, tip, quorum), ...links(answers), ...notes],
    }
  }
  const summary = `nothing waits to be ordered (height ${tip}), ${there}`
  return { isStuck: false, summary, findings: [...base, ...links(answers), ...notes] }
}
