// One exchange with one replica: what was sent, what came back, and, where nothing came back, that fact as a value.

/** The part of the global `fetch` that is used; tests give their own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A whole answer, or none. */
export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly text: string }
  /** No answer came. `isSent`: so whether the replica acted on the request is unknown; else it never got it. */
  | { readonly kind: 'none'; readonly isSent: boolean; readonly message: string }

/** A request. */
export interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}

/** Failures to connect: nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

function isNotSent(error: unknown): boolean {
  const code = error instanceof Error ? (error.cause as { readonly code?: unknown } | undefined)?.code : undefined
  return typeof code === 'string' && NOT_SENT.has(code)
}

/** Most bytes of an answer: as large as the largest receipt. A server that says more is not listened to any longer. */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024

async function textOf(response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder()
  let [text, bytes] = ['', 0]
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop ends the connection.
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Sends `ask` to the replica at `url` and reads the whole answer, within `timeoutMs`. Never rejects. */
export async function exchange(fetchIt: Fetch, url: string, ask: Ask, timeoutMs: number): Promise<Answer> {
  return exchangeUntil(fetchIt, url, ask, AbortSignal.timeout(timeoutMs))
}

/** The same, until `signal` ends it. */
export async function exchangeUntil(
  fetchIt: Fetch,
  url: string,
  ask: Ask,
  signal: AbortSignal,
  bytesMax: number = ANSWER_BYTES_MAX,
): Promise<Answer> {
  const { method, path, headers, body } = ask
  try {
    const response = await fetchIt(url.replace(/\/+$/, '') + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal,
      ...(body === undefined ? {} : { body }),
    })
    return {
      kind: 'answer',
      status: response.status,
      headers: response.headers,
      text: await textOf(response, bytesMax),
    }
  } catch (error) {
    return { kind: 'none', isSent: !isNotSent(error), message: `${url}: ${reasonOf(error)}` }
  }
}

/** How long an answer asks to wait, in milliseconds: its `retry-after`, at most 30 s. */
export function wishOf(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? '0')
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 30) * 1000 : 0
}

/** The value of a JSON text, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** `value` as an object with unknown fields, or undefined. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** Code and message of an answer that is an error. */
export function errorIn(answer: Extract<Answer, { readonly kind: 'answer' }>): {
  readonly code: string
  readonly message: string
} {
  const body = asObject(parseJson(answer.text))
  const code = body?.['code']
  const message = body?.['message']
  return {
    code: typeof code === 'string' ? code : `HTTP_${answer.status}`,
    message: typeof message === 'string' ? message : `HTTP ${answer.status}: ${answer.text.slice(0, 200)}`,
  }
}
