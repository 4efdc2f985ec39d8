import type { ChangeEntry, FollowOptions, LogEntry } from '@quorate/client'
import { Client } from '@quorate/client'
import type { Command } from 'commander'
import { usageError } from '../errors.ts'
import { numberBetween } from '../numbers.ts'
import { entryJson, entryText } from '../tail-text.ts'
import { targetUrls } from '../target.ts'

interface TailFlags {
  readonly url?: string
  readonly changes?: true
  readonly log?: true
  readonly statements?: true
  readonly from?: string
  readonly tables?: string
  readonly count?: number
  readonly json?: true
}

function entriesOf(
  urls: readonly string[],
  flags: TailFlags,
  follow: FollowOptions,
): AsyncIterable<ChangeEntry | LogEntry> {
  const client = new Client({ urls, timeoutMs: 30_000 })
  if (flags.log === true) return client.log({ ...follow, statements: flags.statements === true })
  const tables = flags.tables?.split(',')
  return client.changes(tables === undefined ? follow : { ...follow, tables })
}

/** Waits where whoever reads the output is slower than the ledger. */
async function print(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return
  await new Promise((resolve) => process.stdout.once('drain', resolve))
}

async function tail(url: string | undefined, flags: TailFlags): Promise<void> {
  if (flags.changes === true && flags.log === true) throw usageError('USAGE', '--changes or --log, not both')
  if (flags.log === true && flags.tables !== undefined) throw usageError('USAGE', '--tables is about changes')
  if (flags.log !== true && flags.statements === true) throw usageError('USAGE', '--statements is about the log')
  const abort = new AbortController()
  const stop = (): void => abort.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  // Whoever read the output has left: `| head`.
  process.stdout.once('error', stop)
  const follow: FollowOptions = {
    signal: abort.signal,
    onInterruption: ({ code, message }) => console.error(`interrupted ${code}: ${message}; going on`),
    ...(flags.from === undefined ? {} : { from: flags.from }),
  }
  let left = flags.count ?? Infinity
  for await (const entry of entriesOf(targetUrls(flags.url ?? url), flags, follow)) {
    await print(flags.json === true ? entryJson(entry) : entryText(entry))
    left -= 1
    if (left <= 0) break
  }
}

/** `quorate tail` */
export function addTail(program: Command): void {
  program
    .command('tail')
    .description('follows what the ledger does, going on with another replica where one fails')
    .argument('[urls]', 'replicas, commas between; else as for shell')
    .option('--url <urls>', 'the same as the argument')
    .option('--changes', 'rows that change (unless --log is given)')
    .option('--log', 'transactions')
    .option('--statements', 'with --log: what the transactions say too')
    .option('--from <position>', 'a height, or the position of an entry to go on behind; else from now on')
    .option('--tables <names>', 'only these tables, commas between')
    .option('-n, --count <number>', 'ends after so many entries', numberBetween(1, 1_000_000_000))
    .option('--json', 'a line of JSON for each entry')
    .action(tail)
}
