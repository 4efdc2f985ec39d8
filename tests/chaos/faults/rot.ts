// Bytes that change on the disk by themselves. The replica may refuse to start, stop, or answer with an error: loudly, with a code
// and the file's name. It may also go on, where nobody asks for the damaged bytes. It must never serve them as the truth: while it
// runs, its answers are compared with those of a member that is well.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { rowSum } from '../../../packages/replica/src/store/row-sum.ts'
import { until } from '../../harness.ts'
import { compareAnswers } from '../compare.ts'
import { lacksNothing } from '../fault.ts'
import type { FaultKind, World } from '../fault.ts'
import type { Member } from '../member.ts'
import type { Random } from '../random.ts'

/** What is damaged: a blob of a random row of a query, wherever its bytes stand in the file. */
const TARGETS = {
  'ledger.db': {
    body: 'SELECT height, body AS bytes FROM blocks',
    results: 'SELECT height, results AS bytes FROM blocks',
    header: 'SELECT height, header AS bytes FROM blocks',
    certificate: 'SELECT height, bytes FROM certificates',
    unit: 'SELECT bytes FROM units',
    vote: 'SELECT height, bytes FROM votes',
    ids: 'SELECT height, CAST(id AS BLOB) AS bytes FROM transactions',
  },
  'state.db': {
    page: 'SELECT bytes FROM pages ORDER BY height',
    hash: 'SELECT CAST(hash AS BLOB) AS bytes FROM pages ORDER BY height',
    root: 'SELECT height, CAST(state_root AS BLOB) AS bytes FROM heights',
  },
} as const

type File = keyof typeof TARGETS

interface Target {
  readonly file: File
  readonly what: string
  readonly sql: string
}

/** A damaged place. Its first byte is wrong in the lowest bit. */
interface Flip {
  readonly path: string
  readonly at: number
  readonly good: Uint8Array
}

const NEEDLE_BYTES = 12
const WATCH_MS = 2500
const END_MS_MAX = 60_000
/** A damaged member names one of these. */
const NAMED = /ledger\.db|state\.db/

function drawTarget(random: Random, file: File): Target {
  const [what, sql] = random.pick(Object.entries(TARGETS[file]))
  return { file, what, sql }
}

/** Bytes of the target, and the height that they belong to where they have one. */
function findBytes(
  path: string,
  { sql }: Target,
  random: Random,
): { readonly bytes: Uint8Array; readonly height: number } | undefined {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const rows = db.prepare(`SELECT * FROM (${sql}) WHERE length(bytes) >= ${NEEDLE_BYTES}`).all()
    if (rows.length === 0) return undefined
    const { bytes, height } = random.pick(rows)
    if (!(bytes instanceof Uint8Array)) throw new Error(`${path}: no blob to damage`)
    return { bytes, height: typeof height === 'number' ? height : 1 }
  } finally {
    db.close()
  }
}

/** Flips one bit of the bytes wherever they stand, in the file and in its log. */
function damage(path: string, bytes: Uint8Array, random: Random): readonly Flip[] {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const start = random.whole(0, Math.min(bytes.length, 3000) - NEEDLE_BYTES)
    const needle = bytes.subarray(start, start + NEEDLE_BYTES)
    const flips = [path, `${path}-wal`].flatMap((each): readonly Flip[] => {
      if (!existsSync(each)) return []
      const content = readFileSync(each)
      const found: Flip[] = []
      for (let at = content.indexOf(needle); at >= 0; at = content.indexOf(needle, at + 1))
        found.push({ path: each, at, good: needle })
      return found
    })
    if (flips.length === 0 || flips.length > 50) continue
    for (const { path: file, at, good } of flips) writeBytes(file, at, flipped(good))
    return flips
  }
  return []
}

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.with(0, (bytes[0] ?? 0) ^ 1)
}

function writeBytes(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, at)
  closeSync(file)
}

/** Takes back what is still as it was made; what has been written since belongs to the replica. */
function repair(flips: readonly Flip[]): void {
  for (const { path, at, good } of flips) {
    if (!existsSync(path)) continue
    const now = Buffer.alloc(good.length)
    const file = openSync(path, 'r')
    readSync(file, now, 0, now.length, at)
    closeSync(file)
    if (now.equals(flipped(good))) writeBytes(path, at, good)
  }
}

/**
 * Whether the ledger is as it was before. SQLite may have copied a damaged page on, where taking back the first place doesn't reach.
 */
