// Is there any order at all? This search believes no index: it looks for some order of the operations, each between its invocation
// and its end, in which every register behaves. It stands beside the check by index, so that a wrong index can't hide a wrong
// answer.
//
// After Wing and Gong, with Lowe's memory of what was tried: go through the history; wherever some operation could take effect
// next, let it, and remember the pair of (operations that took effect, what the register holds). Registers are independent, so
// each is searched alone. An operation whose fate is unknown may take effect at any time after its invocation, or never.
//
// Limits: exponential in the operations that overlap. `stepsMax` bounds the search; beyond it the answer is "unknown", never "yes".

import type { HistoryEvent, Operation } from './history.ts'
import { operationsOf } from './history.ts'

/** What the search found. */
export type Verdict = 'linearizable' | 'not linearizable' | 'unknown'

type Held = number | undefined

/** What the register holds after an operation, or undefined in the first place where its answer contradicts. */
function effect({ call, answered }: Operation, held: Held): readonly [possible: boolean, held: Held] {
  switch (call.f) {
    case 'write':
      return [true, call.value]
    case 'read':
      return [answered === undefined || (answered.value ?? null) === (held ?? null), held]
    case 'cas': {
      const applies = held === call.expected
      if (answered !== undefined && answered.applied !== applies) return [false, held]
      return [true, applies ? call.value : held]
    }
  }
}

/** Whether the history of all registers is linearizable. */
export function linearizable(events: readonly HistoryEvent[], stepsMax = 1_000_000): Verdict {
  const registers = new Map<string, Operation[]>()
  for (const operation of operationsOf(events)) {
    const of = registers.get(operation.call.key)
    if (of === undefined) registers.set(operation.call.key, [operation])
    else of.push(operation)
  }
  let verdict: Verdict = 'linearizable'
  for (const operations of registers.values()) {
    const found = search(operations, stepsMax)
    if (found === 'not linearizable') return found
    if (found === 'unknown') verdict = found
  }
  return verdict
}

interface Frame {
  readonly taken: number
  readonly before: Held
}

/** One register. `operations` are in the order of their invocations. */
function search(operations: readonly Operation[], stepsMax: number): Verdict {
  const count = operations.length
  const isTaken = new Uint8Array(count)
  const tried = new Set<string>()
  const path: Frame[] = []
  let held: Held
  /** Where to look for the next operation. */
  let from = 0
  /** Operations that ended and have not taken effect. */
  let owed = operations.filter((operation) => operation.endedAt !== Infinity).length
  for (let steps = 0; steps < stepsMax; steps += 1) {
    if (owed === 0) return 'linearizable'
    const next = candidate(operations, isTaken, from, held)
    if (next !== undefined) {
      isTaken[next.at] = 1
      const key = `${isTaken.join('')} ${next.held}`
      if (tried.has(key)) {
        isTaken[next.at] = 0
        from = next.at + 1
        continue
      }
      tried.add(key)
      path.push({ taken: next.at, before: held })
      if (operations[next.at]?.endedAt !== Infinity) owed -= 1
      held = next.held
      from = 0
      continue
    }
    const back = path.pop()
    if (back === undefined) return 'not linearizable'
    isTaken[back.taken] = 0
    if (operations[back.taken]?.endedAt !== Infinity) owed += 1
    held = back.before
    from = back.taken + 1
  }
  return 'unknown'
}

/** The next operation, from `from` on, that may take effect now: it was invoked before every other open one had ended. */
function candidate(
  operations: readonly Operation[],
  isTaken: Uint8Array,
  from: number,
  held: Held,
): { readonly at: number; readonly held: Held } | undefined {
  let firstEnd = Infinity
  for (const [at, { endedAt }] of operations.entries()) if (isTaken[at] === 0 && endedAt < firstEnd) firstEnd = endedAt
  for (let at = from; at < operations.length; at += 1) {
    const operation = operations[at]
    if (operation === undefined || operation.invokedAt > firstEnd) return undefined
    if (isTaken[at] === 1) continue
    const [possible, after] = effect(operation, held)
    if (possible) return { at, held: after }
  }
  return undefined
}
