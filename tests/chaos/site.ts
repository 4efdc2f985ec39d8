// Where a member's process lives: on the loopback, or in a network namespace of its own, at the end of a pair of virtual cables
// whose packets can be lost. The driver and the links stay outside.

import { randomInt } from 'node:crypto'
import { command } from './host.ts'

/** A member's place in the network. */
export interface Site {
  /** Where the member listens. */
  readonly host: string
  /** Where the links that it uses listen. */
  readonly outside: string
  /** Words before its command line. */
  readonly prefix: readonly string[]
  /** The kernel drops so many of a hundred packets that reach the member. 0: none. */
  lose(percent: number): void
  /** The cable to the member carries so much, and drops what doesn't fit. Undefined: no bound. */
  narrow(kilobits: number | undefined): void
  close(): void
}

/** All members on the loopback, which loses nothing. */
export function loopback(): Site {
  const none = (): never => {
    throw new Error('the loopback loses no packets')
  }
  return { host: '127.0.0.1', outside: '127.0.0.1', prefix: [], lose: none, narrow: none, close: () => undefined }
}

/** Namespaces for `members` members, in a subnet that no other run on this host is likely to use. */
export function namespaces(members: number): readonly Site[] {
  const run = randomInt(64, 255)
  return Array.from({ length: members }, (_, i) => namespace(`10.${run}.${i + 1}`, `q${process.pid}-${i + 1}`))
}

function namespace(net: string, name: string): Site {
  const [outside, host] = [`${net}.1`, `${net}.2`]
  const inside = `${name}i`
  command('ip', 'netns', 'add', name)
  command('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', inside)
  command('ip', 'link', 'set', inside, 'netns', name)
  command('ip', 'addr', 'add', `${outside}/30`, 'dev', name)
  command('ip', 'link', 'set', name, 'up')
  command('ip', '-n', name, 'addr', 'add', `${host}/30`, 'dev', inside)
  command('ip', '-n', name, 'link', 'set', inside, 'up')
  command('ip', '-n', name, 'link', 'set', 'lo', 'up')
  return {
    host,
    outside,
    // Not `ip netns exec`: it also makes a namespace of mounts, which would hold the disks of others.
    prefix: ['nsenter', `--net=/run/netns/${name}`],
    lose: (percent) => {
      const nft = (...words: readonly string[]): string => command('ip', 'netns', 'exec', name, 'nft', ...words)
      nft('add', 'table', 'inet', 'chaos')
      nft('delete', 'table', 'inet', 'chaos')
      if (percent === 0) return
      nft('add', 'table', 'inet', 'chaos')
      nft('add', 'chain', 'inet', 'chaos', 'in', '{ type filter hook input priority 0; }')
      nft('add', 'rule', 'inet', 'chaos', 'in', 'numgen', 'random', 'mod', '100', '<', String(percent), 'drop')
    },
    narrow: (kilobits) => {
      if (kilobits === undefined) command('tc', 'qdisc', 'del', 'dev', name, 'root')
      else
        command(
          'tc',
          'qdisc',
          'replace',
          'dev',
          name,
          'root',
          'tbf',
          'rate',
          `${kilobits}kbit`,
          'burst',
          '5kb',
          'limit',
          '15kb',
        )
    },
    close: () => command('ip', 'netns', 'del', name),
  }
}
