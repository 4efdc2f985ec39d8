// Goal: folders and buckets keep their one rule: a name is written once, whole, whoever writes it at the same time; and each tells
// what is wrong with it. Method: the same tests on a folder and on a store that speaks S3 and checks every signature.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Digest } from '@quorate/types'
import { FolderPlace } from './folder-place.ts'
import { markArchive } from './mark.ts'
import type { Place } from './place.ts'
import { S3Place, s3Options } from './s3-place.ts'
import { FakeS3 } from './testing/fake-s3.ts'

let folder: string
let store: FakeS3

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-place-'))
  store = await FakeS3.start()
})

afterEach(async () => {
  rmSync(folder, { recursive: true, force: true })
  await store.close()
})

const bucket = (): S3Place => new S3Place(s3Options('s3://ledgers/our/own ledger+', store.env))
const KINDS: readonly (readonly [string, () => Place])[] = [
  ['a folder', () => new FolderPlace(join(folder, 'deep', 'archive'))],
  ['a bucket', bucket],
]

describe.each(KINDS)('%s', (_, open) => {
  test('names are there once they are written, and only then', async () => {
    const place = open()
    expect(await place.list()).toEqual([])
    expect(await place.get('one', 10)).toBeUndefined()
    expect(await place.put('one', Uint8Array.of(1, 2, 3))).toBe('written')
    expect(await place.put('two & more', new Uint8Array(0))).toBe('written')
    expect((await place.list()).toSorted()).toEqual(['one', 'two & more'])
    expect(await open().get('one', 10)).toEqual(Uint8Array.of(1, 2, 3))
    expect(await place.get('two & more', 10)).toEqual(new Uint8Array(0))
  })

  test('a name is written once', async () => {
    const place = open()
    await place.put('one', Uint8Array.of(1))
    expect(await place.put('one', Uint8Array.of(2))).toBe('exists')
    expect(await place.get('one', 10)).toEqual(Uint8Array.of(1))
  })

  test('of many who write one name at once, one has written it', async () => {
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map((byte) => open().put('one', new Uint8Array(1000).fill(byte))))
    expect(all.filter((each) => each === 'written')).toHaveLength(1)
    const winner = all.indexOf('written') + 1
    expect(await open().get('one', 1000)).toEqual(new Uint8Array(1000).fill(winner))
  })

  test('more bytes than are wanted are refused', async () => {
    const place = open()
    await place.put('one', new Uint8Array(11))
    await expect(place.get('one', 10)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' })
  })

  test('a target is marked for one ledger', async () => {
    const [mine, other] = ['a'.repeat(64) as Digest, 'b'.repeat(64) as Digest]
    await markArchive(open(), mine)
    await markArchive(open(), mine)
    await expect(markArchive(open(), other)).rejects.toMatchObject({ code: 'ARCHIVE_LEDGER' })
  })
})

describe('a folder', () => {
  test('what a killed archiver left is no name, and goes after an hour', async () => {
    const [old, fresh] = [join(folder, '.0123456789abcdef.partial'), join(folder, '.fedcba9876543210.partial')]
    for (const path of [old, fresh]) writeFileSync(path, 'half')
    utimesSync(old, 1, 1)
    const place = new FolderPlace(folder)
    expect(await place.list()).toEqual([])
    await place.put('one', Uint8Array.of(1))
    expect([existsSync(old), existsSync(fresh)]).toEqual([false, true])
    expect(readdirSync(folder).toSorted()).toEqual(['.fedcba9876543210.partial', 'one'])
  })

  test('what the system refuses is told with the folder', async () => {
    writeFileSync(join(folder, 'file'), '')
    const place = new FolderPlace(join(folder, 'file'))
    await expect(place.put('one', Uint8Array.of(1))).rejects.toMatchObject({ code: 'ARCHIVE_PLACE' })
    mkdirSync(join(folder, 'd', 'one'), { recursive: true })
    await expect(new FolderPlace(join(folder, 'd')).get('one', 10_000)).rejects.toThrow(/EISDIR/)
  })
})

describe('a bucket', () => {
  test('a list of many pages is whole', async () => {
    store.pageNames = 3
    const names = Array.from({ length: 10 }, (_, i) => `name ${i}`)
    for (const name of names) await bucket().put(name, Uint8Array.of(1))
    store.objects.set('our/elsewhere', Buffer.of(1))
    expect((await bucket().list()).toSorted()).toEqual(names)
    expect([...store.objects.keys()].filter((key) => key.startsWith('our/own ledger+/'))).toHaveLength(10)
  })

  test('a lost answer and a busy store cost another attempt', async () => {
    store.mishaps.push('slow-down', 'slow-down')
    expect(await bucket().put('one', Uint8Array.of(1))).toBe('written')
    store.mishaps.push('lost-answer')
    expect(await bucket().put('two', Uint8Array.of(2))).toBe('exists')
    expect(await bucket().get('two', 10)).toEqual(Uint8Array.of(2))
  })

  test('a wrong secret, an unknown key and a bucket that is not there are told', async () => {
    const as = (changed: Readonly<Record<string, string>>, target = 's3://ledgers'): S3Place =>
      new S3Place(s3Options(target, { ...store.env, ...changed }))
    const wrong = as({ AWS_SECRET_ACCESS_KEY: 'guessed' })
    await expect(wrong.list()).rejects.toMatchObject({
      code: 'ARCHIVE_DENIED',
      message: expect.stringMatching(/SignatureDoesNotMatch/),
    })
    await expect(wrong.put('one', Uint8Array.of(1))).rejects.toMatchObject({ code: 'ARCHIVE_DENIED' })
    await expect(as({ AWS_ACCESS_KEY_ID: 'nobody' }).get('one', 1)).rejects.toThrow(/InvalidAccessKeyId/)
    await expect(as({}, 's3://other-one').get('one', 1)).rejects.toThrow(/NoSuchBucket/)
    expect(store.objects.size).toBe(0)
  })

  test('a bucket of another region is told at once', async () => {
    store.mishaps.push('redirect')
    await expect(bucket().put('one', Uint8Array.of(1))).rejects.toThrow(/writing one: PermanentRedirect/)
    expect(store.objects.size).toBe(0)
  })

  test('a store that writes over what is there is found out before anything is kept in it', async () => {
    store.isConditional = false
    await expect(markArchive(bucket(), 'a'.repeat(64) as Digest)).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' })
  })

  test('targets and environments that make no sense are refused', () => {
    for (const target of ['s3://', 's3://A', 's3:///x', 's3://a_b/x'])
      expect(() => s3Options(target, store.env), target).toThrow(/is not s3:/)
    expect(() => s3Options('s3://ledgers', {})).toThrow(/AWS_ACCESS_KEY_ID/)
    expect(() => s3Options('s3://ledgers', { ...store.env, AWS_ENDPOINT_URL: 'minio:9000' })).toThrow(/wanted https/)
    expect(s3Options('s3://ledgers//a/b//', store.env)).toMatchObject({ bucket: 'ledgers', prefix: 'a/b/' })
  })
})
