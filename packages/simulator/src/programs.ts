// What clients run. Mixed SQL with keys that everybody wants, on tables that the founders made.

import type { Program, SqlValue, Statement, StatementResult } from '@quorate/types'
import type { Load } from './plan.ts'
import type { Random } from './random.ts'
import { REGISTER_TABLE, valueIn } from './register-sql.ts'

/** What every ledger begins with. */
const FOUNDING_SQL: readonly string[] = [
  'CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0)) STRICT',
  'CREATE TABLE list (key INTEGER PRIMARY KEY, items TEXT NOT NULL) STRICT',
  'CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER REFERENCES account(id), note TEXT, at TEXT)',
  'CREATE INDEX event_by_account ON event (account, note)',
  'CREATE TRIGGER note_transfer AFTER UPDATE OF balance ON account BEGIN ' +
    "INSERT INTO event (account, note, at) VALUES (new.id, 'balance ' || new.balance, datetime('now')); END",
  'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19) INSERT INTO account SELECT i, 100 FROM n',
  "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19) INSERT INTO list SELECT i, '' FROM n",
]

/** The founders' SQL. */
export function foundingSql({ registers = 0 }: Load): readonly string[] {
  return registers > 0 ? [...FOUNDING_SQL, REGISTER_TABLE] : FOUNDING_SQL
}

function statement(sql: string, ...args: readonly SqlValue[]): Statement {
  return { sql, args, namedArgs: [], wantRows: true }
}

function one(sql: string, ...args: readonly SqlValue[]): Program {
  return { requests: [{ kind: 'execute', statement: statement(sql, ...args) }] }
}

function key(random: Random, hot: number): bigint {
  return BigInt(random.chance(hot) ? random.whole(0, 1) : random.whole(0, 19))
}

/** A transfer that happens wholly or not at all, as libSQL's clients write it. */
function transfer(random: Random, hot: number): Program {
  const amount = BigInt(random.whole(1, 40))
  const statements = [
    statement('BEGIN'),
    statement('UPDATE account SET balance = balance - ?1 WHERE id = ?2', amount, key(random, hot)),
    statement('UPDATE account SET balance = balance + ?1 WHERE id = ?2', amount, key(random, hot)),
    statement('COMMIT'),
  ]
  const steps = statements.map((each, at) =>
    at === 0 ? { statement: each } : { condition: { kind: 'ok', step: at - 1 } as const, statement: each },
  )
  const undo = {
    condition: { kind: 'not', condition: { kind: 'ok', step: 3 } } as const,
    statement: statement('ROLLBACK'),
  }
  return { requests: [{ kind: 'batch', steps: [...steps, undo] }] }
}

/** A program that writes. `mark` is unique in the run. */
export function writing(random: Random, hot: number, mark: string): Program {
  switch (random.whole(0, 5)) {
    case 0:
      return transfer(random, hot)
    case 1:
      return one(
        'INSERT INTO event (account, note, at) VALUES (?1, ?2, ?3) RETURNING id',
        key(random, hot),
        mark,
        random.whole(0, 9).toString(),
      )
    case 2:
      return one('DELETE FROM event WHERE account = ?1 AND id % 3 = 0', key(random, hot))
    case 3:
      return {
        requests: [
          {
            kind: 'sequence',
            sql: `INSERT INTO event (note) VALUES ('${mark}'); INSERT INTO event (note, at) VALUES (random(), CURRENT_TIMESTAMP)`,
          },
        ],
      }
    default:
      return one(
        "UPDATE list SET items = items || ?1 || ',' WHERE key = ?2 RETURNING length(items)",
        mark,
        key(random, hot),
      )
  }
}

/** A program that reads. */
export function reading(random: Random, hot: number): Program {
  switch (random.whole(0, 2)) {
    case 0:
      return one('SELECT sum(balance) FROM account')
    case 1:
      return one('SELECT items FROM list WHERE key = ?1', key(random, hot))
    default:
      return one(
        'SELECT note, count(*) FROM event WHERE account = ?1 AND note > ?2 GROUP BY note ORDER BY note',
        key(random, hot),
        'b',
      )
  }
}

/** What the client of an interactive transaction does next, given what its last statement gave. */
export type Script = (last: StatementResult | undefined) => Statement | 'commit' | 'rollback'

/** What a session recorded, as it is ordered. */
export function interactiveProgram(statements: readonly Statement[]): Program {
  const all = [statement('BEGIN'), ...statements, statement('COMMIT')]
  return { requests: all.map((each) => ({ kind: 'execute', statement: each })) }
}

/** A client that looks how much there is before it moves a part of it. */
export function moving(random: Random, hot: number): Script {
  const from = key(random, hot)
  const to = key(random, hot)
  let statements = 0
  let amount = 0n
  return (last) => {
    statements += 1
    switch (statements) {
      case 1:
        return statement('SELECT balance FROM account WHERE id = ?1', from)
      case 2:
        amount = BigInt(last === undefined ? 0 : (valueIn(last) ?? 0)) / 3n
        return amount === 0n
          ? 'rollback'
          : statement('UPDATE account SET balance = balance - ?1 WHERE id = ?2', amount, from)
      case 3:
        return statement('UPDATE account SET balance = balance + ?1 WHERE id = ?2', amount, to)
      case 4:
        return random.chance(0.1) ? 'rollback' : 'commit'
      default:
        return 'rollback'
    }
  }
}
