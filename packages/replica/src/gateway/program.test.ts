// Goal: whether a request ends inside a transaction is foreseen, and what visibly writes is not tried as a read.
// Method: tables.

import type { Condition, ProgramRequest, Step } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { atomicProgram, foresee, plainStatement, replayProgram, visiblyWrites } from './program.ts'

const execute = (sql: string): ProgramRequest => ({ kind: 'execute', statement: plainStatement(sql) })
const sequence = (sql: string): ProgramRequest => ({ kind: 'sequence', sql })
const step = (sql: string, condition?: Condition): Step => ({
  statement: plainStatement(sql),
  ...(condition === undefined ? {} : { condition }),
})
const batch = (...steps: readonly Step[]): ProgramRequest => ({ kind: 'batch', steps })
const okay = (index: number): Condition => ({ kind: 'ok', step: index })
const not = (condition: Condition): Condition => ({ kind: 'not', condition })

describe('ends inside a transaction', () => {
  const open: readonly (readonly ProgramRequest[])[] = [
    [execute('BEGIN')],
    [execute('SELECT 1'), batch(step('BEGIN IMMEDIATE'), step('INSERT', okay(0)))],
    [batch(step('BEGIN'), step('COMMIT', { kind: 'error', step: 0 }))],
    [batch(step('BEGIN'), step('COMMIT', not(okay(0))))],
    [batch(step('BEGIN'), step('SELECT 1', not(okay(0))), step('COMMIT', okay(1)))],
    [batch(step('BEGIN'), step('COMMIT', { kind: 'autocommit' }))],
    [sequence('SELECT 1; BEGIN; SELECT 2')],
    [execute('SAVEPOINT a'), execute('SAVEPOINT b'), execute('RELEASE b')],
    [execute('BEGIN'), execute('COMMIT'), execute('BEGIN')],
  ]
  test.each(open)('open %#', (...requests) => expect(foresee(requests)).toMatchObject({ endsOpen: true, begins: true }))

  const ended: readonly (readonly ProgramRequest[])[] = [
    [execute('BEGIN'), execute('ROLLBACK')],
    [batch(step('BEGIN'), step('INSERT', okay(0)), step('COMMIT', okay(1)), step('ROLLBACK', not(okay(2))))],
    [batch(step('BEGIN'), step('COMMIT', { kind: 'and', conditions: [okay(0), not({ kind: 'autocommit' })] }))],
    [sequence('BEGIN; SELECT 1; END')],
    [execute('SAVEPOINT a'), execute('SAVEPOINT b'), execute('RELEASE a')],
  ]
  test.each(ended)('ended %#', (...requests) =>
    expect(foresee(requests)).toMatchObject({ endsOpen: false, begins: true }),
  )

  test('nothing begins', () => {
    const requests = [
      execute("SELECT 'BEGIN'"),
      sequence("SELECT 'begin; begin'"),
      batch(step('BEGIN', not({ kind: 'autocommit' }))),
    ]
    expect(foresee(requests)).toEqual({ endsOpen: false, begins: false, isReadonly: false })
  })

  test('a read-only transaction is one', () => {
    expect(foresee([batch(step('BEGIN TRANSACTION READONLY'), step('COMMIT', okay(0)))])).toEqual({
      endsOpen: false,
      begins: true,
      isReadonly: true,
    })
  })
})

test('what visibly writes', () => {
  for (const request of [
    execute(' insert into t'),
    batch(step('SELECT 1'), step('/* */DELETE FROM t')),
    sequence('CREATE TABLE t (a); SELECT 1'),
  ]) {
    expect(visiblyWrites([execute('SELECT 1'), request])).toBe(true)
  }
  for (const request of [
    execute('WITH x AS (SELECT 1) SELECT 1'),
    sequence('SELECT 1; INSERT'),
    { kind: 'describe', sql: 'INSERT' } as const,
  ]) {
    expect(visiblyWrites([request])).toBe(false)
  }
})

test('an atomic program commits at its end or rolls back', () => {
  const program = atomicProgram([plainStatement('A'), plainStatement('B')])
  expect(program.requests).toEqual([
    batch(
      step('BEGIN'),
      step('A', okay(0)),
      step('B', okay(1)),
      step('COMMIT', okay(2)),
      step('ROLLBACK', not(okay(3))),
    ),
  ])
  expect(foresee(program.requests).endsOpen).toBe(false)
})

test('a replay runs every statement, failed ones too', () => {
  expect(replayProgram([plainStatement('A')]).requests).toEqual([execute('BEGIN'), execute('A'), execute('COMMIT')])
})
