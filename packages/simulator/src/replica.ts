// A simulated machine with a replica on it. The parts that decide are the product's own: core, main loop, inbox, front, recovery.
// What they reach of the world goes through ports that belong to one process: when it ends, at any of the steps it takes, whatever it
// still does or hears is nobody's.

import type { AdmissionError } from '@quorate/choam'
import { Choam, CHOAM_LIMITS } from '@quorate/choam'
import { must, unwrap } from '@quorate/kernel'
import type { Bend, FinalBlock, Listener, Ports, ReadersOfFront, RecoverableDatabase } from '@quorate/replica/host'
import {
  Answers,
  catchUpDatabase,
  decodeOutcomes,
  Front,
  Inbox,
  MainLoop,
  Reads,
  restore,
  statusOf,
  StoreLedger,
  Submissions,
} from '@quorate/replica/host'
import { ERA } from '@quorate/sql-state'
import type { Answer, ConsensusKey, Evidence, Genesis, Join, MemberId } from '@quorate/types'
import { genesisView, height as heightOf, identityKey, joinSignedBytes, ledgerId, millis } from '@quorate/types'
import type { SimClock } from './clock.ts'
import type { SimDatabase } from './database.ts'
import type { SimDisk } from './disk.ts'
import type { Gateway } from './gateway.ts'
import type { KeyRing, MemberSigner } from './keys.ts'
import { verdicts } from './keys.ts'
import type { SimNetwork, Station } from './network.ts'
import type { Speed } from './plan.ts'
import type { Frame } from './questions.ts'
import { answerFrame, askFrame, OpenQuestions, spokenIn } from './questions.ts'
import type { Random } from './random.ts'
import { SimSessions } from './sessions.ts'
import type { World } from './world.ts'

const SWEEP_MS = 250
/** Bytes that a transaction takes beyond its own: frames and ids. */
const ENVELOPE_BYTES = 512
/** From power to the first message, at least and at most. */
const BOOT_MS = [20, 400] as const

/** What everybody on the machines of a run shares. */
export interface Surroundings {
  readonly world: World
  readonly network: SimNetwork
  readonly genesis: Genesis
  readonly ring: KeyRing
  readonly speed: Speed
  readonly watcher: Watcher
  /** Hands transactions that a replica can't order to one that can. Lost where there is none: their clients ask again. */
  readonly place: (transactions: readonly Uint8Array[]) => void
}

/** Who sees what the replicas do. */
export interface Watcher {
  /** A process runs; it has certified up to there before. */
  started(replica: SimReplica): void
  /** Something signed came in and was admitted. */
  heard(replica: SimReplica, input: Parameters<MainLoop['feed']>[0]): void
  final(replica: SimReplica, block: FinalBlock): void
  evidence(replica: SimReplica, member: MemberId, evidence: Evidence): void
  /** Something that came in was not admitted. */
  refused(replica: SimReplica, from: MemberId, error: AdmissionError): void
  /** The replica stopped by itself. */
  stopped(replica: SimReplica, reason: Error): void
  trace(replica: SimReplica, event: string, detail: Readonly<Record<string, string | number>>): void
}

/** What is this machine's own. */
export interface Machine {
  readonly index: number
  readonly member: number
  readonly signer: MemberSigner
  readonly disk: SimDisk
  readonly database: SimDatabase
  readonly clock: SimClock
  readonly random: Random
  /** How its member lies, if it does. */
  readonly liar: ((replica: SimReplica) => Liar) | undefined
}

/** Changes what leaves a machine. */
export interface Liar {
  readonly bend: Bend
  /** What is answered instead; undefined for no answer. */
  readonly answer: (answer: Answer) => Answer | undefined
  /** What clients speak to instead. */
  readonly gateway: (front: Gateway) => Gateway
}

