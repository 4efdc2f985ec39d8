// Clients that never give up: each draws a write or a read, sends it to some member, and sends a write again under the same id,
// to the next member, until its outcome is known. All they hear goes into the history.

import { sleep } from '../harness.ts'
import { attemptRead, attemptWrite } from './client.ts'
import type { History, Level, Read, Statement, Write } from './history.ts'
import { drawRead, drawWrite } from './programs.ts'
import { Random } from './random.ts'

/** How long a client waits for one answer before it asks another member. */
const ANSWER_MS_MAX = 4000
/** Ids are remembered for ten minutes; a client that goes on after that could do a thing twice. */
const WRITE_MS_MAX = 8 * 60_000
const PAUSE_MS = 25
const READ_SHARE = 0.35

/** The load on a cluster, and its history. */
export class Load {
  readonly #urls: readonly string[]
  readonly #seed: number
  readonly #writes: Write[] = []
  readonly #reads: Read[] = []
  readonly #codes = new Map<string, number>()
  #running: readonly Promise<void>[] = []
  #isOver = false
  #heightSeen = 0

  constructor(urls: readonly string[], seed: number) {
    this.#urls = urls
    this.#seed = seed
  }

  get history(): History {
    return { writes: this.#writes, reads: this.#reads }
  }

  /** How often an attempt brought no outcome, by code. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#codes
  }

  start(clients: number): void {
    this.#running = Array.from({ length: clients }, (_, i) => this.#client(i + 1))
  }

  /** Ends it; every write under way gets its outcome first, if there is one to get. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  /**
   * Writes once and gives the outcome's kind. `members` are asked in turn, from the first on, until one answers or the time is
   * over.
   */
  async write(
    id: string,
    statements: readonly Statement[],
    members: readonly number[],
    timeoutMs: number,
  ): Promise<Write['answer']['kind']> {
    const invokedMs = performance.now()
    let attempts = 0
    let answer: Write['answer'] = { kind: 'unknown' }
    while (answer.kind === 'unknown' && performance.now() - invokedMs < timeoutMs) {
      const url = this.#urls[(members[attempts % members.length] ?? 1) - 1] ?? ''
      attempts += 1
      const attempt = await attemptWrite(url, id, statements, ANSWER_MS_MAX)
      if (attempt.kind === 'answer') answer = attempt.value
      else {
        this.#codes.set(attempt.code, (this.#codes.get(attempt.code) ?? 0) + 1)
        await sleep(Math.min(500, 50 * attempts))
      }
    }
    if (answer.kind !== 'unknown') this.#heightSeen = Math.max(this.#heightSeen, answer.height)
    this.#writes.push({ kind: 'write', id, statements, invokedMs, endedMs: performance.now(), attempts, answer })
    return answer.kind
  }

  async #client(writer: number): Promise<void> {
    const random = new Random(this.#seed, `client ${writer}`)
    for (let serial = 1; !this.#isOver; serial += 1) {
      const member = random.whole(1, this.#urls.length)
      if (random.chance(READ_SHARE)) await this.#read(random, member)
      else {
        const members = this.#urls.map((_, i) => ((member - 1 + i) % this.#urls.length) + 1)
        await this.write(
          `c${writer}-${serial}-${random.hex()}`,
          drawWrite(random, writer, serial),
          members,
          WRITE_MS_MAX,
        )
      }
      await sleep(PAUSE_MS)
    }
  }

  async #read(random: Random, member: number): Promise<void> {
    const level = this.#level(random)
    const statement = drawRead(random)
    const invokedMs = performance.now()
    const attempt = await attemptRead(this.#urls[member - 1] ?? '', statement, level, ANSWER_MS_MAX)
    if (attempt.kind === 'none') return
    const { height, rows } = attempt.value
    this.#reads.push({ kind: 'read', member, level, statement, invokedMs, endedMs: performance.now(), height, rows })
  }

  #level(random: Random): Level {
    const kind = random.pick(['linearizable', 'linearizable', 'local', 'at-least', 'as-of'] as const)
    if (kind === 'linearizable' || kind === 'local') return { kind }
    return {
      kind,
      height: kind === 'at-least' ? this.#heightSeen : Math.max(1, this.#heightSeen - random.whole(0, 50)),
    }
  }
}
