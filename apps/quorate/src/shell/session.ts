// The shell without a terminal: lines go in, text comes out. The terminal, a pipe and `-c` stand in front of it.

import { readFileSync } from 'node:fs'
import type { Rows, StreamRows } from '@quorate/client'
import { ClientError } from '@quorate/client'
import { CliError, describeError } from '../errors.ts'
import { suggestion } from '../nearest.ts'
import type { Mode } from './format.ts'
import { formatRows, MODES } from './format.ts'
import { splitSql } from './split.ts'

/** What the shell asks of a ledger. */
export interface Database {
  execute(sql: string, args?: readonly string[]): Promise<StreamRows>
  /** Text for `.status`. */
  status(): Promise<string>
}

/** Where its text goes. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** How the shell starts out. */
export interface SessionOptions {
  readonly mode: Mode
  readonly timer: boolean
  /** Says how many rows a write changed; for people, in the way of scripts. */
  readonly chatty: boolean
  readonly nowMs: () => number
}

const HELP = `.help              this text
.tables            tables and views
.schema [NAME]     how they were created
.status            the replica and its committee
.mode table|json|csv
.timer on|off      time of each statement
.read FILE         runs a file of statements
.quit              ends the shell; so does Ctrl-D
A statement ends with a semicolon and may take several lines.`

const COMMANDS = ['.help', '.tables', '.schema', '.status', '.mode', '.timer', '.read', '.quit']

const OBJECTS =
  "FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_quorate\\_%' ESCAPE '\\'"
const TABLES_SQL = `SELECT name ${OBJECTS} AND type IN ('table', 'view') ORDER BY name`
const SCHEMA_SQL = `SELECT sql ${OBJECTS} AND sql IS NOT NULL ORDER BY tbl_name, type DESC, name`
const SCHEMA_OF_SQL = `SELECT sql ${OBJECTS} AND sql IS NOT NULL AND tbl_name = ? ORDER BY type DESC, name`
/** Deepest nesting of .read: a file that reads itself must end. */
const READ_DEPTH_MAX = 8

export class Session {
  readonly #database: Database
  readonly #output: Output
  readonly #options: SessionOptions
  #mode: Mode
  #timer: boolean
  #pending = ''
  #inTransaction = false
  #failures = 0
  #depth = 0
  #ended = false

  constructor(database: Database, output: Output, options: SessionOptions) {
    this.#database = database
    this.#output = output
    this.#options = options
    this.#mode = options.mode
    this.#timer = options.timer
  }

  /** Whether a statement has begun and not ended. */
  get isPending(): boolean {
    return this.#pending !== ''
  }

  /** Statements and commands that failed so far. */
  get failures(): number {
    return this.#failures
  }

  /** Whether .quit was said. */
  get ended(): boolean {
    return this.#ended
  }

  /** What to show before the next line. */
  get prompt(): string {
    if (this.isPending) return '   ...> '
    return this.#inTransaction ? 'quorate*> ' : 'quorate> '
  }

  /** Forgets a statement that has begun. */
  clear(): void {
    this.#pending = ''
  }

  /** Takes a line: runs what it completes. */
  async feed(line: string): Promise<void> {
    if (!this.isPending && line.trimStart().startsWith('.')) return this.#attempt(() => this.#command(line.trim()))
    const { statements, rest } = splitSql(this.#pending + line + '\n')
    this.#pending = rest
    for (const sql of statements) await this.#attempt(() => this.#statement(sql))
  }

  /** Runs what is left without a semicolon. */
  async finish(): Promise<void> {
    const sql = this.#pending.trim()
    this.#pending = ''
    if (sql !== '') await this.#attempt(() => this.#statement(sql))
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!(error instanceof ClientError || error instanceof CliError)) throw error
      this.#failures += 1
      this.#output.err(describeError(error).line)
    }
  }

  async #statement(sql: string): Promise<void> {
    const begin = this.#options.nowMs()
    const rows = await this.#database.execute(sql)
    this.#inTransaction = !rows.autocommit
    this.#print(rows)
    if (rows.columns.length === 0 && this.#options.chatty) this.#output.out(this.#told(rows))
    if (this.#timer) this.#output.out(`time: ${(this.#options.nowMs() - begin).toFixed(1)} ms`)
  }

  #told(rows: StreamRows): string {
    const changed = rows.affectedRows === 1 ? '1 row changed' : `${rows.affectedRows} rows changed`
    return rows.height === undefined ? `ok, ${changed}` : `ok, ${changed}, height ${rows.height}`
  }

  #print(rows: Rows): void {
    const text = formatRows(rows, this.#mode)
    if (text !== '') this.#output.out(text)
  }

  async #command(line: string): Promise<void> {
    const [name = '', argument, ...more] = line.split(/\s+/)
    if (more.length > 0) throw new CliError('USAGE', `${name} takes at most one word; see .help`)
    switch (name) {
      case '.help':
        return this.#output.out(HELP)
      case '.tables':
        return this.#column(await this.#database.execute(TABLES_SQL), '')
      case '.schema':
        return this.#column(
          await (argument === undefined
            ? this.#database.execute(SCHEMA_SQL)
            : this.#database.execute(SCHEMA_OF_SQL, [argument])),
          ';',
        )
      case '.status':
        return this.#output.out(await this.#database.status())
      case '.mode':
        this.#mode = MODES.find((mode) => mode === argument) ?? unknownWord(name, argument, MODES)
        return
      case '.timer':
        this.#timer =
          (argument === 'on' || argument === 'off' ? argument : unknownWord(name, argument, ['on', 'off'])) === 'on'
        return
      case '.read':
        return this.#read(argument)
      case '.quit':
      case '.exit':
        this.#ended = true
        return
      default:
        throw new CliError('USAGE', `unknown command ${name}${suggestion(name, COMMANDS)}; see .help`)
    }
  }

  #column(rows: Rows, end: string): void {
    for (const [value] of rows.rows) if (typeof value === 'string') this.#output.out(value + end)
  }

  async #read(path: string | undefined): Promise<void> {
    if (path === undefined) throw new CliError('USAGE', '.read takes a file; see .help')
    if (this.#depth >= READ_DEPTH_MAX) throw new CliError('USAGE', `.read nested deeper than ${READ_DEPTH_MAX}`)
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      throw new CliError('FILE', error instanceof Error ? error.message : String(error))
    }
    this.#depth += 1
    try {
      for (const line of text.split('\n')) if (!this.#ended) await this.feed(line)
      await this.finish()
    } finally {
      this.#depth -= 1
    }
  }
}

function unknownWord(command: string, word: string | undefined, known: readonly string[]): never {
  throw new CliError('USAGE', `${command} takes one of ${known.join(', ')}${word === undefined ? '' : `, not ${word}`}`)
}
