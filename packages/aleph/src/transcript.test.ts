// Goal: the protocol as prose, for reviewers: a change of behaviour shows as a change of these files.
// Method: golden transcripts, one line per input and effect: time in ms, seat, what. `seat@round` is a unit.

import { expect, test } from 'vitest'
import { Network } from './testing/network.ts'

const CALM = { delayMinMs: 2, delayMaxMs: 2, loss: 0, repeat: 0, diskMaxMs: 0 }

function quiet(size: number): Network {
  const network = new Network(size, 1, CALM)
  network.transcript = []
  return network
}

async function expectTranscript(network: Network, name: string): Promise<void> {
  const text = `${(network.transcript ?? []).join('\n')}\n`
  await expect(text).toMatchFileSnapshot(`../testdata/${name}.txt`)
}

test('one transaction among four members, then silence', async () => {
  const network = quiet(4)
  network.startAll()
  network.submit(2, 'hello')
  expect(network.run(60_000)).toBe(false)
  await expectTranscript(network, 'one-transaction')
})

test('a silent member: the grace, then on without it', async () => {
  const network = quiet(4)
  network.startAll([1])
  network.submit(0, 'hello')
  network.run(100)
  await expectTranscript(network, 'silent-member')
})

test('a member forks its first unit', async () => {
  const network = quiet(4)
  network.node(3).isForker = true
  network.startAll()
  network.submit(3, 'two-faced')
  network.run(30)
  await expectTranscript(network, 'fork')
})

test('a member is killed, restarts from its disk and catches up', async () => {
  const network = quiet(4)
  network.startAll()
  network.submit(0, 'before')
  network.run(6)
  network.crash(2)
  network.run(200)
  network.transcript = []
  network.restart(2, 'log')
  network.run(200 + 400)
  await expectTranscript(network, 'restart')
})
