// A store that speaks as much S3 as an archive needs, and is strict about it: it checks signatures (AWS signature version 4, from
// AWS's description of it, not with the client's library), the hash of what arrives, and writes a name once when asked to.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Whom the store knows. */
export const FAKE_KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
} as const

const REGION = 'eu-test-1'
const BUCKET = 'ledgers'

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** What goes wrong with the next request. */
export type Mishap =
  /** It is done, and the answer is lost. */
  | 'lost-answer'
  /** It is not done: try later. */
  | 'slow-down'
  /** The bucket is in another region. */
  | 'redirect'
  | 'none'

export class FakeS3 {
  readonly objects = new Map<string, Buffer>()
  /** Of each request, in order. */
  readonly mishaps: Mishap[] = []
  /** Names in one answer to a list. */
  pageNames = 1000
  /** Whether a name is written once when asked so, as S3 does. */
  isConditional = true
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => this.#answer(request, response, Buffer.concat(chunks)))
    })
  }

  static async start(): Promise<FakeS3> {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return new FakeS3(server)
  }

  /** The environment of a client of this store. */
  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ACCESS_KEY_ID: FAKE_KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: FAKE_KEYS.secretAccessKey,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`)
    }
    const mishap = this.mishaps.shift()
    if (mishap === 'slow-down') return refuse(503, 'SlowDown')
    if (mishap === 'redirect') return refuse(301, 'PermanentRedirect')
    const fault = signatureFault(request, body)
    if (fault !== undefined) return refuse(403, fault)
    const url = new URL(request.url ?? '', 'http://store')
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent)
    if (bucket !== BUCKET) return refuse(404, 'NoSuchBucket')
    const key = rest.join('/')
    if (request.method === 'PUT') return this.#put(request, response, { key, body, isLost: mishap === 'lost-answer' })
    if (key === '') return this.#list(response, url.searchParams)
    const found = this.objects.get(key)
    if (found === undefined) return refuse(404, 'NoSuchKey')
    response.writeHead(200).end(found)
  }

  #put(
    request: IncomingMessage,
    response: ServerResponse,
    { key, body, isLost }: { readonly key: string; readonly body: Buffer; readonly isLost: boolean },
  ): void {
    const isTaken = this.isConditional && request.headers['if-none-match'] === '*' && this.objects.has(key)
    if (!isTaken) this.objects.set(key, body)
    if (isLost) request.socket.destroy()
    else if (isTaken) response.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>')
    else response.writeHead(200).end()
  }

  #list(response: ServerResponse, query: URLSearchParams): void {
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? ''
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = keys.slice(0, this.pageNames)
    const more = keys.length > page.length
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    const contents = page.map((key) => `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key></Contents>`).join('')
    response.writeHead(200, { 'content-type': 'application/xml' })
    response.end(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${contents}${next}</ListBucketResult>`)
  }
}

/** Why a request is not signed as it must be; undefined where it is. */
function signatureFault(request: IncomingMessage, body: Buffer): string | undefined {
  const authorization = request.headers.authorization ?? ''
  const parts = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    authorization,
  )
  if (parts === null) return 'AccessDenied'
  const [, credential = '', signedHeaders = '', signature = ''] = parts
  const [id, date = '', region = '', service = '', end] = credential.split('/')
  if (id !== FAKE_KEYS.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== REGION || service !== 's3' || end !== 'aws4_request') return 'AuthorizationHeaderMalformed'
  const signed = signedHeaders.split(';')
  if (!signed.includes('host') || !signed.includes('x-amz-date')) return 'AccessDenied'
  if (request.headers['x-amz-content-sha256'] !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const time = String(request.headers['x-amz-date'])
  if (!time.startsWith(date)) return 'AccessDenied'
  const url = new URL(request.url ?? '', 'http://store')
  const query = [...url.searchParams]
    .map(([name, value]) => `${rfc3986(name)}=${rfc3986(value)}`)
    .sort()
    .join('&')
  const canonical = [
    request.method,
    url.pathname.split('/').map(decodeURIComponent).map(rfc3986).join('/'),
    query,
    ...signed.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (before, part) => hmac(before, part),
    `AWS4${FAKE_KEYS.secretAccessKey}`,
  )
  const wanted = hmac(key, toSign)
  return timingSafeEqual(wanted, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

function rfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
}
