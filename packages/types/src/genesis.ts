// genesis.json: what the founders agreed on outside the ledger. It is the one thing a verifier must be given; everything else
// is proved from it. A founder's address and URL are hints for finding it and no parts of the ledger's identity.

import type { DecodeError, Result } from '@quorate/kernel'
import { compareText, decode, err, ok, Writer } from '@quorate/kernel'
import { SEATS_MAX } from './committee.ts'
import { hashOf } from './domain.ts'
import type { ConsensusKey, Digest, MemberId, ViewId } from './ids.ts'
import { DIGEST_BYTES, parseMemberId, rawOf } from './ids.ts'
import { isMemberName } from './member.ts'

/** One founder. */
export interface Founder {
  /** For people: shown in status and logs. */
  readonly name: string
  readonly id: MemberId
  /** host:port of its replica port at founding time. */
  readonly address: string
  /** URL where it serves clients, if it does: a hint like the address. */
  readonly http?: string
}

/** The parsed genesis.json. */
export interface Genesis {
  readonly version: 1
  readonly name: string
  readonly founders: readonly Founder[]
  /** SQL executed in the genesis block, before any client's. */
  readonly sql: readonly string[]
  /** Seats of a committee, at most the number of founders, who all sit by default. */
  readonly seats?: number
  /** A view orders so many blocks before its successor is assembled; 4096 by default. */
  readonly viewBlocks?: number
}

/** Blocks of a view, unless genesis.json says otherwise. */
export const VIEW_BLOCKS = 4096
/** Most blocks of a view. */
export const VIEW_BLOCKS_MAX = 1_000_000

/** Seats of a ledger's committees. */
export function seatsOf({ seats, founders }: Genesis): number {
  return seats ?? founders.length
}

/** Blocks that a view of the ledger orders before its successor is assembled. */
export function viewBlocksOf({ viewBlocks }: Genesis): number {
  return viewBlocks ?? VIEW_BLOCKS
}

