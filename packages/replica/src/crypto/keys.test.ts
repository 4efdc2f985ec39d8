// Goal: a replica starts only from a key file that is whole, ed25519 and private. Method: real files in a temporary
// folder.

import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KeyError } from './key-error.ts'
import { createMemberKey, loadMemberKey } from './keys.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof KeyError) return error.code
    throw error
  }
  return 'none'
}

describe('member key file', () => {
  test('what was made is read back, for its owner alone', () => {
    const path = join(folder, 'member.key')
    const made = createMemberKey(path)
    expect(made.id).toMatch(/^[0-9a-f]{64}$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(loadMemberKey(path).id).toBe(made.id)
  })

  test('a key is never overwritten', () => {
    const path = join(folder, 'member.key')
    const made = createMemberKey(path)
    expect(codeOf(() => createMemberKey(path))).toBe('KEY_EXISTS')
    expect(loadMemberKey(path).id).toBe(made.id)
  })

  test.each([0o640, 0o604, 0o644, 0o666])('mode %o is refused', (mode) => {
    const path = join(folder, 'member.key')
    createMemberKey(path)
    chmodSync(path, mode)
    expect(codeOf(() => loadMemberKey(path))).toBe('KEY_EXPOSED')
    expect(() => loadMemberKey(path)).toThrow(`found mode 0${mode.toString(8)}, wanted 0600`)
  })

  test('what is no key is refused without being quoted', () => {
    const path = join(folder, 'member.key')
    writeFileSync(path, 'secret words', { mode: 0o600 })
    expect(codeOf(() => loadMemberKey(path))).toBe('KEY_MALFORMED')
    expect(() => loadMemberKey(path)).not.toThrow('secret words')
    writeFileSync(path, '')
    expect(codeOf(() => loadMemberKey(path))).toBe('KEY_MALFORMED')
  })

  test('a key of another type is refused with both types', () => {
    const path = join(folder, 'member.key')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    expect(codeOf(() => loadMemberKey(path))).toBe('KEY_TYPE')
    expect(() => loadMemberKey(path)).toThrow('found a key of type ec, wanted ed25519')
  })

  test('missing files and folders are told apart from broken ones', () => {
    expect(codeOf(() => loadMemberKey(join(folder, 'absent')))).toBe('KEY_MISSING')
    expect(codeOf(() => loadMemberKey(folder))).toBe('KEY_MALFORMED')
    expect(codeOf(() => createMemberKey(join(folder, 'absent', 'member.key')))).toBe('KEY_MISSING')
  })
})
