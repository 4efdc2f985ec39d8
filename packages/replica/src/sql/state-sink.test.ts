// Goal: whatever a replica held, wherever it was cut off and whoever lied to it, what it receives is the certified database,
// it asks for no page that it has, and nobody reads anything else meanwhile. Method: random histories at two files, one
// receiving from the other; receptions cut off, begun anew towards newer heights, killed as processes; forged answers.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { PAGE_BYTES } from '@quorate/sql-state'
import type { StateAnswer, StateAsk } from '@quorate/types'
import { height } from '@quorate/types'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RETAINED_HEIGHTS, RETAINED_MS, StateFile, StateReader } from './state-file.ts'
import { STATE_FILE } from './state-rows.ts'
import { StateSource } from './state-source.ts'
import { History, receive, valuesAt } from './testing/state-history.ts'

let folder: string
let open: { close(): void }[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-sink-'))
  open = []
})

afterEach(() => {
  for (const each of open.splice(0)) each.close()
  rmSync(folder, { recursive: true, force: true })
})

function kept<T extends { close(): void }>(each: T): T {
  open.push(each)
  return each
}

function closed(each: { close(): void }): void {
  open.splice(open.indexOf(each), 1)
  each.close()
}

function folderOf(name: string): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  return path
}

const file = (name: string): StateFile => kept(new StateFile(folderOf(name)))
const reader = (name: string): StateReader => kept(new StateReader(folderOf(name)))
const source = (name: string): StateSource => kept(new StateSource(new StateReader(folderOf(name))))

/** What blocks do to a database: a new page count and values for some pages. */
const blocks = fc.array(
  fc.record({
    count: fc.integer({ min: 1, max: 40 }),
    touched: fc.array(fc.nat(39), { maxLength: 6 }),
    salt: fc.nat(9999),
  }),
  { minLength: 3, maxLength: 8 },
)

function append(
  history: History,
  at: number,
  block: { count: number; touched: readonly number[]; salt: number },
): void {
  const values = new Map(block.touched.map((page) => [page + 1, block.salt * 100 + page]))
  history.append(at, block.count, values)
}

