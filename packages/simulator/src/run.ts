// One run: a cluster is made from a plan, lives through its faults, is healed in part, and must come to rest. Safety first: anything
// may be down, each machine comes back by itself, and nothing promised may break. Then liveness: a random quorum of honest members
// is healed, what is wrong outside it stays wrong for ever, and everything that clients wait for must be answered within a bound.

import type { Genesis } from '@quorate/types'
import { blockHash, ledgerId } from '@quorate/types'
import { Chronicle } from './chronicle.ts'
import { SimClock } from './clock.ts'
import { Clients } from './clients.ts'
import type { SimDatabase } from './database.ts'
import { ModelDatabase } from './database.ts'
import { SimDisk } from './disk.ts'
import { Doubter } from './gateway.ts'
import type { KeyRing } from './keys.ts'
import { keyRing } from './keys.ts'
import { LedgerBook } from './ledger-book.ts'
import { liarOf } from './lies.ts'
import type { Traffic } from './network.ts'
import { SimNetwork } from './network.ts'
import { Nemesis } from './nemesis.ts'
import { Observer } from './observer.ts'
import type { Plan } from './plan.ts'
import { faultyMax, faultyOf, seatsOf } from './plan.ts'
import type { HistoryEvent } from './history/history.ts'
import { foundingSql } from './programs.ts'
import type { Machine, Surroundings } from './replica.ts'
import { SimReplica } from './replica.ts'
import { engines, SqlDatabase } from './sql-database.ts'
import type { VerbTable } from './verbs.ts'
import { Verbs } from './verbs.ts'
import type { Violation } from './world.ts'
import { World } from './world.ts'

/** Virtual time within which a healed core must have answered everything. */
export const LIVENESS_MS_MAX = 120_000
/** Writes that each member of the core must get executed. */
const PROBES = 2
/** How often bounds are looked at. */
const LOOK_MS = 5000
/** Units that a disk may hold for each member: pruning lags behind what is kept in memory by 64 heights. */
const UNITS_PER_MEMBER_MAX = 20_000

/** What a run gave. */
export interface Result {
  readonly plan: Plan
  readonly violation: Violation | undefined
  /** Why a stall is no violation: more was wrong than the failure model allows. */
  readonly beyondModel: string | undefined
  /** One value for everything that happened: equal on every machine. */
  readonly digest: string
  readonly virtualMs: number
  readonly events: number
  readonly heights: number
  readonly transactions: number
  /** How long the healed core took. */
  readonly livenessMs: number | undefined
  readonly traffic: Traffic
  readonly counts: Clients['counts']
  readonly faults: ReadonlyMap<string, number>
  readonly rare: ReadonlyMap<string, number>
  /** What clients saw of registers. */
  readonly history: readonly HistoryEvent[]
  readonly verbs: VerbTable
  /** The last events, a line each. */
  readonly picture: readonly string[]
}

function genesisOf(ring: KeyRing, plan: Plan): Genesis {
  const founders = ring.signers.map(({ id }, number) => ({ id, name: `m${number}`, address: `m${number}:1` }))
  return { version: 1, name: 'simulated', founders, sql: foundingSql(plan.load), ...plan.rotation }
}

async function databases(plan: Plan): Promise<() => SimDatabase> {
  if (plan.executor === 'model') return () => new ModelDatabase()
  const shared = await engines()
  return () => new SqlDatabase(shared)
}

/** Why the failure model promises nothing for this plan, or undefined. */
export function beyondModelOf(plan: Plan): string | undefined {
  const faulty = faultyOf(plan).size
  const most = faultyMax(seatsOf(plan))
  return faulty > most
    ? `${faulty} members are faulty, the failure model allows ${most} of ${seatsOf(plan)} seats`
    : undefined
}

/** Phases in which a replica answers. */
const SERVING: ReadonlySet<string> = new Set(['operational', 'following'])

/** A cluster made from a plan. */
class Cluster {
  readonly plan: Plan
  readonly world: World
  readonly network: SimNetwork
  readonly chronicle: Chronicle
  readonly replicas: readonly SimReplica[]
  readonly observer: Observer
  readonly nemesis: Nemesis
  readonly clients: Clients
  /** Clients of gateways that lie. */
  readonly doubters: readonly Doubter[]
  readonly verbs: Verbs
  readonly book: LedgerBook
  livenessMs: number | undefined

