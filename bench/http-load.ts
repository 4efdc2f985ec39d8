// A load generator lean enough not to be what is measured: raw keep-alive HTTP/1.1 connections, one request in flight on each.

import { connect, type Socket } from 'node:net'

/** One connection that sends a request and waits for the whole answer. */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  #buffer: Buffer = Buffer.alloc(0)
  #waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('connection closed')))
  }

  static open(url: string): Promise<Connection> {
    const { hostname, port, host } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => resolve(new Connection(socket, host)))
      socket.once('error', reject)
    })
  }

  post(path: string, body: string): Promise<Answer> {
    const length = Buffer.byteLength(body)
    const fields = [`host: ${this.#host}`, 'content-type: application/json', `content-length: ${length}`]
    this.#socket.write(`POST ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#buffer.subarray(0, end).toString('latin1')
    const length = /content-length: (\d+)/i.exec(head)
    if (length === null) {
      this.#waiting?.reject(new Error(`no content-length in: ${head}`))
      return
    }
    const total = end + 4 + Number(length[1])
    if (this.#buffer.length < total) return
    const answer = { status: Number(head.slice(9, 12)), body: this.#buffer.subarray(end + 4, total).toString() }
    this.#buffer = this.#buffer.subarray(total)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }
}

/** An HTTP answer. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** What a load run measured. */
export interface Load {
  readonly done: number
  readonly failed: number
  readonly seconds: number
  /** Milliseconds of each answered request, ascending. */
  readonly latenciesMs: Float64Array
}

/** Keeps one request in flight on each of `connections` for `seconds`, spread over `urls`; `next` makes the bodies. */
export async function load(
  urls: readonly string[],
  options: {
    readonly path: string
    readonly connections: number
    readonly seconds: number
    readonly next: () => string
  },
): Promise<Load> {
  const open = await Promise.all(
    Array.from({ length: options.connections }, (_, i) => Connection.open(urls[i % urls.length] ?? '')),
  )
  const latencies: number[] = []
  let failed = 0
  const start = performance.now()
  const end = start + options.seconds * 1000
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < end) {
        const sent = performance.now()
        const answer = await connection.post(options.path, options.next())
        if (answer.status === 200) latencies.push(performance.now() - sent)
        else failed += 1
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  for (const connection of open) connection.close()
  return {
    done: latencies.length,
    failed,
    seconds,
    latenciesMs: Float64Array.from(latencies).toSorted((a, b) => a - b),
  }
}

/** The value below which `share` of the ascending `sorted` lie. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
