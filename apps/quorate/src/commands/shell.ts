import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import type { Command } from 'commander'
import { Option } from 'commander'
import { EXIT_FAILED } from '../errors.ts'
import type { Mode } from '../shell/format.ts'
import { MODES } from '../shell/format.ts'
import type { Output } from '../shell/session.ts'
import { Session } from '../shell/session.ts'
import { LedgerDatabase } from '../shell/ledger-database.ts'
import { clientFor } from '../target.ts'

const HISTORY_FILE = '.quorate_history'
const HISTORY_LINES_MAX = 1000

interface ShellFlags {
  readonly url?: string
  readonly command?: string
  readonly mode?: Mode
}

const output: Output = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
}

/** Past lines, newest first, as readline wants them. */
function readHistory(path: string): string[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .slice(-HISTORY_LINES_MAX)
    .reverse()
}

function addHistory(path: string, line: string): void {
  try {
    // SQL may hold secrets: the file is for its owner.
    if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600 })
    appendFileSync(path, `${line}\n`)
    chmodSync(path, 0o600)
  } catch {
    // A shell without a history is still a shell.
  }
}

async function converse(terminal: Interface, session: Session, history: string): Promise<void> {
  const ask = (): void => {
    terminal.setPrompt(session.prompt)
    terminal.prompt()
  }
  terminal.on('SIGINT', () => {
    session.clear()
    process.stdout.write('\n')
    ask()
  })
  ask()
  for await (const line of terminal) {
    if (line.trim() !== '') addHistory(history, line)
    await session.feed(line)
    if (session.ended) break
    ask()
  }
}

async function runShell(url: string | undefined, flags: ShellFlags): Promise<void> {
  const client = clientFor(flags.url ?? url)
  const database = new LedgerDatabase(client)
  const isTerminal = flags.command === undefined && process.stdin.isTTY
  const mode = flags.mode ?? (isTerminal || process.stdout.isTTY ? 'table' : 'csv')
  const session = new Session(database, output, {
    mode,
    timer: isTerminal,
    chatty: isTerminal,
    nowMs: () => performance.now(),
  })
  if (flags.command !== undefined) {
    for (const line of flags.command.split('\n')) await session.feed(line)
  } else if (isTerminal) {
    const history = join(homedir(), HISTORY_FILE)
    output.out(
      `quorate shell at ${client.url}. A statement ends with a semicolon; .help for commands, Ctrl-D to leave.`,
    )
    const terminal = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: readHistory(history),
      historySize: HISTORY_LINES_MAX,
    })
    await converse(terminal, session, history)
    terminal.close()
  } else {
    for await (const line of createInterface({ input: process.stdin })) {
      await session.feed(line)
      if (session.ended) break
    }
  }
  if (!session.ended && !isTerminal) await session.finish()
  await database.close()
  if (!isTerminal && session.failures > 0) process.exitCode = EXIT_FAILED
}

/** `quorate shell` */
export function addShell(program: Command): void {
  program
    .command('shell')
    .description('SQL, by hand, from a pipe or from -c')
    .argument('[url]', 'a replica; else QUORATE_URL, a cluster of quorate dev here, or http://127.0.0.1:8080')
    .option('--url <url>', 'the same as the argument')
    .option('-c, --command <sql>', 'runs SQL (or a .command) and ends')
    .addOption(new Option('--mode <mode>', 'how rows are printed').choices([...MODES]))
    .action(runShell)
}
