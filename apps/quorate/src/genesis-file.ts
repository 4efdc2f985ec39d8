import { readFileSync } from 'node:fs'
import type { Genesis } from '@quorate/types'
import { parseGenesis } from '@quorate/types'
import { CliError } from './errors.ts'

/** Reads genesis.json. @throws CliError FILE, GENESIS_INVALID */
export function readGenesis(path: string): Genesis {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(error instanceof SyntaxError ? 'GENESIS_INVALID' : 'FILE', `${path}: ${reason}`)
  }
  const genesis = parseGenesis(value)
  if (!genesis.ok) throw new CliError(genesis.error.code, `${path}: ${genesis.error.message}`)
  return genesis.value
}
