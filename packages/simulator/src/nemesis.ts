// Carries out a plan's faults. Each begins at its time and ends by itself; when the demand for liveness begins, what has not ended
// outside the healed core stays as it is for ever.

import { must } from '@quorate/kernel'
import type { Chronicle } from './chronicle.ts'
import type { SimNetwork } from './network.ts'
import type { Observer } from './observer.ts'
import type { Fault, Plan } from './plan.ts'
import type { Random } from './random.ts'
import type { SimReplica } from './replica.ts'
import type { World } from './world.ts'

/** A crash comes after so long at the latest, however few steps were taken. */
const STEPS_MS_MAX = 3000
/** A replica that stopped by itself is started again after so long. */
const RESTART_MS = [200, 4000] as const

/** What the nemesis stands on. */
export interface NemesisParts {
  readonly world: World
  readonly plan: Plan
  readonly network: SimNetwork
  readonly replicas: readonly SimReplica[]
  readonly observer: Observer
  readonly chronicle: Chronicle
}

export class Nemesis {
  readonly #parts: NemesisParts
  readonly #random: Random
  readonly #all: ReadonlySet<number>
  #isFrozen = false
  #core: ReadonlySet<number> = new Set()
  /** Crashes that wait for somebody to catch up. */
  readonly #ambushes: (Fault & { kind: 'crash' })[] = []
  /** Faults begun, by kind. */
  readonly begun = new Map<string, number>()

  constructor(parts: NemesisParts) {
    this.#parts = parts
    this.#random = parts.world.random('nemesis')
    this.#all = new Set(parts.replicas.map((replica) => replica.member))
  }

