// Clients on a few registers, and the history of what they saw. Each is one process that does one thing at a time: writes, compares and
// swaps, reads, and reads and writes in an interactive transaction, which is a compare-and-swap of its own. Some give up on a slow answer;
// then nobody knows what became of that, and the process that asked is never seen again: another takes its place.

import type { HistoryEvent, Call } from './history/history.ts'
import { violationByIndex } from './history/by-index.ts'
import { linearizable } from './history/linearizable.ts'
import type { Interactive } from './interactive.ts'
import type { LedgerBook, Place } from './ledger-book.ts'
import type { Random } from './random.ts'
import type { Reading } from './reading.ts'
import { programFor, statementFor, valueIn, valueOf } from './register-sql.ts'
import type { ClientParts, Ended, Submitting } from './submitting.ts'

const KEYS = ['a', 'b', 'c'] as const
/** Share of operations that are given up when they take long. */
const GIVEN_UP = 0.3
/** Share of the key that everybody wants. */
const HOT = 0.6
/** The search looks at so many events at the beginning of a history, for so many steps. */
const SEARCHED_MAX = 800
const SEARCH_STEPS_MAX = 20_000

/** What registers stand on. */
export interface RegisterParts extends ClientParts {
  readonly submitting: Submitting
  readonly reading: Reading
  readonly interactive: Interactive
}

export class Registers {
  readonly #parts: RegisterParts
  readonly #random: Random
  readonly #events: HistoryEvent[] = []
  /** Ids of the transactions that do operations. */
  readonly #ids = new Map<number, string>()
  /** What somebody last saw in each register. */
  readonly #seen = new Map<string, number>()
  #ops = 0
  #processes = 0
  #isOver = false

  constructor(parts: RegisterParts) {
    this.#parts = parts
    this.#random = parts.world.random('registers')
  }

  /** What clients saw so far. */
  get history(): readonly HistoryEvent[] {
    return this.#events
  }

  start(): void {
    for (let client = 0; client < (this.#parts.load.registers ?? 0); client += 1) this.#begin()
  }

  /** Nobody asks for anything new. */
  rest(): void {
    this.#isOver = true
  }

  #begin(): void {
    this.#processes += 1
    this.#next(this.#processes)
  }

  #next(process: number): void {
    const { world, load } = this.#parts
    world.after(this.#random.exponential(load.thinkMs), () => {
      if (this.#isOver) return
      const key = this.#random.chance(HOT) ? KEYS[0] : this.#random.pick(KEYS)
      if (this.#random.chance(0.4)) return this.#read(process, key)
      const isInteractive = (load.interactive ?? 0) > 0 && this.#random.chance(0.4)
      if (isInteractive) return this.#readAndWrite(process, key)
      this.#write(process, key)
    })
  }

  // ---- events

  #invoke(process: number, call: Call): number {
    this.#ops += 1
    this.#events.push({ type: 'invoke', op: this.#ops, process, atMs: this.#parts.world.nowMs, ...call })
    return this.#ops
  }

