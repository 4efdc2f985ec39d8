// The judge. It gets what clients heard and what the disks hold, and nothing of how it came about. What it wants:
//
//   AGREEMENT     equal heights are equal blocks on every member, each block names the one before, no height is missing
//   ONCE          an id is executed at one place; every other place of it points there
//   STRANGER      every transaction is one that a client sent, with its statements
//   ACKNOWLEDGED  what was acknowledged stands where it was said to stand, with the outcome that was said
//   SERIAL        every outcome is what a plain SQLite gives that runs the ledger's transactions one after the other
//   REAL_TIME     a write that began after another's acknowledgement stands after it
//   READ          a read's rows are those of the serial model at the height that the answer names
//   READ_LEVEL    that height is one the asked level allows
//
// The order of the transactions is known, so none of this searches: one pass over the ledger, one over the history.

import type { History, Read, Write, WriteAnswer } from './history.ts'
import type { Block, Ledger, Place } from './ledger.ts'
import { Model } from './model.ts'

/** Something that must not be. */
export interface Violation {
  readonly rule: string
  readonly what: string
}

/** Most violations that are told: the first ones say what went wrong. */
export const VIOLATIONS_MAX = 20

class Findings {
  readonly list: Violation[] = []

  add(rule: string, what: string): void {
    if (this.list.length < VIOLATIONS_MAX) this.list.push({ rule, what })
  }
}

const placeOf = ({ height, position }: { readonly height: number; readonly position: number }): string =>
  `${height}.${position}`
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
const brief = (value: unknown): string => JSON.stringify(value).slice(0, 300)

function checkAgreement(ledgers: readonly Ledger[], findings: Findings): readonly Block[] {
  const whole = ledgers.filter(({ blocks }) => blocks.every((block) => block.isDamaged !== true))
  const longest = (whole.length > 0 ? whole : ledgers).reduce((most, each) =>
    each.blocks.length > most.blocks.length ? each : most,
  )
  longest.blocks.forEach((block, height) => {
    if (block.height !== height) findings.add('AGREEMENT', `member ${longest.member}: no block ${height}`)
    const before = longest.blocks[height - 1]
    if (before !== undefined && block.previous !== before.hash)
      findings.add('AGREEMENT', `block ${height} names ${block.previous} as the one before, that is ${before.hash}`)
  })
  for (const { member, blocks } of ledgers) {
    blocks.forEach((block, index) => {
      const other = longest.blocks[index]
      if (block.fingerprint === other?.fingerprint || block.isDamaged === true) return
      // One with rot in it may be longer than every whole one.
      if (other === undefined && !whole.some((each) => each.member === member)) return
      findings.add(
        'AGREEMENT',
        `block ${block.height}: member ${member} has ${block.fingerprint}, member ${longest.member} ${other?.fingerprint}`,
      )
    })
  }
  return longest.blocks
}

function checkAnswer(write: Write, place: Place | undefined, findings: Findings): void {
  const { id, answer } = write
  if (answer.kind === 'unknown') return
  const said = placeOf(answer)
  if (place === undefined) {
    findings.add('ACKNOWLEDGED', `${id} was acknowledged at ${said} and is nowhere in the ledger`)
    return
  }
  if (placeOf(place) !== said)
    findings.add('ACKNOWLEDGED', `${id} was acknowledged at ${said} and stands at ${placeOf(place)}`)
  const heard = heardOf(answer)
  if (!same(place.outcome, heard))
    findings.add('ACKNOWLEDGED', `${id}: the client heard ${brief(heard)}, the ledger says ${brief(place.outcome)}`)
}

function heardOf(answer: Exclude<WriteAnswer, { readonly kind: 'unknown' }>): unknown {
  return answer.kind === 'done' ? { kind: 'done', results: answer.results } : { kind: 'failed', code: answer.code }
}

/** Runs the ledger through the model; `reads` are looked at on their heights. Gives the first place of each id. */
function checkSerial(
  blocks: readonly Block[],
  writes: ReadonlyMap<string, Write>,
  reads: readonly Read[],
  findings: Findings,
): ReadonlyMap<string, Place> {
  const model = new Model()
  const first = new Map<string, Place>()
  const waiting = [...reads].sort((a, b) => b.height - a.height)
  for (const block of blocks) {
    for (const place of block.places) checkPlace(place, model, first, writes, findings)
    for (let read = waiting.at(-1); read?.height === block.height; read = waiting.at(-1)) {
      waiting.pop()
      const rows = model.rows(read.statement)
      if (same(rows, read.rows)) continue
      const who = `member ${read.member} at height ${read.height} (${read.level.kind}), ${read.statement.sql}`
      findings.add('READ', `${who}: ${brief(read.rows)}, the model has ${brief(rows)}`)
    }
  }
  for (const read of waiting)
    findings.add('READ', `member ${read.member} answered from height ${read.height}, which is in no ledger`)
  model.close()
  return first
}

