// Errors as people see them: one line, `error CODE: message`, on stderr; the exit code tells scripts which kind it was.

import { CommanderError } from 'commander'

/** Exit code where what was asked for didn't work. */
export const EXIT_FAILED = 1
/** Exit code where what was asked for makes no sense: unknown command, flag, key or value. */
export const EXIT_USAGE = 2

/** Something expected went wrong: the message says what, and what to do where that isn't plain. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: string
  readonly exitCode: number

  constructor(code: string, message: string, exitCode: number = EXIT_FAILED) {
    super(message)
    this.code = code
    this.exitCode = exitCode
  }
}

/** A mistake in flags, environment, config file or arguments. */
export function usageError(code: string, message: string): CliError {
  return new CliError(code, message, EXIT_USAGE)
}

function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'INTERNAL'
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}

/** The line that tells of an error, and the exit code. */
export function describeError(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof CommanderError) {
    return {
      line: `error USAGE: ${oneLine(error.message.replace(/^error: /, ''))}`,
      exitCode: error.exitCode === 0 ? 0 : EXIT_USAGE,
    }
  }
  if (!(error instanceof Error)) return { line: `error INTERNAL: ${String(error)}`, exitCode: EXIT_FAILED }
  const exitCode = error instanceof CliError ? error.exitCode : EXIT_FAILED
  return { line: `error ${codeOf(error)}: ${oneLine(error.message)}`, exitCode }
}
