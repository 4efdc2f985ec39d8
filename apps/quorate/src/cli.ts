// The command line: what each command does stands in commands/.

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addArchive } from './commands/archive.ts'
import { addBackup } from './commands/backup.ts'
import { addDev } from './commands/dev.ts'
import { addInit } from './commands/init.ts'
import { addMember } from './commands/member.ts'
import { addRestore } from './commands/restore.ts'
import { addShell } from './commands/shell.ts'
import { addStart } from './commands/start.ts'
import { addStatus } from './commands/status.ts'
import { addTail } from './commands/tail.ts'
import { addTx } from './commands/tx.ts'
import { addVerify } from './commands/verify.ts'
import { addWhyStuck } from './commands/why-stuck.ts'
import { describeError } from './errors.ts'

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  return version
}

function programOf(): Command {
  const program = new Command('quorate')
  program
    .description('SQLite that several organisations run together and none controls')
    .version(versionOf())
    .option('--debug', 'shows stack traces')
    .showSuggestionAfterError()
    .exitOverride()
    // Errors are printed once, in `run`.
    .configureOutput({ outputError: () => undefined })
  const add = [
    addInit,
    addStart,
    addDev,
    addShell,
    addMember,
    addStatus,
    addTail,
    addTx,
    addVerify,
    addWhyStuck,
    addBackup,
    addArchive,
    addRestore,
  ]
  for (const each of add) each(program)
  const settle = (command: Command): void => {
    command.exitOverride().configureOutput({ outputError: () => undefined })
    for (const below of command.commands) settle(below)
  }
  settle(program)
  return program
}

/** Runs the command line `args` and gives the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const program = programOf()
  try {
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    const { line, exitCode } = describeError(error)
    // Help and version end commander with an exception too; they have said what they had to.
    if (error instanceof CommanderError && (exitCode === 0 || error.code === 'commander.help')) return exitCode
    console.error(line)
    if (args.includes('--debug') && error instanceof Error) console.error(error.stack)
    return exitCode
  }
}
