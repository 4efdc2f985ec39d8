// What clients saw, as events on a handful of registers: the form that checkers of consistency read, ours and others'. A history is
// written as JSON lines, one event a line, in the order in which things happened:
//
//   {"type":"invoke","op":7,"process":2,"atMs":120,"f":"write","key":"a","value":3}
//   {"type":"ok","op":7,"process":2,"atMs":164,"height":12,"position":0}
//
// `f` is write (set to `value`), cas (set to `value` where it is `expected`) or read. An `ok` carries where in the ledger the
// operation stands: a write its height and position, a read the height it saw; a read also its `value` (null for none), a cas
// whether it was `applied`. `fail`: it certainly did not happen. `info`: nobody knows whether it did, or will.

/** What an operation asks. */
export type Call =
  | { readonly f: 'write'; readonly key: string; readonly value: number }
  | { readonly f: 'cas'; readonly key: string; readonly expected: number; readonly value: number }
  | { readonly f: 'read'; readonly key: string }

/** What it was answered. */
export interface Answered {
  /** Of a read; null where the key was never written. */
  readonly value?: number | null
  /** Of a cas: whether the register held what it expected. */
  readonly applied?: boolean
  /** Ledger height: where a write stands, what a read saw. */
  readonly height: number
  /** Position in the block, from 0; a read has none: it sees the whole block. */
  readonly position?: number
}

interface Common {
  /** Number of the operation, the same in its invocation and its end. */
  readonly op: number
  /** Who asked: one thing at a time. */
  readonly process: number
  /** Milliseconds since the beginning. */
  readonly atMs: number
}

/** One line of a history. */
export type HistoryEvent =
  | (Common & { readonly type: 'invoke' } & Call)
  | (Common & { readonly type: 'ok' } & Answered)
  | (Common & { readonly type: 'fail' | 'info'; readonly reason: string })

/** An operation with both its ends, by their places in the history. */
export interface Operation {
  readonly op: number
  readonly call: Call
  readonly invokedAt: number
  /** Infinity where it never ended for sure. */
  readonly endedAt: number
  /** Undefined where nobody knows what became of it. */
  readonly answered: Answered | undefined
}

/** The operations of a history, in the order of their invocations; those that certainly failed are left out. */
export function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const open = new Map<number, Operation>()
  const done: Operation[] = []
  for (const [at, event] of events.entries()) {
    if (event.type === 'invoke') {
      const { op, type: _type, process: _process, atMs: _atMs, ...call } = event
      open.set(op, { op, call, invokedAt: at, endedAt: Infinity, answered: undefined })
      continue
    }
    const operation = open.get(event.op)
    if (operation === undefined) throw new RangeError(`operation ${event.op} ends and never began, or twice`)
    open.delete(event.op)
    if (event.type === 'ok') done.push({ ...operation, endedAt: at, answered: event })
    else if (event.type === 'info') done.push(operation)
  }
  return [...done, ...open.values()].sort((a, b) => a.invokedAt - b.invokedAt)
}

/** The history as JSON lines. */
export function printHistory(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('')
}
