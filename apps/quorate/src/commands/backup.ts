import type { Command } from 'commander'
import { CliError, usageError } from '../errors.ts'
import { localConfigs } from '../local-replica.ts'
import { numberBetween } from '../numbers.ts'
import { columns } from '../status-text.ts'
import { clientFor, DEV_FOLDER } from '../target.ts'

interface BackupFlags {
  readonly dataDir?: string
  readonly config?: string
  readonly dir: string
}

interface CheckFlags {
  readonly root?: string
  readonly height?: number
  readonly url?: string
}

function dataDirOf(flags: BackupFlags): string {
  if (flags.dataDir !== undefined) return flags.dataDir
  const [config] = localConfigs(flags.config, flags.dir)
  if (config === undefined) throw usageError('USAGE', 'name the replica: --config FILE or --data-dir FOLDER')
  return config['data-dir']
}

async function backup(path: string, flags: BackupFlags): Promise<void> {
  const { backUp } = await import('@quorate/replica')
  const { height, block, timeMs, stateRoot, signers, bytes } = backUp(dataDirOf(flags), path)
  const lines = [
    ['file', `${path}, ${bytes} bytes`],
    ['height', String(height)],
    ['block', block],
    ['block time', new Date(timeMs).toISOString()],
    ['state root', stateRoot],
    ['certified by', `${signers} seats`],
  ]
  console.log(columns(lines))
}

/** The root that a ledger certified at a height, as a replica tells it. */
async function rootAt(height: number, url: string | undefined): Promise<string> {
  const { stateRoot: root } = (await clientFor(url).block(height)) as { readonly stateRoot?: unknown }
  if (typeof root !== 'string') throw new CliError('BAD_ANSWER', `block ${height} was answered without a state root`)
  return root
}

async function check(path: string, flags: CheckFlags): Promise<void> {
  const { rootOfFile } = await import('@quorate/replica')
  if (flags.root === undefined && flags.height === undefined)
    throw usageError('USAGE', 'compare it with what? --root HEX, or --height N of a ledger that answers')
  const { stateRoot, bytes } = rootOfFile(path)
  const wanted = flags.root?.toLowerCase() ?? (await rootAt(flags.height ?? 0, flags.url))
  if (wanted !== stateRoot)
    throw new CliError('BACKUP_ROOT', `FAIL ${path} has the state root ${stateRoot}, wanted ${wanted}`)
  console.log(
    columns([
      ['OK', `${path}, ${bytes} bytes`],
      ['state root', stateRoot],
    ]),
  )
}

/** `quorate backup` and `quorate backup-check` */
export function addBackup(program: Command): void {
  program
    .command('backup')
    .description(
      'writes the database at the newest certified height as a plain SQLite file; the replica may be running',
    )
    .argument('<file>', 'the file to write; it must not be there')
    .option('--config <file>', "the replica's config file; else the first one in --dir")
    .option('--data-dir <folder>', "the replica's data folder")
    .option('--dir <folder>', 'a ledger with its members on this machine', DEV_FOLDER)
    .action(backup)
  program
    .command('backup-check')
    .description('computes the state root over a backup again, and compares')
    .argument('<file>', 'what `quorate backup` wrote')
    .option('--root <hex>', 'the root it must have, as a verified receipt or a block tells')
    .option('--height <n>', 'asks a replica for the root at this height', numberBetween(0, Number.MAX_SAFE_INTEGER))
    .option('--url <url>', 'with --height: replicas to ask; else as for shell')
    .action(check)
}
