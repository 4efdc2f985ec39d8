// The rewriting of binaries, on small ones written by hand and on the pinned one.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FUEL_EXPORT, withFuel } from './fuel.ts'

interface Exports {
  readonly run: (argument: number) => number
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly [FUEL_EXPORT]: { value: number }
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Exports }
  readonly RuntimeError: new () => Error
}

const ALL = 2 ** 31 - 1
const MAGIC = [0, 97, 115, 109, 1, 0, 0, 0] as const

function section(id: number, ...content: readonly number[]): number[] {
  return [id, content.length, ...content]
}

/** A module of one function `run(i32) -> i32`, a memory of two pages and a global that is not fuel. */
function moduleOf(...body: readonly number[]): Uint8Array {
  const code = [0, ...body, 0x0b]
  return Uint8Array.of(
    ...MAGIC,
    ...section(1, 1, 0x60, 1, 0x7f, 1, 0x7f),
    ...section(3, 1, 0),
    ...section(5, 1, 0, 2),
    ...section(6, 1, 0x7f, 1, 0x41, 7, 0x0b),
    ...section(7, 2, 3, 114, 117, 110, 0, 0, 6, 109, 101, 109, 111, 114, 121, 2, 0),
    ...section(10, 1, code.length, ...code),
  )
}

function exportsOf(binary: Uint8Array): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(withFuel(binary)), {}).exports
}

/** Counts its argument down to zero in a loop and returns what is left: 0. */
const COUNT_DOWN = moduleOf(0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 0)
/** Calls itself with one less, as deep as its argument says. */
const RECURSE = moduleOf(0x20, 0, 0x04, 0x7f, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x05, 0x41, 0, 0x0b)
/** Fills as many bytes as its argument says, and copies them. */
const BULK = moduleOf(0x41, 0, 0x41, 7, 0x20, 0, 0xfc, 11, 0, 0x41, 0, 0x41, 0, 0x20, 0, 0xfc, 10, 0, 0, 0x20, 0)

test('U1: each function and each turn of a loop takes one; below zero the next traps, and so does every later call', () => {
  const { run, [FUEL_EXPORT]: fuel } = exportsOf(COUNT_DOWN)
  expect(fuel.value).toBe(ALL)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (turns) => {
      fuel.value = turns + 1
      expect([run(turns), fuel.value]).toEqual([0, 0])
      fuel.value = turns
      expect(() => run(turns)).toThrow(WebAssembly.RuntimeError)
      expect(() => run(1)).toThrow(WebAssembly.RuntimeError)
      expect(fuel.value).toBeLessThan(0)
    }),
  )
  const recursive = exportsOf(RECURSE)
  recursive[FUEL_EXPORT].value = 101
  expect([recursive.run(100), recursive[FUEL_EXPORT].value]).toEqual([0, 0])
  expect(() => recursive.run(0)).toThrow(WebAssembly.RuntimeError)
})

test('U1: bulk instructions pay by their length, and do what they did', () => {
  const { run, memory, [FUEL_EXPORT]: fuel } = exportsOf(BULK)
  fuel.value = 10_000
  expect(run(64_000)).toBe(64_000)
  expect(fuel.value).toBe(10_000 - 1 - 2 * 4000)
  expect(new Uint8Array(memory.buffer, 0, 64_001).every((byte, i) => byte === (i < 64_000 ? 7 : 0))).toBe(true)
})

test('U2: what is not understood is refused, whole or cut anywhere, never half rewritten', () => {
  expect(() => withFuel(moduleOf(0xfd, 12))).toThrow(/instruction 0xfd is not one that is metered/)
  expect(() => withFuel(moduleOf(0xfc, 8, 0, 0))).toThrow(/instruction 0xfc 8/)
  for (let length = 9; length < COUNT_DOWN.length; length += 1) {
    const cut = COUNT_DOWN.subarray(0, length)
    let isRefused = false
    try {
      // Cut between two sections it is a binary, of no code.
      isRefused = withFuel(cut).length < cut.length
    } catch (error) {
      isRefused = String(error).includes('the binary ends too early')
    }
    expect(isRefused || isBetweenSections(length)).toBe(true)
  }
})

function isBetweenSections(length: number): boolean {
  let at = 8
  while (at < length) at += 2 + (COUNT_DOWN[at + 1] ?? 0)
  return at === length
}

test('U3: the engine of this era, rewritten: another binary would run out elsewhere', () => {
  const binary = readFileSync(fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')))
  expect(createHash('sha256').update(withFuel(binary)).digest('hex')).toMatchInlineSnapshot(
    `"cf84b8f19baf9cbca9512b4976a3894a70ceba0ded82ccba1136da3971d87778"`,
  )
})
