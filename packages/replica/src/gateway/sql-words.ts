// What can be seen of SQL without parsing it: where statements end, and which of them steer a transaction. The engine
// parses; the gateway only has to know, before anything runs, whether a request can be one transaction of the ledger.
//
// A semicolon ends a statement unless it stands in a string, a quoted name, a comment, or the body of a trigger. A
// trigger's body ends with the words `; END ;`. CASE ... END does not deceive this, because its END never follows a
// semicolon.

/** What a statement does to the transaction it stands in. */
export type Control =
  | { readonly kind: 'begin'; readonly isReadonly: boolean }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'savepoint'; readonly name: string }
  | { readonly kind: 'release'; readonly name: string }

interface Token {
  readonly kind: 'word' | 'quoted' | 'semicolon' | 'other'
  /** Words in upper case. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const SPACE = /\s/
const WORD_START = /[A-Za-z_\u0080-\uffff]/
const WORD_END = /[^A-Za-z0-9_$\u0080-\uffff]/g
const CLOSING: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' }

function after(sql: string, what: string, from: number): number {
  const at = sql.indexOf(what, from)
  return at < 0 ? sql.length : at + what.length
}

/** First index at or after `from` that is neither space nor comment. */
function skipBlank(sql: string, from: number): number {
  let at = from
  while (at < sql.length) {
    if (SPACE.test(sql.charAt(at))) at += 1
    else if (sql.startsWith('--', at)) at = after(sql, '\n', at)
    else if (sql.startsWith('/*', at)) at = after(sql, '*/', at + 2)
    else return at
  }
  return at
}

function tokenAt(sql: string, from: number): Token | undefined {
  const start = skipBlank(sql, from)
  if (start >= sql.length) return undefined
  const first = sql.charAt(start)
  if (first === ';') return { kind: 'semicolon', text: ';', start, end: start + 1 }
  const closing = CLOSING[first]
  if (closing !== undefined) {
    const end = after(sql, closing, start + 1)
    return { kind: 'quoted', text: sql.slice(start + 1, end - 1), start, end }
  }
  if (!WORD_START.test(first)) return { kind: 'other', text: first, start, end: start + 1 }
  WORD_END.lastIndex = start
  const end = WORD_END.exec(sql)?.index ?? sql.length
  return { kind: 'word', text: sql.slice(start, end).toUpperCase(), start, end }
}

/** The first word of the first statement, in upper case; empty where there is none. */
export function leadingWord(sql: string): string {
  let token = tokenAt(sql, 0)
  while (token?.kind === 'semicolon') token = tokenAt(sql, token.end)
  return token?.kind === 'word' ? token.text : ''
}

/** Longest transaction statement: ROLLBACK TRANSACTION name TO SAVEPOINT name. */
const CONTROL_TOKENS_MAX = 8

/** The statement's tokens, where they are few and nothing but semicolons follows. */
function onlyTokens(sql: string): readonly Token[] {
  const tokens: Token[] = []
  let ended = false
  for (let token = tokenAt(sql, 0); token !== undefined; token = tokenAt(sql, token.end)) {
    if (token.kind === 'semicolon') {
      if (tokens.length > 0) ended = true
      continue
    }
    if (ended || tokens.length === CONTROL_TOKENS_MAX || token.kind === 'other') return []
    tokens.push(token)
  }
  return tokens
}

const CONTROL_WORDS: ReadonlySet<string> = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'])
const BEGIN_KINDS: ReadonlySet<string> = new Set(['DEFERRED', 'IMMEDIATE', 'EXCLUSIVE'])

/**
 * Of the words after BEGIN, COMMIT, END or ROLLBACK: `[TRANSACTION [name]]`. Undefined where something else stands
 * there.
 */
function transactionName(words: readonly string[]): string | undefined {
  if (words.length === 0) return ''
  return words[0] === 'TRANSACTION' && words.length <= 2 ? (words[1] ?? '') : undefined
}

/**
 * What a statement that steers a transaction does; undefined for every other, ROLLBACK TO and malformed ones included.
 */
export function controlOf(sql: string): Control | undefined {
  if (!CONTROL_WORDS.has(leadingWord(sql))) return undefined
  const [first, ...rest] = onlyTokens(sql).map((token) => token.text)
  switch (first ?? '') {
    case 'BEGIN': {
      const name = transactionName(BEGIN_KINDS.has(rest[0] ?? '') ? rest.slice(1) : rest)
      return name === undefined ? undefined : { kind: 'begin', isReadonly: name === 'READONLY' }
    }
    case 'COMMIT':
    case 'END':
      return transactionName(rest) === undefined ? undefined : { kind: 'commit' }
    case 'ROLLBACK':
      return transactionName(rest) === undefined ? undefined : { kind: 'rollback' }
    case 'SAVEPOINT':
      return rest.length === 1 ? { kind: 'savepoint', name: (rest[0] ?? '').toUpperCase() } : undefined
    case 'RELEASE': {
      const names = rest[0] === 'SAVEPOINT' && rest.length > 1 ? rest.slice(1) : rest
      return names.length === 1 ? { kind: 'release', name: (names[0] ?? '').toUpperCase() } : undefined
    }
    default:
      return undefined
  }
}

const TRIGGER_PREFIX: ReadonlySet<string> = new Set(['EXPLAIN', 'QUERY', 'PLAN', 'CREATE', 'TEMP', 'TEMPORARY'])

/** The statements of `sql`, each with its semicolon; blanks and empty statements are left out. */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let start: number | undefined
  /** Words so far all belong to the beginning of CREATE TRIGGER. */
  let prefix = true
  let trigger = false
  /** In a trigger's body: 1 after a semicolon, 2 after `; END`. */
  let ending = 0
  for (let token = tokenAt(sql, 0); token !== undefined; token = tokenAt(sql, token.end)) {
    if (token.kind === 'semicolon' && (!trigger || ending === 2)) {
      if (start !== undefined) statements.push(sql.slice(start, token.end))
      start = undefined
      prefix = true
      trigger = false
      ending = 0
      continue
    }
    start ??= token.start
    if (token.kind === 'semicolon') ending = 1
    else ending = ending === 1 && token.text === 'END' && token.kind === 'word' ? 2 : 0
    if (prefix && token.text === 'TRIGGER' && token.start !== start) trigger = true
    prefix &&= TRIGGER_PREFIX.has(token.text)
  }
  if (start !== undefined) statements.push(sql.slice(start))
  return statements
}
