// What a restarted replica does before it speaks: bring the database to the height of the ledger on disk, then tell the core
// what it had said. The ledger (fsynced) leads, the database follows: blocks it has not executed are executed again, and a
// database that ran ahead of the ledger, by a crash between the two, is taken back.

import { assert, must, unwrap } from '@quorate/kernel'
import type { Fault, Restored, StoredBlock as CoreBlock } from '@quorate/choam'
import { seedOf, TURN_BLOCKS } from '@quorate/choam'
import { committeeSeatedBy } from '@quorate/membership'
import type {
  AdmittedUnit,
  Body,
  Committee,
  ConsensusKey,
  Digest,
  Genesis,
  Header,
  Height,
  LedgerMember,
  OrderedHead,
  ViewId,
  Vote,
} from '@quorate/types'
import {
  admitUnit,
  blockHash,
  bodyHash,
  decodeBody,
  decodeCertificate,
  decodeEvidence,
  decodeHeader,
  decodeUnit,
  decodeVote,
  foundersCommittee,
  height,
  NO_BLOCK,
  parseMemberId,
} from '@quorate/types'
import type { Store } from '../store/store.ts'
import type { StoredBlock } from '../store/record.ts'
import type { Executor } from './ports.ts'

/** What recovery reads of the ledger's file. */
export type StoredLedger = Pick<Store, 'block' | 'blocks' | 'certifiedTip' | 'evidence' | 'tip' | 'units' | 'vote'>

/** Local data contradicts itself: a bug or a damaged disk. */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError'
  readonly code = 'RECOVERY_FAILED'
}

/** The database as recovery needs it. */
export interface RecoverableDatabase extends Executor {
  /** Height of the last executed block; undefined when empty. */
  readonly height: Height | undefined
  /** Forgets everything above `to`; undefined empties it. */
  rewind(to: Height | undefined): Promise<void>
}

const READ_BYTES = 16 * 1024 * 1024
const READ_BLOCKS = 256

function headerOf(block: { readonly height: number; readonly header: Uint8Array }): Header {
  const header = decodeHeader(block.header)
  if (!header.ok) throw new RecoveryError(`block ${block.height} on disk: ${header.error.message}`)
  return header.value
}

/** Executes what the ledger holds beyond the database and compares every root with the stored header. */
export async function catchUpDatabase(
  store: StoredLedger,
  database: RecoverableDatabase,
  ledger: Digest,
  onProgress: (at: number, tip: number) => void,
): Promise<void> {
  const tip = (await store.tip())?.height
  if (tip === undefined) {
    if (database.height !== undefined) await database.rewind(undefined)
    return
  }
  if (database.height !== undefined && database.height > tip) await database.rewind(height(tip))
  let next = database.height === undefined ? 0 : database.height + 1
  while (next <= tip) {
    const blocks = await store.blocks(next, READ_BLOCKS, READ_BYTES)
    assert(blocks.length > 0, `block ${next} is missing below the tip ${tip}`)
    for (const block of blocks) {
      const header = headerOf(block)
      const seed = seedOf(ledger, header.height, bodyHash(block.body))
      const { stateRoot } = await database.execute({
        height: header.height,
        timeMs: header.timeMs,
        seed,
        bodyBytes: block.body,
      })
      if (stateRoot !== header.stateRoot) {
        throw new RecoveryError(
          `executing block ${block.height} again gave state root ${stateRoot}, its header says ${header.stateRoot}`,
        )
      }
      next = block.height + 1
    }
    onProgress(next - 1, tip)
  }
}

function toCoreBlock(block: StoredBlock): CoreBlock {
  const certificate = block.certificate === undefined ? undefined : decodeCertificate(block.certificate)
  if (certificate !== undefined && !certificate.ok)
    throw new RecoveryError(`certificate ${block.height} on disk: ${certificate.error.message}`)
  return { headerBytes: block.header, bodyBytes: block.body, certificate: certificate?.value }
}

function bodyOf(block: StoredBlock): Body {
  const body = decodeBody(block.body)
  if (!body.ok) throw new RecoveryError(`body ${block.height} on disk: ${body.error.message}`)
  return body.value
}

function lastHead(block: StoredBlock): OrderedHead | undefined {
  const body = bodyOf(block)
  return body.kind === 'executions' ? body.heads.at(-1) : undefined
}

/**
 * The newest blocks, ascending, above `above`: back to the first whose head lies more than `recentRounds` below the tip's, 64 of them
 * at least, and to the last assemble block.
 */
