// A pipeline as one program of the ledger. Almost every request ends with its stream in autocommit: then all of it,
// conditions included, is one transaction, executed at one position, and can't conflict. Whether it ends so is seen
// beforehand, by walking through the requests as if every statement succeeded; a program that surprises is caught
// afterwards by the probe at its end.

import type { Condition, Program, ProgramRequest, Statement, Step } from '@quorate/types'
import type { Control } from './sql-words.ts'
import { controlOf, leadingWord, splitStatements } from './sql-words.ts'

const WRITE_WORDS: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'REPLACE',
  'CREATE',
  'DROP',
  'ALTER',
  'REINDEX',
  'ANALYZE',
  'VACUUM',
])

function writes(sql: string): boolean {
  return WRITE_WORDS.has(leadingWord(sql))
}

/** Whether a program visibly writes, so that trying it as a read would be a waste. Says nothing where it is false. */
export function visiblyWrites(requests: readonly ProgramRequest[]): boolean {
  return requests.some((request) => {
    switch (request.kind) {
      case 'execute':
        return writes(request.statement.sql)
      case 'batch':
        return request.steps.some((step) => writes(step.statement.sql))
      case 'sequence':
        return writes(request.sql)
      case 'describe':
      case 'autocommit':
        return false
    }
  })
}

/** A program's transaction, seen from outside. */
export interface Foresight {
  /** It ends inside a transaction, if every statement succeeds. */
  readonly endsOpen: boolean
  /** It has statements that begin one. */
  readonly begins: boolean
  /** It begins one that must not write. */
  readonly isReadonly: boolean
}

class Walk {
  open = false
  begins = false
  isReadonly = false
  #root = ''

  statement(sql: string): void {
    const control = controlOf(sql)
    if (control !== undefined) this.#control(control)
  }

  #control(control: Control): void {
    switch (control.kind) {
      case 'begin':
        this.isReadonly ||= control.isReadonly
        this.#begin('')
        return
      case 'savepoint':
        if (!this.open) this.#begin(control.name)
        return
      case 'release':
        if (control.name === this.#root) this.open = false
        return
      case 'commit':
      case 'rollback':
        this.open = false
    }
  }

  #begin(root: string): void {
    this.open = true
    this.begins = true
    this.#root = root
  }

  batch(steps: readonly Step[]): void {
    const ran: boolean[] = []
    for (const step of steps) {
      const runs = step.condition === undefined || this.#holds(step.condition, ran)
      ran.push(runs)
      if (runs) this.statement(step.statement.sql)
    }
  }

  #holds(condition: Condition, ran: readonly boolean[]): boolean {
    switch (condition.kind) {
      case 'ok':
        return ran[condition.step] ?? false
      case 'error':
        return false
      case 'not':
        return !this.#holds(condition.condition, ran)
      case 'and':
        return condition.conditions.every((part) => this.#holds(part, ran))
      case 'or':
        return condition.conditions.some((part) => this.#holds(part, ran))
      case 'autocommit':
        return !this.open
    }
  }
}

const MAY_BEGIN = /begin|savepoint/i

/** Walks through requests that start in autocommit. */
export function foresee(requests: readonly ProgramRequest[]): Foresight {
  const walk = new Walk()
  for (const request of requests) {
    if (request.kind === 'execute') walk.statement(request.statement.sql)
    else if (request.kind === 'batch') walk.batch(request.steps)
    else if (request.kind === 'sequence' && MAY_BEGIN.test(request.sql))
      for (const sql of splitStatements(request.sql)) walk.statement(sql)
  }
  return { endsOpen: walk.open, begins: walk.begins, isReadonly: walk.isReadonly }
}

/** A statement without arguments whose rows nobody reads. */
export function plainStatement(sql: string): Statement {
  return { sql, args: [], namedArgs: [], wantRows: false }
}

/** Statements that succeed together or not at all, as one program. */
export function atomicProgram(statements: readonly Statement[]): Program {
  const steps: Step[] = [{ statement: plainStatement('BEGIN') }]
  for (const statement of statements) steps.push({ condition: { kind: 'ok', step: steps.length - 1 }, statement })
  steps.push({ condition: { kind: 'ok', step: steps.length - 1 }, statement: plainStatement('COMMIT') })
  steps.push({
    condition: { kind: 'not', condition: { kind: 'ok', step: steps.length - 1 } },
    statement: plainStatement('ROLLBACK'),
  })
  return { requests: [{ kind: 'batch', steps }] }
}

/** What an interactive transaction did, as the program that repeats it. */
export function replayProgram(statements: readonly Statement[]): Program {
  const all = [plainStatement('BEGIN'), ...statements, plainStatement('COMMIT')]
  return { requests: all.map((statement) => ({ kind: 'execute', statement })) }
}