/** What lives and ends with a process. */
interface Process {
  readonly core: Choam
  readonly loop: MainLoop
  readonly inbox: Inbox
  readonly front: Gateway
  readonly reads: Reads
  readonly submissions: Submissions
  readonly questions: OpenQuestions
  readonly answers: Answers
  readonly sessions: SimSessions
  readonly liar: Liar | undefined
}

export class SimReplica implements Station {
  readonly machine: Machine
  readonly #around: Surroundings
  #process: Process | undefined
  life = 0
  tarryMs = 0
  #stepsLeft = Infinity
  #onLastStep: () => void = () => undefined

  constructor(around: Surroundings, machine: Machine) {
    this.#around = around
    this.machine = machine
  }

  get index(): number {
    return this.machine.index
  }

  get member(): number {
    return this.machine.member
  }

  get id(): MemberId {
    return this.machine.signer.id
  }

  get isUp(): boolean {
    return this.#process !== undefined
  }

  /** What clients speak to; undefined while the process is down. */
  get front(): Gateway | undefined {
    return this.#process?.front
  }

  get core(): Choam | undefined {
    return this.#process?.core
  }

  /** Submissions that wait for their outcome. */
  get waiting(): number {
    return this.#process?.submissions.size ?? 0
  }

  /** Takes transactions that another replica can't order. */
  submit(transactions: readonly Uint8Array[]): void {
    this.#process?.loop.feed({ kind: 'submit', transactions })
  }