async function recentBlocks(
  store: StoredLedger,
  tip: Header,
  above: number,
  recentRounds: number,
): Promise<readonly StoredBlock[]> {
  let found: readonly StoredBlock[] = []
  let newest: number | undefined
  for (let end: number = tip.height; end > above;) {
    const from = Math.max(above + 1, end - 31)
    const range: StoredBlock[] = []
    while (range.length < end - from + 1)
      range.push(...(await store.blocks(from + range.length, end - from + 1 - range.length, READ_BYTES)))
    found = [...range, ...found]
    const rounds = range.flatMap((block) => lastHead(block)?.round ?? [])
    newest ??= rounds.at(-1)
    const isOld = newest !== undefined && (rounds[0] ?? newest) < newest - recentRounds
    const isFarEnough = isOld && from <= tip.height - TURN_BLOCKS
    if (isFarEnough && from <= tip.lastAssemble.height) break
    if (isFarEnough && tip.lastAssemble.hash === NO_BLOCK) break
    end = from - 1
  }
  return found
}

/** The certified block that seats the committee of the blocks to come; undefined before genesis is certified. */
async function seatingBlock(store: StoredLedger, tip: Header): Promise<StoredBlock | undefined> {
  const newest = must(await store.block(tip.height), 'the tip is on disk')
  const { kind } = bodyOf(newest)
  if (kind === 'genesis' || kind === 'reconfigure') {
    if (newest.certificate !== undefined) return newest
    if (kind === 'genesis') return undefined
  }
  return must(await store.block(tip.lastReconfigure.height), 'the block that seats the view is on disk')
}

async function unitsOf(store: StoredLedger, view: ViewId, committee: Committee): Promise<readonly AdmittedUnit[]> {
  const units: AdmittedUnit[] = []
  for (let page = await store.units(view, READ_BYTES); ; page = await store.units(view, READ_BYTES, page.next)) {
    for (const stored of page.units) {
      const unit = decodeUnit(stored.bytes)
      // Signatures were checked before the unit was stored; the hash is recomputed by decoding.
      const admitted = unit.ok ? admitUnit(unit.value, committee, () => true) : unit
      if (!admitted.ok || admitted.value.hash !== stored.hash)
        throw new RecoveryError(`unit ${stored.hash} on disk is damaged`)
      units.push(admitted.value)
    }
    if (page.next === undefined) return units
  }
}

async function pendingVotes(store: StoredLedger, from: number, tip: number): Promise<readonly Vote[]> {
  const votes: Vote[] = []
  for (let at = from; at <= tip; at += 1) {
    const bytes = await store.vote(at)
    const vote = bytes === undefined ? undefined : decodeVote(bytes)
    if (vote?.ok === true) votes.push(vote.value)
  }
  return votes
}

/** Who is proved faulty by what this replica stored. */
async function faultsOf(store: StoredLedger): Promise<readonly Fault[]> {
  const faults: Fault[] = []
  for (const { member, bytes } of await store.evidence()) {
    const evidence = decodeEvidence(bytes)
    const id = parseMemberId(member)
    if (!evidence.ok || id === undefined) throw new RecoveryError(`evidence against ${member} on disk is damaged`)
    const { value } = evidence
    const at = value.kind === 'fork' ? unwrap(decodeUnit(value.first), 'a stored fork').round : value.vote.height
    faults.push({ member: id, kind: value.kind, at })
  }
  return faults
}

/** Everything the core needs to go on where it stopped. `keys` are those made for views, `shares` what was kept with them. */
export async function restore(
  store: StoredLedger,
  options: {
    readonly genesis: Genesis
    readonly recentRounds: number
    readonly keys: readonly ConsensusKey[]
    readonly shares: Restored['shares']
    /** As the database has them at the ledger's tip; undefined before genesis. */
    readonly members: readonly LedgerMember[] | undefined
  },
): Promise<Restored> {
  const { genesis, recentRounds, keys, shares, members } = options
  const faults = await faultsOf(store)
  const newest = await store.tip()
  const founders = foundersCommittee(genesis)
  const units = await unitsOf(store, founders.view, founders)
  if (newest === undefined) return { blocks: [], units, votes: [], faults, keys, shares, members }
  const tip = headerOf(newest)
  const certified = await store.certifiedTip()
  const votes = await pendingVotes(store, certified === undefined ? 0 : certified.height + 1, tip.height)
  const seating = await seatingBlock(store, tip)
  if (seating === undefined) {
    const blocks = await recentBlocks(store, tip, -1, recentRounds)
    return { blocks: blocks.map(toCoreBlock), units, votes, faults, keys, shares, members }
  }
  const body = bodyOf(seating)
  if (body.kind !== 'genesis' && body.kind !== 'reconfigure')
    throw new RecoveryError(`block ${seating.height} on disk is to seat a committee, but is of kind ${body.kind}`)
  const committee = committeeSeatedBy(genesis, blockHash(seating.header), body)
  const recent = await recentBlocks(store, tip, seating.height, recentRounds)
  const blocks = [seating, ...recent].map(toCoreBlock)
  return { blocks, units: await unitsOf(store, committee.view, committee), votes, faults, keys, shares, members }
}
