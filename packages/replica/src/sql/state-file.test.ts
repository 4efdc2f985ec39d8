import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES, pageHash, StateTree } from '@quorate/sql-state'
import type { Digest } from '@quorate/types'
import { hashOf, height } from '@quorate/types'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RETAINED_HEIGHTS, RETAINED_MS, StateFile, StateReader } from './state-file.ts'
import { STATE_FILE } from './state-rows.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-state-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const seed: Digest = hashOf('seed', new Uint8Array(0))

function pageOf(value: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES)
  new DataView(page.buffer).setUint32(100, value)
  return page
}

function valueOf(page: Uint8Array): number {
  return new DataView(page.buffer, page.byteOffset).getUint32(100)
}

/** Appends a height with the given pages (number to value). */
function append(
  file: StateFile,
  at: number,
  pageCount: number,
  pages: Readonly<Record<number, number>>,
  timeMs = at,
): void {
  const changed = Object.entries(pages).map(([number, value]) => {
    const bytes = pageOf(value)
    return { number: Number(number), bytes, hash: pageHash(Number(number), bytes) }
  })
  file.append({ height: height(at), pageCount, timeMs, seed, stateRoot: seed }, changed)
}

function read(reader: StateReader, at: number): readonly number[] | undefined {
  const known = reader.at(height(at))
  if (known === undefined) return undefined
  const pages = reader.pages(known)
  return Array.from({ length: pages.pageCount }, (_, i) => valueOf(pages.page(i + 1)))
}

describe('state.db', () => {
  test('W1: shows each height its own pages, to a reader beside the writer', () => {
    const file = new StateFile(folder)
    append(file, 0, 2, { 1: 10, 2: 20 })
    const reader = new StateReader(folder)
    append(file, 1, 3, { 2: 21, 3: 31 })
    append(file, 2, 3, { 1: 12 })
    expect([0, 1, 2, 3].map((at) => read(reader, at))).toEqual([[10, 20], [10, 21, 31], [12, 21, 31], undefined])
    expect(Array.from({ length: 3 }, (_, i) => valueOf(file.pages.page(i + 1)))).toEqual([12, 21, 31])
    expect([...file.hashes()].sort(([a], [b]) => a - b).map(([, hash]) => hash)).toEqual(
      [12, 21, 31].map((value, i) => pageHash(i + 1, pageOf(value))),
    )
    reader.close()
    file.close()
  })

  test('W2: opens at the height it was closed at, and takes heights back', () => {
    const first = new StateFile(folder)
    append(first, 0, 1, { 1: 10 })
    append(first, 1, 2, { 1: 11, 2: 21 })
    append(first, 2, 2, { 2: 22 })
    first.sync()
    first.close()
    const file = new StateFile(folder)
    expect(file.head).toMatchObject({ height: 2, pageCount: 2 })
    file.rewind(height(1))
    expect(file.head?.height).toBe(1)
    expect(valueOf(file.pages.page(2))).toBe(21)
    append(file, 2, 2, { 1: 99 })
    const reader = new StateReader(folder)
    expect(read(reader, 2)).toEqual([99, 21])
    reader.close()
    file.rewind(undefined)
    expect(file.head).toBeUndefined()
    expect(file.pages.pageCount).toBe(0)
    file.close()
  })

  test('W3: keeps what retained heights need, for any history, and never shows a wrong page of an older one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.integer({ min: 1, max: 6 }).map(String), fc.nat(1000), { maxKeys: 3 }), {
          minLength: 1,
          maxLength: 30,
        }),
        (history) => {
          rmSync(join(folder, STATE_FILE), { force: true })
          const file = new StateFile(folder)
          const model: number[][] = []
          // Few heights stand for many: each step leaps a third of the retention.
          history.forEach((touched, i) => {
            const at = Math.floor((i * RETAINED_HEIGHTS) / 3)
            const before = model.at(-1) ?? [0, 0, 0, 0, 0, 0]
            const pages = Object.fromEntries(
              i === 0
                ? before.map((value, page) => [page + 1, touched[String(page + 1)] ?? value])
                : Object.entries(touched),
            )
            model.push(before.map((value, page) => pages[String(page + 1)] ?? value))
            append(file, at, 6, pages, i * RETAINED_MS)
          })
          const reader = new StateReader(folder)
          const newest = Math.floor(((history.length - 1) * RETAINED_HEIGHTS) / 3)
          model.forEach((values, i) => {
            const at = Math.floor((i * RETAINED_HEIGHTS) / 3)
            if (at >= newest - RETAINED_HEIGHTS) expect(read(reader, at)).toEqual(values)
            else expect(read(reader, at)).toBeUndefined()
            // A snapshot opened long ago finds its page or none.
            const old = reader.pages({ height: height(at), pageCount: 6, timeMs: 0, seed, stateRoot: seed })
            for (let number = 1; number <= 6; number += 1) {
              let value: number | undefined
              try {
                value = valueOf(old.page(number))
              } catch {
                value = undefined
              }
              expect([values[number - 1], undefined]).toContain(value)
            }
          })
          reader.close()
          file.close()
        },
      ),
      { numRuns: 25 },
    )
  })

  test('W3: keeps young heights beyond the number', () => {
    const file = new StateFile(folder)
    append(file, 0, 1, { 1: 10 }, 0)
    append(file, RETAINED_HEIGHTS * 3, 1, { 1: 11 }, RETAINED_MS)
    const reader = new StateReader(folder)
    expect(read(reader, 0)).toEqual([10])
    append(file, RETAINED_HEIGHTS * 3 + 1, 1, { 1: 12 }, RETAINED_MS + 1)
    expect(read(reader, 0)).toBeUndefined()
    reader.close()
    file.close()
  })

  test('W4: a rotten page is trouble for writer and reader alike', () => {
    const file = new StateFile(folder)
    append(file, 0, 2, { 1: 10, 2: 20 })
    file.close()
    const db = new DatabaseSync(join(folder, STATE_FILE))
    db.prepare('UPDATE pages SET bytes = ? WHERE number = 2').run(pageOf(21))
    db.close()
    const opened = new StateFile(folder)
    const reader = new StateReader(folder)
    expect(valueOf(opened.pages.page(1))).toBe(10)
    expect(() => opened.pages.page(2)).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }))
    expect(() => reader.pages(reader.at(height(0))!).page(2)).toThrow(
      expect.objectContaining({ code: 'STATE_DAMAGED' }),
    )
    expect(() => opened.pages.page(3)).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }))
    reader.close()
    opened.close()
  })

  test('R1: the tree planted from the file is the one that was kept up to date', () => {
    const file = new StateFile(folder)
    const tree = new StateTree()
    for (const [at, count, pages] of [
      [0, 2, { 1: 1, 2: 2 }],
      [1, 5, { 2: 3, 3: 4, 4: 5, 5: 6 }],
      [2, 5, { 1: 7 }],
    ] as const) {
      append(file, at, count, pages)
      tree.update(
        count,
        Object.entries(pages).map(([number, value]) => [Number(number), pageHash(Number(number), pageOf(value))]),
      )
    }
    const planted = new StateTree()
    planted.update(file.head!.pageCount, [...file.hashes()])
    expect(planted.root).toBe(tree.root)
    file.close()
  })
})
