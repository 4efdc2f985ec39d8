import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@quorate/client'
import { usageError } from './errors.ts'

/** Where `quorate dev` keeps its cluster unless told otherwise. */
export const DEV_FOLDER = '.quorate'
/** File in the folder of a running `quorate dev`: where it is reached. */
export const DEV_RUNNING_FILE = 'dev.json'

const FALLBACK_URL = 'http://127.0.0.1:8080'

function devUrl(cwd: string): string | undefined {
  try {
    const running = JSON.parse(readFileSync(join(cwd, DEV_FOLDER, DEV_RUNNING_FILE), 'utf8')) as {
      readonly url?: unknown
    }
    return typeof running.url === 'string' ? running.url : undefined
  } catch {
    return undefined
  }
}

/**
 * The replica that a command asks: the one named, else QUORATE_URL, else the first of a cluster that `quorate dev` runs
 * from this folder, else port 8080 of this machine.
 */
export function targetUrl(named: string | undefined): string {
  const url = named ?? process.env['QUORATE_URL'] ?? devUrl(process.cwd()) ?? FALLBACK_URL
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw usageError('USAGE', `not an http URL: ${url}`)
  return url
}

/** A client for one command: few attempts, since a person is waiting. */
export function clientFor(named: string | undefined): Client {
  return new Client({ urls: [targetUrl(named)], attemptsMax: 2 })
}
