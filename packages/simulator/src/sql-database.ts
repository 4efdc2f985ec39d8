import { assert, decode, must } from '@quorate/kernel'
import type { Execution, Job, ReaderReply } from '@quorate/replica/host'
import { loadEngine } from '@quorate/replica/host'
import type { BlockContent, Engine, PageSource } from '@quorate/sql-state'
import { executeBlock, NO_PAGES, pageHash, Reader, Session, StateTree } from '@quorate/sql-state'
import type { Digest, Height } from '@quorate/types'
import { decodeGenesis, encodeOutcome, hashOf, height as heightOf, readProgram, transactionsOf } from '@quorate/types'
import type { SimDatabase } from './database.ts'
import { bodyOf, executionOf } from './database.ts'

/** The engines of a run, shared by all its replicas: each block begins with a new memory anyway. */
export interface Engines {
  readonly writer: Engine
  readonly reader: Engine
}

let loaded: Promise<Engines> | undefined

/** Loads the engines once for the whole process. */
export function engines(): Promise<Engines> {
  loaded ??= Promise.all([loadEngine(), loadEngine()]).then(([writer, reader]) => ({ writer, reader }))
  return loaded
}

interface Version {
  readonly height: number
  readonly bytes: Uint8Array
  readonly hash: Digest
}

interface Head {
  readonly pageCount: number
  readonly timeMs: number
  readonly seed: Digest
}

function contentOf(bodyBytes: Uint8Array): BlockContent {
  const body = bodyOf(bodyBytes)
  if (body.kind === 'assemble' || body.kind === 'reconfigure') return { kind: body.kind }
  if (body.kind === 'executions') return { kind: 'executions', transactions: transactionsOf(body) }
  const genesis = decodeGenesis(body.genesis)
  assert(genesis.ok, 'a genesis body holds a genesis')
  const ledger = hashOf('genesis', body.genesis)
  return { kind: 'genesis', ledger, members: genesis.value.founders, sql: genesis.value.sql }
}

/** The real engine over pages in memory, every version of each. */
export class SqlDatabase implements SimDatabase {
  readonly #engines: Engines
  readonly #versions = new Map<number, Version[]>()
  #heads: Head[] = []
  #tree = new StateTree()
  #isRotten = false

  constructor(shared: Engines) {
    this.#engines = shared
  }

  get height(): Height | undefined {
    return this.#heads.length === 0 ? undefined : heightOf(this.#heads.length - 1)
  }

  #pagesAt(at: number): PageSource {
    const head = this.#heads[at]
    if (head === undefined) return NO_PAGES
    const page = (number: number): Uint8Array => {
      if (this.#isRotten)
        throw Object.assign(new Error(`page ${number} does not hash to what it was`), { code: 'STATE_DAMAGED' })
      const version = this.#versions.get(number)?.findLast((each) => each.height <= at)
      return must(version, `page ${number} at height ${at}`).bytes
    }
    return { pageCount: head.pageCount, page }
  }

  execute({ height, timeMs, seed, bodyBytes }: Job): Execution {
    assert(height === this.#heads.length, `block ${height} on a database of ${this.#heads.length} blocks`)
    const content = contentOf(bodyBytes)
    const base = this.#pagesAt(height - 1)
    const context = { height, timeMs, seed }
    const { outcomes, ids, pages, gas, members } = executeBlock(this.#engines.writer, base, context, content)
    const changed = pages.changed().map(([number, bytes]) => ({ number, bytes, hash: pageHash(number, bytes) }))
    for (const { number, bytes, hash } of changed) {
      const versions = this.#versions.get(number) ?? []
      versions.push({ height, bytes, hash })
      this.#versions.set(number, versions)
    }
    this.#heads.push({ pageCount: pages.pageCount, timeMs, seed })
    this.#tree.update(
      pages.pageCount,
      changed.map(({ number, hash }) => [number, hash]),
    )
    const transactions = content.kind === 'executions' ? content.transactions : []
    const execution = executionOf(height, transactions, { outcomes, ids, stateRoot: this.#tree.root, gas })
    return members === undefined ? execution : { ...execution, members }
  }

  rewind(to: Height | undefined): void {
    const kept = to === undefined ? 0 : to + 1
    this.#heads = this.#heads.slice(0, kept)
    for (const [number, versions] of this.#versions)
      this.#versions.set(
        number,
        versions.filter((each) => each.height < kept),
      )
    if (to === undefined) this.#isRotten = false
    const pageCount = this.#heads.at(-1)?.pageCount ?? 0
    const hashes: [number, Digest][] = []
    for (const [number, versions] of this.#versions) {
      const newest = versions.at(-1)
      if (newest !== undefined && number <= pageCount) hashes.push([number, newest.hash])
    }
    this.#tree = new StateTree()
    this.#tree.update(pageCount, hashes)
  }

  read(height: Height, program: Uint8Array): ReaderReply {
    const head = this.#heads[height]
    if (head === undefined) return { kind: 'gone' }
    const decoded = decode(program, readProgram)
    if (!decoded.ok) return { kind: 'failed', message: decoded.error.message }
    const reader = new Reader(this.#engines.reader, this.#pagesAt(height), head)
    try {
      const result = reader.read(decoded.value)
      return result.kind === 'writes' ? result : { kind: 'outcome', outcome: encodeOutcome(result.outcome) }
    } finally {
      reader.close()
    }
  }

  session(height: Height, how: { readonly seed: Digest; readonly isReadonly: boolean }): Session | undefined {
    const head = this.#heads[height]
    if (head === undefined) return undefined
    return new Session(this.#engines.reader, this.#pagesAt(height), { timeMs: head.timeMs, ...how })
  }

  rot(): void {
    this.#isRotten = true
  }
}
