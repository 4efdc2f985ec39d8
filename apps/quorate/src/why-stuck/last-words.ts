// What a replica says when it stops by itself, left in its data folder for who asks later: `quorate why-stuck` on the
// same machine. A full disk may not even take that; then there is nothing, and the log has it.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LastWords } from './look.ts'

const FILE = 'stopped.json'
const CHARS_MAX = 2000

/** Leaves the reason in `folder`. Never fails. */
export function leaveLastWords(folder: string, reason: Error, atMs: number): void {
  const code = 'code' in reason && typeof reason.code === 'string' ? reason.code : 'INTERNAL'
  const words: LastWords = { code, message: reason.message.slice(0, CHARS_MAX), atMs }
  try {
    writeFileSync(join(folder, FILE), `${JSON.stringify(words)}\n`)
  } catch {
    // The log has it.
  }
}

/** It runs again. */
export function forgetLastWords(folder: string): void {
  rmSync(join(folder, FILE), { force: true })
}

/** What is left in `folder`; undefined where nothing is. */
export function readLastWords(folder: string): LastWords | undefined {
  try {
    const value = JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Partial<Record<keyof LastWords, unknown>>
    const { code, message, atMs } = value
    if (typeof code !== 'string' || typeof message !== 'string' || typeof atMs !== 'number') return undefined
    return Math.abs(atMs) <= 8.64e15 ? { code, message, atMs } : undefined
  } catch {
    return undefined
  }
}
