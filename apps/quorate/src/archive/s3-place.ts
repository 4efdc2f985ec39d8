// An archive in a bucket of a store that speaks S3. What keeps archivers apart is `If-None-Match: *`: the store itself refuses to
// write over a name. A request that got no answer is sent again: if the first one did its work after all, the second is refused,
// and the caller finds its own bytes there.
//
// Three requests of S3's many: ListObjectsV2, GetObject, PutObject (docs.aws.amazon.com/AmazonS3/latest/API).

import { sha256 } from '@quorate/kernel'
import { AwsClient } from 'aws4fetch'
import { usageError } from '../errors.ts'
import type { Place } from './place.ts'
import { PlaceError } from './place.ts'
import { bodyOf } from './source.ts'

/** Where a bucket is, and who asks. */
export interface S3Options {
  readonly bucket: string
  /** Before each name; empty, or ending in a slash. */
  readonly prefix: string
  readonly region: string
  /** Of a store other than AWS, as https://host:port: buckets are then part of the path. */
  readonly endpoint: string | undefined
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

const ATTEMPTS_MAX = 6
const ATTEMPT_MS_MAX = 120_000
const PAUSE_MS_MIN = 200
const PAUSE_MS_MAX = 5000
const LIST_BYTES_MAX = 16 * 1024 * 1024
const ERROR_BYTES_MAX = 65_536
/** Pages of a list, a thousand names each. */
const PAGES_MAX = 100_000

/** Options for s3://bucket/prefix, the rest from the environment, in the words of AWS's own tools. @throws CliError USAGE */
export function s3Options(target: string, env: Readonly<Record<string, string | undefined>>): S3Options {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(target) ?? []
  if (bucket === undefined) throw usageError('USAGE', `${target} is not s3://bucket/prefix`)
  const prefix = path.replace(/^\/+|\/+$/g, '')
  const accessKeyId = env['AWS_ACCESS_KEY_ID']
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY']
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw usageError('USAGE', 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to reach an s3:// target')
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  if (endpoint !== undefined && !(URL.canParse(endpoint) && /^https?:/.test(endpoint)))
    throw usageError('USAGE', `AWS_ENDPOINT_URL is ${endpoint}, wanted https://host:port`)
  return {
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    region: env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    endpoint: endpoint?.replace(/\/+$/, ''),
    accessKeyId,
    secretAccessKey,
    sessionToken: env['AWS_SESSION_TOKEN'],
  }
}

function baseOf({ bucket, region, endpoint }: S3Options): string {
  if (endpoint !== undefined) return `${endpoint}/${bucket}`
  // A certificate for one level of names doesn't fit a bucket with dots.
  if (bucket.includes('.')) return `https://s3.${region}.amazonaws.com/${bucket}`
  return `https://${bucket}.s3.${region}.amazonaws.com`
}

function xmlText(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      return named[name ?? ''] ?? whole
    },
  )
}

function elements(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((match) => xmlText(match[1] ?? ''))
}

interface Answer {
  readonly status: number
  readonly bytes: Uint8Array
}

export class S3Place implements Place {
  readonly title: string
  readonly #options: S3Options
  readonly #base: string
  readonly #client: AwsClient

  constructor(options: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken, region, bucket, prefix } = options
    this.#options = options
    this.#base = baseOf(options)
    this.title = `s3://${bucket}/${prefix}`
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region,
      retries: 0,
    })
  }

  async list(): Promise<readonly string[]> {
    const { prefix } = this.#options
    const names: string[] = []
    let token: string | undefined
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const query = new URLSearchParams({ 'list-type': '2', prefix, delimiter: '/' })
      if (token !== undefined) query.set('continuation-token', token)
      const answer = await this.#ask('GET', `?${query.toString()}`, LIST_BYTES_MAX)
      if (answer.status !== 200) throw this.#refused('listing', answer)
      const xml = Buffer.from(answer.bytes).toString('utf8')
      for (const key of elements(xml, 'Key')) if (key.startsWith(prefix)) names.push(key.slice(prefix.length))
      token = elements(xml, 'IsTruncated')[0] === 'true' ? elements(xml, 'NextContinuationToken')[0] : undefined
      if (token === undefined) return names
    }
    throw new PlaceError('ARCHIVE_TOO_LARGE', `${this.title}: a list of more than ${PAGES_MAX} pages`)
  }

  async get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const answer = await this.#ask('GET', this.#pathOf(name), bytesMax)
    if (answer.status === 404 && !this.#isNoBucket(answer)) return undefined
    if (answer.status !== 200) throw this.#refused(`reading ${name}`, answer)
    return answer.bytes
  }

  async put(name: string, bytes: Uint8Array): Promise<'written' | 'exists'> {
    const answer = await this.#ask('PUT', this.#pathOf(name), ERROR_BYTES_MAX, bytes)
    if (answer.status === 200) return 'written'
    if (answer.status === 412) return 'exists'
    throw this.#refused(`writing ${name}`, answer)
  }

  #pathOf(name: string): string {
    return `/${this.#options.prefix}${name}`.split('/').map(encodeURIComponent).join('/')
  }

  /** Asks until there is an answer that more asking wouldn't change. */
  async #ask(method: 'GET' | 'PUT', path: string, bytesMax: number, body?: Uint8Array): Promise<Answer> {
    let last = ''
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (attempt > 0) await pause(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** attempt))
      try {
        const answer = await this.#once(method, path, bytesMax, body)
        // 409: somebody writes the same name at this moment; only afterwards it is known who was first.
        if (answer.status < 500 && ![408, 409, 429].includes(answer.status)) return answer
        last = this.#refused(method, answer).message
      } catch (error) {
        if (error instanceof PlaceError) throw error
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
        last = `${this.title}: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    }
    throw new PlaceError('ARCHIVE_PLACE', `${last} (${ATTEMPTS_MAX} attempts)`)
  }

  async #once(method: 'GET' | 'PUT', path: string, bytesMax: number, body: Uint8Array | undefined): Promise<Answer> {
    const request = await this.#client.sign(`${this.#base}${path}`, {
      method,
      headers: {
        // What is signed is what must arrive.
        'x-amz-content-sha256': sha256(body ?? new Uint8Array(0)),
        ...(method === 'PUT' ? { 'if-none-match': '*', 'content-type': 'application/octet-stream' } : {}),
      },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    })
    const response = await fetch(request, { signal: AbortSignal.timeout(ATTEMPT_MS_MAX), redirect: 'manual' })
    const bytes = await bodyOf(response, response.status === 200 ? bytesMax : ERROR_BYTES_MAX)
    if (bytes === undefined)
      throw new PlaceError('ARCHIVE_TOO_LARGE', `${this.title}${path}: more than ${bytesMax} bytes`)
    return { status: response.status, bytes }
  }

  #isNoBucket({ bytes }: Answer): boolean {
    return elements(Buffer.from(bytes).toString('utf8'), 'Code')[0] === 'NoSuchBucket'
  }

  #refused(doing: string, { status, bytes }: Answer): PlaceError {
    const xml = Buffer.from(bytes).toString('utf8')
    const [code = `HTTP ${status}`] = elements(xml, 'Code')
    const [message = ''] = elements(xml, 'Message')
    const kind = status === 401 || status === 403 ? 'ARCHIVE_DENIED' : 'ARCHIVE_PLACE'
    return new PlaceError(kind, `${this.title}: ${doing}: ${code} ${message.slice(0, 300)}`.trim())
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