/** Why a genesis.json is refused. */
export interface GenesisError {
  readonly code: 'GENESIS_INVALID'
  readonly message: string
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownKey(object: Json, known: readonly string[]): string | undefined {
  return Object.keys(object).find((key) => !known.includes(key))
}

function parseFounder(value: unknown, index: number): Result<Founder, string> {
  if (!isObject(value)) return err(`founders[${index}] is not an object`)
  const stranger = unknownKey(value, ['name', 'id', 'address', 'http'])
  if (stranger !== undefined) return err(`founders[${index}] has an unknown key "${stranger}"`)
  const { name, id, address, http } = value as { name?: unknown; id?: unknown; address?: unknown; http?: unknown }
  if (typeof name !== 'string' || !isMemberName(name))
    return err(`founders[${index}].name must be 1 to 64 of A-Z a-z 0-9 . _ -`)
  const member = typeof id === 'string' ? parseMemberId(id) : undefined
  if (member === undefined) return err(`founders[${index}].id must be 64 lower-case hex digits`)
  if (typeof address !== 'string' || !/^[^\s:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(address)) {
    return err(`founders[${index}].address must be host:port`)
  }
  if (http === undefined) return ok({ name, id: member, address })
  if (typeof http !== 'string' || http.length > 256 || !/^https?:\/\/[^\s/?#@]+$/.test(http))
    return err(`founders[${index}].http must be http://host:port or https://host:port`)
  return ok({ name, id: member, address, http })
}

/** Parses the value of genesis.json. Unknown keys are errors: a typo must not silently change a ledger. */
export function parseGenesis(value: unknown): Result<Genesis, GenesisError> {
  const refuse = (message: string): Result<Genesis, GenesisError> =>
    err({ code: 'GENESIS_INVALID', message: `genesis.json: ${message}` })
  if (!isObject(value)) return refuse('not an object')
  const stranger = unknownKey(value, ['version', 'name', 'founders', 'sql', 'seats', 'viewBlocks'])
  if (stranger !== undefined) return refuse(`unknown key "${stranger}"`)
  const { version, name, founders, sql, seats, viewBlocks } = value as {
    version?: unknown
    name?: unknown
    founders?: unknown
    sql?: unknown
    seats?: unknown
    viewBlocks?: unknown
  }
  if (version !== 1) return refuse(`version is ${JSON.stringify(version)}, this software knows 1`)
  if (typeof name !== 'string' || name.length < 1 || name.length > 128)
    return refuse('name must be 1 to 128 characters')
  if (!Array.isArray(founders) || founders.length < 1 || founders.length > SEATS_MAX)
    return refuse(`founders must be 1 to ${SEATS_MAX} members`)
  const parsed: Founder[] = []
  for (const [index, each] of founders.entries()) {
    const founder = parseFounder(each, index)
    if (!founder.ok) return refuse(founder.error)
    parsed.push(founder.value)
  }
  if (new Set(parsed.map((founder) => founder.id)).size !== parsed.length) return refuse('a founder is listed twice')
  if (new Set(parsed.map((founder) => founder.name)).size !== parsed.length) return refuse('two founders share a name')
  if (!Array.isArray(sql) || sql.length > 1000 || !sql.every((each): each is string => typeof each === 'string'))
    return refuse('sql must be a list of at most 1000 strings')
  const isCount = (count: unknown, max: number): count is number =>
    typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= max
  if (seats !== undefined && !isCount(seats, parsed.length))
    return refuse(`seats must be 1 to ${parsed.length}, the number of founders, not ${JSON.stringify(seats)}`)
  if (viewBlocks !== undefined && !isCount(viewBlocks, VIEW_BLOCKS_MAX))
    return refuse(`viewBlocks must be 1 to ${VIEW_BLOCKS_MAX}, not ${JSON.stringify(viewBlocks)}`)
  return ok({
    version: 1,
    name,
    founders: parsed,
    sql,
    ...(seats === undefined ? {} : { seats }),
    ...(viewBlocks === undefined ? {} : { viewBlocks }),
  })
}

/** Canonical bytes: founders in the order of their ids, without addresses and URLs: neither layout nor moving house changes the ledger. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  const writer = new Writer(1024)
  writer.u8(genesis.version).text(genesis.name)
  const founders = [...genesis.founders].sort((a, b) => compareText(a.id, b.id))
  writer.vector(founders, (w, founder) => w.text(founder.name).hex(founder.id, DIGEST_BYTES))
  writer.vector(genesis.sql, (w, sql) => w.text(sql))
  writer.u32(seatsOf(genesis)).u32(viewBlocksOf(genesis))
  return writer.finish()
}

/** What the genesis block holds of genesis.json: all but the addresses and URLs. */
export interface FoundedGenesis {
  readonly name: string
  readonly founders: readonly { readonly name: string; readonly id: MemberId }[]
  readonly sql: readonly string[]
  readonly seats: number
  readonly viewBlocks: number
}

/** Reads what `encodeGenesis` wrote. */
export function decodeGenesis(bytes: Uint8Array): Result<FoundedGenesis, DecodeError> {
  return decode(bytes, (reader): FoundedGenesis => {
    const version = reader.u8()
    if (version !== 1) reader.refuse('INVALID', `genesis version ${version}, this software knows 1`)
    const name = reader.text(512)
    const founders = reader.vector(SEATS_MAX, (r) => ({ name: r.text(64), id: r.hex(DIGEST_BYTES) as MemberId }))
    const sql = reader.vector(1000, (r) => r.text(bytes.length))
    return { name, founders, sql, seats: reader.u32(), viewBlocks: reader.u32() }
  })
}

/** The ledger's identity: hash of the canonical genesis. */
export function ledgerId(genesis: Genesis): Digest {
  return hashOf('genesis', encodeGenesis(genesis))
}

/** View of the founders' consensus on genesis itself. */
export function genesisView(ledger: Digest): ViewId {
  return hashOf('view', rawOf(ledger)) as ViewId
}

/** View that a block seats: genesis seats the first, every reconfigure block the next. */
export function viewAfter(block: Digest): ViewId {
  return hashOf('view', rawOf(block)) as ViewId
}

/** In the genesis view, and wherever a member published no key of its own, its identity key signs. */
export function identityKey(member: MemberId): ConsensusKey {
  return member as string as ConsensusKey
}
