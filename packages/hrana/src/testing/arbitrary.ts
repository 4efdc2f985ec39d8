// Arbitrary messages for property tests.

import fc from 'fast-check'
import type {
  BatchCondition,
  BatchStep,
  Col,
  CursorEntry,
  CursorRequest,
  HranaError,
  PipelineRequest,
  PipelineResponse,
  SqlSource,
  StepResult,
  Stmt,
  StmtResult,
  StreamRequest,
  StreamResult,
  Value,
} from '../words.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const id = fc.integer()

export const arbitraryValue: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  int64,
  fc.double({ noNaN: true }),
  text,
  fc.uint8Array({ maxLength: 20 }),
)

const source: fc.Arbitrary<SqlSource> = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), sql: text }),
  fc.record({ kind: fc.constant('stored' as const), id }),
)

const stmt: fc.Arbitrary<Stmt> = fc.record({
  source,
  args: fc.array(arbitraryValue, { maxLength: 3 }),
  namedArgs: fc.array(fc.record({ name: text, value: arbitraryValue }), { maxLength: 3 }),
  wantRows: fc.boolean(),
})

function condition(step: number, depth: number): fc.Arbitrary<BatchCondition> {
  const leaves: fc.Arbitrary<BatchCondition>[] = [fc.constant({ kind: 'autocommit' })]
  if (step > 0) {
    const index = fc.nat({ max: step - 1 })
    leaves.push(
      index.map((i) => ({ kind: 'ok', step: i })),
      index.map((i) => ({ kind: 'error', step: i })),
    )
  }
  if (depth === 0) return fc.oneof(...leaves)
  const below = condition(step, depth - 1)
  const list = fc.array(below, { maxLength: 3 })
  return fc.oneof(
    ...leaves,
    below.map((c): BatchCondition => ({ kind: 'not', condition: c })),
    list.map((conditions): BatchCondition => ({ kind: 'and', conditions })),
    list.map((conditions): BatchCondition => ({ kind: 'or', conditions })),
  )
}

function step(index: number): fc.Arbitrary<BatchStep> {
  return fc.oneof(
    stmt.map((s) => ({ stmt: s })),
    fc.record({ condition: condition(index, 2), stmt }),
  )
}

const steps: fc.Arbitrary<BatchStep[]> = fc
  .integer({ min: 0, max: 4 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => step(index))))

const request: fc.Arbitrary<StreamRequest> = fc.oneof(
  fc.constantFrom({ kind: 'close' as const }, { kind: 'get_autocommit' as const }),
  stmt.map((s) => ({ kind: 'execute' as const, stmt: s })),
  steps.map((s) => ({ kind: 'batch' as const, steps: s })),
  fc.record({ kind: fc.constantFrom('sequence' as const, 'describe' as const), source }),
  fc.record({ kind: fc.constant('store_sql' as const), id, sql: text }),
  fc.record({ kind: fc.constant('close_sql' as const), id }),
)

export const arbitraryPipelineRequest: fc.Arbitrary<PipelineRequest> = fc.record(
  { baton: text, requests: fc.array(request, { maxLength: 4 }) },
  { requiredKeys: ['requests'] },
)

export const arbitraryCursorRequest: fc.Arbitrary<CursorRequest> = fc.record(
  { baton: text, steps },
  { requiredKeys: ['steps'] },
)

const error: fc.Arbitrary<HranaError> = fc.record({ message: text, code: text }, { requiredKeys: ['message'] })
const col: fc.Arbitrary<Col> = fc.record({ name: text, decltype: text }, { requiredKeys: ['name'] })
const changes = fc.record({ affectedRows: fc.nat(), lastInsertRowid: int64 }, { requiredKeys: ['affectedRows'] })
const row = fc.array(arbitraryValue, { maxLength: 3 })
const result: fc.Arbitrary<StmtResult> = fc
  .tuple(fc.array(col, { maxLength: 3 }), fc.array(row, { maxLength: 3 }), changes)
  .map(([columns, rows, changed]) => ({ columns, rows, ...changed }))

const stepResult: fc.Arbitrary<StepResult> = fc.oneof(
  result.map((r) => ({ kind: 'result' as const, result: r })),
  error.map((e) => ({ kind: 'error' as const, error: e })),
  fc.constant({ kind: 'skipped' as const }),
)

const description = fc.record({
  parameters: fc.array(fc.record({ name: text }, { requiredKeys: [] }), { maxLength: 3 }),
  columns: fc.array(col, { maxLength: 3 }),
  isExplain: fc.boolean(),
  isReadonly: fc.boolean(),
})

const streamResult: fc.Arbitrary<StreamResult> = fc.oneof(
  fc
    .oneof(
      fc.constantFrom(
        { kind: 'close' as const },
        { kind: 'sequence' as const },
        { kind: 'store_sql' as const },
        { kind: 'close_sql' as const },
      ),
      result.map((r) => ({ kind: 'execute' as const, result: r })),
      fc.array(stepResult, { maxLength: 3 }).map((s) => ({ kind: 'batch' as const, steps: s })),
      description.map((d) => ({ kind: 'describe' as const, description: d })),
      fc.boolean().map((autocommit) => ({ kind: 'get_autocommit' as const, autocommit })),
    )
    .map((response) => ({ kind: 'ok' as const, response })),
  error.map((e) => ({ kind: 'error' as const, error: e })),
)

export const arbitraryPipelineResponse: fc.Arbitrary<PipelineResponse> = fc.record(
  { baton: text, baseUrl: text, results: fc.array(streamResult, { maxLength: 4 }) },
  { requiredKeys: ['results'] },
)

export const arbitraryCursorEntry: fc.Arbitrary<CursorEntry> = fc.oneof(
  fc.record({ kind: fc.constant('step_begin' as const), step: fc.nat(), columns: fc.array(col, { maxLength: 3 }) }),
  row.map((r) => ({ kind: 'row' as const, row: r })),
  changes.map((c) => ({ kind: 'step_end' as const, ...c })),
  fc.record({ kind: fc.constant('step_error' as const), step: fc.nat(), error }),
  error.map((e) => ({ kind: 'error' as const, error: e })),
)
