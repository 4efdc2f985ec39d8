// Is a history strictly serializable, given that every answer names its place in the ledger? Then there is nothing to search: the
// order is known. In that order each operation must see what those before it left, and nobody may be answered with a place before
// that of something that had ended when it began. Both in time linear in the history, so histories of any length are checked.

import type { HistoryEvent, Operation } from './history.ts'
import { operationsOf } from './history.ts'

/** What is wrong, with the two sides. */
export interface Violation {
  readonly kind: 'stale' | 'wrong-value' | 'two-in-one-place' | 'unknown-place'
  readonly op: number
  readonly message: string
}

/** Where an operation stands: reads see a whole block, so they come behind all positions of theirs. */
function placeOf({ call, answered }: Operation): readonly [height: number, position: number] | undefined {
  if (answered === undefined) return undefined
  if (call.f === 'read') return [answered.height, Infinity]
  return answered.position === undefined ? undefined : [answered.height, answered.position]
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] === b[0] ? (a[1] === b[1] ? 0 : a[1] - b[1]) : a[0] - b[0]
}

/**
 * The first violation, or undefined.
 * @param outcomes - What became of operations that no client was told of, where the ledger says (by operation): they were executed
 *   all the same, and others saw them.
 */
export function violationByIndex(
  events: readonly HistoryEvent[],
  outcomes: ReadonlyMap<number, { readonly height: number; readonly position: number }>,
): Violation | undefined {
  const operations = operationsOf(events)
  return misplaced(operations) ?? stale(events, operations) ?? wrongValue(operations, outcomes)
}

function misplaced(operations: readonly Operation[]): Violation | undefined {
  const places = new Map<string, number>()
  for (const { op, call, answered } of operations) {
    if (answered === undefined || call.f === 'read') continue
    if (answered.position === undefined) return { kind: 'unknown-place', op, message: 'a write without a position' }
    const place = `${answered.height}/${answered.position}`
    const other = places.get(place)
    if (other !== undefined) return { kind: 'two-in-one-place', op, message: `${other} stands at ${place} too` }
    places.set(place, op)
  }
  return undefined
}

/** Whether somebody was answered from before the end of what had ended. */
function stale(events: readonly HistoryEvent[], operations: readonly Operation[]): Violation | undefined {
  const byOp = new Map(operations.map((operation) => [operation.op, operation]))
  const floors = new Map<number, { readonly place: readonly [number, number]; readonly op: number } | undefined>()
  let newest: { readonly place: readonly [number, number]; readonly op: number } | undefined
  for (const event of events) {
    const operation = byOp.get(event.op)
    const place = operation === undefined ? undefined : placeOf(operation)
    if (event.type === 'invoke') floors.set(event.op, newest)
    if (event.type !== 'ok' || place === undefined) continue
    const floor = floors.get(event.op)
    // A read at the place of an ended read, or of a block whose writes ended, is fresh enough.
    if (floor !== undefined && compare(place, floor.place) < 0) {
      const message = `stands at ${place.join('/')}, before ${floor.op} at ${floor.place.join('/')}, which had ended`
      return { kind: 'stale', op: event.op, message }
    }
    if (newest === undefined || compare(place, newest.place) > 0) newest = { place, op: event.op }
  }
  return undefined
}

function wrongValue(
  operations: readonly Operation[],
  outcomes: ReadonlyMap<number, { readonly height: number; readonly position: number }>,
): Violation | undefined {
  const placed = operations.flatMap((operation) => {
    const untold = outcomes.get(operation.op)
    const place = placeOf(operation) ?? (untold === undefined ? undefined : ([untold.height, untold.position] as const))
    return place === undefined ? [] : [{ operation, place }]
  })
  placed.sort((a, b) => compare(a.place, b.place))
  const registers = new Map<string, number>()
  for (const { operation } of placed) {
    const { op, call, answered } = operation
    const held = registers.get(call.key)
    switch (call.f) {
      case 'write':
        registers.set(call.key, call.value)
        break
      case 'cas': {
        const applies = held === call.expected
        if (answered !== undefined && answered.applied !== applies) {
          const message = `cas of ${call.key} from ${call.expected}: answered ${answered.applied}, the register held ${held ?? null}`
          return { kind: 'wrong-value', op, message }
        }
        if (applies) registers.set(call.key, call.value)
        break
      }
      case 'read':
        if ((answered?.value ?? null) !== (held ?? null)) {
          const message = `read ${call.key} = ${answered?.value ?? null} at height ${answered?.height}, it was ${held ?? null}`
          return { kind: 'wrong-value', op, message }
        }
        break
    }
  }
  return undefined
}
