// The ledger as the shell sees it. A statement by itself goes the way that bears the loss of a replica: reads to any of
// them, writes through the client's session, exactly once. What is between BEGIN and COMMIT hangs on one replica.

import type { Argument, Client, Stream, StreamRows } from '@quorate/client'
import { ClientError } from '@quorate/client'
import { statusText } from '../status-text.ts'
import type { Database } from './session.ts'

const FIRST_WORD = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*([a-z]+)/i
const CONTROL: ReadonlySet<string> = new Set(['begin', 'savepoint', 'commit', 'end', 'rollback', 'release'])
const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'replace', 'create', 'drop', 'alter'])

/** A shell's connection to the ledger that `client` reaches. */
export class LedgerDatabase implements Database {
  readonly #client: Client
  #stream: Stream | undefined

  constructor(client: Client) {
    this.#client = client
  }

  async execute(sql: string, args: readonly Argument[] = []): Promise<StreamRows> {
    const word = (FIRST_WORD.exec(sql)?.[1] ?? '').toLowerCase()
    if (this.#stream?.isOpen !== true) this.#stream = CONTROL.has(word) ? this.#client.stream() : undefined
    if (this.#stream !== undefined) return this.#stream.execute({ sql, args })
    if (WRITES.has(word)) return this.#write(sql, args)
    try {
      return { ...(await this.#client.query(sql, args)), autocommit: true }
    } catch (error) {
      // WITH and PRAGMA may write, which only the ledger can tell; nothing ran.
      if (!(error instanceof ClientError) || error.code !== 'SQLITE_READONLY') throw error
      return this.#write(sql, args)
    }
  }

  async status(): Promise<string> {
    return statusText(await this.#client.status())
  }

  async close(): Promise<void> {
    await this.#stream?.close()
  }

  async #write(sql: string, args: readonly Argument[]): Promise<StreamRows> {
    const { height, results } = await this.#client.submit([{ sql, args }])
    const [rows] = results
    if (rows === undefined)
      throw new ClientError('RESPONSE_TOO_LARGE', `executed at height ${height}; what it gave is too large to be sent`)
    return { ...rows, height, autocommit: true }
  }
}
