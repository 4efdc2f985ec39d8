// Goal: requests go ahead of their replies, never beyond the window, and everything stays in order. Method: a server that
// answers when the test lets it; the ATM, whose withdrawals have two kinds of reply.

import { expect, test } from 'vitest'
import type { Chan, Finished } from './chan.ts'
import { memoryPair } from './pipes/memory-pipe.ts'
import { exchange, pipelined } from './pipelined.ts'
import type { Dual } from './process.ts'
import { run } from './run.ts'
import { arithmetic } from './testing/classics.ts'
import type { Arithmetic } from './testing/classics.ts'
import { settled } from './testing/manual-clock.ts'

interface Gate {
  seen: number
  open: () => void
  readonly opened: Promise<void>
}

function gate(): Gate {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { seen: 0, open, opened }
}

async function slow(start: Chan<Dual<Arithmetic>>, until: Gate): Promise<Finished<void>> {
  for (let chan = start; ;) {
    const message = await chan.offer()
    if (message.label !== 'add') return message.label === 'quit' ? message.chan.close() : message.chan.abort('add only')
    until.seen += 1
    await until.opened
    chan = await message.chan.send(message.value[0] + message.value[1])
  }
}

test('requests leave before replies come, up to the window', async () => {
  const [left, right] = memoryPair()
  const until = gate()
  const server = run(arithmetic, 'server', right, (chan) => slow(chan, until))
  const client = run(arithmetic, 'client', left, async (chan) => {
    const pipeline = pipelined(chan, 'add', { windowMax: 3 })
    for (let i = 0; i < 3; i += 1) await pipeline.send([i, 10])
    expect([pipeline.outstanding, pipeline.hasRoom, until.seen]).toEqual([3, false, 1])
    await expect(pipeline.send([9, 9])).rejects.toMatchObject({ code: 'LIMIT' })
    expect(() => pipeline.finish()).toThrow('3 replies are under way')
    // The channel is the pipeline's now.
    await expect(chan.select('quit')).rejects.toMatchObject({ code: 'CONSUMED' })
    until.open()
    const sums = [await pipeline.recv(), await pipeline.recv(), await pipeline.recv()]
    expect(sums.map(({ value }) => value)).toEqual([10, 11, 12])
    await expect(pipeline.recv()).rejects.toMatchObject({ code: 'VIOLATION', expected: 'a request under way' })
    const over = await pipeline.finish().select('quit')
    await expect(pipeline.send([1, 1])).rejects.toMatchObject({ code: 'VIOLATION' })
    return over.close()
  })
  await Promise.all([client, server])
})

test('one task may send while another receives', async () => {
  const [left, right] = memoryPair()
  const until = gate()
  const server = run(arithmetic, 'server', right, (chan) => slow(chan, until))
  const client = run(arithmetic, 'client', left, async (chan) => {
    const pipeline = pipelined(chan, 'add', { windowMax: 10 })
    await pipeline.send([1, 1])
    const first = pipeline.recv()
    await pipeline.send([2, 2])
    await expect(pipeline.recv()).rejects.toMatchObject({ code: 'CONSUMED', expected: 'one receive at a time' })
    until.open()
    expect(await first).toEqual({ label: 'sum', value: 2 })
    return chan.abort('enough')
  })
  await expect(client).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(server).rejects.toMatchObject({ code: 'ABORTED' })
})

test('exchange keeps the order, whatever the window', async () => {
  for (const windowMax of [1, 2, 7, 1000]) {
    const [left, right] = memoryPair(300)
    const until = gate()
    until.open()
    const server = run(arithmetic, 'server', right, (chan) => slow(chan, until))
    const sums: number[] = []
    const client = run(arithmetic, 'client', left, async (chan) => {
      const requests = Array.from({ length: 100 }, (_, i) => [i, i] as const)
      const back = await exchange(chan, 'add', requests, ({ value }) => sums.push(value), { windowMax })
      return (await back.select('quit')).close()
    })
    await Promise.all([client, server])
    expect(sums).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i))
    await settled()
  }
})