  constructor(plan: Plan, faulty: ReadonlySet<number>, newDatabase: () => SimDatabase) {
    this.plan = plan
    const world = new World(plan.seed)
    const ring = keyRing(plan.signing, plan.seed, plan.members)
    const genesis = genesisOf(ring, plan)
    this.world = world
    this.network = new SimNetwork(world, plan.weather, plan.members)
    this.chronicle = new Chronicle(world)
    this.book = new LedgerBook(ledgerId(genesis), newDatabase())
    this.observer = new Observer({
      world,
      genesis,
      ring,
      book: this.book,
      chronicle: this.chronicle,
      faulty,
      onCatchUp: (replica) => this.nemesis.catchesUp(replica),
      onStopped: (replica, code) => this.nemesis.stopped(replica, code),
    })
    const chance = world.random('handed over')
    const around: Surroundings = {
      world,
      network: this.network,
      genesis,
      ring,
      speed: plan.speed,
      watcher: this.observer,
      place: (transactions) =>
        world.after(chance.between(1, 50), () => {
          const able = this.replicas.filter((replica) => replica.core?.status().phase === 'operational')
          if (able.length > 0) chance.pick(able).submit(transactions)
        }),
    }
    this.replicas = this.#machines(around, newDatabase)
    this.network.connect(this.replicas)
    this.chronicle.show(this.replicas)
    this.observer.watch(this.replicas)
    const { observer, replicas, network, chronicle } = this
    this.nemesis = new Nemesis({ world, plan, network, replicas, observer, chronicle })
    this.verbs = new Verbs(world, plan)
    const onRare = (name: string): void => observer.count(name)
    const lying = new Set(plan.liars.filter((liar) => liar.lie === 'gateway').map((liar) => liar.member))
    this.doubters = replicas
      .filter((replica) => lying.has(replica.member))
      .map((replica) => new Doubter({ world, genesis, ring, book: this.book, onRare }, replica))
    this.clients = new Clients({
      world,
      load: plan.load,
      genesis,
      ring,
      book: this.book,
      replicas,
      verbs: this.verbs,
      isHonest: (member) => observer.isHonest(member),
      onCertified: (replica) => this.#learn(replica),
      onRare,
    })
  }

