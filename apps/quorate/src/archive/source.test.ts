// Goal: whatever a replica answers, an archiver gets blocks, or a reason; never an exception, never more than it can hold. Method: a
// server that answers what it is told to.

import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeWholeBlocks, height } from '@quorate/types'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bodyOf, FolderSource, ReplicaSource } from './source.ts'
import { smallLedger } from './testing/small-ledger.ts'

let server: Server
let asked: string[]
let answer: (response: ServerResponse) => void

beforeEach(async () => {
  asked = []
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(response)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const source = (): ReplicaSource => new ReplicaSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)

test('blocks and how far the replica is', async () => {
  const { blocks } = smallLedger({ blocks: 3 })
  answer = (response) => response.setHeader('quorate-height', '7').end(encodeWholeBlocks(blocks))
  const given = await source().blocks(height(5))
  expect(asked).toEqual(['/v1/blocks/raw?from=5&count=1024'])
  expect(given).toMatchObject({ kind: 'blocks', tip: 7 })
  expect(given.kind === 'blocks' ? given.blocks : []).toEqual(blocks)
})

test('pruned blocks, with the lowest that is kept', async () => {
  const message = 'block 5 is no longer kept here, where blocks begin at 120'
  answer = (response) => response.writeHead(404).end(JSON.stringify({ code: 'HEIGHT_GONE', message }))
  expect(await source().blocks(height(5))).toEqual({ kind: 'gone', lowest: 120, message })
})

test('refusals, other servers, garbage and nobody', async () => {
  answer = (response) => response.writeHead(503).end('{"code":"OVERLOADED","message":"too much"}')
  expect(await source().blocks(height(0))).toEqual({ kind: 'failed', message: 'too much' })
  answer = (response) => response.writeHead(500).end('<html>')
  expect(await source().blocks(height(0))).toEqual({ kind: 'failed', message: 'HTTP 500' })
  answer = (response) => response.setHeader('quorate-height', '7').end('what')
  expect(await source().blocks(height(0))).toMatchObject({
    kind: 'failed',
    message: expect.stringMatching(/^no blocks: /),
  })
  answer = (response) => response.end(Uint8Array.of(0))
  expect(await source().blocks(height(0))).toEqual({ kind: 'failed', message: 'it tells no height' })
  answer = (response) => response.destroy()
  expect(await source().blocks(height(0))).toMatchObject({ kind: 'failed' })
  const nobody = source()
  server.close()
  server.closeAllConnections()
  expect(await nobody.blocks(height(0))).toMatchObject({
    kind: 'failed',
    message: expect.stringMatching(/ECONNREFUSED|fetch failed/),
  })
})

test('an answer is read up to a bound', async () => {
  expect(await bodyOf(new Response('12345'), 5)).toEqual(new Uint8Array(Buffer.from('12345')))
  expect(await bodyOf(new Response('123456'), 5)).toBeUndefined()
})

test('a folder without a ledger', async () => {
  const given = await new FolderSource(join(tmpdir(), 'quorate-nowhere')).blocks(height(0))
  expect(given).toMatchObject({ kind: 'failed', message: expect.stringMatching(/ledger\.db is not there/) })
})
