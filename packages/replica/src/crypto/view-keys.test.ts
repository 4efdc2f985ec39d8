// Goal: what is published for a view is the same after every restart, and is gone once the view is over. Method: the file in a folder of
// its own, opened again and again.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RISTRETTO_COINS } from '@quorate/choam'
import { hashOf } from '@quorate/types'
import type { ViewId } from '@quorate/types'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { VIEW_KEYS_FILE, ViewKeys } from './view-keys.ts'

const VIEWS = [1, 2, 3].map((number) => hashOf('view', Uint8Array.of(number)) as ViewId)
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'view-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('keys, secrets and shares survive a restart; each view has its own', () => {
  const [first, second] = VIEWS as [ViewId, ViewId]
  const keys = new ViewKeys(folder)
  const published = keys.publishedIn(first)
  expect(published.receiver).toBe(RISTRETTO_COINS.receiver(published.secret))
  expect(keys.publishedIn(first)).toEqual(published)
  expect(keys.publishedIn(second)).not.toEqual(published)
  const share = new Uint8Array(34).fill(5)
  keys.keepShare(published.key, share)
  const again = new ViewKeys(folder)
  expect(again.publishedIn(first)).toEqual(published)
  expect(again.shares).toEqual([{ key: published.key, share }])
  expect(again.sign(new Uint8Array(3), published.key)).toHaveLength(64)
})

test('a view that is over takes its key, secret and share with it', () => {
  const [first, second, third] = VIEWS as [ViewId, ViewId, ViewId]
  const keys = new ViewKeys(folder)
  const published = keys.publishedIn(first)
  keys.keepShare(published.key, new Uint8Array(34))
  keys.begun(second, published.key)
  expect(keys.shares).toHaveLength(1)
  keys.publishedIn(second)
  keys.begun(third, undefined)
  expect([keys.all, keys.shares]).toEqual([[], []])
  expect(readFileSync(join(folder, VIEW_KEYS_FILE), 'utf8')).toBe('[]')
})

test('a file that is none is refused, not replaced', () => {
  const entry = { view: 'a'.repeat(64), seed: 'b'.repeat(64) }
  for (const bad of [
    '{',
    '{}',
    JSON.stringify([{ ...entry, seed: 'b' }]),
    JSON.stringify([{ ...entry, share: 'cc' }]),
  ]) {
    writeFileSync(join(folder, VIEW_KEYS_FILE), bad)
    expect(() => new ViewKeys(folder)).toThrow(expect.objectContaining({ code: 'KEY_MALFORMED' }))
  }
  writeFileSync(join(folder, VIEW_KEYS_FILE), JSON.stringify([entry]))
  expect(new ViewKeys(folder).all).toHaveLength(1)
})
