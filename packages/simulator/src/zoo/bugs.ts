// Planted bugs: each a line of the product changed as somebody might really get it wrong. The simulator is worth something if it
// finds them. A bug is a text replaced in a copy of the sources, so the product itself has no switches for it.

/** A line got wrong. */
export interface Bug {
  readonly name: string
  /** What it breaks, for people. */
  readonly what: string
  /** From the root of the repository. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** What the simulator is told, where seeds as they come would rarely have what the bug needs. */
  readonly flags?: readonly string[]
  /** A seed that caught it: tried before the others, which saves time and no more. */
  readonly caught?: number
}

const FILES = {
  committee: 'packages/types/src/committee.ts',
  votes: 'packages/choam/src/vote-book.ts',
  admission: 'packages/choam/src/admission.ts',
  choam: 'packages/choam/src/handler.ts',
  pipeline: 'packages/choam/src/pipeline.ts',
  blockTime: 'packages/choam/src/block-time.ts',
  recent: 'packages/choam/src/recent-order.ts',
  view: 'packages/choam/src/view.ts',
  readIndex: 'packages/choam/src/read-index.ts',
  repair: 'packages/choam/src/repair.ts',
  receipts: 'packages/choam/src/receipts.ts',
  aleph: 'packages/aleph/src/handler.ts',
  orderer: 'packages/aleph/src/order/orderer.ts',
  ballot: 'packages/aleph/src/order/ballot.ts',
  rules: 'packages/aleph/src/order/rules.ts',
  loop: 'packages/replica/src/host/main-loop.ts',
  recovery: 'packages/replica/src/host/recovery.ts',
  submissions: 'packages/replica/src/host/submissions.ts',
  reads: 'packages/replica/src/host/reads.ts',
  front: 'packages/replica/src/host/front.ts',
  executor: 'packages/sql-state/src/executor.ts',
  connection: 'packages/sql-state/src/block-connection.ts',
  programs: 'packages/sql-state/src/program-run.ts',
} as const

/** The source with the bug in it. */
export function planted(bug: Bug, source: string): string {
  if (source.split(bug.find).length !== 2) throw new Error(`${bug.name}: its line does not stand once in ${bug.file}`)
  // A function, so that nothing in the text is taken for a pattern.
  return source.replace(bug.find, () => bug.replace)
}

