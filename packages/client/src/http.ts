// One exchange with one replica: what was sent, what came back, and, where nothing came back, that fact as a value.

/** The part of the global `fetch` that is used; tests give their own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A whole answer, or none. */
export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly text: string }
  /** No answer came: whether the replica acted on the request is unknown. */
  | { readonly kind: 'none'; readonly message: string }

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

/** Sends `ask` to the replica at `url` and reads the whole answer, within `timeoutMs`. Never rejects. */
export async function exchange(fetchIt: Fetch, url: string, ask: Ask, timeoutMs: number): Promise<Answer> {
  const { method, path, headers, body } = ask
  try {
    const response = await fetchIt(url.replace(/\/+$/, '') + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    })
    return { kind: 'answer', status: response.status, headers: response.headers, text: await response.text() }
  } catch (error) {
    return { kind: 'none', message: `${url}: ${reasonOf(error)}` }
  }
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
