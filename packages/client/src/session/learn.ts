// Which members there are to send to. The caller gave some URLs; the replicas behind them know the others.
//
// A replica that lies could name its own machines as members and be sent everything. So a URL that wasn't given is used
// only if more of the given ones name it than may be faulty among them: what is learned is as good as what was given.

/** The most members a session sends to. */
export const SESSION_MEMBERS_MAX = 128

/** Whether `url` may be sent to. */
function isHttp(url: string): boolean {
  return url.length <= 1024 && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}

/** URLs as they are compared: without slashes at their end. */
export function plainUrl(url: string): string {
  return url.replace(/\/+$/, '')
}

/**
 * The URLs to use: those given, and those that more than f of the given ones named, f being the most of them that may be
 * faulty. `named` holds what each given one named last; undefined where it didn't answer.
 */
export function usableUrls(
  given: readonly string[],
  named: readonly (readonly string[] | undefined)[],
): readonly string[] {
  const faulty = Math.floor((given.length - 1) / 3)
  const voices = new Map<string, number>()
  for (const list of named) {
    for (const url of new Set((list ?? []).map(plainUrl))) voices.set(url, (voices.get(url) ?? 0) + 1)
  }
  const own = new Set(given.map(plainUrl))
  const learned = [...voices].filter(([url, count]) => count > faulty && !own.has(url) && isHttp(url))
  const sorted = learned.map(([url]) => url).sort((a, b) => (a < b ? -1 : 1))
  return [...own, ...sorted].slice(0, SESSION_MEMBERS_MAX)
}
