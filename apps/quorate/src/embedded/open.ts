// A replica inside a program of yours: the database is a file that this process reads by itself, and every write is
// agreed on with the other members.
//
// A read is a function call on this thread: no network, no other thread, no promise. It sees the newest block that is
// certified and executed here, so what this process has written and waited for, and perhaps not yet what others have.
// A write goes the way of every client: through this replica's own gateway, over loopback, with the session that makes
// it happen once. Against agreeing with the others the hop is nothing, and there is one way in to reason about.
//
// Limits. A read holds the thread up, ordering included: gas bounds it to some seconds at worst; long questions are
// better asked over HTTP, where threads of their own answer. The process's memory is the replica's.

import type { Argument, Rows, Statement, SubmitOptions, Submitted } from '@quorate/client'
import { Client, ClientError, stmtOf } from '@quorate/client'
import type { OpenReplica, Status } from '@quorate/replica'
import { LocalReader, openReplica } from '@quorate/replica'
import type { Outcome, Program, Reply } from '@quorate/types'
import { loadConfig } from '../config.ts'
import { readGenesis } from '../genesis-file.ts'
import { replicaOptions } from '../replica-options.ts'

/** What is opened. */
export interface OpenOptions {
  /** The member's config file, as `quorate init` makes it. */
  readonly config: string
  /** Least severity that the replica logs to stdout; errors only, unless given. */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug'
  /** How long to wait until this replica can serve: it may first have to catch up. */
  readonly readyMs?: number
}

/** An embedded replica and its database. */
export interface Database {
  /** URL at which this replica serves other clients, `@libsql/client` for interactive transactions among them. */
  readonly url: string
  /** The client of this replica: queries at other read levels, receipts, and its session for outcomes as values. */
  readonly client: Client
  /**
   * Reads, synchronously, the newest state that is certified and executed here.
   * @throws ClientError with the SQL error's code; SQLITE_READONLY for a statement that writes; NOT_READY
   */
  query(
    sql: string,
    args?: readonly Argument[] | Readonly<Record<string, Argument>>,
  ): Rows & { readonly height: number }
  /**
   * Writes: all `statements` in one transaction of the ledger, or none, exactly once. When it resolves, `query` sees it.
   * @throws ClientError as Client.submit
   */
  transaction(statements: readonly (Statement | string)[], options?: SubmitOptions): Promise<Submitted>
  status(): Status
  /** Resolves with the reason if the replica stops by itself. */
  readonly stopped: Promise<Error>
  /** Ends the replica in order. */
  close(): Promise<void>
}

const READY_MS = 60_000
const READY_POLL_MS = 20

function programOf(sql: string, args: readonly Argument[] | Readonly<Record<string, Argument>>): Program {
  const { args: list, namedArgs } = stmtOf({ sql, args })
  return { requests: [{ kind: 'execute', statement: { sql, args: list, namedArgs, wantRows: true } }] }
}

function rowsIn(outcome: Outcome): Rows {
  if (outcome.kind === 'failed') throw new ClientError(outcome.error.code, outcome.error.message)
  const reply: Reply | undefined = outcome.kind === 'executed' ? outcome.replies[0] : undefined
  if (reply?.kind === 'error') throw new ClientError(reply.error.code, reply.error.message)
  if (reply?.kind !== 'result') throw new ClientError('BAD_ANSWER', `a read ended as ${reply?.kind ?? outcome.kind}`)
  const { columns, rows, affectedRows, lastInsertRowid } = reply.result
  return { columns: columns.map((column) => column.name), rows, affectedRows, lastInsertRowid }
}

class EmbeddedDatabase implements Database {
  readonly url: string
  readonly client: Client
  readonly #replica: OpenReplica
  readonly #reader: LocalReader

  constructor(replica: OpenReplica, reader: LocalReader) {
    this.#replica = replica
    this.#reader = reader
    this.url = `http://${replica.addresses.http}`
    this.client = new Client({ urls: [this.url] })
  }

  get stopped(): Promise<Error> {
    return this.#replica.stopped
  }

  query(
    sql: string,
    args: readonly Argument[] | Readonly<Record<string, Argument>> = [],
  ): Rows & { readonly height: number } {
    const read = this.#reader.read(programOf(sql, args), this.#replica.status().height)
    if (read.kind === 'writes') throw new ClientError('SQLITE_READONLY', 'a query only reads; transaction() writes')
    if (read.kind === 'not-ready') throw new ClientError('NOT_READY', 'no state to read here at the moment')
    return { ...rowsIn(read.outcome), height: read.height }
  }

  transaction(statements: readonly (Statement | string)[], options: SubmitOptions = {}): Promise<Submitted> {
    const all = statements.map((each) => (typeof each === 'string' ? { sql: each } : each))
    return this.client.submit(all, options)
  }

  status(): Status {
    return this.#replica.status()
  }

  async close(): Promise<void> {
    this.#reader.close()
    await this.#replica.close()
  }
}

async function ready(replica: OpenReplica, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs
  let stopped: Error | undefined
  void replica.stopped.then((reason) => {
    stopped = reason
  })
  while (!replica.status().ready) {
    if (stopped !== undefined) throw stopped
    if (performance.now() > end)
      throw new ClientError('NOT_READY', `the replica is ${replica.status().phase} after ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS))
  }
}

/**
 * Opens a member's replica in this process, and waits until it serves.
 * @throws CliError CONFIG_*, FILE, GENESIS_INVALID; KeyError, StoreError, ...; ClientError NOT_READY
 */
export async function open(options: OpenOptions): Promise<Database> {
  const flags = { 'log-level': options.logLevel ?? 'error' }
  const config = loadConfig({ file: options.config, env: {}, flags, cwd: process.cwd() })
  const replica = await openReplica(replicaOptions(config, readGenesis(config.genesis)))
  let reader: LocalReader | undefined
  try {
    reader = await LocalReader.open(config['data-dir'])
    await ready(replica, options.readyMs ?? READY_MS)
    return new EmbeddedDatabase(replica, reader)
  } catch (error) {
    reader?.close()
    await replica.close()
    throw error
  }
}
