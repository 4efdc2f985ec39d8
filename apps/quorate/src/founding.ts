// Founding a ledger: a key and a folder for each member, and the genesis.json that all of them must hold alike.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Founder, Genesis, MemberId } from '@quorate/types'
import { parseGenesis } from '@quorate/types'
import { CliError } from './errors.ts'

/** Makes a member key in a file and gives its public half. */
export type CreateKey = (path: string) => { readonly id: MemberId }

/** What a member's folder is made from. */
export interface MemberPlan {
  readonly name: string
  /** host:port for other replicas. */
  readonly address: string
  /** host:port for clients. */
  readonly http: string
  /** URL where clients elsewhere reach it, for genesis.json; undefined where it serves none. */
  readonly url: string | undefined
}

/** Name of a member's key file, in its folder. */
export const KEY_FILE = 'member.key'
/** Name of a member's config file, in its folder. */
export const CONFIG_FILE = 'quorate.toml'

function configText({ name, address, http }: MemberPlan): string {
  return `# Replica of ${name}. Keys can also be flags (--http) or variables (QUORATE_HTTP): quorate start --help.
genesis = "../genesis.json"
key = "${KEY_FILE}"
data-dir = "data"
listen = "${address}"
http = "${http}"
`
}

/** Makes `folder/name` with a key and a config file. @throws CliError EXISTS; KeyError */
export function makeMember(folder: string, plan: MemberPlan, createKey: CreateKey): Founder {
  const own = join(folder, plan.name)
  if (existsSync(own))
    throw new CliError('EXISTS', `${own}: there is a member of this name already; nothing was changed`)
  mkdirSync(own, { recursive: true })
  chmodSync(own, 0o700)
  const { id } = createKey(join(own, KEY_FILE))
  writeFileSync(join(own, CONFIG_FILE), configText(plan))
  return { name: plan.name, id, address: plan.address, ...(plan.url === undefined ? {} : { http: plan.url }) }
}

/** genesis.json as text. */
export function genesisText(genesis: Genesis): string {
  return `${JSON.stringify(genesis, undefined, 2)}\n`
}

/** Names for `count` members, in an order in which they also sort. */
export function memberNames(count: number): readonly string[] {
  const digits = String(count).length
  return Array.from({ length: count }, (_, i) => `member${String(i + 1).padStart(digits, '0')}`)
}

/** What a ledger is founded as. */
export type Rules = Pick<Genesis, 'name' | 'seats' | 'viewBlocks'>

/**
 * Makes a whole ledger in `folder`: genesis.json and a folder for each member.
 * @throws CliError EXISTS, GENESIS_INVALID; KeyError
 */
export function found(folder: string, rules: Rules, plans: readonly MemberPlan[], createKey: CreateKey): Genesis {
  const path = join(folder, 'genesis.json')
  if (existsSync(path)) throw new CliError('EXISTS', `${path}: there is a ledger already; nothing was changed`)
  mkdirSync(folder, { recursive: true })
  const founders = plans.map((plan) => makeMember(folder, plan, createKey))
  const genesis = parseGenesis({ version: 1, ...rules, founders, sql: [] })
  if (!genesis.ok) throw new CliError(genesis.error.code, genesis.error.message)
  writeFileSync(path, genesisText(genesis.value))
  return genesis.value
}