  #ended(process: number, op: number, how: 'fail' | 'info', reason: string): void {
    this.#events.push({ type: how, op, process, atMs: this.#parts.world.nowMs, reason })
    if (how === 'fail') this.#next(process)
    else this.#begin()
  }

  // ---- operations

  #read(process: number, key: string): void {
    const { submitting, reading, world } = this.#parts
    const replica = submitting.anyReplica()
    if (replica.front === undefined) return this.#next(process)
    const call: Call = { f: 'read', key }
    const op = this.#invoke(process, call)
    reading.read(replica, { kind: 'linearizable' }, programFor(call), (seen) => {
      if (seen === undefined) return this.#ended(process, op, 'fail', 'no answer')
      const value = valueOf(seen.outcome)
      if (value === undefined) return world.fail('read', `register "${key}" holds no number`)
      if (value !== null) this.#seen.set(key, value)
      this.#events.push({ type: 'ok', op, process, atMs: world.nowMs, height: seen.height, value })
      this.#next(process)
    })
  }

  #write(process: number, key: string): void {
    const value = this.#ops + 1
    const expected = this.#seen.get(key)
    const isCas = expected !== undefined && this.#random.chance(0.6)
    const call: Call = isCas ? { f: 'cas', key, expected, value } : { f: 'write', key, value }
    const op = this.#invoke(process, call)
    const wish = { program: programFor(call), mayGiveUp: this.#random.chance(GIVEN_UP) }
    this.#ids.set(
      op,
      this.#parts.submitting.submit(wish, (ended) => this.#written(process, op, call, ended)),
    )
  }

  #written(process: number, op: number, call: Call, ended: Ended): void {
    const { world } = this.#parts
    if (ended.kind === 'given up') return this.#ended(process, op, 'info', 'no answer')
    if (ended.kind === 'refused') return this.#ended(process, op, 'fail', ended.code)
    const value = valueOf(ended.outcome)
    if (value === undefined) return world.fail('answer', `a ${call.f} of register "${call.key}" gave no number`)
    const { height, position } = ended.place
    const applied = call.f === 'cas' ? { applied: value !== null } : {}
    this.#events.push({ type: 'ok', op, process, atMs: world.nowMs, height, position, ...applied })
    if (value !== null) this.#seen.set(call.key, value)
    this.#next(process)
  }

  /** Reads a register and writes it, in one interactive transaction: where it commits, the register still held what was read. */
  #readAndWrite(process: number, key: string): void {
    const { world, interactive } = this.#parts
    const plan = { expected: 0, value: 0, statements: 0, op: 0 }
    interactive.run(
      {
        mayGiveUp: this.#random.chance(GIVEN_UP),
        script: (last) => {
          plan.statements += 1
          if (plan.statements === 1) return statementFor({ f: 'read', key })
          if (plan.statements > 2) return 'commit'
          const value = last === undefined ? undefined : valueIn(last)
          if (value === undefined || value === null) return 'rollback'
          plan.expected = value
          // Numbers of operations and these never meet.
          this.#ops += 1
          plan.value = this.#ops
          return statementFor({ f: 'write', key, value: plan.value })
        },
        onSubmitted: (id) => {
          plan.op = this.#invoke(process, { f: 'cas', key, expected: plan.expected, value: plan.value })
          this.#ids.set(plan.op, id)
        },
      },
      (end) => {
        switch (end.kind) {
          case 'nothing':
            return this.#next(process)
          case 'busy':
            return this.#ended(process, plan.op, 'fail', 'SQLITE_BUSY')
          case 'given up':
            return this.#ended(process, plan.op, 'info', 'no answer')
          case 'committed':
            this.#events.push({ type: 'ok', op: plan.op, process, atMs: world.nowMs, ...end.place, applied: true })
            this.#seen.set(key, plan.value)
            return this.#next(process)
        }
      },
    )
  }

  // ---- the verdict

  /** Checks what everybody saw: by the places that answers name, and by a search that believes none of them. */
  judge(): void {
    const { world, book, onRare } = this.#parts
    const wrong = violationByIndex(this.#events, this.#untold(book))
    if (wrong !== undefined) return world.fail('history', `operation ${wrong.op}: ${wrong.kind}: ${wrong.message}`)
    const verdict = linearizable(this.#events.slice(0, SEARCHED_MAX), SEARCH_STEPS_MAX)
    if (this.#events.length > 0) onRare(`history ${verdict}`)
    if (verdict === 'not linearizable')
      world.fail('linearizable', `no order of the first ${SEARCHED_MAX} events explains what clients saw`)
  }

  /** Where those operations stand of which no client heard, and which took effect. */
  #untold(book: LedgerBook): ReadonlyMap<number, Place> {
    const told = new Set(this.#events.filter((event) => event.type === 'ok').map((event) => event.op))
    const places = new Map<number, Place>()
    for (const [op, id] of this.#ids) {
      const place = told.has(op) ? undefined : book.placeOf(id)
      if (place !== undefined && book.outcomeAt(place)?.kind === 'executed') places.set(op, place)
    }
    return places
  }
}