  /** Puts every fault on the agenda. */
  schedule(): void {
    for (const fault of this.#parts.plan.faults) {
      this.#parts.world.at(fault.atMs, () => {
        if (this.#isFrozen) return
        this.begun.set(fault.kind, (this.begun.get(fault.kind) ?? 0) + 1)
        const { atMs: _, ...rest } = fault
        this.#parts.chronicle.tell(undefined, JSON.stringify(rest))
        this.#begin(fault)
      })
    }
  }

  /** Nothing begins or ends any more; only machines of the core still have an operator. */
  freeze(core: ReadonlySet<number>): void {
    this.#isFrozen = true
    this.#core = core
    const isForGood = (replica: SimReplica): boolean => !replica.isUp && !core.has(replica.member)
    if (this.#parts.replicas.some(isForGood)) this.#parts.observer.count('healed without a machine that stays down')
  }

  /** A replica fetches what it lacks: whoever waited for that strikes. */
  catchesUp(replica: SimReplica): void {
    if (this.#isFrozen) return
    const fault = this.#ambushes.shift()
    if (fault !== undefined) this.#crashSoon(replica, fault)
  }

  /** A replica stopped by itself: its operator looks at why, and starts it again. */
  stopped(replica: SimReplica, code: string): void {
    const { disk, database } = replica.machine
    const { observer } = this.#parts
    replica.crash(0, 0)
    if (code === 'STATE_DAMAGED') database.rewind(undefined)
    if (code === 'STORE_CORRUPT') this.#wipe(replica)
    this.#parts.world.after(this.#random.between(RESTART_MS[0], RESTART_MS[1]), () => {
      if (this.#isFrozen && !this.#core.has(replica.member)) return undefined
      if (disk.isFull) return this.stopped(replica, code)
      if (code === 'STORE_IO') observer.count('back from a full disk')
      if (code === 'STATE_DAMAGED' || code === 'STORE_CORRUPT') observer.count('back from rot')
      return replica.start()
    })
  }

  #later(delayMs: number, run: () => void | Promise<void>): void {
    this.#parts.world.after(delayMs, () => (this.#isFrozen ? undefined : run()))
  }

  #replicasOf(member: number): readonly SimReplica[] {
    return this.#parts.replicas.filter((replica) => replica.member === member)
  }

  #crash(replica: SimReplica, how: { downMs: number; keep: number; stateLost: number }, between = () => {}): void {
    const { chronicle, observer, replicas } = this.#parts
    chronicle.tell(replica, 'crashes')
    if (replica.core?.status().phase === 'synchronizing') observer.count('restarted while it caught up')
    if (how.stateLost > 0 && replica.machine.database.height !== undefined)
      observer.count('database taken back at a restart')
    replica.crash(how.keep, how.stateLost)
    if (replicas.length > 1 && replicas.every((each) => !each.isUp)) observer.count('everybody down at once')
    between()
    const { life } = replica
    this.#later(how.downMs, () => {
      if (replica.life === life) return replica.start()
      return undefined
    })
  }

  #wipe(replica: SimReplica): void {
    replica.machine.disk.restoreTo(-1)
    replica.machine.disk.viewKeys.clear()
    replica.machine.database.rewind(undefined)
  }

  #begin(fault: Fault): void {
    const { network, chronicle } = this.#parts
    switch (fault.kind) {
      case 'crash':
        if (fault.inCatchUp === true) this.#ambushes.push(fault)
        else for (const replica of this.#replicasOf(fault.member)) this.#crashSoon(replica, fault)
        return
      case 'crash-all':
        for (const replica of this.#parts.replicas) this.#crash(replica, { ...fault, stateLost: 0 })
        return
      case 'wipe':
        for (const replica of this.#replicasOf(fault.member))
          this.#crash(replica, { downMs: fault.downMs, keep: 0, stateLost: 0 }, () => this.#wipe(replica))
        return
      case 'old-disk':
        for (const replica of this.#replicasOf(fault.member))
          this.#crash(replica, { downMs: fault.downMs, keep: 0, stateLost: 0 }, () => {
            const { disk } = replica.machine
            const before = disk.tipHeight
            disk.restoreTo(this.#parts.world.nowMs - fault.ageMs)
            if (disk.tipHeight < before) this.#parts.observer.count('an older disk restored')
          })
        return
      case 'lying-sync':
        for (const replica of this.#replicasOf(fault.member)) {
          replica.machine.disk.lie()
          this.#later(fault.forMs, () => this.#crash(replica, { downMs: fault.downMs, keep: 0, stateLost: 0 }))
        }
        return
      case 'disk-full':
      case 'ledger-rot':
      case 'state-rot':
        for (const replica of this.#replicasOf(fault.member)) this.#spoil(replica, fault)
        return
      case 'clock-jump':
        for (const replica of this.#replicasOf(fault.member)) replica.machine.clock.jump(fault.byMs)
        return
      case 'split':
        return this.#split(fault)
      case 'flap':
        return this.#flap(new Set(fault.side), fault.periodMs, this.#parts.world.nowMs + fault.forMs)
      case 'gray':
        network.slow(fault.member, fault.slowerMs)
        this.#later(fault.forMs, () => network.slow(fault.member, -fault.slowerMs))
        return
      case 'clog':
        network.clog(fault.from, fault.to, true)
        this.#later(fault.forMs, () => network.clog(fault.from, fault.to, false))
        return
      case 'reset':
        network.reset(fault.member)
        chronicle.tell(must(this.#replicasOf(fault.member)[0], 'a member has a machine'), 'loses its connections')
    }
  }

  #crashSoon(replica: SimReplica, fault: Fault & { kind: 'crash' }): void {
    if (!replica.isUp) return
    // An ambush strikes from within the replica's own step: it must not end in the middle of it.
    if (fault.steps === 0 && fault.inCatchUp !== true) return this.#crash(replica, fault)
    const { life } = replica
    const now = (): void => {
      if (replica.life === life && !this.#isFrozen) this.#crash(replica, fault)
    }
    replica.afterSteps(Math.max(1, fault.steps), now)
    this.#later(STEPS_MS_MAX, now)
  }

  #spoil(replica: SimReplica, fault: Fault & { kind: 'disk-full' | 'ledger-rot' | 'state-rot' }): void {
    const { observer } = this.#parts
    const { disk, database } = replica.machine
    switch (fault.kind) {
      case 'disk-full':
        observer.expect(replica, 'STORE_IO')
        disk.isFull = true
        this.#later(fault.forMs, () => {
          disk.isFull = false
        })
        return
      case 'ledger-rot':
        observer.expect(replica, 'STORE_CORRUPT')
        if (disk.tipHeight >= 0) disk.rotten = this.#random.whole(0, disk.tipHeight)
        return
      case 'state-rot':
        if (database.height === undefined) return
        observer.expect(replica, 'STATE_DAMAGED')
        database.rot()
    }
  }

  #split({ side, way, forMs }: Fault & { kind: 'split' }): void {
    const inside = new Set(side)
    const outside = new Set([...this.#all].filter((member) => !inside.has(member)))
    const set = (on: boolean): void => {
      if (way !== 'in') this.#parts.network.cut(inside, outside, on)
      if (way !== 'out') this.#parts.network.cut(outside, inside, on)
    }
    set(true)
    this.#later(forMs, () => set(false))
  }

  #flap(side: ReadonlySet<number>, periodMs: number, endMs: number): void {
    if (this.#parts.world.nowMs >= endMs) return
    this.#split({ kind: 'split', atMs: 0, side: [...side], way: 'both', forMs: periodMs / 2 })
    this.#later(periodMs, () => this.#flap(side, periodMs, endMs))
  }
}
