import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@quorate/client'
import { usageError } from './errors.ts'

/** Where `quorate dev` keeps its cluster unless told otherwise. */
export const DEV_FOLDER = '.quorate'
/** File in the folder of a running `quorate dev`: where it is reached. */
export const DEV_RUNNING_FILE = 'dev.json'

const FALLBACK_URL = 'http://127.0.0.1:8080'

function devUrls(cwd: string): readonly string[] | undefined {
  try {
    const running = JSON.parse(readFileSync(join(cwd, DEV_FOLDER, DEV_RUNNING_FILE), 'utf8')) as {
      readonly urls?: unknown
    }
    const isText = (value: unknown): value is string => typeof value === 'string'
    return Array.isArray(running.urls) && running.urls.every(isText) ? running.urls : undefined
  } catch {
    return undefined
  }
}

/**
 * The replicas that a command asks, the preferred first: those named (commas between), else QUORATE_URL, else a cluster
 * that `quorate dev` runs from this folder, else port 8080 of this machine.
 */
export function targetUrls(named: string | undefined): readonly string[] {
  const text = named ?? process.env['QUORATE_URL']
  const urls = text?.split(',').filter((url) => url !== '') ?? devUrls(process.cwd()) ?? [FALLBACK_URL]
  const bad = urls.find((url) => !URL.canParse(url) || !/^https?:/.test(url))
  if (bad !== undefined || urls.length === 0) throw usageError('USAGE', `not an http URL: ${bad ?? text}`)
  return urls
}

/** A client for one command: few attempts, since a person is waiting. */
export function clientFor(named: string | undefined): Client {
  const urls = targetUrls(named)
  return new Client({ urls, learn: true, attemptsMax: urls.length + 1, deadlineMs: 30_000 })
}
