// The ledger's own tables. They live in the database they describe, so the state root covers them and a copy of the
// pages is a copy of everything. Clients may read them; the authorizer keeps them from writing.

import { MEMBER_TABLES } from './member-tables.ts'

/** Made in the genesis block, before the founders' own SQL. */
export const LEDGER_TABLES: readonly string[] = [
  // One row: where the database stands.
  'CREATE TABLE _quorate_head(id INTEGER PRIMARY KEY CHECK (id = 0), height INTEGER NOT NULL, time_ms INTEGER NOT NULL)',
  ...MEMBER_TABLES,
  // Which ids have an outcome, until they expire: what makes a resubmission harmless.
  'CREATE TABLE _quorate_outcomes(id TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL, program BLOB NOT NULL, ' +
    'height INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE INDEX _quorate_outcomes_by_expiry ON _quorate_outcomes(expires_ms)',
]

/** Statements that the executor runs; one text each, so that each is prepared once a block. */
export const SQL = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  head: 'INSERT INTO _quorate_head(id, height, time_ms) VALUES (0, ?1, ?2) ON CONFLICT(id) DO UPDATE SET height = ?1, time_ms = ?2',
  /** Changes nothing, and so makes changes() 0: a transaction sees nothing of the one before. */
  settle: 'UPDATE _quorate_head SET height = height WHERE id = 1',
  find: 'SELECT program, height, position FROM _quorate_outcomes WHERE id = ?1',
  remember: 'INSERT INTO _quorate_outcomes(id, expires_ms, program, height, position) VALUES (?1, ?2, ?3, ?4, ?5)',
  // The plan is forced: a client may write to sqlite_stat1, and must not thereby make every block scan the table.
  forget:
    'DELETE FROM _quorate_outcomes WHERE id IN (SELECT id FROM _quorate_outcomes INDEXED BY _quorate_outcomes_by_expiry ' +
    'WHERE expires_ms < ?1 ORDER BY expires_ms, id LIMIT ?2)',
} as const
