// Goal: the live table says at a glance who stands where and who was caught, and is drawn over itself on a terminal
// alone.

import type { LedgerStatus } from '@quorate/client'
import { expect, test } from 'vitest'
import { Screen } from './screen.ts'
import type { Sample } from './table.ts'
import { clusterTable } from './table.ts'

const status = (member: string, height: number, faults: LedgerStatus['faults'] = []): LedgerStatus => ({
  ledger: '',
  member,
  name: member.toLowerCase(),
  phase: 'operational',
  ready: true,
  view: '',
  stage: '',
  seat: 0,
  seats: 4,
  quorum: 3,
  height,
  round: 2 * height,
  ownRound: undefined,
  voted: height,
  wallMs: undefined,
  blockTimeMs: 0,
  freeBytes: undefined,
  stateRoot: 'abcdef0123456789',
  transactions: 1,
  queued: 0,
  peers: [],
  faults,
})

const fork = { member: 'B', name: 'b', kind: 'fork', message: 'two units' }
const running = { kind: 'running' } as const

const samples: readonly Sample[] = [
  { name: 'a', state: running, misbehave: undefined, status: status('A', 100, [fork, fork]), perSecond: 1234.4 },
  { name: 'b', state: running, misbehave: 'equivocate', status: status('B', 99), perSecond: 0 },
  {
    name: 'c',
    state: { kind: 'died', how: 'SIGSEGV', lastLines: [] },
    misbehave: undefined,
    status: undefined,
    perSecond: 0,
  },
  { name: 'd', state: { kind: 'stopped' }, misbehave: undefined, status: undefined, perSecond: 0 },
]

test('a line for each replica, with faults named', () => {
  expect(clusterTable(samples, new Map([['b', 'B']])).split('\n')).toEqual([
    'replica  height  round  tx/s  state root    status',
    'a        100     200    1234  abcdef012345  operational',
    'b        99      198    0     abcdef012345  operational, told to lie: equivocate; FAULTY: fork (2)',
    'c        -       -      -     -             died (SIGSEGV)',
    'd        -       -      -     -             stopped',
  ])
})

function screenOf(isTTY: boolean): { readonly screen: Screen; readonly texts: string[]; at: number } {
  const texts: string[] = []
  const state = { at: 0 }
  const terminal = { isTTY, columns: 20, write: (text: string | Uint8Array) => texts.push(String(text)) > 0 }
  return {
    screen: new Screen(terminal, () => state.at),
    texts,
    set at(value: number) {
      state.at = value
    },
    get at() {
      return state.at
    },
  }
}

test('on a terminal a table replaces the one before, cut to its width', () => {
  const { screen, texts } = screenOf(true)
  screen.draw('one\ntwo')
  screen.draw('x'.repeat(50))
  screen.say('hello')
  expect(texts).toEqual(['one\ntwo\n', '\u001b[2A\u001b[J', `${'x'.repeat(19)}\n`, '\u001b[1A\u001b[J', 'hello\n'])
})

test('elsewhere only changes are printed, and not more than one in five seconds', () => {
  const plain = screenOf(false)
  plain.screen.draw('one')
  plain.at = 4999
  plain.screen.draw('two')
  plain.at = 5000
  plain.screen.draw('one')
  plain.screen.draw('two')
  plain.screen.draw('three')
  expect(plain.texts).toEqual(['one\n', 'two\n'])
})
