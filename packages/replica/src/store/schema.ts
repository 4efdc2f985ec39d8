/**
 * Number of the schema below. A store of another number is refused; a change comes with a migration and the next
 * number.
 */
export const SCHEMA_VERSION = 3

/** What pruning needs: what a store of schema 2 lacks. */
const PRUNING = `
-- Ids of blocks that are in the table of transactions: by them it is pruned.
CREATE TABLE indexed (height INTEGER PRIMARY KEY, ids TEXT NOT NULL) STRICT;
-- Blocks below the height in meta's 'pruned_below' are deleted, little by little, except these.
CREATE TABLE kept (height INTEGER PRIMARY KEY) STRICT;
-- Views whose units are deleted, little by little.
CREATE TABLE ended_views (view TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`

const INDEXED =
  'INSERT INTO indexed (height, ids) SELECT height, json_group_array(id) FROM transactions GROUP BY height;'

/** What makes a store of that number one of the next. */
export const MIGRATIONS: ReadonlyMap<number, string> = new Map([[2, PRUNING + INDEXED]])

/**
 * The tables of `ledger.db`, readable with the sqlite3 shell. Hashes and keys are hexadecimal text. Certificates have a
 * table of their own because they come later than their blocks: updating a row writes all of it again, body included.
 * `sum` is the row's checksum (row-sum.ts), looked at whenever the row is read.
 */
export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (
  height INTEGER PRIMARY KEY,
  header BLOB NOT NULL,
  results BLOB NOT NULL,
  body BLOB NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE TABLE certificates (height INTEGER PRIMARY KEY, bytes BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE TABLE transactions (
  id TEXT PRIMARY KEY,
  height INTEGER NOT NULL,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Ids of blocks that are not in the table above yet: a JSON list, by position.
CREATE TABLE unindexed (height INTEGER PRIMARY KEY, ids TEXT NOT NULL) STRICT;
CREATE TABLE units (
  view TEXT NOT NULL,
  hash TEXT NOT NULL,
  creator INTEGER NOT NULL,
  round INTEGER NOT NULL,
  own INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (view, hash)
) STRICT;
CREATE INDEX units_by_round ON units (view, round);
CREATE UNIQUE INDEX own_unit_of_round ON units (view, round) WHERE own = 1;
CREATE TABLE votes (height INTEGER PRIMARY KEY, bytes BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE TABLE evidence (
  member TEXT NOT NULL,
  digest TEXT NOT NULL,
  bytes BLOB NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (member, digest)
) STRICT;
${PRUNING}`
