// Looking at all members: those whose URLs are known, and those that the others know.

import { Client } from '@quorate/client'
import type { LedgerStatus } from '@quorate/client'
import type { Look, LastWords, MemberLook } from './look.ts'
import { isSame } from './look.ts'

/** A member that is known of before anybody is asked. */
export interface KnownMember {
  readonly member: string | undefined
  readonly name: string
  readonly url: string | undefined
}

/** Where to look. */
export interface Sources {
  /** URLs to ask, of whoever they are. */
  readonly urls: readonly string[]
  /** Founders in genesis.json, where there is one. */
  readonly members: readonly KnownMember[]
  /** Last words of a member whose data folder is on this machine. */
  readonly lastWords: (name: string) => LastWords | undefined
}

const ANSWER_MS_MAX = 3000
/** The most URLs that are asked. */
const URLS_MAX = 256

interface Asked {
  readonly url: string
  readonly status: LedgerStatus | undefined
  readonly error: string
  readonly clockAheadMs: number | undefined
}

async function ask(url: string): Promise<Asked> {
  const sentMs = Date.now()
  try {
    const status = await new Client({ urls: [url], attemptsMax: 1, timeoutMs: ANSWER_MS_MAX }).status()
    const middleMs = (sentMs + Date.now()) / 2
    const clockAheadMs = status.wallMs === undefined ? undefined : status.wallMs - middleMs
    return { url, status, error: '', clockAheadMs }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { url, status: undefined, error: message.replace(`${url}: `, ''), clockAheadMs: undefined }
  }
}

const plain = (url: string): string => url.replace(/\/+$/, '')

/** Asks everybody who can be found, in rounds: the first to answer know the others. */
async function askAll(sources: Sources): Promise<readonly Asked[]> {
  const asked = new Map<string, Asked>()
  const known = sources.members.map(({ url }) => url).filter((url) => url !== undefined)
  let next = [...new Set([...sources.urls, ...known].map(plain))]
  while (next.length > 0 && asked.size < URLS_MAX) {
    for (const answer of await Promise.all(next.slice(0, URLS_MAX).map(ask))) asked.set(answer.url, answer)
    const told = [...asked.values()].flatMap(({ status }) => status?.peers ?? []).map((peer) => plain(peer.http))
    next = [...new Set(told)].filter((url) => URL.canParse(url) && !asked.has(url))
  }
  return [...asked.values()]
}

/** Looks at all members once. */
export async function observe(sources: Sources): Promise<Look> {
  const asked = await askAll(sources)
  const members = new Map<string, KnownMember>()
  const learn = (member: KnownMember): void => {
    const same = [...members.values()].find((each) => each.name === member.name)
    if (same === undefined) members.set(member.name, member)
    else members.set(member.name, { ...same, member: same.member ?? member.member, url: same.url ?? member.url })
  }
  for (const member of sources.members) learn(member)
  for (const { status, url } of asked) {
    if (status === undefined) continue
    learn({ member: status.member, name: status.name, url })
    for (const peer of status.peers)
      learn({ member: peer.member, name: peer.name, url: peer.http === '' ? undefined : plain(peer.http) })
  }
  const unclaimed = new Set(asked.map(({ url }) => url))
  const looks = [...members.values()].map((known): MemberLook => {
    const answer =
      asked.find(({ status }) => status !== undefined && isSame(status, known)) ??
      asked.find(({ url, status }) => status === undefined && known.url !== undefined && plain(known.url) === url)
    if (answer !== undefined) unclaimed.delete(answer.url)
    return { ...known, url: answer?.url ?? known.url, ...seen(answer), lastWords: sources.lastWords(known.name) }
  })
  // Who sits behind a URL that doesn't answer, and that nobody told of, is not known.
  for (const answer of asked) {
    if (answer.status === undefined && unclaimed.has(answer.url) && members.size === 0)
      looks.push({ member: undefined, name: answer.url, url: answer.url, ...seen(answer), lastWords: undefined })
  }
  return { members: looks.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

function seen(answer: Asked | undefined): Pick<MemberLook, 'status' | 'error' | 'clockAheadMs'> {
  return { status: answer?.status, error: answer?.error ?? '', clockAheadMs: answer?.clockAheadMs }
}
