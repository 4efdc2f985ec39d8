import { readFileSync } from 'node:fs'
import { verifyReceiptFile } from '@quorate/client'
import type { Outcome, Program, Proven, Transaction } from '@quorate/types'
import type { Command } from 'commander'
import { CliError, EXIT_FAILED } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import { actionText } from '../governance-text.ts'
import { visible } from '../shell/format.ts'
import { columns } from '../status-text.ts'

const SQL_CHARS_SHOWN_MAX = 200

function shown(sql: string): string {
  const line = visible(sql.replace(/\s+/g, ' ').trim())
  return line.length > SQL_CHARS_SHOWN_MAX ? `${line.slice(0, SQL_CHARS_SHOWN_MAX)}...` : line
}

function statementsOf(program: Program): readonly string[] {
  return program.requests.flatMap((request) => {
    switch (request.kind) {
      case 'execute':
        return [shown(request.statement.sql)]
      case 'batch':
        return request.steps.map((step) => shown(step.statement.sql))
      case 'sequence':
      case 'describe':
        return [shown(request.sql)]
      case 'autocommit':
        return []
    }
  })
}

function contentLines({ program, governance }: Transaction): readonly (readonly string[])[] {
  if (program !== undefined) return statementsOf(program).map((sql) => ['  statement', sql])
  return governance === undefined
    ? []
    : [
        ['  member', governance.author],
        ['  order', actionText(governance.action)],
      ]
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'executed': {
      const failed = outcome.replies.flatMap((reply) => {
        if (reply.kind === 'batch') return reply.steps.filter((step) => step.kind === 'error')
        return reply.kind === 'error' ? [reply] : []
      })
      const [first] = failed
      return first === undefined
        ? 'executed'
        : `executed; first error ${first.error.code}: ${visible(first.error.message)}`
    }
    case 'failed':
      return `failed and rolled back: ${outcome.error.code}: ${visible(outcome.error.message)}`
    case 'conflict':
      return `conflict at statement ${outcome.statement}, rolled back`
    case 'duplicate':
      return `repetition of the transaction at height ${outcome.height}, position ${outcome.position}`
    case 'refused':
      return `refused: ${outcome.code}: ${visible(outcome.message)}`
  }
}

/** What a receipt proves, for people. */
export function provenText(proven: Proven): string {
  return columns([
    ['OK', 'this receipt proves'],
    ['transaction', visible(proven.transaction.id)],
    ...contentLines(proven.transaction),
    ['outcome', outcomeText(proven.outcome)],
    ['position', `${proven.position} of block ${proven.height}`],
    ['block', proven.block],
    ['block time', new Date(proven.timeMs).toISOString()],
    ['state root', proven.stateRoot],
    ['certified by', `${proven.signers} of ${proven.seats} seats`],
    ['ledger', proven.ledger],
  ])
}

function verify(path: string, flags: { readonly genesis: string }): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError('FILE', error instanceof Error ? error.message : String(error))
  }
  const verified = verifyReceiptFile(text, readGenesis(flags.genesis))
  if (verified.ok) console.log(provenText(verified.value))
  else {
    console.log(`FAIL ${verified.error.code}: ${verified.error.message}`)
    process.exitCode = EXIT_FAILED
  }
}

/** `quorate verify` */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('checks a receipt offline, against genesis.json alone')
    .argument('<receipt>', 'file that `quorate receipt` wrote')
    .requiredOption('--genesis <file>', 'genesis.json of the ledger, from a source you trust')
    .action(verify)
}