/** Every bug of the zoo. */
export const BUGS: readonly Bug[] = [
  {
    name: 'quorum-less-one',
    what: 'a quorum is one seat short',
    file: FILES.committee,
    find: 'return this.size - this.faultyMax\n',
    replace: 'return Math.max(1, this.size - this.faultyMax - 1)\n',
    flags: ['--members', '4', '--profile', 'hell'],
  },
  {
    name: 'certificate-less-one',
    what: 'a certificate is made of one vote less than a quorum',
    file: FILES.votes,
    find: 'if (votes.length < committee.quorum) continue',
    replace: 'if (votes.length < committee.quorum - 1) continue',
  },
  {
    name: 'seat-counts-twice',
    what: 'a vote that comes twice counts twice',
    file: FILES.votes,
    find: 'votes.every((known) => known.block !== vote.block)',
    replace: 'votes.length < VOTES_PER_SEAT_MAX',
  },
  {
    name: 'unit-unsigned',
    what: "units' signatures are not checked",
    file: FILES.admission,
    find: '() => verdicts.every(Boolean)',
    replace: '() => true',
    flags: ['--lie', 'forge'],
  },
  {
    name: 'vote-unsigned',
    what: "votes' signatures are not checked",
    file: FILES.admission,
    find: "valid === true\n      ? ok({ kind: 'vote'",
    replace: "valid !== undefined\n      ? ok({ kind: 'vote'",
    flags: ['--lie', 'forge'],
  },
  {
    name: 'unit-sent-before-durable',
    what: 'an own unit is sent before it is on disk',
    file: FILES.loop,
    find: "() => this.feed({ kind: 'created', unit: sealed }))",
    replace: "() => undefined)\n    queueMicrotask(() => this.feed({ kind: 'created', unit: sealed }))",
  },
  {
    name: 'vote-sent-before-durable',
    what: 'a vote is sent before block and vote are on disk',
    file: FILES.loop,
    find: "() =>\n      this.feed({ kind: 'kept', height, vote }),\n    )",
    replace: "() => undefined)\n    queueMicrotask(() => this.feed({ kind: 'kept', height, vote }))",
  },
  {
    name: 'own-unit-forgotten',
    what: 'a restarted replica forgets which round it has signed',
    file: FILES.choam,
    find: "this.#order({ kind: 'restored', units, own })",
    replace: "this.#order({ kind: 'restored', units: units.filter((unit) => unit !== own), own: undefined })",
    caught: 8,
  },
  {
    name: 'final-before-voted',
    what: 'a block is final as soon as others certify it, before it is on the own disk',
    file: FILES.pipeline,
    find: 'entry.height > this.#voted || entry.certified === undefined',
    replace: 'entry.header === undefined || entry.certified === undefined',
  },
  {
    name: 'time-goes-back',
    what: "the database's clock may go back",
    file: FILES.pipeline,
    find: 'this.#lastTimeMs = millis(Math.max(this.#lastTimeMs, timeMs))',
    replace: 'this.#lastTimeMs = timeMs',
    flags: ['--faults', 'clock-jump'],
    caught: 11,
  },
  {
    name: 'newest-clock-wins',
    what: "a block's time is the latest of the seats' clocks instead of the median",
    file: FILES.blockTime,
    find: 'times[Math.floor((seats - 1) / 2)]',
    replace: 'times[seats - 1]',
    flags: ['--lie', 'wrong-time'],
  },
  {
    name: 'one-tall-tale-is-enough',
    what: 'one member that claims heights nobody has keeps a replica from ordering',
    file: FILES.repair,
    find: 'return ahead <= faultyMax',
    replace: 'return ahead === 0 && faultyMax >= 0',
    flags: ['--lie', 'tall-tales', '--members', '4', '--faults', 'wipe,crash'],
  },
  {
    name: 'first-order-window-short',
    what: 'what was ordered lately is forgotten too early when the order is entered again',
    file: FILES.recent,
    find: 'return { ...last, ordered: this.#refs.filter((ref) => ref.round >= last.round - this.#windowRounds) }',
    replace: 'return { ...last, ordered: this.#refs.filter((ref) => ref.round >= last.round - 1) }',
  },
  {
    name: 'read-without-quorum',
    what: 'a linearizable read believes the first answer',
    file: FILES.readIndex,
    find: 'if (satisfied < quorum) return []',
    replace: 'if (satisfied < 1) return []',
  },
  {
    name: 'read-height-ignored',
    what: 'a read of at least a height takes the newest there is',
    file: FILES.reads,
    find: 'tip !== undefined && tip >= level.height ? tip : tx.retry()',
    replace: 'tip !== undefined ? tip : tx.retry()',
    caught: 5,
  },
  {
    name: 'read-ahead',
    what: 'a read at a height beyond the end is answered from the end',
    file: FILES.reads,
    find: 'return certified !== undefined && level.height <= certified ? level.height : undefined',
    replace: 'return certified',
  },
  {
    name: 'catch-up-never',
    what: 'a replica that missed blocks never asks for them',
    file: FILES.repair,
    find: 'if (ahead.length === 0) return undefined\n    const answered',
    replace: 'if (ahead.length >= 0) return undefined\n    const answered',
    caught: 3,
  },
  {
    name: 'catch-up-one-peer',
    what: 'missing blocks are always asked of the same peer',
    file: FILES.repair,
    find: 'ahead[(ahead.findIndex((each) => each.to === this.#asked) + 1) % ahead.length] ?? {}',
    replace: 'ahead[0] ?? {}',
    flags: ['--lie', 'tall-tales', '--members', '4', '--faults', 'wipe,crash'],
  },
  {
    name: 'receipt-wrong-count',
    what: 'a receipt counts one transaction too many',
    file: FILES.receipts,
    find: 'count: transactions.length,',
    replace: 'count: transactions.length + 1,',
  },
  {
    name: 'wrong-client-answered',
    what: "a client gets the answer of its block's first transaction",
    file: FILES.submissions,
    find: 'outcome: outcomeAt(position) })',
    replace: 'outcome: outcomeAt(0) })',
  },
  {
    name: 'wrong-position',
    what: 'an answer names the wrong position',
    file: FILES.submissions,
    find: "{ kind: 'final', height, position, outcome",
    replace: "{ kind: 'final', height, position: position + 1, outcome",
  },
  {
    name: 'stays-behind',
    what: 'a replica that caught up does not order again',
    file: FILES.choam,
    find: 'this.#enterView(ordering?.isUnsure ?? this.#isNewcomer, ordering?.ownLatest, items)',
    replace: 'if (items.length < 0) this.#enterView(false, undefined, [])',
  },
  {
    name: 'honest-accused',
    what: 'any vote that comes after the certificate is taken for a wrong one',
    file: FILES.votes,
    find: 'return vote.block === decided.hash || vote.view !== decided.view ? undefined : { vote, decided }',
    replace: 'return { vote, decided }',
  },
  {
    name: 'arrival-order',
    what: "a head's units are ordered as they were found, not as everybody sorts them",
    file: FILES.orderer,
    find: 'const units = this.#rules.sortBatch(dag, batch)',
    replace: 'const units = [...batch].sort((a, b) => a - b)',
  },
  {
    name: 'head-too-early',
    what: 'candidates are asked before the one that others may elect is seen',
    file: FILES.orderer,
    find: 'export const LOOKAHEAD_ROUNDS = 3',
    replace: 'export const LOOKAHEAD_ROUNDS = 1',
  },
  {
    name: 'frontier-unanswered',
    what: 'a peer that says how far it is gets nothing of what it lacks',
    file: FILES.aleph,
    find: 'const answer = isHelpless ? { units: [], whole: true }',
    replace: 'const answer = isHelpless || from >= 0 ? { units: [], whole: true }',
  },
  {
    name: 'database-not-taken-back',
    what: 'a database that ran ahead of the ledger is believed',
    file: FILES.recovery,
    find: 'if (database.height !== undefined && database.height > tip) await database.rewind(height(tip))',
    replace: '',
    flags: ['--faults', 'crash,crash-all'],
    caught: 18,
  },
  {
    name: 'pending-votes-lost',
    what: 'a restarted replica does not send its open votes again',
    file: FILES.choam,
    find: 'this.#pipeline.restoreVote(vote)\n      this.#effects.push(...this.#chain.vote(vote, this.#committee))',
    replace: 'if (vote.height < 0) this.#pipeline.restoreVote(vote)',
    caught: 8,
  },
  {
    name: 'executed-twice',
    what: 'a transaction that stands in the ledger already is executed again',
    file: FILES.executor,
    find: "return { kind: 'duplicate', height: Number(height) as Height, position: Number(position) }",
    replace: 'return undefined',
    flags: ['--sql'],
  },
  {
    name: 'random-by-process',
    what: "randomness is not the ledger's",
    file: FILES.connection,
    find: 'transactionSeed(this.#block.seed, entry.position)',
    replace: 'transactionSeed(this.#block.seed, entry.position + Math.floor(Math.random() * 2))',
    flags: ['--sql'],
  },
  {
    name: 'replay-unchecked',
    what: 'an interactive transaction commits though others have changed what it saw',
    file: FILES.programs,
    find: 'if (words.expect !== undefined && words.expect !== digestOf(seen)) throw',
    replace: 'if (statement < 0) throw',
    flags: ['--sql'],
  },
  {
    name: 'view-goes-on',
    what: 'a committee orders on behind the block that ends its view',
    file: FILES.view,
    find: "if (stage === 'assembling' || stage === 'ended') return []",
    replace: "if (stage === 'assembling') return []",
  },
  {
    name: 'restart-in-first-view',
    what: 'a restarted replica takes the first committee for the one that sits',
    file: FILES.recovery,
    find: 'store.block(tip.lastReconfigure.height)',
    replace: 'store.block(0)',
    caught: 8,
  },
]
