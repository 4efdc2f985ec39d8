// `quorate member`: a member's orders, signed with its key and brought to any replica. The ledger's id comes from the local
// genesis.json and a change is signed as it was shown: a replica that lies gets nothing signed that it could use elsewhere.

import { existsSync } from 'node:fs'
import type { Client, Membership } from '@quorate/client'
import { newTransactionId, signOrder } from '@quorate/client'
import type { Change, Digest, Genesis, GovernanceAction, MemberId } from '@quorate/types'
import { changeDigest, isMemberAddress, isMemberName, ledgerId, parseMemberId, rekeySignedBytes } from '@quorate/types'
import type { Command } from 'commander'
import { loadConfig } from '../config.ts'
import type { Config } from '../config.ts'
import { CliError, usageError } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import type { FounderAddresses } from '../member-text.ts'
import {
  consentText,
  memberNamed,
  membersText,
  orderedText,
  parseConsent,
  proposalsText,
  proposedText,
} from '../member-text.ts'
import { numberBetween } from '../numbers.ts'
import { clientFor } from '../target.ts'

interface MemberFlags {
  readonly config?: string
  readonly key?: string
  readonly genesis?: string
  readonly url?: string
}

interface RekeyFlags extends MemberFlags {
  readonly newKey?: string
  readonly consent?: string
}

type ShowFlags = MemberFlags & { readonly json?: true }

function configOf({ config: file, key, genesis }: MemberFlags): Config {
  return loadConfig({ file, env: process.env, flags: { key, genesis }, cwd: process.cwd() })
}

/** The replica named, else the one of the config file named, else as for every command. */
function clientOf(flags: MemberFlags, config: Config): Client {
  const own =
    flags.config === undefined || process.env['QUORATE_URL'] !== undefined ? undefined : `http://${config.http}`
  return clientFor(flags.url ?? own)
}

async function membershipOf(client: Client, ledger: Digest): Promise<Membership> {
  const membership = await client.members()
  if (membership.ledger === ledger) return membership
  throw new CliError(
    'WRONG_LEDGER',
    `${client.url} serves ledger ${membership.ledger}, genesis.json is that of ${ledger}`,
  )
}

/** Shows what is about to be signed, signs it, brings it, and tells what is still needed. */
async function order(
  flags: MemberFlags,
  actionFor: (membership: Membership, ledger: Digest) => Promise<GovernanceAction>,
): Promise<void> {
  const config = configOf(flags)
  const ledger = ledgerId(readGenesis(config.genesis))
  const { loadMemberKey, IdentitySigner } = await import('@quorate/replica')
  const signer = new IdentitySigner(loadMemberKey(config.key))
  const client = clientOf(flags, config)
  const membership = await membershipOf(client, ledger)
  const action = await actionFor(membership, ledger)
  const id = newTransactionId()
  const nowMs = Math.max(Date.now(), membership.timeMs)
  const transaction = signOrder({ ledger, author: signer.id, action, id, nowMs }, (message) => signer.sign(message))
  const ordered = await client.order(id, transaction)
  console.log(orderedText(ordered, await client.members()))
}

function propose(flags: MemberFlags, changeFor: (membership: Membership) => Change): Promise<void> {
  return order(flags, async (membership) => {
    const change = changeFor(membership)
    console.error(`proposing to ${proposedText(membership, change)}`)
    return { kind: 'propose', change }
  })
}

async function add(name: string, key: string, address: string, flags: MemberFlags): Promise<void> {
  const member = parseMemberId(key)
  if (!isMemberName(name)) throw usageError('USAGE', `${name} is no name: 1 to 64 of A-Z a-z 0-9 . _ -`)
  if (member === undefined)
    throw usageError('USAGE', `${key} is no key: 64 lower-case hex digits, as quorate init prints`)
  if (!isMemberAddress(address)) throw usageError('USAGE', `${address} is no address: host:port`)
  await propose(flags, () => ({ kind: 'add', member, name, address }))
}

async function remove(member: string, flags: MemberFlags): Promise<void> {
  await propose(flags, (membership) => ({ kind: 'remove', member: memberNamed(membership, member).id }))
}

/** The signature of a new key, made where there is none, over its going on as `member`. */
async function consentOf(ledger: Digest, member: MemberId, keyPath: string): Promise<ReturnType<typeof parseConsent>> {
  const { createMemberKey, loadMemberKey, IdentitySigner } = await import('@quorate/replica')
  const signer = new IdentitySigner(existsSync(keyPath) ? loadMemberKey(keyPath) : createMemberKey(keyPath))
  return { successor: signer.id, signature: signer.sign(rekeySignedBytes(ledger, member, signer.id)) }
}