function isWhole(path: string): boolean {
  try {
    const db = new DatabaseSync(path)
    try {
      const rows = db.prepare('SELECT height, header, results, body, sum FROM blocks')
      for (const { height, header, results, body, sum } of rows.iterate()) {
        const blobs = [header, results, body].filter((each) => each instanceof Uint8Array)
        if (rowSum(Number(height), ...blobs) !== sum) return false
      }
      for (const table of ['certificates', 'votes'])
        for (const { height, bytes, sum } of db.prepare(`SELECT height, bytes, sum FROM ${table}`).iterate())
          if (!(bytes instanceof Uint8Array) || rowSum(Number(height), bytes) !== sum) return false
      return true
    } finally {
      db.close()
    }
  } catch {
    return false
  }
}

async function startsOrEnds(member: Member): Promise<void> {
  const serves = (): Promise<true | undefined> =>
    member.ready(END_MS_MAX).then(
      () => true as const,
      () => undefined,
    )
  await until(`member ${member.index} serves or ends`, END_MS_MAX, () => (member.isRunning ? serves() : true))
}

/** Watches a damaged member: it ends with a code and a name, or what it says is what the others say. */
async function watch(world: World, member: Member, height: number): Promise<void> {
  const well = world.members.find((each) => each !== member && each.isRunning)
  const end = performance.now() + WATCH_MS
  let refused = 0
  while (member.isRunning && performance.now() < end && well !== undefined) {
    const { wrong, errors } = await compareAnswers(member.url, well.url, height, world.genesisPath)
    refused += errors.length
    for (const what of wrong) world.violate('ROT_SERVED', `member ${member.index}: ${what}`)
    if (wrong.length > 0) break
  }
  if (member.isRunning) {
    world.note(refused > 0 ? `it runs, and gave no answer ${refused} times` : 'it runs, and what it serves is right')
    return
  }
  await member.ended(END_MS_MAX)
  const { lastError } = member
  if (lastError === undefined) world.violate('ROT_UNNAMED', `member ${member.index} ended without an error line`)
  else if (!NAMED.test(lastError)) world.violate('ROT_UNNAMED', `member ${member.index} names no file: ${lastError}`)
  else world.note(`it stopped: ${lastError}`)
}

function rot(file: File, isStopped: boolean): FaultKind {
  return {
    lacks: lacksNothing,
    draw: (random, shape) => {
      const one = random.pick(shape.members)
      const target = drawTarget(random, file)
      let flips: readonly Flip[] = []
      return {
        words: `a bit of ${target.what} in ${file} of ${one} flips while it ${isStopped ? 'is stopped' : 'runs'}`,
        victims: [one],
        strike: async (world) => {
          const member = world.member(one)
          const path = join(member.medium.dataDir, file)
          if (isStopped) await member.end('SIGTERM')
          member.expectEnd()
          const found = findBytes(path, target, random)
          flips = found === undefined ? [] : damage(path, found.bytes, random)
          if (flips.length === 0) world.note('the bytes stand nowhere in one piece')
          if (isStopped) {
            member.start()
            member.expectEnd()
            await startsOrEnds(member)
          }
          await watch(world, member, found?.height ?? 1)
        },
        heal: async (world) => {
          const member = world.member(one)
          // Ended by the signal or by itself: its pages in memory go with it.
          await member.end('SIGKILL', END_MS_MAX)
          repair(flips)
          const { dataDir } = member.medium
          if (file === 'ledger.db' && !isWhole(join(dataDir, file))) {
            world.note('the damage was copied on: it starts again from an empty disk')
            for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true, force: true })
          }
          member.start()
        },
      }
    },
  }
}

export const ROT_LEDGER_STOPPED: FaultKind = rot('ledger.db', true)
export const ROT_LEDGER_RUNNING: FaultKind = rot('ledger.db', false)
export const ROT_STATE_STOPPED: FaultKind = rot('state.db', true)
export const ROT_STATE_RUNNING: FaultKind = rot('state.db', false)

/**
 * The log beside ledger.db, as a kill left it. SQLite takes a damaged frame for the log's end and says nothing of what follows it:
 * the replica may find that it forgot what it signed, or come back by its peers, but it may not sign something else.
 */
export const ROT_LEDGER_LOG: FaultKind = {
  lacks: lacksNothing,
  draw: (random, shape) => {
    const one = random.pick(shape.members)
    const share = random.unit()
    return {
      words: `a bit in ledger.db-wal of ${one} flips after kill -9`,
      victims: [one],
      strike: async (world) => {
        const member = world.member(one)
        await member.end('SIGKILL')
        const path = join(member.medium.dataDir, 'ledger.db-wal')
        const log = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
        if (log.length === 0) return world.note('there is no log')
        const at = Math.floor(share * log.length)
        writeBytes(path, at, flipped(log.subarray(at, at + 1)))
        world.note(`at byte ${at} of ${log.length}`)
        member.start()
        member.expectEnd()
        await startsOrEnds(member)
        await watch(world, member, 1)
      },
      heal: async (world) => {
        const member = world.member(one)
        await member.end('SIGKILL', END_MS_MAX)
        member.start()
      },
    }
  },
}
