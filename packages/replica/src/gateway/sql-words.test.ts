// Goal: transaction statements are told from others, statements are split where SQLite splits them. Method: tables, and
// properties over arbitrary text: nothing throws and nothing is lost.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { controlOf, leadingWord, splitStatements } from './sql-words.ts'

test('the first word', () => {
  for (const sql of ['insert into t', ' ; ;\n-- c\n/* ; */InSeRt', '/**/insert'])
    expect(leadingWord(sql)).toBe('INSERT')
  for (const sql of ['', ';', '-- insert', '/* insert', "'insert'", '(insert)', '\0insert'])
    expect(leadingWord(sql)).toBe('')
})

test('transaction statements', () => {
  const begin = { kind: 'begin', isReadonly: false }
  for (const sql of [
    'BEGIN',
    'begin immediate;',
    'BEGIN /* x */ EXCLUSIVE TRANSACTION',
    'BEGIN TRANSACTION "a b"',
    '; BEGIN DEFERRED ;;',
  ]) {
    expect(controlOf(sql)).toEqual(begin)
  }
  expect(controlOf('BEGIN TRANSACTION READONLY')).toEqual({ kind: 'begin', isReadonly: true })
  for (const sql of ['COMMIT', 'end', 'END TRANSACTION', 'COMMIT TRANSACTION x;'])
    expect(controlOf(sql)).toEqual({ kind: 'commit' })
  for (const sql of ['ROLLBACK', 'rollback transaction -- x']) expect(controlOf(sql)).toEqual({ kind: 'rollback' })
  expect(controlOf('SAVEPOINT "s p"')).toEqual({ kind: 'savepoint', name: 'S P' })
  for (const sql of ['RELEASE s', 'RELEASE SAVEPOINT s']) expect(controlOf(sql)).toEqual({ kind: 'release', name: 'S' })
  for (const sql of [
    'ROLLBACK TO s',
    'ROLLBACK TRANSACTION TO SAVEPOINT s',
    'BEGIN; SELECT 1',
    'BEGIN 1',
    'COMMIT x',
    'BEGIN IMMEDIATE x',
    'SELECT 1',
    '',
  ]) {
    expect(controlOf(sql)).toBeUndefined()
  }
})

test('statements', () => {
  expect(splitStatements('SELECT \';\'; SELECT "a;b" -- c;\n; /* ; */ SELECT [;], `;`')).toEqual([
    "SELECT ';';",
    'SELECT "a;b" -- c;\n;',
    'SELECT [;], `;`',
  ])
  const trigger = 'CREATE TEMP TRIGGER a AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM t; END;'
  expect(splitStatements(`${trigger}SELECT 1;;`)).toEqual([trigger, 'SELECT 1;'])
  expect(splitStatements('CREATE TABLE trigger (a); SELECT 1')).toHaveLength(2)
  expect(splitStatements("SELECT 'it''s; one'")).toEqual(["SELECT 'it''s; one'"])
  for (const sql of ['', ' ', ';;', '-- x', '/* x']) expect(splitStatements(sql)).toEqual([])
})

test('whatever the text, it is split without loss', () => {
  const piece = fc.constantFrom(
    ';',
    "'",
    '"',
    '[',
    ']',
    '`',
    '--',
    '\n',
    '/*',
    '*/',
    ' ',
    'CREATE',
    'TRIGGER',
    'BEGIN',
    'END',
    'a',
    'é',
    '\0',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join(' ')),
      ),
      (sql) => {
        let at = 0
        for (const statement of splitStatements(sql)) {
          const found = sql.indexOf(statement, at)
          expect(found).toBeGreaterThanOrEqual(at)
          expect(leadingWord(sql.slice(at, found))).toBe('')
          at = found + statement.length
        }
        expect(splitStatements(sql.slice(at))).toEqual([])
        controlOf(sql)
      },
    ),
  )
})
