import { resolve } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { EXIT_FAILED, usageError } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import { numberBetween } from '../numbers.ts'
import { columns } from '../status-text.ts'
import { endedBySignals } from './archive.ts'

interface RestoreFlags {
  readonly config?: string
  readonly dataDir?: string
  readonly genesis?: string
  readonly toHeight?: number
}

/** The folder to build and the ledger's genesis.json: named, or as a replica's config file has them. */
function pathsOf(flags: RestoreFlags): { readonly dataDir: string; readonly genesis: string } {
  if (flags.config === undefined) {
    const { dataDir, genesis } = flags
    if (dataDir === undefined || genesis === undefined)
      throw usageError('USAGE', 'name what to build: --config FILE, or --data-dir FOLDER and --genesis FILE')
    return { dataDir: resolve(dataDir), genesis }
  }
  const config = loadConfig({ file: resolve(flags.config), env: {}, flags: {}, cwd: process.cwd() })
  return { dataDir: resolve(flags.dataDir ?? config['data-dir']), genesis: flags.genesis ?? config.genesis }
}

async function restore(target: string, flags: RestoreFlags): Promise<void> {
  const { dataDir, genesis } = pathsOf(flags)
  const { Archive, openPlace, Progress, restoreArchive } = await import('../archive/index.ts')
  const archive = await Archive.open(openPlace(target), readGenesis(genesis))
  const signal = endedBySignals()
  let progress: { readonly again: boolean; readonly lines: InstanceType<typeof Progress> } | undefined
  const onProgress = (at: number, to: number, again: boolean): void => {
    if (progress?.again !== again)
      progress = { again, lines: new Progress(again ? 'executing again' : 'restoring', at) }
    progress.lines.at(at, to)
  }
  const { height, stateRoot, added } = await restoreArchive({
    archive,
    dataDir,
    toHeight: flags.toHeight,
    signal,
    onProgress,
  })
  if (signal.aborted) process.exitCode = EXIT_FAILED
  console.log(
    columns([
      [signal.aborted ? 'STOPPED' : 'OK', dataDir],
      ['height', String(height)],
      ['state root', stateRoot ?? 'none'],
      ['added', `${added} blocks`],
    ]),
  )
}

/** `quorate restore` */
export function addRestore(program: Command): void {
  program
    .command('restore')
    .description("builds a replica's data folder from an archive, executing every block; goes on where it was")
    .argument('<archive>', 'a folder, or s3://bucket/prefix')
    .option('--config <file>', "the replica's config file: its data-dir and genesis")
    .option('--data-dir <folder>', 'the folder to build: a new one, or one of the same ledger')
    .option('--genesis <file>', 'genesis.json of the ledger, from a source you trust')
    .option('--to-height <n>', 'the last block', numberBetween(0, Number.MAX_SAFE_INTEGER))
    .action(restore)
}
