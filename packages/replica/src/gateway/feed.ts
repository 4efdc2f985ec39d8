// One feed that is followed: blocks as they become final, written as fast as the client takes them.
//
// A client that is slower than the ledger must cost a bounded amount: what it has not taken yet is one chunk here, and
// the blocks behind it wait in the store, not in memory. One that takes nothing is cut: it gets a last entry that says
// so and where it stands, and comes back when it can.

import type { ServerResponse } from 'node:http'
import { height as heightOf } from '@quorate/types'
import type { FeedBlock, FeedSource, Position, Topic } from '../feed/entry.ts'
import { isBehind, positionText } from '../feed/entry.ts'
import type { GatewayLimits } from './limits.ts'

/** How entries go over the wire. */
export type FeedFormat = 'sse' | 'lines'

/** What a client asked for. */
export interface FeedRequest {
  readonly topic: Topic
  readonly format: FeedFormat
  readonly from: Position
  /** In lower case; undefined for all. */
  readonly tables: ReadonlySet<string> | undefined
}

/** Where a feed begins, as its clients write it. */
export function feedPosition({ topic, from: { height, after } }: FeedRequest): string {
  return after === undefined ? String(height) : positionText(topic, height, after.index, after.sequence)
}

/** Why a feed ended, where the client did not end it. */
export type FeedEnd =
  /** The client took too long. */
  | 'SLOW'
  /** What comes next is no longer retained. */
  | 'HEIGHT_GONE'
  /** What comes next could not be made here; another replica may. */
  | 'UNAVAILABLE'
  /** The replica stops. */
  | 'CLOSING'

export class Feed {
  readonly #source: FeedSource
  readonly #request: FeedRequest
  readonly #raw: ServerResponse
  readonly #limits: GatewayLimits
  readonly #closed: Promise<void>
  #isOver = false
  #endOf: (why: FeedEnd) => void = () => undefined
  readonly #told: Promise<FeedEnd>
  /** Where the client stands once it has taken everything that was written: a last entry comes behind all that. */
  #position: string

  constructor(source: FeedSource, request: FeedRequest, raw: ServerResponse, limits: GatewayLimits) {
    this.#source = source
    this.#request = request
    this.#raw = raw
    this.#limits = limits
    this.#position = feedPosition(request)
    this.#told = new Promise((resolve) => {
      this.#endOf = resolve
    })
    this.#closed = new Promise((resolve) => {
      raw.once('close', () => {
        this.#isOver = true
        resolve()
      })
    })
    // What goes wrong with a socket ends it, and `close` tells.
    raw.on('error', () => undefined)
  }

  /** Ends the feed from outside. */
  end(why: FeedEnd): void {
    this.#endOf(why)
  }

  /** Follows until the client leaves or the feed ends. Gives why it ended; undefined where the client left. */
  async run(): Promise<FeedEnd | undefined> {
    const why = await Promise.race([this.#follow(), this.#told, this.#closed])
    if (why === undefined || this.#isOver) return undefined
    this.#isOver = true
    this.#raw.end(this.#line(`{"kind":"end","code":"${why}","position":"${this.#position}"}`, undefined))
    const bound = setTimeout(() => this.#raw.destroy(), this.#limits.feedStallMsMax)
    await this.#closed
    clearTimeout(bound)
    return why
  }

  async #follow(): Promise<FeedEnd | undefined> {
    const { topic, from } = this.#request
    if (this.#request.format === 'sse' && !(await this.#write('retry: 1000\n\n'))) return 'SLOW'
    let { after } = from
    for (let next = from.height; !this.#isOver; next += 1) {
      const late = await this.#await(next)
      if (late !== undefined || this.#isOver) return late
      const answer = await this.#source.block(topic, heightOf(next))
      if (answer.kind === 'gone') return 'HEIGHT_GONE'
      if (answer.kind === 'failed') return 'UNAVAILABLE'
      if (!(await this.#tell(answer.block, next, after))) return 'SLOW'
      after = undefined
    }
    return undefined
  }

  /** Waits for a height, and says now and then that the feed lives. */
  async #await(next: number): Promise<FeedEnd | undefined> {
    const { feedHeartbeatMs } = this.#limits
    while (!this.#isOver && (this.#source.tip ?? -1) < next) {
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<'silence'>((resolve) => {
        timer = setTimeout(resolve, feedHeartbeatMs, 'silence')
      })
      const woken = await Promise.race([this.#until(next), silence, this.#closed])
      clearTimeout(timer)
      if (woken === 'silence' && !this.#isOver && !(await this.#write(this.#heartbeat()))) return 'SLOW'
    }
    return undefined
  }

  async #until(next: number): Promise<void> {
    while (!this.#isOver && (this.#source.tip ?? -1) < next) await this.#source.reached(heightOf(next))
  }

  #heartbeat(): string {
    if (this.#request.format === 'sse') return ': alive\n\n'
    return `{"kind":"heartbeat","position":"${this.#position}"}\n`
  }

  /** False where the client was too slow. */
  async #tell(block: FeedBlock, height: number, after: Position['after']): Promise<boolean> {
    const { topic, tables } = this.#request
    const { feedChunkChars } = this.#limits
    let chunk = ''
    let position = this.#position
    for (const entry of block.entries) {
      if (after !== undefined && !isBehind(entry, after)) continue
      if (tables !== undefined && entry.table !== undefined && !tables.has(entry.table)) continue
      if (chunk.length > 0 && chunk.length + entry.json.length > feedChunkChars) {
        this.#position = position
        if (!(await this.#write(chunk))) return false
        chunk = ''
      }
      position = positionText(topic, height, entry.index, entry.sequence)
      chunk += this.#line(entry.json, position)
    }
    this.#position = String(height + 1)
    return this.#write(chunk + this.#line(block.end, this.#position))
  }

  #line(json: string, id: string | undefined): string {
    if (this.#request.format === 'lines') return `${json}\n`
    return `${id === undefined ? '' : `id: ${id}\n`}data: ${json}\n\n`
  }

  /** Hands text to the socket and waits until it has been taken, longer for more. False where it took too long. */
  async #write(text: string): Promise<boolean> {
    if (this.#isOver || this.#raw.write(text)) return true
    const { feedChunkChars, feedStallMsMax } = this.#limits
    let timer: NodeJS.Timeout | undefined
    const stall = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, feedStallMsMax * Math.ceil(text.length / feedChunkChars), false)
    })
    let drained: (() => void) | undefined
    const drain = new Promise<true>((resolve) => {
      drained = () => resolve(true)
      this.#raw.once('drain', drained)
    })
    const taken = await Promise.race([drain, stall, this.#closed.then(() => true)])
    clearTimeout(timer)
    if (drained !== undefined) this.#raw.off('drain', drained)
    return taken
  }
}
