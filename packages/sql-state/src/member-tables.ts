// The tables of membership, and the statements that the ledger runs on them. Rows are few: a thousand members, eight open proposals
// each. Nothing depends on the order in which a plan finds them.

/** Made in the genesis block. */
export const MEMBER_TABLES: readonly string[] = [
  // One row: which ledger this is, and the number of the last proposal.
  'CREATE TABLE _quorate_ledger(id INTEGER PRIMARY KEY CHECK (id = 0), ledger TEXT NOT NULL, proposals INTEGER NOT NULL)',
  // Status: active, joining, leaving; `since` is the height that decided it. No address: as in genesis.json.
  'CREATE TABLE _quorate_members(id TEXT PRIMARY KEY, name TEXT NOT NULL, address TEXT, status TEXT NOT NULL, ' +
    'since INTEGER NOT NULL) WITHOUT ROWID',
  // The open ones. Kind: add, remove, rekey; `digest` names the change.
  'CREATE TABLE _quorate_proposals(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, member TEXT NOT NULL, name TEXT, address TEXT, ' +
    'successor TEXT, digest TEXT NOT NULL, proposer TEXT NOT NULL, height INTEGER NOT NULL, expires_ms INTEGER NOT NULL)',
  'CREATE TABLE _quorate_approvals(proposal INTEGER NOT NULL, member TEXT NOT NULL, PRIMARY KEY (proposal, member)) WITHOUT ROWID',
]

/** Statements of membership; one text each, so that each is prepared once a block. */
export const MEMBER_SQL = {
  found: 'INSERT INTO _quorate_ledger(id, ledger, proposals) VALUES (0, ?1, 0)',
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
  /** A view begins with what was decided by a height. */
  seat: "UPDATE _quorate_members SET status = 'active' WHERE status = 'joining' AND since <= ?1",
  dismiss: "DELETE FROM _quorate_members WHERE status = 'leaving' AND since <= ?1",

  proposal:
    'SELECT number, kind, member, name, address, successor, digest, proposer FROM _quorate_proposals WHERE number = ?1',
  same: 'SELECT number FROM _quorate_proposals WHERE digest = ?1',
  countOpen: 'SELECT count(*) FROM _quorate_proposals WHERE proposer = ?1',
  open:
    'INSERT INTO _quorate_proposals(number, kind, member, name, address, successor, digest, proposer, height, expires_ms) ' +
    'VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)',
  close: 'DELETE FROM _quorate_proposals WHERE number = ?1',
  closeOf: 'DELETE FROM _quorate_proposals WHERE proposer = ?1 OR member = ?1',
  expire: 'DELETE FROM _quorate_proposals WHERE expires_ms < ?1',

  approve: 'INSERT INTO _quorate_approvals(proposal, member) VALUES (?1, ?2)',
  hasApproved: 'SELECT 1 FROM _quorate_approvals WHERE proposal = ?1 AND member = ?2',
  countApprovals: 'SELECT count(*) FROM _quorate_approvals WHERE proposal = ?1',
  disapprove: 'DELETE FROM _quorate_approvals WHERE proposal = ?1 AND member = ?2',
  disapproveAll: 'DELETE FROM _quorate_approvals WHERE member = ?1',
  expireApprovals: 'DELETE FROM _quorate_approvals WHERE proposal NOT IN (SELECT number FROM _quorate_proposals)',
} as const