describe('receiving', () => {
  test('W6 W7: from any past, cut off anywhere, towards any newer height: only what differs is asked for, and the end is right', () => {
    let run = 0
    fc.assert(
      fc.property(blocks, fc.nat(), fc.array(fc.nat(30), { maxLength: 4 }), (history, known, cuts) => {
        run += 1
        const [there, here] = [`there${run}`, `here${run}`]
        const theirs = new History(file(there))
        history.forEach((block, at) => append(theirs, at, block))
        const newest = history.length - 1
        const own = known % newest
        let mine = file(here)
        const before = new History(mine)
        // Nothing at all is a past too.
        if (known % 3 > 0) for (let at = 0; at <= own; at += 1) append(before, at, history[at]!)
        const start = mine.head?.height ?? -1
        const views = [reader(there), reader(here)] as const
        const answers = source(there)
        const old = start < 0 ? undefined : valuesAt(views[1], start)
        for (let cut = 0; ; cut += 1) {
          // A later try may go for a newer height.
          const at = Math.max(start + 1, newest - Math.max(0, cuts.length - cut))
          const target = views[0].at(height(at))!
          const sink = mine.receive(target)
          let left = cuts[cut] ?? Infinity
          const { isWhole, pages } = receive(
            sink,
            target,
            (ask) => answers.answer(ask),
            () => (left -= 1) < 0,
          )
          // No page twice, whatever was cut off before.
          expect(new Set(pages).size).toBe(pages.length)
          if (start >= 0) expect(valuesAt(views[1], start)).toEqual(old)
          expect(views[1].at(target.height)).toBeUndefined()
          if (!isWhole) {
            closed(mine)
            mine = file(here)
            expect(mine.head?.height ?? -1).toBe(start)
            expect(mine.arriving).toEqual(target)
            continue
          }
          sink.finish()
          mine.received()
          expect(mine.head).toEqual(target)
          expect(mine.arriving).toBeUndefined()
          expect(valuesAt(views[1], at)).toEqual(valuesAt(views[0], at))
          if (start >= 0) expect(valuesAt(views[1], start)).toEqual(old)
          // Blocks go on from it, also after opening it again.
          closed(mine)
          const again = file(here)
          const planted = new History(again)
          for (let next = at + 1; next <= newest; next += 1) append(planted, next, history[next]!)
          expect(again.head).toEqual(views[0].at(height(newest)))
          expect(valuesAt(views[1], newest)).toEqual(valuesAt(views[0], newest))
          break
        }
        for (const each of open.splice(0)) each.close()
      }),
      { seed: 11, numRuns: 20 },
    )
  })

  test('W6: asks for exactly the pages that differ', () => {
    const theirs = new History(file('there'))
    const mine = new History(file('here'))
    const first = new Map(Array.from({ length: 100 }, (_, i) => [i + 1, i + 1]))
    for (const each of [theirs, mine]) each.append(0, 100, first)
    theirs.append(
      1,
      103,
      new Map([
        [5, 1005],
        [50, 1050],
        [101, 1],
        [103, 3],
      ]),
    )
    // Changed and changed back: nothing to ask for.
    mine.append(1, 100, new Map([[7, 1007]]))
    const target = theirs.append(
      2,
      103,
      new Map([
        [7, 1007],
        [99, 1099],
      ]),
    )
    const answers = source('there')
    const { pages } = receive(mine.file.receive(target), target, (ask) => answers.answer(ask))
    expect(pages).toEqual([5, 50, 99, 101, 102, 103])
    const again = receive(mine.file.receive(target), target, (ask) => answers.answer(ask))
    expect(again).toEqual({ isWhole: true, pages: [] })
  })

  test('W8: wrong answers are refused with their reason and leave nothing', () => {
    const target = new History(file('there')).append(0, 20, new Map([[3, 33]]))
    const answers = source('there')
    const mine = file('here')
    const sink = mine.receive(target)
    const at = target.height
    const ask: StateAsk = { kind: 'pages', height: at, runs: [{ from: 2, count: 3 }] }
    const right = answers.answer(ask) as Extract<StateAnswer, { kind: 'pages' }>
    const nodes: StateAsk = { kind: 'hashes', height: at, level: 2, run: { from: 0, count: 2 } }
    const code = (asked: StateAsk, answer: StateAnswer): string => {
      const taken = sink.take(asked, answer)
      return taken.ok ? 'taken' : taken.error.code
    }
    expect(code(ask, { ...right, pages: right.pages.with(7, 1) })).toBe('PROOF_ROOT')
    expect(code(ask, { ...right, pages: right.pages.subarray(1) })).toBe('PROOF_LENGTH')
    expect(code(ask, { ...right, proof: right.proof.subarray(32) })).toBe('PROOF_SIBLINGS')
    expect(code({ ...ask, runs: [{ from: 6, count: 3 }] }, right)).toBe('PROOF_ROOT')
    expect(code(nodes, right)).toBe('ANSWER_KIND')
    expect(code(nodes, answers.answer({ ...nodes, run: { from: 2, count: 2 } }))).toBe('PROOF_ROOT')
    expect(code(ask, { kind: 'refused', code: 'BUSY', retryAfterMs: 1 })).toBe('ANSWER_KIND')
    expect(sink.isBlank).toBe(true)
    expect(() => sink.finish()).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }))
    expect(reader('here').at(at)).toBeUndefined()
    expect(code(ask, right)).toBe('taken')
    expect(sink.take(nodes, answers.answer(nodes))).toEqual({
      ok: true,
      value: { kind: 'hashes', differing: [0, 1], blank: [1] },
    })
    const rest: StateAsk = { kind: 'hashes', height: at, level: 2, run: { from: 1, count: 4 } }
    expect(sink.take(rest, answers.answer(rest))).toMatchObject({
      value: { differing: [1, 2, 3, 4], blank: [1, 2, 3, 4] },
    })
  })

  test('W8: what the root leaves out of page 1 is not taken from anyone', () => {
    const target = new History(file('there')).append(0, 2, new Map([[1, 11]]))
    const ask: StateAsk = { kind: 'pages', height: target.height, runs: [{ from: 1, count: 2 }] }
    const right = source('there').answer(ask) as Extract<StateAnswer, { kind: 'pages' }>
    const mine = file('here')
    const sink = mine.receive(target)
    const pages = right.pages.slice()
    for (const at of [24, 27, 92, 95]) pages[at] = 0xee
    expect(sink.take(ask, { ...right, pages })).toMatchObject({ ok: true })
    sink.finish()
    mine.received()
    expect(mine.pages.page(1)).toEqual(right.pages.slice(0, PAGE_BYTES))
    expect(mine.pages.page(2)).toEqual(right.pages.slice(PAGE_BYTES))
  })

  test('W9: whoever executes a block gives up what was arriving, and nothing of it shows later', () => {
    const theirs = new History(file('there'))
    theirs.append(0, 10, new Map())
    const target = theirs.append(
      5,
      10,
      new Map([
        [2, 52],
        [9, 59],
      ]),
    )
    const answers = source('there')
    const mine = new History(file('here'))
    mine.append(0, 10, new Map())
    receive(mine.file.receive(target), target, (ask) => answers.answer(ask))
    for (let at = 1; at <= 6; at += 1) mine.append(at, 10, new Map([[1, at]]))
    expect(mine.file.arriving).toBeUndefined()
    const view = reader('here')
    expect(valuesAt(view, 6)).toEqual([6, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    // A reception for a lower height than the last sweeps the higher one's pages away.
    const high = theirs.append(30, 10, new Map([[4, 304]]))
    receive(mine.file.receive(high), high, (ask) => answers.answer(ask))
    const low = mine.file.receive({ ...target, height: height(7) })
    receive(low, { ...target, height: height(7) }, (ask) => answers.answer({ ...ask, height: target.height }))
    low.finish()
    mine.file.received()
    expect(valuesAt(view, 7)).toEqual(valuesAt(reader('there'), 5))
    const later = new History(mine.file)
    for (let at = 8; at <= 31; at += 1) later.append(at, 10, new Map([[4, at]]))
    expect(valuesAt(view, 31)?.[3]).toBe(31)
    expect(valuesAt(view, 29)?.[3]).toBe(29)
  })

  test('W7: killed again and again, it goes on where it was', { timeout: 120_000 }, async () => {
    const theirs = new History(file('there'))
    const values = new Map(Array.from({ length: 300 }, (_, i) => [i + 1, i + 7]))
    const target = theirs.append(4, 300, values)
    const here = folderOf('here')
    const script = fileURLToPath(new URL('./testing/receive-loop.ts', import.meta.url))
    const once = (kill: number): Promise<{ answers: number; isWhole: boolean }> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, ['--conditions=source', script, folderOf('there'), here, '4'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        let said = ''
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString()
          if (said.split('\n').length > kill) child.kill('SIGKILL')
        })
        child.on('exit', () => resolve({ answers: said.split('.').length - 1, isWhole: said.includes('whole') }))
      })
    // Two questions for each eight pages, and one for each page: 376 in all.
    let killed = 0
    let last = { answers: 0, isWhole: false }
    for (const kill of [20, 90, 160, Infinity]) {
      last = await once(kill)
      if (!last.isWhole) killed += 1
    }
    expect(killed).toBeGreaterThan(0)
    expect(last.isWhole).toBe(true)
    expect(last.answers).toBeLessThan(376)
    expect(file('here').head).toEqual(target)
    expect(valuesAt(reader('here'), 4)).toEqual([...values.values()])
  })
})

