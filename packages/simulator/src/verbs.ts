// What clients called while what was wrong: verbs of the replica's port against kinds of trouble. A protocol that is checked under
// every fault, and a verb that is only ever called in peace, is a hole that no single run shows; the table over many runs does.
//
// Trouble is read off the plan, so that it costs nothing: a fault counts from its time until what it says of itself is over. One that
// says nothing of an end (a jump of a clock, rot, a broken connection) and one whose work begins when its machine is back (a crash, an
// older disk) counts for `AFTERMATH_MS` more. Trouble of weather, clocks and liars is there all the time. A call counts where somebody was
// there to hear it.

import { KINDS } from './draw.ts'
import type { Fault, Lie, Plan, Weather } from './plan.ts'
import { LIES } from './plan.ts'
import type { World } from './world.ts'

/** What clients can ask of a replica: its port, reads by their level. */
export const VERBS = [
  'submit',
  'read local',
  'read at-least',
  'read as-of',
  'read linearizable',
  'openSession',
  'step',
  'describe',
  'recording',
  'block',
  'transaction',
  'receipt',
  'status',
] as const

/** One of `VERBS`. */
export type Verb = (typeof VERBS)[number]

const AFTERMATH_MS = 3000
/** A crash at a step comes so long after its time at the latest. */
const CRASH_MS = 3000

/** How long each kind of fault is surely there: from and to, in milliseconds after its time. */
function lastsMs(fault: Fault): readonly [from: number, to: number] {
  switch (fault.kind) {
    case 'crash':
      return [fault.steps === 0 ? 0 : CRASH_MS, fault.downMs + AFTERMATH_MS]
    case 'crash-all':
    case 'wipe':
    case 'old-disk':
      return [0, fault.downMs + AFTERMATH_MS]
    case 'lying-sync':
      return [0, fault.forMs + fault.downMs]
    case 'ledger-rot':
    case 'state-rot':
    case 'clock-jump':
    case 'reset':
      return [0, AFTERMATH_MS]
    case 'disk-full':
    case 'split':
    case 'flap':
    case 'gray':
    case 'clog':
      return [0, fault.forMs]
  }
}

/** Kinds of weather by what is wrong with it. */
const WEATHER: Readonly<Record<string, (weather: Weather) => boolean>> = {
  loss: ({ loss }) => loss > 0,
  duplicates: ({ duplicate }) => duplicate > 0,
  reordering: ({ reorder }) => reorder,
  replay: ({ replay }) => replay > 0,
  'narrow links': ({ bytesPerMs }) => bytesPerMs < 10_000,
  adversary: ({ adversary }) => adversary !== undefined,
}

const WRONG_CLOCKS = 'wrong clocks'

function nameOf(lie: Lie): string {
  return `lie: ${lie}`
}

/** Every kind of trouble. */
export const TROUBLES: readonly string[] = [...KINDS, ...Object.keys(WEATHER), WRONG_CLOCKS, ...LIES.map(nameOf)]

/** How often each verb was called in each kind of trouble. */
export type VerbTable = ReadonlyMap<string, ReadonlyMap<Verb, number>>

interface Span {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

function spansOf({ faults, weather, clocks, liars, durationMs }: Plan): readonly Span[] {
  const always = [
    ...Object.keys(WEATHER).filter((name) => WEATHER[name]?.(weather)),
    ...(clocks.some((clock) => clock.driftPpm !== 0) ? [WRONG_CLOCKS] : []),
    ...new Set(liars.map((liar) => nameOf(liar.lie))),
  ]
  const spans = faults.map((fault) => {
    const [from, to] = lastsMs(fault)
    return { name: fault.kind, fromMs: fault.atMs + from, toMs: Math.min(durationMs, fault.atMs + to) }
  })
  return [...spans, ...always.map((name) => ({ name, fromMs: 0, toMs: durationMs }))]
}

export class Verbs {
  readonly #world: World
  readonly #spans: readonly Span[]
  readonly #table = new Map<string, Map<Verb, number>>()

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#spans = spansOf(plan)
  }

  get table(): VerbTable {
    return this.#table
  }

  /** A client calls a verb of some replica now. */
  called(verb: Verb): void {
    const { nowMs } = this.#world
    const names = new Set<string>()
    for (const { name, fromMs, toMs } of this.#spans) if (nowMs >= fromMs && nowMs < toMs) names.add(name)
    for (const name of names) {
      const row = this.#table.get(name) ?? new Map<Verb, number>()
      row.set(verb, (row.get(verb) ?? 0) + 1)
      this.#table.set(name, row)
    }
  }
}

/** Adds the counts of a run to those of others. */
export function addTable(sum: Map<string, Map<Verb, number>>, table: VerbTable): void {
  for (const [name, row] of table) {
    const into = sum.get(name) ?? new Map<Verb, number>()
    for (const [verb, count] of row) into.set(verb, (into.get(verb) ?? 0) + count)
    sum.set(name, into)
  }
}

/** Pairs of verb and trouble that never met, as `verb during trouble`. */
export function missingIn(table: VerbTable): readonly string[] {
  return TROUBLES.flatMap((name) =>
    VERBS.filter((verb) => (table.get(name)?.get(verb) ?? 0) === 0).map((verb) => `${verb} during ${name}`),
  )
}

/** The table as Markdown: a row for each kind of trouble, a column for each verb. */
export function markdownOf(table: VerbTable): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |\n`
  const rows = TROUBLES.map((name) => line([name, ...VERBS.map((verb) => table.get(name)?.get(verb) ?? 0)]))
  return line(['', ...VERBS]) + line(['---', ...VERBS.map(() => '---:')]) + rows.join('')
}
