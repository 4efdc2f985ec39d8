// A picture of a run for people: one line for each event that matters, with what every machine looked like then. Kept short, and
// printed only when something failed.
//
//   12.345 s | 17 17 16 -- | m2 final 17 3fa9c1d2 4 tx

import type { SimReplica } from './replica.ts'
import type { World } from './world.ts'

/** Lines kept. */
const LINES_MAX = 160

export class Chronicle {
  readonly #world: World
  readonly #lines: string[] = []
  #replicas: readonly SimReplica[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** Names the machines that a line shows. */
  show(replicas: readonly SimReplica[]): void {
    this.#replicas = replicas
  }

  /** Notes an event, of one machine or of the world. */
  tell(who: SimReplica | undefined, what: string): void {
    const at = (this.#world.nowMs / 1000).toFixed(3).padStart(9)
    const name = who === undefined ? '--' : `m${who.member}`
    this.#world.stirText(what)
    this.#lines.push(`${at} s | ${this.#replicas.map(markOf).join(' ')} | ${name} ${what}`)
    if (this.#lines.length > LINES_MAX * 2) this.#lines.splice(0, LINES_MAX)
  }

  /** The last lines. */
  get lines(): readonly string[] {
    return this.#lines.slice(-LINES_MAX)
  }
}

/** A machine in a few characters: its certified height, `--` while it is down, `*` while it synchronizes. */
function markOf(replica: SimReplica): string {
  if (!replica.isUp) return '   --'
  const status = replica.core?.status()
  const mark = status?.phase === 'synchronizing' ? '*' : status?.phase === 'founding' ? '?' : ' '
  return `${status?.certified ?? '-'}${mark}`.padStart(5)
}