async function rekey(member: string, flags: RekeyFlags): Promise<void> {
  const { newKey, consent } = flags
  if ((newKey === undefined) === (consent === undefined))
    throw usageError('USAGE', 'wanted --new-key or --consent, and not both')
  const given = consent === undefined ? undefined : parseConsent(consent)
  await order(flags, async (membership, ledger) => {
    const { id } = memberNamed(membership, member)
    const { successor, signature } = given ?? (await consentOf(ledger, id, newKey ?? ''))
    const change: Change = { kind: 'rekey', member: id, successor }
    console.error(`proposing to ${proposedText(membership, change)}`)
    return { kind: 'propose', change, consent: signature }
  })
}

async function consent(member: string, flags: RekeyFlags): Promise<void> {
  const config = configOf(flags)
  const ledger = ledgerId(readGenesis(config.genesis))
  const id = parseMemberId(member) ?? memberNamed(await membershipOf(clientOf(flags, config), ledger), member).id
  const { successor, signature } = await consentOf(ledger, id, flags.newKey ?? '')
  console.error(`any member may propose it: quorate member rekey ${member} --consent ...`)
  console.log(consentText(successor, signature))
}

async function address(to: string, flags: MemberFlags): Promise<void> {
  if (!isMemberAddress(to)) throw usageError('USAGE', `${to} is no address: host:port`)
  await order(flags, async () => ({ kind: 'address', address: to }))
}

async function approve(number: number, flags: MemberFlags): Promise<void> {
  await order(flags, async (membership) => {
    const proposal = membership.proposals.find((each) => each.number === number)
    if (proposal === undefined) throw new CliError('PROPOSAL_UNKNOWN', `no proposal ${number} is open`)
    console.error(`approving proposal ${number}, to ${proposedText(membership, proposal.change)}`)
    return { kind: 'approve', proposal: number, change: changeDigest(proposal.change) }
  })
}

async function withdraw(number: number, flags: MemberFlags): Promise<void> {
  await order(flags, async () => ({ kind: 'withdraw', proposal: number }))
}

function founderAddresses(path: string): FounderAddresses {
  const founders: Genesis['founders'] = existsSync(path) ? readGenesis(path).founders : []
  return new Map(founders.map(({ name, address: at }) => [name, at]))
}

async function show(
  flags: ShowFlags,
  text: (membership: Membership, founders: FounderAddresses) => string,
): Promise<void> {
  const config = configOf(flags)
  const membership = await clientOf(flags, config).members()
  const json = flags.json === true
  console.log(json ? JSON.stringify(membership, undefined, 2) : text(membership, founderAddresses(config.genesis)))
}

function withSources(command: Command, signs: boolean): Command {
  command
    .option('--config <file>', "the member's config file (QUORATE_CONFIG; else quorate.toml, if there is one)")
    .option('--genesis <file>', 'genesis.json; else as configured')
    .option('--url <url>', "a replica; else the config file's, else as for shell")
  return signs ? command.option('--key <file>', "the member's private key; else as configured") : command
}

/** `quorate member` */
export function addMember(program: Command): void {
  const member = program.command('member').description('who belongs to the ledger: propose, approve, list')
  const orders = (name: string, what: string): Command => withSources(member.command(name).description(what), true)
  const shows = (name: string, what: string): Command =>
    withSources(member.command(name).description(what), false).option('--json', 'as JSON')
  const whom = 'name or key'
  const number = numberBetween(1, Number.MAX_SAFE_INTEGER)

  orders('add', 'proposes a new member; `quorate init --member` makes its key')
    .argument('<name>', 'what it is called')
    .argument('<key>', 'its public key: "id" in what init printed')
    .argument('<address>', 'host:port of its replica')
    .action(add)
  orders('remove', 'proposes to remove a member').argument('<member>', whom).action(remove)
  orders('rekey', 'proposes that a member goes on under a new key')
    .argument('<member>', whom)
    .option('--new-key <file>', 'file of the new key; made where there is none')
    .option('--consent <text>', 'what `quorate member consent` printed where the new key is')
    .action(rekey)
  withSources(member.command('consent').description('signs with a new key that it goes on as a member'), false)
    .argument('<member>', whom)
    .requiredOption('--new-key <file>', 'file of the new key; made where there is none')
    .action(consent)
  orders('address', 'says where this member is reached from now on').argument('<address>', 'host:port').action(address)
  orders('approve', 'approves a proposal').argument('<number>', 'of the proposal', number).action(approve)
  orders('withdraw', "takes back one's proposal, or one's approval of another's")
    .argument('<number>', 'of the proposal', number)
    .action(withdraw)
  shows('list', 'the members').action((flags: ShowFlags) => show(flags, membersText))
  shows('proposals', 'what is proposed, and what it still needs').action((flags: ShowFlags) =>
    show(flags, proposalsText),
  )
}
