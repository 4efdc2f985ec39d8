// Goal: statements end where SQLite's own shell ends them, however the lines are broken.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitSql } from './split.ts'

const TRIGGER = 'CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END'

test.each([
  ['SELECT 1;', ['SELECT 1'], ''],
  ['SELECT 1', [], 'SELECT 1'],
  ['a; b ;c', ['a', 'b'], 'c'],
  [';; ;\n', [], ''],
  ['SELECT \';\', "a;b", `c;`, [d;];', ['SELECT \';\', "a;b", `c;`, [d;]'], ''],
  ["SELECT 'it''s;'; x", ["SELECT 'it''s;'"], ' x'],
  ["SELECT 'open; ", [], "SELECT 'open; "],
  ['SELECT 1; -- done;\n', ['SELECT 1'], ''],
  ['-- a; b\nSELECT /* ; */ 1;', ['-- a; b\nSELECT /* ; */ 1'], ''],
  ['/* open ;', [], '/* open ;'],
  ['SELECT 1 /* open ;', [], 'SELECT 1 /* open ;'],
  [`${TRIGGER}; SELECT 1;`, [TRIGGER, 'SELECT 1'], ''],
  [`${TRIGGER.replace('CREATE', 'create temp')};`, [TRIGGER.replace('CREATE', 'create temp')], ''],
  [
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u;',
    [],
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u;',
  ],
  ['CREATE TABLE trigger_end(a); END;', ['CREATE TABLE trigger_end(a)', 'END'], ''],
  ['BEGIN; INSERT INTO t VALUES (1); END;', ['BEGIN', 'INSERT INTO t VALUES (1)', 'END'], ''],
])('%j', (text, statements, rest) => {
  expect(splitSql(text)).toEqual({ statements, rest })
})

test('line by line gives what the whole text gives', () => {
  const piece = fc.constantFrom(
    'SELECT 1',
    ';',
    "'a;\n'",
    '\n',
    '"x',
    '"',
    '-- c\n',
    '/*',
    '*/',
    TRIGGER,
    ' ',
    '[',
    ']',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = `${pieces.join('')}\n`
      const found: string[] = []
      let rest = ''
      for (const line of text.split('\n').slice(0, -1)) {
        const split = splitSql(`${rest}${line}\n`)
        found.push(...split.statements)
        rest = split.rest
      }
      const bare = (sql: string): string => sql.replace(/\s+/g, ' ').trim()
      const whole = splitSql(text)
      // A comment in front of a statement belongs to it in the whole text and was dropped line by line.
      const uncommented = (sql: string): string => bare(sql.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)+/, ''))
      expect(found.map(uncommented)).toEqual(whole.statements.map(uncommented))
    }),
    { numRuns: 2000 },
  )
})