  #learn(replica: SimReplica): void {
    if (this.observer.isHonest(replica.member)) this.observer.learn(replica, replica.core?.status().certified ?? -1)
  }

  /** A machine for each member; two for twins. */
  #machines(around: Surroundings, newDatabase: () => SimDatabase): readonly SimReplica[] {
    const { world, ring } = around
    const replicas: SimReplica[] = []
    for (const [member, signer] of ring.signers.entries()) {
      const lie = this.plan.liars.find((liar) => liar.member === member)?.lie
      for (let copy = 0; copy < (lie === 'twins' ? 2 : 1); copy += 1) {
        const index = replicas.length
        const random = world.random(`machine ${index}`)
        const peers = ring.signers.map((each) => each.id).filter((id) => id !== signer.id)
        const machine: Machine = {
          index,
          member,
          signer,
          disk: new SimDisk(world, world.random(`disk ${index}`), around.speed),
          database: newDatabase(),
          clock: new SimClock(world, this.plan.clocks[member] ?? { skewMs: 0, driftPpm: 0 }),
          random,
          liar:
            lie === undefined || lie === 'twins'
              ? undefined
              : (replica) =>
                  liarOf(lie, {
                    signer: { id: signer.id, sign: (message) => signer.sign(message, replica.seatKey) },
                    network: around.network,
                    random: world.random(`lies ${index}`),
                    peers,
                    replica,
                  }),
        }
        replicas.push(new SimReplica(around, machine))
      }
    }
    return replicas
  }

  /** Faults, and clients among them. */
  async live(): Promise<void> {
    const random = this.world.random('beginning')
    for (const replica of this.replicas) this.world.after(random.between(0, 500), () => replica.start())
    this.nemesis.schedule()
    this.clients.start()
    for (const doubter of this.doubters) doubter.start()
    this.#look()
    await this.world.run(this.plan.durationMs)
  }

  /** A quorum is healed and must answer everything. */
  async recover(): Promise<void> {
    if (this.world.violation !== undefined) return
    const honest = [...new Set(this.replicas.map((replica) => replica.member))].filter((member) =>
      this.observer.isHonest(member),
    )
    const quorum = this.plan.members - faultyMax(seatsOf(this.plan))
    const members = new Set(this.world.random('core').some(honest, quorum))
    const core = this.replicas.filter((replica) => members.has(replica.member))
    this.chronicle.tell(undefined, `heals members ${[...members].join(' ')}; all else stays as it is`)
    this.nemesis.freeze(members)
    this.network.heal(members)
    this.clients.rest(core)
    for (const doubter of this.doubters) doubter.rest()
    for (const replica of core) {
      replica.machine.disk.isFull = false
      if (!replica.isUp) await replica.start()
    }
    for (const replica of core) for (let probe = 0; probe < PROBES; probe += 1) this.clients.probe(replica)
    const beganMs = this.world.nowMs
    const isQuiet = (): boolean =>
      this.clients.open.size === 0 &&
      core.every((replica) => {
        this.#learn(replica)
        const status = replica.core?.status()
        return SERVING.has(status?.phase ?? '') && status?.certified === this.book.tip
      })
    const isLive = await this.world.run(beganMs + LIVENESS_MS_MAX, isQuiet)
    if (isLive) this.livenessMs = this.world.nowMs - beganMs
    else if (beyondModelOf(this.plan) === undefined)
      this.world.fail(
        'liveness',
        `members ${[...members].join(' ')} are healed since ${LIVENESS_MS_MAX} ms; waiting: ${[...this.clients.open].join(' ')}; ` +
          core
            .map(
              (replica) => `m${replica.member} ${replica.core?.status().phase} at ${replica.core?.status().certified}`,
            )
            .join(', '),
      )
  }

  /** Whatever any honest disk holds as certified is what the book says. */
  audit(): void {
    for (const replica of this.replicas) {
      if (!this.observer.isHonest(replica.member)) continue
      const { disk } = replica.machine
      for (let at = 0; at <= disk.certifiedHeight; at += 1) {
        const block = disk.peek(at)
        if (block !== undefined && blockHash(block.header) !== this.book.at(at)?.hash)
          this.world.fail('agreement', `the disk of member ${replica.member} holds another block at height ${at}`)
      }
    }
  }

  /** Bounds, from time to time. */
  #look(): void {
    this.world.after(LOOK_MS, () => {
      for (const replica of this.replicas) {
        const room = replica.core?.room
        if (room !== undefined && (room.items < 0 || room.bytes < 0))
          this.world.fail(
            'bounds',
            `member ${replica.member} queues more than it may: ${room.items} items, ${room.bytes} bytes`,
          )
        const units = replica.machine.disk.unitCount
        if (units > UNITS_PER_MEMBER_MAX * this.plan.members)
          this.world.fail('bounds', `member ${replica.member} keeps ${units} units`)
      }
      this.#look()
    })
  }
}

/**
 * Runs a plan. The result depends on the arguments alone. `faulty` are the members that are not held to what honest ones
 * promise; with less than the plan makes faulty, a run shows that breaking a promise is found.
 */
export async function run(plan: Plan, faulty: ReadonlySet<number> = faultyOf(plan)): Promise<Result> {
  const cluster = new Cluster(plan, faulty, await databases(plan))
  const { world, network, clients, nemesis, observer, chronicle, book } = cluster
  await cluster.live()
  await cluster.recover()
  cluster.audit()
  clients.registers.judge()
  return {
    plan,
    violation: world.violation,
    beyondModel: beyondModelOf(plan),
    digest: world.digest(),
    virtualMs: world.nowMs,
    events: world.events,
    heights: book.tip + 1,
    transactions: book.transactions,
    livenessMs: cluster.livenessMs,
    traffic: network.traffic,
    counts: clients.counts,
    faults: nemesis.begun,
    rare: observer.rare,
    history: clients.registers.history,
    verbs: cluster.verbs.table,
    picture: chronicle.lines,
  }
}
