// Goal: every reason for which blocks don't come is named, and what stops nothing doesn't count as stuck. Method: made-up
// statuses, one thing wrong in each.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LedgerStatus } from '@quorate/client'
import { expect, test } from 'vitest'
import { diagnosisText } from '../commands/why-stuck.ts'
import type { Diagnosis } from './diagnose.ts'
import { diagnose } from './diagnose.ts'
import { forgetLastWords, leaveLastWords, readLastWords } from './last-words.ts'
import type { Look, MemberLook } from './look.ts'

const NAMES = ['m1', 'm2', 'm3', 'm4'] as const
type Name = (typeof NAMES)[number]

/** A member that is fine. */
function member(name: Name, change: Partial<LedgerStatus> = {}): MemberLook {
  const peers = NAMES.filter((each) => each !== name).map((each) => {
    const http = `http://${each}`
    return {
      member: `key-${each}`,
      name: each,
      address: `${each}:1`,
      http,
      connected: true,
      seat: 1,
      height: 10,
      round: 20,
    }
  })
  const status: LedgerStatus = {
    ledger: 'ledger',
    member: `key-${name}`,
    name,
    phase: 'operational',
    ready: true,
    view: 'view',
    stage: 'producing',
    seat: 0,
    seats: 4,
    quorum: 3,
    height: 10,
    round: 20,
    ownRound: 20,
    voted: 10,
    wallMs: 0,
    blockTimeMs: 0,
    freeBytes: 1e12,
    stateRoot: 'root-10',
    transactions: 0,
    queued: 0,
    peers,
    faults: [],
    ...change,
  }
  const url = `http://${name}`
  return { member: `key-${name}`, name, url, status, error: '', clockAheadMs: 3, lastWords: undefined }
}

function gone(name: Name, change: Partial<MemberLook> = {}): MemberLook {
  return { ...member(name), status: undefined, error: 'connect ECONNREFUSED', ...change }
}

/** The same, with its links to `names` down. */
function without(look: MemberLook, names: readonly Name[]): MemberLook {
  if (look.status === undefined) return look
  const peers = look.status.peers.map((peer) => ({ ...peer, connected: !names.some((name) => name === peer.name) }))
  return { ...look, status: { ...look.status, peers } }
}

const look = (...members: readonly MemberLook[]): Look => ({ members })
const fine = look(...NAMES.map((name) => member(name)))

function told(diagnosis: Diagnosis, code: string): string {
  return diagnosis.findings
    .filter((finding) => finding.code === code)
    .map(({ text }) => text)
    .join('\n')
}

test('nothing to do, and blocks that come, are fine', () => {
  const idle = diagnose(fine, fine, 2000)
  expect(idle).toMatchObject({ isStuck: false, findings: [] })
  expect(diagnosisText(idle)).toBe('fine: nothing waits to be ordered (height 10), 4 of 4 seats take part')
  const later = look(...NAMES.map((name) => member(name, { height: 12, stateRoot: 'root-12' })))
  expect(diagnosisText(diagnose(fine, later, 2000))).toBe(
    'fine: blocks come (height 10 to 12 in 2.0 s), 4 of 4 seats take part',
  )
})

test('a quorum is missing: who, how many of how many, and whose units the round waits for', () => {
  const rest = (['m1', 'm2'] as const).map((name) => {
    const alone = without(member(name, { queued: 5, round: 21, ownRound: 21 }), ['m3', 'm4'])
    const peers = (alone.status?.peers ?? []).map((peer) => ({ ...peer, round: peer.connected ? 21 : 20 }))
    return { ...alone, status: alone.status && { ...alone.status, peers } }
  })
  const stuck = look(...rest, gone('m3'), gone('m4'))
  const diagnosis = diagnose(stuck, stuck, 2000)
  expect(diagnosis.isStuck).toBe(true)
  expect(diagnosis.summary).toBe('2 of 4 seats take part, and a block needs 3')
  expect(told(diagnosis, 'NO_ANSWER')).toBe(
    'm3 does not answer at http://m3: connect ECONNREFUSED; 0 of 2 others are connected to it\n' +
      'm4 does not answer at http://m4: connect ECONNREFUSED; 0 of 2 others are connected to it',
  )
  expect(told(diagnosis, 'UNITS_MISSING')).toBe(
    'round 21 has units of m1, m2, and the next one needs 3; none seen of m3, m4',
  )
})

test('votes are missing, at which height and whose', () => {
  const voted = (['m1', 'm2'] as const).map((name) => {
    const status = member(name, { voted: 11 }).status
    const peers = (status?.peers ?? []).map((peer) => ({ ...peer, height: peer.name === 'm1' ? 11 : 10 }))
    return { ...member(name), status: status && { ...status, peers } }
  })
  const stuck = look(...voted, member('m3'), member('m4'))
  const diagnosis = diagnose(stuck, stuck, 2000)
  expect(diagnosis.isStuck).toBe(true)
  expect(told(diagnosis, 'VOTES_MISSING')).toBe('block 11 is executed and has 2 of 3 votes; no vote seen of m3, m4')
})

test('there is work, all are there, and still no block', () => {
  const stuck = look(...NAMES.map((name) => member(name, { queued: 1 })))
  const diagnosis = diagnose(stuck, stuck, 2000)
  expect(diagnosis.summary).toBe('no block in 2.0 s beyond height 10 although 4 of 4 seats take part and there is work')
  expect(told(diagnosis, 'NOT_ORDERED')).toMatch(/round 20 has 4 units.*block 11/)
})