  /** Starts a process on what the disk holds. */
  async start(): Promise<void> {
    if (this.isUp) return
    const { world, genesis, watcher } = this.#around
    const { disk, database } = this.machine
    this.life += 1
    const { life } = this
    try {
      const recoverable: RecoverableDatabase = {
        get height() {
          return database.height
        },
        execute: (job) => Promise.resolve(database.execute(job)),
        rewind: (to) => Promise.resolve(database.rewind(to)),
      }
      await catchUpDatabase(disk, recoverable, ledgerId(genesis), () => undefined)
      const restored = await restore(disk, {
        genesis,
        recentRounds: CHOAM_LIMITS.windowRounds,
        keys: [...disk.viewKeys.values()].map(({ key }) => key),
        shares: [...disk.viewKeys.values()].flatMap(({ key, share }) => (share === undefined ? [] : [{ key, share }])),
        members: undefined,
      })
      const [least, most] = BOOT_MS
      world.after(this.machine.random.between(least, most), () => {
        if (this.life !== life) return
        const process = this.#open(life)
        this.#process = process
        process.loop.feed({ kind: 'start', restored })
        const { certified } = process.core.status()
        if (certified !== undefined) process.reads.advance(heightOf(certified))
        watcher.started(this)
        this.#sweep(life)
        this.#around.network.joined(this)
      })
    } catch (error) {
      watcher.stopped(this, error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Ends the process at once. The disk keeps a part of what is under way; the database may lose its newest heights. */
  crash(keep: number, stateLost: number): void {
    const { disk, database } = this.machine
    this.life += 1
    this.#stepsLeft = Infinity
    this.#process?.loop.stop()
    this.#process?.sessions.end()
    this.#process = undefined
    disk.crash(keep)
    if (stateLost > 0 && database.height !== undefined) {
      const left = database.height - stateLost
      database.rewind(left < 0 ? undefined : heightOf(left))
    }
  }

  /** Counts the process's next steps into the world and calls `then` in the middle of the last. */
  afterSteps(steps: number, then: () => void): void {
    this.#stepsLeft = steps
    this.#onLastStep = then
  }

  receive(from: MemberId, code: number, body: Uint8Array): void {
    const process = this.#process
    if (process === undefined) return
    const spoken = spokenIn({ code, body })
    switch (spoken.kind) {
      case 'other':
        return process.inbox.receive(from, code, body)
      case 'noise':
        return
      case 'answer':
        if (process.questions.take(from, spoken.number, spoken.answer.kind)) process.inbox.answered(from, spoken.answer)
        return
      case 'ask': {
        const { life } = this
        void process.answers.to(spoken.ask).then(
          (answer) => {
            const given = process.liar === undefined ? answer : process.liar.answer(answer)
            if (given !== undefined && this.#step(life)) this.#send(from, answerFrame(spoken.number, given))
          },
          (error: unknown) => {
            if (this.life === life)
              this.#around.watcher.stopped(this, error instanceof Error ? error : new Error(String(error)))
          },
        )
      }
    }
  }

  #send(to: MemberId, { code, body }: Frame): void {
    this.#around.network.send(this, to, code, body)
  }

  greet(peer: MemberId): void {
    this.#process?.loop.feed({ kind: 'peer', member: peer, up: true })
  }

  /** Whether the process of that life still runs; each question may be its last. */
  #step(life: number): boolean {
    if (this.life !== life) return false
    this.#stepsLeft -= 1
    if (this.#stepsLeft > 0) return true
    this.#stepsLeft = Infinity
    this.#onLastStep()
    return this.life === life
  }

  #open(life: number): Process {
    const { world, genesis, ring, watcher } = this.#around
    const { signer, clock } = this.machine
    const join: Join = { member: this.id, view: genesisView(ledgerId(genesis)), key: identityKey(this.id) }
    const core = new Choam({
      genesis,
      me: this.id,
      era: ERA,
      join: { ...join, signature: signer.sign(joinSignedBytes(join)) },
      coins: ring.coins,
    })
    const submissions = new Submissions()
    const questions = new OpenQuestions()
    const ledger = this.#ledger(life)
    const liar = this.machine.liar?.(this)
    const ports = this.#ports(life, ledger, questions)
    const reads = new Reads(
      (input) => loop.feed(input),
      () => clock.monotonicMs(),
    )
    const loop: MainLoop = new MainLoop(core, ports, this.#listener({ life, reads, submissions }), liar?.bend)
    const inbox = new Inbox(
      core,
      { verify: (checks) => Promise.resolve(verdicts(ring, checks)) },
      (input) => {
        if (this.life !== life) return
        watcher.heard(this, input)
        loop.feed(input)
      },
      (from, error) => watcher.refused(this, from, error),
    )
    let pending: Uint8Array[] = []
    let pendingBytes = 0
    const submit = (transaction: Uint8Array): boolean => {
      const { items, bytes } = core.room
      const size = transaction.length + ENVELOPE_BYTES
      if (items <= pending.length || bytes < pendingBytes + size) return false
      pending.push(transaction)
      pendingBytes += size
      if (pending.length > 1) return true
      world.after(0, () => {
        const transactions = pending
        pending = []
        pendingBytes = 0
        if (this.life === life) loop.feed({ kind: 'submit', transactions })
      })
      return true
    }
    const sessions = new SimSessions(this.machine.database, this.machine.random)
    const front = new Front({
      core,
      genesis,
      ledger: ledgerId(genesis),
      store: this.machine.disk,
      readers: this.#readers(sessions),
      reads,
      submissions,
      submit,
      status: () =>
        statusOf({
          version: '0',
          ledger: ledgerId(genesis),
          genesis,
          me: this.id,
          core: core.status(),
          links: [],
          transactions: 0,
          queued: submissions.size,
          wallMs: clock.wallMs(),
          freeBytes: undefined,
        }),
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
    })
    return {
      core,
      loop,
      inbox,
      front: liar?.gateway(front) ?? front,
      reads,
      submissions,
      questions,
      answers: new Answers(core, ledger),
      sessions,
      liar,
    }
  }

  #ledger(life: number): StoreLedger {
    const { disk } = this.machine
    return new StoreLedger({
      append: (records) => (this.#step(life) ? disk.append(records) : never()),
      blocks: (from, countMax, bytesMax) => (this.#step(life) ? disk.blocks(from, countMax, bytesMax) : never()),
    })
  }

  #ports(life: number, ledger: StoreLedger, questions: OpenQuestions): Ports {
    const { world, speed } = this.#around
    const { database, clock, random } = this.machine
    let freeAtMs = 0
    return {
      signer: this.#signer(life),
      ledger,
      network: {
        send: (to, code, body) => {
          for (const member of to) if (this.#step(life)) this.#send(member, { code, body })
        },
        ask: (to, ask) => {
          for (const member of to) {
            if (!this.#step(life)) return
            this.#send(member, askFrame(questions.asked(member, ask.kind), ask))
          }
        },
      },
      clock: clock.ofProcess(() => this.life === life),
      executor: {
        execute: (job) => {
          if (!this.#step(life)) return never()
          const [least, most] = speed.executeMs
          freeAtMs = Math.max(world.nowMs, freeAtMs) + random.between(least, most)
          return new Promise((resolve, reject) => {
            world.at(freeAtMs, () => {
              if (this.life !== life) return
              try {
                resolve(database.execute({ ...job, timeMs: millis(job.timeMs) }))
              } catch (error) {
                reject(error instanceof Error ? error : new Error(String(error)))
              }
            })
          })
        },
      },
    }
  }

  /** Signs with the keys that are on this machine's disk. */
  #signer(life: number): Ports['signer'] {
    const { signer, disk } = this.machine
    return {
      id: signer.id,
      sign: (message, key) => signer.sign(message, key),
      viewKeys: {
        publishedIn: (view) => {
          const kept = disk.viewKeys.get(view) ?? { key: signer.keyIn(view) }
          if (this.#step(life)) disk.viewKeys.set(view, kept)
          const secret = signer.secretIn(view)
          return { key: kept.key, secret, receiver: this.#around.ring.coins.receiver(secret) }
        },
        keepShare: (key, share) => {
          if (!this.#step(life)) return
          for (const [view, kept] of disk.viewKeys) if (kept.key === key) disk.viewKeys.set(view, { key, share })
        },
        begun: (begun, kept) => {
          if (!this.#step(life)) return
          for (const [view, { key }] of disk.viewKeys) if (key !== kept && view !== begun) disk.viewKeys.delete(view)
        },
      },
    }
  }

  /** The key of the seat that this replica's process holds now. */
  get seatKey(): ConsensusKey | undefined {
    const core = this.core
    return core?.seatIn(core.status().view)?.key
  }

  #readers(sessions: SimSessions): ReadersOfFront {
    const { database } = this.machine
    return {
      read: (request) => {
        try {
          return Promise.resolve(database.read(request.height, request.program))
        } catch (error) {
          // A reader's thread that is lost answers so; the replica goes on.
          return Promise.resolve({ kind: 'failed', message: String(error) })
        }
      },
      inSession: (request) => sessions.inSession(request),
      newSession: () => sessions.newSession(),
    }
  }

  #listener(process: { life: number; reads: Reads; submissions: Submissions }): Listener {
    const { watcher } = this.#around
    const { life, reads, submissions } = process
    return {
      onFinal: (block) => {
        if (this.life !== life) return
        watcher.final(this, block)
        reads.advance(block.header.height)
        if (block.execution === undefined) return
        const outcomes = unwrap(decodeOutcomes(block.execution.results), 'results just executed')
        submissions.final(block.header.height, block.execution.hashes, (position) =>
          must(outcomes[position], 'every transaction has an outcome'),
        )
      },
      onReadable: (request, at) => reads.readable(request, at),
      onEvidence: (member, evidence) => watcher.evidence(this, member, evidence),
      onUnplaced: (transactions) => this.#around.place(transactions),
      onFatal: (reason) => {
        if (this.life === life) watcher.stopped(this, reason)
      },
      onTrace: (event, detail) => watcher.trace(this, event, detail),
    }
  }

  #sweep(life: number): void {
    this.#around.world.after(SWEEP_MS, () => {
      const process = this.#process
      if (this.life !== life || process === undefined) return
      process.submissions.expire(this.machine.clock.monotonicMs())
      process.reads.expire()
      this.#sweep(life)
    })
  }
}

/** Nothing comes back to a process that has ended. */
function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
