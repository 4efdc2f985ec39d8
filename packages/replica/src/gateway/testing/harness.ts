import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { GatewayLimits } from '../limits.ts'
import { Gateway } from '../server.ts'
import { FakeFeeds } from './fake-feeds.ts'
import { FakeReplica } from './fake-replica.ts'

/** A gateway that listens, before a fake replica. */
export interface Harness {
  readonly url: string
  readonly gateway: Gateway
  readonly replica: FakeReplica
  readonly feeds: FakeFeeds
  post(
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; headers: Headers; json: unknown; text: string }>
  get(path: string): Promise<{ status: number; headers: Headers; json: unknown; text: string }>
  close(): Promise<void>
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Starts one on a free port. */
export async function startHarness(
  limits: Partial<GatewayLimits> = {},
  origins: readonly string[] = [],
): Promise<Harness> {
  const replica = new FakeReplica()
  const feeds = new FakeFeeds()
  const gateway = new Gateway({
    replica,
    feeds,
    logger: pino({ level: 'silent' }),
    registry: new Registry(),
    limits,
    origins,
  })
  const url = await gateway.listen({ host: '127.0.0.1', port: 0 })
  const call = async (
    path: string,
    init: RequestInit,
  ): Promise<{ status: number; headers: Headers; json: unknown; text: string }> => {
    const answer = await fetch(url + path, init)
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, json: jsonOf(text), text }
  }
  return {
    url,
    gateway,
    replica,
    feeds,
    post: (path, body, headers = {}) =>
      call(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers }),
    get: (path) => call(path, {}),
    close: async () => {
      await gateway.close()
      replica.close()
    },
  }
}