function checkPlace(
  place: Place,
  model: Model,
  first: Map<string, Place>,
  writes: ReadonlyMap<string, Write>,
  findings: Findings,
): void {
  const { id, outcome } = place
  if (!same(writes.get(id)?.statements, place.statements))
    findings.add('STRANGER', `${id} at ${placeOf(place)}: no client sent ${brief(place.statements)}`)
  const before = first.get(id)
  if (outcome.kind === 'refused') return
  if (outcome.kind === 'duplicate') {
    if (before === undefined || placeOf(before) !== placeOf(outcome))
      findings.add(
        'ONCE',
        `${id} at ${placeOf(place)} points to ${placeOf(outcome)}, it first stands at ${before && placeOf(before)}`,
      )
    return
  }
  if (before !== undefined) findings.add('ONCE', `${id} ran at ${placeOf(before)} and again at ${placeOf(place)}`)
  else first.set(id, place)
  const expected = model.run(place.statements)
  if (!same(expected, outcome))
    findings.add('SERIAL', `${id} at ${placeOf(place)}: ${brief(outcome)}, the model gives ${brief(expected)}`)
}

function checkRealTime(writes: readonly Write[], first: ReadonlyMap<string, Place>, findings: Findings): void {
  const placed = writes
    .map((write) => ({ write, place: first.get(write.id) }))
    .filter((each): each is { write: Write; place: Place } => each.place !== undefined)
    .sort((a, b) => b.place.height - a.place.height || b.place.position - a.place.position)
  let earliest: { write: Write; place: Place } | undefined
  for (const each of placed) {
    if (earliest !== undefined && earliest.write.endedMs < each.write.invokedMs) {
      const what = `${earliest.write.id} was acknowledged before ${each.write.id} began, and stands after it`
      findings.add('REAL_TIME', `${what}: ${placeOf(earliest.place)} and ${placeOf(each.place)}`)
    }
    const isAnswered = each.write.answer.kind !== 'unknown'
    if (isAnswered && (earliest === undefined || each.write.endedMs < earliest.write.endedMs)) earliest = each
  }
}

function checkLevels({ writes, reads }: History, findings: Findings): void {
  // What is acknowledged, in the order of the acknowledgements, with the highest height until then.
  const known: { readonly atMs: number; readonly height: number }[] = []
  const heights = [
    ...writes.flatMap(({ endedMs, answer }) =>
      answer.kind === 'unknown' ? [] : [{ atMs: endedMs, height: answer.height }],
    ),
    ...reads.flatMap(({ endedMs, height, level }) =>
      level.kind === 'linearizable' ? [{ atMs: endedMs, height }] : [],
    ),
  ].sort((a, b) => a.atMs - b.atMs)
  for (const { atMs, height } of heights) known.push({ atMs, height: Math.max(height, known.at(-1)?.height ?? 0) })
  let at = 0
  for (const read of [...reads].sort((a, b) => a.invokedMs - b.invokedMs)) {
    while ((known[at]?.atMs ?? Infinity) < read.invokedMs) at += 1
    const { level, height, member } = read
    const least =
      level.kind === 'linearizable' ? (known[at - 1]?.height ?? 0) : level.kind === 'local' ? 0 : level.height
    const isFine = level.kind === 'as-of' ? height === least : height >= least
    if (!isFine) findings.add('READ_LEVEL', `member ${member} read ${level.kind} at height ${height}, wanted ${least}`)
  }
}

/** Everything that is wrong with a history and the ledgers it left; at most `VIOLATIONS_MAX`. */
export function check(ledgers: readonly Ledger[], history: History): readonly Violation[] {
  const findings = new Findings()
  const blocks = checkAgreement(ledgers, findings)
  const writes = new Map(history.writes.map((write) => [write.id, write]))
  const first = checkSerial(blocks, writes, history.reads, findings)
  for (const write of history.writes) checkAnswer(write, first.get(write.id), findings)
  checkRealTime(history.writes, first, findings)
  checkLevels(history, findings)
  return findings.list
}
