// The cluster of a run: real processes, each reaching each other one through a link of its own, on disks that can be damaged.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, quorate, until } from '../harness.ts'
import type { World } from './fault.ts'
import { Link } from './link.ts'
import { Load } from './load.ts'
import { Medium } from './medium.ts'
import type { MediumKind } from './medium.ts'
import { Member } from './member.ts'
import { loopback, namespaces } from './site.ts'
import type { Site } from './site.ts'

/** What a cluster is made of. */
export interface ClusterParts {
  readonly seed: number
  readonly members: number
  /** Of each member, by index from 1. */
  readonly mediumOf: (index: number) => MediumKind
  /** Room of each member's disk. */
  readonly diskBytes: number
  readonly inNamespaces: boolean
  readonly note: (text: string) => void
  readonly violate: (rule: string, what: string) => void
}

export class ChaosCluster implements World {
  readonly folder: string
  readonly members: readonly Member[]
  readonly links: readonly Link[]
  readonly load: Load
  readonly #parts: ClusterParts
  readonly #sites: readonly Site[]

  private constructor(
    parts: ClusterParts,
    made: { folder: string; members: readonly Member[]; links: readonly Link[]; sites: readonly Site[] },
  ) {
    this.#parts = parts
    this.folder = made.folder
    this.members = made.members
    this.links = made.links
    this.#sites = made.sites
    this.load = new Load(
      made.members.map((member) => member.url),
      parts.seed,
    )
  }

  /** Founds a ledger and makes everything around it; nothing is started. */
  static async make(parts: ClusterParts): Promise<ChaosCluster> {
    const { members: count, violate } = parts
    const folder = mkdtempSync(join(tmpdir(), 'quorate-chaos-'))
    const port = await freePorts(count * 2)
    const ledger = join(folder, 'ledger')
    const words = ['--members', count, '--out', ledger, '--base-port', port, '--http-port', port + count]
    const made = quorate(['init', ...words.map(String)])
    if (made.status !== 0) throw new Error(`init failed: ${made.stdout}${made.stderr}`)
    const names = readdirSync(ledger, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort((a, b) => (a < b ? -1 : 1))
    const sites = parts.inNamespaces ? namespaces(count) : names.map(() => loopback())
    const links: Link[] = []
    const nameOf = (index: number): string => names[index - 1] ?? ''
    const members = names.map((name, i): Member => {
      const own = join(ledger, name)
      const site = sites[i] ?? loopback()
      mkdirSync(join(own, 'medium'))
      return new Member({
        index: i + 1,
        folder: own,
        site,
        medium: new Medium(parts.mediumOf(i + 1), join(own, 'medium'), parts.diskBytes),
        replicaPort: port + i,
        httpPort: port + count + i,
        peers: () => links.filter(({ from }) => from === i + 1).map((link) => `${nameOf(link.to)}=${link.address}`),
        onUnexpectedEnd: (why) => violate('DIED', why),
      })
    })
    for (const from of members) {
      for (const to of members) {
        if (from === to) continue
        const target = { host: to.site.host, port: port + to.index - 1 }
        links.push(await Link.open({ from: from.index, to: to.index }, from.site.outside, target))
      }
    }
    return new ChaosCluster(parts, { folder, members, links, sites })
  }

  get genesisPath(): string {
    return join(this.folder, 'ledger', 'genesis.json')
  }

  member(index: number): Member {
    const member = this.members[index - 1]
    if (member === undefined) throw new Error(`no member ${index}`)
    return member
  }

  note(text: string): void {
    this.#parts.note(text)
  }

  violate(rule: string, what: string): void {
    this.#parts.violate(rule, what)
  }

  async ready(timeoutMs: number): Promise<void> {
    await Promise.all(this.members.map((member) => member.ready(timeoutMs)))
  }

  /** Waits until all stand at one height with one state root. */
  async converged(timeoutMs: number): Promise<void> {
    await until('all members at one height with one state root', timeoutMs, async () => {
      const all = await Promise.all(this.members.map((member) => member.status()))
      return new Set(all.map((each) => `${each.height} ${each.stateRoot}`)).size === 1 ? true : undefined
    })
  }

  /** Ends whatever runs, in order; gives what didn't end well. */
  async stop(): Promise<readonly string[]> {
    const codes = await Promise.all(
      this.members.map(async (member) => ({
        member,
        code: member.isRunning ? await member.end('SIGTERM').catch(() => 'late' as const) : 'absent',
      })),
    )
    return codes.filter(({ code }) => code !== 0).map(({ member, code }) => `member ${member.index}: ${String(code)}`)
  }

  /** Leaves nothing behind but the folder, and that only if it is to be kept. */
  async clean(keepFolder: boolean): Promise<void> {
    await Promise.all(this.members.map((member) => member.end('SIGKILL').catch(() => null)))
    await Promise.all(this.links.map((link) => link.close()))
    for (const member of this.members) member.medium.close()
    for (const site of this.#sites) site.close()
    if (!keepFolder) rmSync(this.folder, { recursive: true, force: true })
  }
}
