import { expect, test } from 'vitest'
import { EngineImage } from './engine-image.ts'
import { executes, TestLedger } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

const STACK_BYTES = 512 * 1024

test('M2: a restored engine works as a new one, whatever was written over its memory', async () => {
  const engine = await loadEngine()
  const ledger = new TestLedger(engine).found('CREATE TABLE t(a)')
  // Static data, stack and the first of the heap, all of it lost.
  engine.vfs.memory.bytes.fill(0xee, 4096, 850_000)
  expect(ledger.rows('INSERT INTO t VALUES (1) RETURNING a')).toEqual([[1n]])
  expect(engine.isIntact).toBe(true)
})

test('M3: a stack that was overrun is seen, wherever its lowest bytes were touched, and is whole again afterwards', async () => {
  const engine = await loadEngine()
  const { memory } = engine.vfs
  const heap = memory.exports.malloc(16)
  memory.exports.free(heap)
  const lowest = heap - STACK_BYTES
  // A recursion of any frame writes many times within the last kilobytes.
  for (const frame of [64, 100, 256, 500]) {
    engine.renew()
    expect(engine.isIntact).toBe(true)
    for (let at = lowest + 6000; at > lowest + 1000; at -= frame) memory.bytes.fill(1, at, at + 24)
    expect(engine.isIntact).toBe(false)
  }
  engine.renew()
  expect(new TestLedger(engine).found().run(executes('SELECT 1'))).toMatchObject([{ kind: 'executed' }])
})

test('M2: the copy is of an engine that was not used', async () => {
  const engine = await loadEngine()
  const used = new TestLedger(engine).found('CREATE TABLE t(a)')
  used.rows('SELECT 1')
  // The canary of the first image lies where the second one wants to find zeros.
  expect(() => new EngineImage(engine.vfs.memory)).toThrow(/used before the engine was/)
})
