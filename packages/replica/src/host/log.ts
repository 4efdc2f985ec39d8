import pino from 'pino'
import type { Logger } from 'pino'

/** How a replica logs. */
export interface LogOptions {
  readonly logLevel: string
  /** `json`: a line of JSON each; `pretty`: for people. */
  readonly logFormat: string
}

/** The log of the replica called `name`, on standard output. */
export function loggerOf(options: LogOptions, name: string): Logger {
  const base = { level: options.logLevel, base: { replica: name } }
  if (options.logFormat !== 'pretty') return pino({ ...base, timestamp: pino.stdTimeFunctions.isoTime })
  return pino(base, { write: (line: string) => process.stdout.write(prettyLine(line)) })
}

/** One log line for people: time, level, message, and the fields that are not everywhere. */
function prettyLine(line: string): string {
  const { time, level, msg, replica, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const words = [new Date(Number(time)).toISOString(), pino.levels.labels[Number(level)], replica, msg]
  return `${words.map(String).join(' ')}${fields.join('')}\n`
}
