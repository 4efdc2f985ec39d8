import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PageSource } from './pages.ts'
import { NO_PAGES, Overlay, PAGE_BYTES } from './pages.ts'

function page(value: number): Uint8Array {
  return new Uint8Array(PAGE_BYTES).fill(value)
}

const base: PageSource = { pageCount: 3, page }

test('an overlay shows its own pages over those of its source, which it leaves alone', () => {
  const overlay = new Overlay(base)
  const heap = new Uint8Array(3 * PAGE_BYTES).fill(9, PAGE_BYTES, 2 * PAGE_BYTES)
  overlay.write(2, heap, PAGE_BYTES)
  heap.fill(1)
  expect([1, 2, 3].map((number) => overlay.page(number)[0])).toEqual([1, 9, 3])
  overlay.write(2, heap, 0)
  expect(overlay.page(2)[0]).toBe(1)
  expect(overlay.changed().map(([number]) => number)).toEqual([2])
})

test('R4: pages skipped by growth are pages of zeros, also after a truncation', () => {
  const overlay = new Overlay(NO_PAGES)
  overlay.write(4, page(4), 0)
  expect(overlay.pageCount).toBe(4)
  expect(overlay.changed().map(([number, bytes]) => [number, bytes[0]])).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
    [4, 4],
  ])
  const shrunk = new Overlay(base)
  shrunk.truncate(1)
  expect(shrunk.pageCount).toBe(1)
  shrunk.write(3, page(8), 0)
  expect(shrunk.changed().map(([number, bytes]) => [number, bytes[0]])).toEqual([
    [2, 0],
    [3, 8],
  ])
  shrunk.truncate(2)
  expect(shrunk.changed().map(([number]) => number)).toEqual([2])
  shrunk.truncate(5)
  expect(shrunk.pageCount).toBe(2)
})

test('an empty database has no page to read', () => {
  expect(() => new Overlay(NO_PAGES).page(1)).toThrow(RangeError)
})

test('E5: an attempt that fails leaves no trace; one that succeeds stands, and its copies serve the next', () => {
  const heap = new Uint8Array(PAGE_BYTES * 2).fill(1)
  const state = (overlay: Overlay): unknown => [overlay.pageCount, overlay.changed().map(([n, bytes]) => [n, bytes[0]])]
  const command = fc.record({
    kind: fc.constantFrom('write', 'truncate'),
    number: fc.integer({ min: 1, max: 8 }),
    value: fc.nat(255),
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.array(command, { maxLength: 6 }), fc.boolean())), (attempts) => {
      const overlay = new Overlay(NO_PAGES)
      const plain = new Overlay(NO_PAGES)
      for (const [commands, fails] of attempts) {
        const apply = (target: Overlay): void => {
          for (const { kind, number, value } of commands) {
            if (kind === 'write') target.write(number, heap.fill(value), 0)
            else target.truncate(number)
          }
        }
        const attempt = (): void =>
          overlay.attempt(() => {
            apply(overlay)
            if (fails) throw new Error('no')
          })
        if (fails) expect(attempt).toThrow('no')
        else {
          attempt()
          apply(plain)
        }
        expect(state(overlay)).toEqual(state(plain))
      }
    }),
  )
})