test('a member whose HTTP is out of reach counts by what the others see of it', () => {
  const seen = look(member('m1'), member('m2'), gone('m3'), gone('m4', { url: undefined }))
  const diagnosis = diagnose(seen, seen, 2000)
  expect(diagnosis.isStuck).toBe(false)
  expect(told(diagnosis, 'NO_ANSWER')).toContain('m4 has no known URL to ask; 2 of 2 others are connected to it')
})

test('members without a seat count for nothing but are told of; rounds of another view say nothing', () => {
  const names = ['m1', 'm2', 'm3'] as const
  const unseat = (look: MemberLook): MemberLook => {
    const peers = (look.status?.peers ?? []).map((peer) => (peer.name === 'm4' ? { ...peer, seat: undefined } : peer))
    return { ...look, status: look.status && { ...look.status, peers, seats: 3, quorum: 3 } }
  }
  const all = names.map((name) => unseat(member(name)))
  const spare = member('m4', { seat: undefined, phase: 'following' })
  const idle = look(...all, spare)
  expect(diagnosisText(diagnose(idle, idle, 2000))).toBe(
    'fine: nothing waits to be ordered (height 10), 3 of 3 seats take part',
  )
  const away = look(...all, gone('m4'))
  expect(diagnose(away, away, 2000).isStuck).toBe(false)
  expect(told(diagnose(away, away, 2000), 'NO_ANSWER')).toMatch(/3 of 3 others are connected to it; it holds no seat$/)
  const [first, second] = all.map((each) => without(each, ['m3', 'm4'])) as [MemberLook, MemberLook]
  const old = {
    ...spare,
    status: spare.status && { ...spare.status, view: 'before', height: 9, round: 900, queued: 1 },
  }
  const stuck = look(first, second, gone('m3'), old)
  const diagnosis = diagnose(stuck, stuck, 2000)
  expect(diagnosis).toMatchObject({ isStuck: true, summary: '2 of 3 seats take part, and a block needs 3' })
  expect(told(diagnosis, 'NOT_ORDERED')).toMatch(/^round 20 has/)
})

test('phases: who catches up, who waits for founders, who failed', () => {
  const mixed = look(
    member('m1'),
    member('m2', { phase: 'synchronizing', height: 4, stateRoot: 'root-4' }),
    member('m3', { phase: 'failed' }),
    member('m4', { phase: 'dreaming' }),
  )
  const diagnosis = diagnose(mixed, mixed, 2000)
  expect(diagnosis).toMatchObject({ isStuck: true, summary: '1 of 4 seats take part, and a block needs 3' })
  expect(told(diagnosis, 'PHASE')).toBe('m2 fetches blocks, at height 4 of 10\nm4 is dreaming at height 10')
  expect(told(diagnosis, 'DIVERGED')).toContain('m3 failed')
  const founding = look(...NAMES.map((name) => member(name, { phase: 'founding', height: 0, round: -1 })))
  expect(diagnose(founding, founding, 2000).isStuck).toBe(true)
  expect(told(diagnose(founding, founding, 2000), 'PHASE')).toContain('m1 waits for a quorum of founders')
})

test('what stops nothing is told of: convictions, two states, disks, clocks, links, another ledger', () => {
  const fork = { member: 'key-m4', name: 'm4', kind: 'fork', message: '' }
  const odd = look(
    { ...member('m1', { faults: [fork, fork], freeBytes: 12_582_912 }), clockAheadMs: 7_200_000 },
    { ...member('m2', { faults: [fork] }), clockAheadMs: -3000 },
    member('m3', { stateRoot: 'other' }),
    without(member('m4', { ledger: 'elsewhere' }), ['m1']),
  )
  const diagnosis = diagnose(odd, odd, 2000)
  expect(diagnosis.isStuck).toBe(false)
  expect(told(diagnosis, 'CONVICTED')).toBe('m4 is convicted of fork; m1, m2 hold the evidence')
  expect(told(diagnosis, 'DIVERGED')).toBe('two states at height 10: m1, m2, m4 root-10 against m3 other')
  expect(told(diagnosis, 'DISK')).toBe("m1's disk has 12 MiB left; full, it stops")
  expect(told(diagnosis, 'CLOCK')).toBe(
    "m1's clock is 7200.0 s ahead of this machine's\nm2's clock is 3.0 s behind this machine's",
  )
  expect(told(diagnosis, 'LINK')).toBe('m4 is not connected to m1 (m1:1), which answers')
  expect(told(diagnosis, 'OTHER_LEDGER')).toBe('not all are of one ledger: m1, m2, m3 of ledger; m4 of elsewhere')
})

test('nobody answers; last words are told, whatever bytes are in them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-words-'))
  try {
    expect(readLastWords(folder)).toBeUndefined()
    const reason = Object.assign(new Error('disk\u001b[2J full'), { code: 'STORE_IO' })
    leaveLastWords(folder, reason, 0)
    const dead = look(gone('m1', { lastWords: readLastWords(folder) }), gone('m2'), gone('m3'), gone('m4'))
    const diagnosis = diagnose(dead, dead, 2000)
    expect(diagnosis.summary).toMatch(/no replica answers/)
    expect(diagnosisText(diagnosis)).toContain(
      'STOPPED: m1 stopped by itself at 1970-01-01T00:00:00.000Z: STORE_IO: disk\\u001b[2J full',
    )
    forgetLastWords(folder)
    expect(readLastWords(folder)).toBeUndefined()
    leaveLastWords(join(folder, 'nowhere'), reason, 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
