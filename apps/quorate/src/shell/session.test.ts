// Goal: what the shell does with lines, commands and errors. Method: a scripted database, output collected.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClientError } from '@quorate/client'
import { expect, test } from 'vitest'
import { Session } from './session.ts'

function shell(chatty = false): {
  readonly session: Session
  readonly asked: string[]
  readonly out: string[]
  readonly err: string[]
} {
  const asked: string[] = []
  const out: string[] = []
  const err: string[] = []
  let open = false
  const session = new Session(
    {
      execute: (sql, args = []) => {
        asked.push([sql, ...args].join(' | '))
        if (sql.startsWith('BAD')) return Promise.reject(new ClientError('SQL_INPUT_ERROR', 'near "BAD": syntax error'))
        if (sql === 'BEGIN') open = true
        if (sql === 'COMMIT') open = false
        const isRead = sql.startsWith('SELECT')
        const result = isRead ? { columns: ['a'], rows: [['one']] } : { columns: [], rows: [] }
        return Promise.resolve({
          ...result,
          affectedRows: isRead ? 0 : 2,
          lastInsertRowid: undefined,
          height: open ? undefined : 7,
          autocommit: !open,
        })
      },
      status: () => Promise.resolve('fine'),
    },
    { out: (text) => out.push(text), err: (text) => err.push(text) },
    { mode: 'csv', timer: false, chatty, nowMs: () => 0 },
  )
  return { session, asked, out, err }
}

test('a statement may take several lines and a line several statements', async () => {
  const { session, asked } = shell()
  await session.feed('SELECT')
  expect(session.prompt).toBe('   ...> ')
  await session.feed(' 1; SELECT 2; SEL')
  await session.feed('ECT')
  await session.finish()
  expect(asked).toEqual(['SELECT\n 1', 'SELECT 2', 'SEL\nECT'])
})

test('an error is one line, is counted, and the next statement runs', async () => {
  const { session, asked, err } = shell()
  await session.feed('BAD; SELECT 1;')
  expect(err).toEqual(['error SQL_INPUT_ERROR: near "BAD": syntax error'])
  expect(session.failures).toBe(1)
  expect(asked).toHaveLength(2)
})

test('the prompt shows an open transaction, and writes tell what they did', async () => {
  const { session, out } = shell(true)
  await session.feed('BEGIN;')
  expect(session.prompt).toBe('quorate*> ')
  await session.feed('COMMIT;')
  expect(session.prompt).toBe('quorate> ')
  expect(out).toEqual(['ok, 2 rows changed', 'ok, 2 rows changed, height 7'])
})

test('commands', async () => {
  const { session, asked, out, err } = shell()
  for (const line of ['.mode table', 'SELECT 1;', '.status', '.schema t', '.timer on', 'UPDATE t;', '.help'])
    await session.feed(line)
  expect(out.slice(0, 4)).toEqual(['a\n---\none', 'fine', 'one;', 'time: 0.0 ms'])
  expect(asked[1]).toMatch(/ESCAPE '\\' AND sql IS NOT NULL AND tbl_name = \? .* \| t$/)
  expect(err).toEqual([])
  for (const line of ['.mode xml', '.timer', '.tabels', '.schema a b', '.read', '.read /nowhere/x'])
    await session.feed(line)
  expect(err).toHaveLength(6)
  expect(err[2]).toContain('did you mean ".tables"')
  await session.feed('.quit')
  expect(session.ended).toBe(true)
})

test('.read runs a file, and one that reads itself ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shell-'))
  try {
    const path = join(folder, 'a.sql')
    writeFileSync(path, `SELECT 1;\n.read ${path}\nSELECT 2`)
    const { session, asked, err } = shell()
    await session.feed(`.read ${path}`)
    expect(asked.filter((sql) => sql === 'SELECT 1')).toHaveLength(8)
    expect(asked.filter((sql) => sql === 'SELECT 2')).toHaveLength(8)
    expect(err).toEqual(['error USAGE: .read nested deeper than 8'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
