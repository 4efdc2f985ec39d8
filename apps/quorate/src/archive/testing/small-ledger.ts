// A ledger of real keys and signatures for tests: genesis, blocks of one transaction each, and now and then a block that seats
// another committee. Nothing is executed: state roots are those of no database.

import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { must } from '@quorate/kernel'
import { seatCommittee } from '@quorate/membership'
import { encodeOutcomes } from '@quorate/replica/host'
import type {
  Body,
  Committee,
  ConsensusKey,
  Digest,
  Genesis,
  Header,
  MemberId,
  SignedJoin,
  WholeBlock,
} from '@quorate/types'
import {
  blockHash,
  bodyHash,
  committeeAfter,
  encodeBody,
  encodeCertificate,
  encodeGenesis,
  encodeHeader,
  encodeItem,
  encodeOutcome,
  encodePayload,
  encodeTransaction,
  foundersCommittee,
  hashOf,
  height,
  joinSignedBytes,
  merkleRoot,
  millis,
  NO_BLOCK,
  outcomeHash,
  round,
  seat,
  transactionHash,
  transactionsOf,
  viewAfter,
  voteSignedBytes,
} from '@quorate/types'

interface Key {
  readonly id: string
  readonly secret: KeyObject
}

/** The same key for the same name. */
function keyOf(name: string): Key {
  const seed = createHash('sha256').update(name).digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(secret).export({ format: 'jwk' })
  return { id: Buffer.from(x ?? '', 'base64url').toString('hex'), secret }
}

/** A ledger, and whole blocks from genesis on. */
export interface SmallLedger {
  readonly genesis: Genesis
  readonly blocks: readonly WholeBlock[]
  /** Blocks as another replica has them: as right, with other signatures in the certificates. */
  readonly others: readonly WholeBlock[]
}

/** What a ledger is made of. */
export interface SmallLedgerOptions {
  readonly name?: string
  readonly blocks: number
  /** Each so many blocks another committee is seated; 5 unless told. */
  readonly viewBlocks?: number
  /** Bytes of each transaction, about. */
  readonly bytes?: number
}

class Maker {
  readonly identities = [0, 1, 2, 3].map((i) => keyOf(`identity ${i}`))
  readonly keys = new Map(this.identities.map((key) => [key.id, key]))
  readonly genesis: Genesis
  readonly blocks: WholeBlock[] = []
  readonly others: WholeBlock[] = []
  committee: Committee
  seating: Header['lastReconfigure'] = { height: height(0), hash: NO_BLOCK }
  previous: Digest = NO_BLOCK

  constructor(name: string) {
    const founders = this.identities.map(({ id }, i) => ({
      name: `m${i}`,
      id: id as MemberId,
      address: `127.0.0.1:${7400 + i}`,
    }))
    this.genesis = { version: 1, name, founders, sql: [] }
    this.committee = foundersCommittee(this.genesis)
  }

  joins(count: number): readonly SignedJoin[] {
    return this.identities.slice(0, count).map((identity, i) => {
      const fresh = keyOf(`view of block ${this.blocks.length}, member ${i}`)
      this.keys.set(fresh.id, fresh)
      const join = { member: identity.id as MemberId, view: this.committee.view, key: fresh.id as ConsensusKey }
      return { ...join, signature: new Uint8Array(sign(undefined, joinSignedBytes(join), identity.secret)) }
    })
  }

  certificate(block: Digest, from: number): Uint8Array {
    const { view, members, quorum } = this.committee
    const message = voteSignedBytes({ view, height: height(this.blocks.length), block })
    const signatures = members.slice(from, from + quorum).map(({ key }, i) => {
      const { secret } = must(this.keys.get(key), 'the key of a member')
      return { seat: seat(from + i), signature: new Uint8Array(sign(undefined, message, secret)) }
    })
    return encodeCertificate({ signatures })
  }

  add(content: Body): void {
    const at = this.blocks.length
    const body = encodeBody(content)
    const transactions = transactionsOf(content)
    const outcomes = transactions.map((_, i) => encodeOutcome({ kind: 'executed', replies: [], gas: at + i }))
    const header = encodeHeader({
      era: 1,
      height: height(at),
      view: this.committee.view,
      previous: this.previous,
      lastReconfigure: this.seating,
      lastAssemble: { height: height(0), hash: NO_BLOCK },
      lastCheckpoint: { height: height(0), hash: NO_BLOCK },
      timeMs: millis(1000 + at),
      transactionsRoot: merkleRoot(transactions.map(transactionHash)),
      resultsRoot: merkleRoot(outcomes.map(outcomeHash)),
      stateRoot: hashOf('state', Uint8Array.of(at % 256)),
      body: bodyHash(body),
    })
    const hash = blockHash(header)
    const [certificate, other] = [this.certificate(hash, 0), this.certificate(hash, 1)]
    const results = encodeOutcomes(outcomes)
    this.blocks.push({ header, body, certificate, results })
    this.others.push({ header, body, certificate: other, results })
    this.previous = hash
    if (content.kind === 'genesis') this.committee = seatCommittee(this.genesis, hash, content.joins)
    if (content.kind === 'reconfigure') this.committee = committeeAfter(content)
    if (content.kind === 'genesis' || content.kind === 'reconfigure') this.seating = { height: height(at), hash }
  }

  addTransaction(bytes: number): void {
    const at = this.blocks.length
    const sql = `INSERT INTO t VALUES (${at})`.padEnd(bytes)
    const statement = { sql, args: [], namedArgs: [], wantRows: false }
    const transaction = encodeTransaction({
      id: `tx-${at}`,
      expiresMs: millis(100_000),
      program: { requests: [{ kind: 'execute', statement }] },
    })
    const payload = encodePayload([encodeItem({ kind: 'transaction', bytes: transaction })])
    const hash = hashOf('unit', Uint8Array.of(at % 256))
    const unit = { creator: seat(0), round: round(at), hash, timestampMs: millis(1000 + at), payload }
    this.add({ kind: 'executions', heads: [{ round: round(at), slot: 0, hash, units: [unit] }] })
  }

  /** Seats all four in another order; one of them publishes no key of its own. */
  addReconfigure(): void {
    const ids = this.identities.map(({ id }) => id as MemberId)
    const turn = this.blocks.length % 4
    const seats = [...ids.slice(turn), ...ids.slice(0, turn)]
    this.add({ kind: 'reconfigure', next: viewAfter(this.previous), seats, joins: this.joins(3) })
  }
}

/** Makes a ledger; the same one for the same options. */
export function smallLedger({ name = 'small', blocks, viewBlocks = 5, bytes = 40 }: SmallLedgerOptions): SmallLedger {
  const maker = new Maker(name)
  maker.add({ kind: 'genesis', genesis: encodeGenesis(maker.genesis), joins: maker.joins(4) })
  while (maker.blocks.length < blocks) {
    if (maker.blocks.length % viewBlocks === 0) maker.addReconfigure()
    else maker.addTransaction(bytes)
  }
  return { genesis: maker.genesis, blocks: maker.blocks, others: maker.others }
}
