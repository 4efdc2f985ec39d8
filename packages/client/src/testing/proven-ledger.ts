// A ledger of real keys and signatures, two blocks long, for tests of receipts: its genesis, and one block of some
// transactions.

import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync, sign } from 'node:crypto'
import { seatCommittee } from '@quorate/membership'
import type {
  Certificate,
  Committee,
  ConsensusKey,
  Digest,
  Genesis,
  Header,
  Height,
  MemberId,
  Millis,
  Outcome,
  Receipt,
} from '@quorate/types'
import {
  blockHash,
  bodyHash,
  encodeBody,
  encodeCertificate,
  encodeGenesis,
  encodeHeader,
  encodeOutcome,
  encodeTransaction,
  foundersCommittee,
  joinSignedBytes,
  merklePath,
  merkleRoot,
  NO_BLOCK,
  outcomeHash,
  seat,
  transactionHash,
  voteSignedBytes,
} from '@quorate/types'

/** A key pair: the public half as hex. */
export interface Key {
  readonly id: string
  readonly secret: KeyObject
}

/** Makes a key. */
export function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  return { id: Buffer.from(x ?? '', 'base64url').toString('hex'), secret: privateKey }
}

function signWith(key: Key, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(undefined, message, key.secret))
}

/** A certificate of the block at `height` by the first `signers` seats. */
function certify(
  block: Digest,
  at: number,
  committee: Committee,
  keys: ReadonlyMap<string, Key>,
  signers: number,
): Certificate {
  const placed = { view: committee.view, height: at as Height, block }
  const signatures = committee.members.slice(0, signers).map((member, index) => {
    const key = keys.get(member.key)
    if (key === undefined) throw new Error('no such key')
    return { seat: seat(index), signature: signWith(key, voteSignedBytes(placed)) }
  })
  return { signatures }
}

const zeros = '0'.repeat(64) as Digest

/** A founded ledger and receipts from it. */
export interface ProvenLedger {
  readonly genesis: Genesis
  /** The receipt of transaction `position`, its block signed by `signers` seats. */
  readonly receipt: (position: number, signers?: number) => Receipt
}

/** Founds a ledger of `members` and executes `count` transactions in block 1. */
export function provenLedger(members: number, count: number): ProvenLedger {
  const identities = Array.from({ length: members }, newKey)
  const consensus = Array.from({ length: members }, newKey)
  const founders = identities.map(({ id }, i) => ({
    name: `m${i}`,
    id: id as MemberId,
    address: `127.0.0.1:${7400 + i}`,
  }))
  const genesis: Genesis = { version: 1, name: 'proven', founders, sql: [] }
  const seated = foundersCommittee(genesis)
  const joins = identities.map((key, i) => {
    const join = { member: key.id as MemberId, view: seated.view, key: (consensus[i]?.id ?? '') as ConsensusKey }
    return { ...join, signature: signWith(key, joinSignedBytes(join)) }
  })
  const genesisBody = encodeBody({ kind: 'genesis', genesis: encodeGenesis(genesis), joins })
  const pointer = { height: 0 as Height, hash: NO_BLOCK }
  const genesisHeader: Header = {
    era: 1,
    height: 0 as Height,
    view: seated.view,
    previous: NO_BLOCK,
    lastReconfigure: pointer,
    lastAssemble: pointer,
    lastCheckpoint: pointer,
    timeMs: 1000 as Millis,
    transactionsRoot: merkleRoot([]),
    resultsRoot: merkleRoot([]),
    stateRoot: zeros,
    body: bodyHash(genesisBody),
  }
  const genesisBytes = encodeHeader(genesisHeader)
  const genesisHash = blockHash(genesisBytes)
  const committee = seatCommittee(genesis, genesisHash, joins)
  const byKey = (list: readonly Key[]): ReadonlyMap<string, Key> => new Map(list.map((key) => [key.id, key]))

  const transactions = Array.from({ length: count }, (_, i) =>
    encodeTransaction({
      id: `tx-${i}`,
      expiresMs: 9000 as Millis,
      program: {
        requests: [
          {
            kind: 'execute',
            statement: { sql: `INSERT INTO t VALUES (${i})`, args: [], namedArgs: [], wantRows: false },
          },
        ],
      },
    }),
  )
  const result = { columns: [], rows: [], affectedRows: 1, lastInsertRowid: 1n }
  const outcome: Outcome = { kind: 'executed', replies: [{ kind: 'result', result }], gas: 10 }
  const outcomes = transactions.map(() => encodeOutcome(outcome))
  const hashes = transactions.map(transactionHash)
  const results = outcomes.map(outcomeHash)
  const founding = { height: 0 as Height, hash: genesisHash }
  const header = encodeHeader({
    ...genesisHeader,
    height: 1 as Height,
    view: committee.view,
    previous: genesisHash,
    lastReconfigure: founding,
    lastCheckpoint: founding,
    timeMs: 2000 as Millis,
    transactionsRoot: merkleRoot(hashes),
    resultsRoot: merkleRoot(results),
  })
  return {
    genesis,
    receipt: (position, signers = committee.quorum) => ({
      views: [
        {
          header: genesisBytes,
          body: genesisBody,
          certificate: encodeCertificate(certify(genesisHash, 0, seated, byKey(identities), seated.quorum)),
        },
      ],
      header,
      certificate: encodeCertificate(certify(blockHash(header), 1, committee, byKey(consensus), signers)),
      transaction: transactions[position] ?? new Uint8Array(),
      outcome: outcomes[position] ?? new Uint8Array(),
      position,
      count,
      transactionPath: merklePath(hashes, position) ?? [],
      outcomePath: merklePath(results, position) ?? [],
    }),
  }
}
