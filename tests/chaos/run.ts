// One run: a cluster under load, episode after episode, and the judgment in the end.
//
// An episode's faults strike, stay, and are healed. While they stay, if their victims are no more than may be faulty, a write
// through each of the others must be acknowledged: the ledger goes on. When they are healed, everybody must serve again, and a
// write through each member must be acknowledged. These waits are bounded by minutes, not by what is usual: they ask whether, not
// how fast.

import { sleep } from '../harness.ts'
import { check } from './check.ts'
import type { Violation } from './check.ts'
import { ChaosCluster } from './cluster.ts'
import type { Shape } from './fault.ts'
import type { Host } from './host.ts'
import { readLedger } from './ledger.ts'
import { KINDS } from './plan.ts'
import type { Episode } from './plan.ts'
import { SCHEMA } from './programs.ts'
import { Random } from './random.ts'
import { judgeReceipt } from './receipts.ts'

/** What a run is asked to do. */
export interface RunOptions {
  readonly seed: number
  readonly shape: Shape
  readonly host: Host
  readonly episodes: Iterable<Episode>
  /** No episode begins after this much time. */
  readonly lengthMs: number
  readonly say: (line: string) => void
}

/** What a run found. */
export interface RunReport {
  readonly violations: readonly Violation[]
  /** How often each kind struck. */
  readonly struck: ReadonlyMap<string, number>
  /** Kinds that didn't, and why. */
  readonly skipped: ReadonlyMap<string, string>
  readonly writes: number
  readonly reads: number
  readonly height: number
  /** Where the files are, if anything was wrong. */
  readonly folder: string | undefined
}

const CLIENTS = 6
const ANSWER_MS_MAX = 90_000
const READY_MS_MAX = 90_000
const RECEIPTS_MAX = 60
/** Faults should find a ledger that holds something. */
const WARM_UP_MS = 2000
const DISK_BYTES = 1024 * 1024 * 1024

class Run {
  readonly #options: RunOptions
  readonly #beganMs = performance.now()
  readonly violations: Violation[] = []
  readonly struck = new Map<string, number>()
  readonly skipped = new Map<string, string>()
  #probes = 0

  constructor(options: RunOptions) {
    this.#options = options
  }

