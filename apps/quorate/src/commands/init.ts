import { join } from 'node:path'
import { ledgerId, SEATS_MAX, VIEW_BLOCKS_MAX } from '@quorate/types'
import type { Command } from 'commander'
import { isAddress } from '../config.ts'
import { usageError } from '../errors.ts'
import type { MemberPlan } from '../founding.ts'
import { found, KEY_FILE, makeMember, memberNames } from '../founding.ts'
import { numberBetween } from '../numbers.ts'

interface InitFlags {
  readonly members: number
  readonly member?: string
  readonly out: string
  readonly host: string
  readonly basePort: number
  readonly httpPort: number
  readonly address?: string
  readonly url?: string
  readonly name: string
  readonly seats?: number
  readonly viewBlocks?: number
}

/** Folders, addresses and ports of `count` members on one host. */
export function plansFor(count: number, host: string, basePort: number, httpPort: number): readonly MemberPlan[] {
  const at = (port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  return memberNames(count).map((name, i) => ({
    name,
    address: at(basePort + i),
    http: at(httpPort + i),
    url: `http://${at(httpPort + i)}`,
  }))
}

async function init(flags: InitFlags): Promise<void> {
  const { createMemberKey } = await import('@quorate/replica')
  if (flags.member !== undefined) {
    const address = flags.address ?? `${flags.host}:${flags.basePort}`
    if (!isAddress(address)) throw usageError('USAGE', `--address is ${address}, wanted host:port`)
    const plan = { name: flags.member, address, http: `127.0.0.1:${flags.httpPort}`, url: flags.url }
    const founder = makeMember(flags.out, plan, createMemberKey)
    console.error(`made ${join(flags.out, flags.member)}; keep its ${KEY_FILE} secret and backed up.`)
    console.error('Send this line to the other founders; all lines together are "founders" of genesis.json:')
    console.log(JSON.stringify(founder))
    return
  }
  if (flags.seats !== undefined && flags.seats > flags.members)
    throw usageError('USAGE', `--seats is ${flags.seats}, there are ${flags.members} members`)
  const plans = plansFor(flags.members, flags.host, flags.basePort, flags.httpPort)
  const { name, seats, viewBlocks } = flags
  const rules = { name, ...(seats === undefined ? {} : { seats }), ...(viewBlocks === undefined ? {} : { viewBlocks }) }
  const genesis = found(flags.out, rules, plans, createMemberKey)
  console.log(`ledger ${ledgerId(genesis)} in ${join(flags.out, 'genesis.json')}`)
  for (const { name } of plans)
    console.log(`start ${name}: quorate start --config ${join(flags.out, name, 'quorate.toml')}`)
}

/** `quorate init` */
export function addInit(program: Command): void {
  const port = numberBetween(1, 65_535)
  program
    .command('init')
    .description('keys and genesis.json of a new ledger, or with --member the key of one founder')
    .option('--members <n>', 'founders to make', numberBetween(1, 128), 4)
    .option('--member <name>', 'makes one founder and prints its line for genesis.json')
    .option('--address <host:port>', "with --member: where its replica is reached by the others'")
    .option('--url <url>', 'with --member: where clients of the others reach it, as http://host:port')
    .option('--out <folder>', 'where to', '.')
    .option('--host <host>', 'host of all replicas', '127.0.0.1')
    .option('--base-port <port>', 'replica port of the first member; the next ones follow', port, 7400)
    .option('--http-port <port>', 'HTTP port of the first member; the next ones follow', port, 8080)
    .option('--seats <n>', 'seats of a committee: all members sit unless told', numberBetween(1, SEATS_MAX))
    .option('--view-blocks <n>', 'blocks until committees change (4096)', numberBetween(1, VIEW_BLOCKS_MAX))
    .option('--name <name>', "the ledger's name", 'quorate')
    .action(init)
}
