// What this host can do: some faults need root, a kernel's help or a tool. Each need is asked for by doing the thing once, in the
// small; what lacks is told in words.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs a command of the system; throws with what it said where it fails. */
export function command(name: string, ...args: readonly string[]): string {
  const done = spawnSync(name, args, { encoding: 'utf8', timeout: 30_000 })
  if (done.status === 0) return done.stdout
  const why = done.error?.message ?? `${done.stderr}${done.stdout}`.trim().split('\n').at(-1) ?? ''
  throw new Error(`${name} ${args.join(' ')}: ${why}`)
}

/** Ends a filesystem as a power cut does: at once, with nothing written that wasn't. Linux, ext4's EXT4_IOC_SHUTDOWN. */
export function cutPower(mountPoint: string): void {
  // 2 is NOLOGFLUSH: the journal too stays as it is on the disk. Perl is on every system that has mount, and knows ioctl.
  const script = 'my $how = pack("L", 2); open(my $d, "<", $ARGV[0]) or die $!; ioctl($d, 0x8004587D, $how) or die $!'
  command('perl', '-e', script, mountPoint)
}

/** Makes a sparse file with an empty ext4 in it. */
export function makeImage(path: string, bytes: number): void {
  command('truncate', '-s', String(bytes), path)
  command('mkfs.ext4', '-q', '-F', path)
}

/** Unmounts; a mount that is busy goes once it no longer is. */
export function unmount(mountPoint: string): void {
  try {
    command('umount', mountPoint)
  } catch {
    command('umount', '--lazy', mountPoint)
  }
}

/** Each is undefined where the host has it, else why not. */
export interface Host {
  readonly lacksExt4: string | undefined
  readonly lacksTmpfs: string | undefined
  readonly lacksNamespaces: string | undefined
  readonly lacksNftables: string | undefined
  readonly lacksTbf: string | undefined
}

function lackOf(attempt: () => void): string | undefined {
  if (process.platform !== 'linux') return `it takes Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'it takes root'
  try {
    attempt()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Looks what the host can do. */
export function surveyHost(): Host {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-survey-'))
  const at = join(folder, 'mount')
  mkdirSync(at)
  const name = `qsurvey${process.pid}`
  const inNamespace = (attempt: () => void) => (): void => {
    command('ip', 'netns', 'add', name)
    try {
      command('nsenter', `--net=/run/netns/${name}`, 'true')
      command('ip', '-n', name, 'link', 'add', 'qv0', 'type', 'veth', 'peer', 'name', 'qv1')
      attempt()
    } finally {
      command('ip', 'netns', 'del', name)
    }
  }
  try {
    return {
      lacksExt4: lackOf(() => {
        makeImage(join(folder, 'image'), 16 * 1024 * 1024)
        command('mount', '-o', 'loop', join(folder, 'image'), at)
        try {
          cutPower(at)
        } finally {
          unmount(at)
        }
      }),
      lacksTmpfs: lackOf(() => {
        command('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at)
        unmount(at)
      }),
      lacksNamespaces: lackOf(inNamespace(() => undefined)),
      lacksNftables: lackOf(
        inNamespace(() => command('ip', 'netns', 'exec', name, 'nft', 'add', 'table', 'inet', 'survey')),
      ),
      lacksTbf: lackOf(
        inNamespace(() =>
          command(
            'tc',
            '-n',
            name,
            'qdisc',
            'add',
            'dev',
            'qv0',
            'root',
            'tbf',
            'rate',
            '1mbit',
            'burst',
            '5kb',
            'limit',
            '9kb',
          ),
        ),
      ),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