describe('answering', () => {
  test('what is not retained is gone, what is not there is out of range', () => {
    const theirs = new History(file('there'))
    theirs.append(0, 3, new Map())
    const answers = source('there')
    const pages = (at: number, from: number, count: number): StateAnswer =>
      answers.answer({ kind: 'pages', height: height(at), runs: [{ from, count }] })
    expect(pages(0, 1, 3).kind).toBe('pages')
    expect(pages(0, 1, 4)).toEqual({ kind: 'refused', code: 'RANGE', retryAfterMs: 0 })
    expect(pages(0, 0, 1)).toMatchObject({ code: 'RANGE' })
    expect(pages(0, 1, 129)).toMatchObject({ code: 'RANGE' })
    expect(pages(1, 1, 1)).toMatchObject({ code: 'GONE' })
    const hashes = (level: number): StateAnswer =>
      answers.answer({ kind: 'hashes', height: height(0), level, run: { from: 0, count: 1 } })
    expect([hashes(2).kind, hashes(3).kind]).toEqual(['hashes', 'refused'])
  })
})

describe('held heights', () => {
  test('W5: stay whole beyond retention, and only what they need stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }), { minLength: 6, maxLength: 14 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        (touches, picks) => {
          rmSync(folderOf('held'), { recursive: true, force: true })
          const mine = new History(file('held'))
          const view = reader('held')
          const step = RETAINED_HEIGHTS / 2
          const model = new Map<number, readonly number[]>()
          let held: number[] = []
          touches.forEach((touched, i) => {
            const at = i * step
            mine.append(at, 6, new Map(touched.map((page) => [page, i * 10 + page])), i * 60_000)
            model.set(at, valuesAt(view, at)!)
            // From the third height on, earlier ones are held; later they are given back.
            if (i === 2) held = [...mine.file.hold([...new Set(picks.map((pick) => height((pick % 3) * step)))])]
            if (i === touches.length - 2) held = [...mine.file.hold([])]
            const gone = i === touches.length - 2 ? [] : held
            for (const each of gone) expect(valuesAt(view, each)).toEqual(model.get(each))
            // Whatever a reader asks for is right or not there.
            for (const [height_, values] of model) {
              const pages = view.pages({ ...mine.file.head!, height: height(height_), pageCount: 6 })
              const found = values.map((_, page) => {
                try {
                  return new DataView(pages.page(page + 1).buffer, pages.page(page + 1).byteOffset).getUint32(100)
                } catch {
                  return undefined
                }
              })
              found.forEach((value, page) => expect([values[page], undefined]).toContain(value))
            }
          })
          const newest = (touches.length - 1) * step
          for (const at of model.keys()) {
            if (at < newest - RETAINED_HEIGHTS) expect(view.at(height(at))).toBeUndefined()
            else expect(valuesAt(view, at)).toEqual(model.get(at))
          }
          for (const each of open.splice(0)) each.close()
        },
      ),
      { seed: 3, numRuns: 15 },
    )
  })

  test('W5: versions that neither a held nor a retained height needs go, and held ones once they are given back', () => {
    const mine = new History(file('held'))
    mine.append(0, 2, new Map([[1, 100]]), 0)
    mine.file.hold([height(0)])
    const count = (): number => {
      const db = new DatabaseSync(join(folderOf('held'), STATE_FILE), { readOnly: true })
      const rows = Number(db.prepare('SELECT count(*) AS count FROM pages').get()?.['count'])
      db.close()
      return rows
    }
    const write = (i: number): unknown => mine.append(i * RETAINED_HEIGHTS, 2, new Map([[1, i]]), i * RETAINED_MS * 2)
    for (let i = 1; i <= 20; i += 1) write(i)
    // Page 2, and of page 1 the held version, the newest, and the one before, which is still retained.
    expect(count()).toBe(4)
    mine.file.hold([])
    write(21)
    expect(count()).toBe(3)
  })

  test('W5: of what is not there nothing is held', () => {
    const mine = new History(file('held'))
    mine.append(3, 1, new Map())
    expect(mine.file.hold([height(2), height(3), height(4)])).toEqual([3])
  })
})
