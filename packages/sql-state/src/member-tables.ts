// The tables of membership, and the statements that the ledger runs on them. A hostile third of a thousand members could fill the
// proposals and approve its own: what an order costs must not grow with that. So everything is found by an index, and what is deleted
// was once inserted for a price. Plans are forced where there is a choice: a client may write to sqlite_stat1.

/** Made in the genesis block. */
export const MEMBER_TABLES: readonly string[] = [
  // One row: which ledger this is, the number of the last proposal, the height of the last assemble block.
  'CREATE TABLE _quorate_ledger(id INTEGER PRIMARY KEY CHECK (id = 0), ledger TEXT NOT NULL, proposals INTEGER NOT NULL, ' +
    'assembled INTEGER NOT NULL)',
  // Status: active, joining, leaving; `since` is the height that decided it. No address: as in genesis.json.
  'CREATE TABLE _quorate_members(id TEXT PRIMARY KEY, name TEXT NOT NULL, address TEXT, status TEXT NOT NULL, ' +
    'since INTEGER NOT NULL) WITHOUT ROWID',
  // The open ones. Kind: add, remove, rekey; `digest` names the change.
  'CREATE TABLE _quorate_proposals(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, member TEXT NOT NULL, name TEXT, address TEXT, ' +
    'successor TEXT, digest TEXT NOT NULL, proposer TEXT NOT NULL, height INTEGER NOT NULL, expires_ms INTEGER NOT NULL)',
  'CREATE UNIQUE INDEX _quorate_proposals_by_digest ON _quorate_proposals(digest)',
  'CREATE INDEX _quorate_proposals_by_expiry ON _quorate_proposals(expires_ms)',
  'CREATE INDEX _quorate_proposals_by_proposer ON _quorate_proposals(proposer)',
  'CREATE INDEX _quorate_proposals_by_member ON _quorate_proposals(member)',
  'CREATE TABLE _quorate_approvals(proposal INTEGER NOT NULL, member TEXT NOT NULL, PRIMARY KEY (proposal, member)) WITHOUT ROWID',
  'CREATE INDEX _quorate_approvals_by_member ON _quorate_approvals(member)',
]

/** Deletes the proposals that one index finds, and before them their approvals. */
function closing(index: string, condition: string): readonly [string, string] {
  const found = `FROM _quorate_proposals INDEXED BY _quorate_proposals_by_${index} WHERE ${condition}`
  return [`DELETE FROM _quorate_approvals WHERE proposal IN (SELECT number ${found})`, `DELETE ${found}`]
}

/** Decided when the committee that takes over was drawn: what came later waits for the next one. */
const ASSEMBLED = 'since <= (SELECT assembled FROM _quorate_ledger)'

/** Statements of membership; one text each, so that each is prepared once a block. */
export const MEMBER_SQL = {
  found: 'INSERT INTO _quorate_ledger(id, ledger, proposals, assembled) VALUES (0, ?1, 0, 0)',
  founder: "INSERT INTO _quorate_members(id, name, status, since) VALUES (?1, ?2, 'active', 0)",
  ledger: 'SELECT ledger FROM _quorate_ledger',
  lastProposal: 'SELECT proposals FROM _quorate_ledger',
  countProposal: 'UPDATE _quorate_ledger SET proposals = ?1',

  members: 'SELECT id, name, address, status, since FROM _quorate_members ORDER BY id',
  member: 'SELECT id, name, address, status, since FROM _quorate_members WHERE id = ?1',
  named: "SELECT id FROM _quorate_members WHERE name = ?1 AND status <> 'leaving'",
  countStaying: "SELECT count(*) FROM _quorate_members WHERE status <> 'leaving'",
  join: "INSERT INTO _quorate_members(id, name, address, status, since) VALUES (?1, ?2, ?3, 'joining', ?4)",
  leave: "UPDATE _quorate_members SET status = 'leaving', since = ?2 WHERE id = ?1",
  move: 'UPDATE _quorate_members SET address = ?2 WHERE id = ?1',
  assemble: 'UPDATE _quorate_ledger SET assembled = ?1',
  seat: `UPDATE _quorate_members SET status = 'active' WHERE status = 'joining' AND ${ASSEMBLED}`,
  dismiss: `DELETE FROM _quorate_members WHERE status = 'leaving' AND ${ASSEMBLED}`,

  proposal:
    'SELECT number, kind, member, name, address, successor, digest, proposer FROM _quorate_proposals WHERE number = ?1',
  same: 'SELECT number FROM _quorate_proposals INDEXED BY _quorate_proposals_by_digest WHERE digest = ?1',
  countOpen: 'SELECT count(*) FROM _quorate_proposals INDEXED BY _quorate_proposals_by_proposer WHERE proposer = ?1',
  open:
    'INSERT INTO _quorate_proposals(number, kind, member, name, address, successor, digest, proposer, height, expires_ms) ' +
    'VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)',

  approve: 'INSERT INTO _quorate_approvals(proposal, member) VALUES (?1, ?2)',
  hasApproved: 'SELECT 1 FROM _quorate_approvals WHERE proposal = ?1 AND member = ?2',
  countApprovals: 'SELECT count(*) FROM _quorate_approvals WHERE proposal = ?1',
  disapprove: 'DELETE FROM _quorate_approvals WHERE proposal = ?1 AND member = ?2',
  disapproveAll: 'DELETE FROM _quorate_approvals INDEXED BY _quorate_approvals_by_member WHERE member = ?1',

  /** Each a pair, with one argument: approvals first. */
  close: ['DELETE FROM _quorate_approvals WHERE proposal = ?1', 'DELETE FROM _quorate_proposals WHERE number = ?1'],
  closeBy: closing('proposer', 'proposer = ?1'),
  closeAbout: closing('member', 'member = ?1'),
  expire: closing('expiry', 'expires_ms < ?1'),
} as const
