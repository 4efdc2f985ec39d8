import type { Command } from 'commander'
import { Option } from 'commander'
import type { Option as ConfigOption } from '../config.ts'
import { fallbackText, loadConfig, OPTIONS, variableOf } from '../config.ts'
import { EXIT_FAILED } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import { replicaOptions } from '../replica-options.ts'
import { forgetLastWords, leaveLastWords } from '../why-stuck/last-words.ts'

/** Longest time that a replica which stopped by itself gets to close what it can. */
const FAILED_CLOSE_MS_MAX = 2000

type Flags = Readonly<Record<string, unknown>>

function flagOf(option: ConfigOption): Option {
  const fallback = fallbackText(option)
  const what = `${option.help} (${variableOf(option)}${fallback === '' ? '' : `, default ${fallback}`})`
  const flag = new Option(`--${option.name} <value>`, what)
  return option.hidden === true ? flag.hideHelp() : flag
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** A promise of the first signal to end. Later ones change nothing: what closes is closing. */
function endSignal(withStdin: boolean): Promise<string> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve('SIGTERM'))
    process.on('SIGINT', () => resolve('SIGINT'))
    if (!withStdin) return
    // The supervisor holds the other end: when it is gone, however it went, its replicas must not stay.
    process.stdin.on('end', () => resolve('end of stdin'))
    process.stdin.on('error', () => resolve('end of stdin'))
    process.stdin.resume()
  })
}

async function start(flags: Flags): Promise<void> {
  const { config: file, stopWithStdin } = flags as { readonly config?: string; readonly stopWithStdin?: true }
  const named = Object.fromEntries(OPTIONS.map(({ name }) => [name, flags[camel(name)]]))
  const config = loadConfig({ file, env: process.env, flags: named, cwd: process.cwd() })
  const genesis = readGenesis(config.genesis)
  const ended = endSignal(stopWithStdin === true)
  const { openReplica } = await import('@quorate/replica')
  const dataDir = config['data-dir']
  const replica = await openReplica(replicaOptions(config, genesis)).catch((error: unknown) => {
    // Another process runs on this folder, and is fine.
    const isLocked = error instanceof Error && 'code' in error && error.code === 'STORE_LOCKED'
    if (error instanceof Error && !isLocked) leaveLastWords(dataDir, error, Date.now())
    throw error
  })
  forgetLastWords(dataDir)
  const stopped = replica.stopped.then((reason) => ({ reason }))
  const first = await Promise.race([ended, stopped])
  // An open stdin would keep the process alive.
  process.stdin.destroy()
  if (typeof first === 'string') {
    await replica.close()
    return
  }
  // What failed may also fail to close, and must not keep the process: who watches it waits for its end.
  setTimeout(() => process.exit(EXIT_FAILED), FAILED_CLOSE_MS_MAX).unref()
  leaveLastWords(dataDir, first.reason, Date.now())
  void replica.close().catch(() => undefined)
  throw first.reason
}

/** `quorate start` */
export function addStart(program: Command): void {
  const command = program
    .command('start')
    .description('runs one replica; SIGTERM or Ctrl-C ends it')
    .option('--config <file>', 'config file (QUORATE_CONFIG; else quorate.toml, if there is one)')
  for (const option of OPTIONS) command.addOption(flagOf(option))
  command.addOption(new Option('--stop-with-stdin').hideHelp())
  command.action(start)
}