  readonly say = (text: string): void => {
    const seconds = ((performance.now() - this.#beganMs) / 1000).toFixed(1)
    this.#options.say(`${seconds.padStart(7)} s  ${text}`)
  }

  readonly violate = (rule: string, what: string): void => {
    this.violations.push({ rule, what })
    this.say(`WRONG ${rule}: ${what}`)
  }

  async episodes(cluster: ChaosCluster): Promise<void> {
    for (const episode of this.#options.episodes) {
      if (this.violations.length > 0) return
      if (performance.now() - this.#beganMs > this.#options.lengthMs) {
        if (!Array.isArray(this.#options.episodes)) return
        for (const { kind } of episode.drawn) this.#skip(kind, 'no time was left')
        continue
      }
      const able = episode.drawn.filter(({ kind }) => this.#isAble(kind))
      if (able.length > 0) await this.#episode(cluster, { ...episode, drawn: able })
    }
  }

  #isAble(kind: string): boolean {
    const lack = KINDS[kind]?.lacks(this.#options.host)
    if (lack === undefined) return true
    this.#skip(kind, lack)
    return false
  }

  #skip(kind: string, why: string): void {
    if (!this.skipped.has(kind)) this.#options.say(`skipped: ${kind}: ${why}`)
    this.skipped.set(kind, why)
  }

  async #episode(cluster: ChaosCluster, { drawn, holdMs, restMs }: Episode): Promise<void> {
    for (const { kind, fault } of drawn) {
      this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1)
      this.say(`${kind}: ${fault.words}; for ${holdMs} ms`)
    }
    await Promise.all(drawn.map(({ fault }) => fault.strike(cluster)))
    await sleep(holdMs)
    const victims = new Set(drawn.flatMap(({ fault }) => fault.victims))
    const others = this.#options.shape.members.filter((index) => !victims.has(index))
    if (victims.size <= this.#options.shape.faultyMax) await this.#mustGoOn(cluster, others, 'meanwhile')
    await Promise.all(drawn.map(({ fault }) => fault.heal(cluster)))
    try {
      await cluster.ready(READY_MS_MAX)
    } catch (error) {
      this.violate('NOT_BACK', error instanceof Error ? error.message : String(error))
      return
    }
    await this.#mustGoOn(cluster, this.#options.shape.members, 'afterwards')
    await sleep(restMs)
  }

  async #mustGoOn(cluster: ChaosCluster, members: readonly number[], when: string): Promise<void> {
    await Promise.all(
      members.map(async (index) => {
        this.#probes += 1
        const serial = this.#probes
        const statement = { sql: 'INSERT INTO entry(writer, serial, v) VALUES (?, ?, ?)', args: [0, serial, when] }
        const outcome = await cluster.load.write(`probe-${serial}`, [statement], [index], ANSWER_MS_MAX)
        if (outcome !== 'done') this.violate('STALLED', `${when}, a write through member ${index} came to: ${outcome}`)
      }),
    )
  }

  /** What members say in the end, and whether receipts prove what was acknowledged. */
  async testimony(cluster: ChaosCluster): Promise<void> {
    await cluster.converged(READY_MS_MAX).catch((error: unknown) => this.violate('NOT_ONE', String(error)))
    for (const member of cluster.members) {
      const { faults } = await member.status()
      // Nobody here lies. Whoever is accused signed two things, or the accuser is wrong.
      if (faults.length > 0) this.violate('ACCUSED', `member ${member.index} holds evidence: ${JSON.stringify(faults)}`)
    }
    const random = new Random(this.#options.seed, 'receipts')
    const answered = cluster.load.history.writes.filter(({ answer }) => answer.kind !== 'unknown')
    for (const { id, answer } of random.some(answered, RECEIPTS_MAX)) {
      const { url, index } = random.pick(cluster.members)
      const verdict = await judgeReceipt(url, id, cluster.genesisPath)
      const isRight =
        verdict.kind === 'proves' &&
        answer.kind !== 'unknown' &&
        verdict.height === answer.height &&
        verdict.position === answer.position
      if (!isRight)
        this.violate(
          'RECEIPT',
          `of ${id} from member ${index}: ${JSON.stringify(verdict)}, acknowledged ${JSON.stringify(answer)}`,
        )
    }
  }
}

/** Runs and judges. */
export async function runChaos(options: RunOptions): Promise<RunReport> {
  const { seed, shape, host } = options
  const run = new Run(options)
  const cluster = await ChaosCluster.make({
    seed,
    members: shape.members.length,
    mediumOf: (index) => {
      if (index === shape.onTmpfs) return host.lacksTmpfs === undefined ? 'tmpfs' : 'plain'
      return host.lacksExt4 === undefined ? 'ext4' : 'plain'
    },
    diskBytes: DISK_BYTES,
    inNamespaces: host.lacksNamespaces === undefined,
    note: (text) => run.say(`  ${text}`),
    violate: run.violate,
  })
  let height = 0
  try {
    for (const member of cluster.members) member.start()
    await cluster.ready(READY_MS_MAX)
    for (const [i, statement] of SCHEMA.entries())
      await cluster.load.write(`schema-${i}`, [statement], shape.members, ANSWER_MS_MAX)
    run.say('all serve; the load begins')
    cluster.load.start(CLIENTS)
    await sleep(WARM_UP_MS)
    await run.episodes(cluster)
    await cluster.load.stop()
    run.say('the load is over')
    if (run.violations.length === 0) await run.testimony(cluster)
    run.say('all have testified')
    for (const late of await cluster.stop()) run.violate('STOP', `SIGTERM should end with code 0; ${late}`)
    run.say('all are stopped')
    const ledgers = cluster.members.map((member) => readLedger(member.index, member.medium.dataDir))
    height = Math.max(...ledgers.map((ledger) => ledger.blocks.length)) - 1
    for (const { rule, what } of check(ledgers, cluster.load.history)) run.violate(rule, what)
    run.say('judged')
  } finally {
    await cluster.clean(run.violations.length > 0)
  }
  const { writes, reads } = cluster.load.history
  return {
    violations: run.violations,
    struck: run.struck,
    skipped: run.skipped,
    writes: writes.length,
    reads: reads.length,
    height,
    folder: run.violations.length > 0 ? cluster.folder : undefined,
  }
}

/** A report as lines; the last one counts. */
export function printReport(seed: number, report: RunReport): readonly string[] {
  const { violations, struck, skipped, writes, reads, height, folder } = report
  return [
    ...violations.map(({ rule, what }) => `WRONG ${rule}: ${what}`),
    ...(folder === undefined ? [] : [`logs and files: ${folder}`]),
    `struck: ${[...struck].map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    `seed ${seed}: ${violations.length} wrong, ${struck.size} kinds struck, ${skipped.size} skipped, ` +
      `${writes} writes, ${reads} reads, ${height} blocks`,
  ]
}
