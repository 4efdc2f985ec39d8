// One table of options drives the config file, the environment, the flags, `--help` and the page in docs/operating.md,
// so that the five can't disagree. An option is called the same everywhere: `http` in the file, QUORATE_HTTP, --http.
// Flags go before the environment, the environment before the file. What is not in the table is an error: a typo must
// not be a default.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { usageError } from './errors.ts'
import { suggestion } from './nearest.ts'

/** What an option's value may be. */
export type OptionKind =
  | { readonly kind: 'text' }
  /** In a file relative to the file's folder, elsewhere to the working directory. */
  | { readonly kind: 'path' }
  /** host:port */
  | { readonly kind: 'address' }
  | { readonly kind: 'number'; readonly least: number; readonly most: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** A TOML list; in the environment and in flags, commas between. */
  | { readonly kind: 'list'; readonly item: 'text' | 'peer' }

/** An option of `quorate start`. */
export interface Option {
  readonly name: string
  readonly type: OptionKind
  readonly fallback: string | number | readonly string[] | undefined
  readonly help: string
  /** For drills and for the supervisor of `quorate dev`: not in help and docs. */
  readonly hidden?: true
}

/** Where another member is reached, if not where genesis.json says. */
export interface PeerAddress {
  readonly name: string
  readonly address: string
}

/** A replica's configuration, checked. */
export interface Config {
  readonly 'data-dir': string
  readonly genesis: string
  readonly key: string
  readonly listen: string | undefined
  readonly http: string
  readonly peers: readonly PeerAddress[]
  readonly 'log-level': string
  readonly 'log-format': string
  readonly cors: readonly string[]
  readonly 'body-bytes-max': number
  readonly 'requests-max': number
  readonly 'sessions-max': number
  readonly 'session-ms-max': number
  readonly misbehave: string | undefined
}

const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
const MISBEHAVIOURS = ['equivocate', 'garbage', 'silent', 'wrong-root'] as const

/** Every option, in the order in which help and docs show them. */
export const OPTIONS: readonly Option[] = [
  { name: 'data-dir', type: { kind: 'path' }, fallback: 'data', help: 'folder of ledger.db and state.db' },
  { name: 'genesis', type: { kind: 'path' }, fallback: 'genesis.json', help: 'genesis.json of the ledger' },
  { name: 'key', type: { kind: 'path' }, fallback: 'member.key', help: "this member's private key (PEM, mode 0600)" },
  {
    name: 'listen',
    type: { kind: 'address' },
    fallback: undefined,
    help: "address for other replicas; unless given, this member's in genesis.json",
  },
  { name: 'http', type: { kind: 'address' }, fallback: '127.0.0.1:8080', help: 'address for clients' },
  {
    name: 'peers',
    type: { kind: 'list', item: 'peer' },
    fallback: [],
    help: 'name=host:port of members that moved since genesis',
  },
  {
    name: 'log-level',
    type: { kind: 'choice', choices: LOG_LEVELS },
    fallback: 'info',
    help: 'least severity that is logged',
  },
  {
    name: 'log-format',
    type: { kind: 'choice', choices: ['json', 'pretty'] },
    fallback: 'json',
    help: 'form of a log line',
  },
  { name: 'cors', type: { kind: 'list', item: 'text' }, fallback: [], help: 'origins whose pages may ask; * for all' },
  {
    name: 'body-bytes-max',
    type: { kind: 'number', least: 1024, most: 64 * 1024 * 1024 },
    fallback: 4 * 1024 * 1024,
    help: "bytes of one request's body",
  },
  {
    name: 'requests-max',
    type: { kind: 'number', least: 1, most: 1_000_000 },
    fallback: 4096,
    help: 'requests under way; more are answered 503',
  },
  {
    name: 'sessions-max',
    type: { kind: 'number', least: 0, most: 10_000 },
    fallback: 32,
    help: 'open interactive transactions; each holds a snapshot',
  },
  {
    name: 'session-ms-max',
    type: { kind: 'number', least: 100, most: 600_000 },
    fallback: 5000,
    help: 'longest interactive transaction, in milliseconds',
  },
  {
    name: 'misbehave',
    type: { kind: 'choice', choices: MISBEHAVIOURS },
    fallback: undefined,
    help: 'lie to the other replicas, for drills',
    hidden: true,
  },
]

const NAMES = OPTIONS.map((option) => option.name)
/** Variables that belong to the command line itself, not to a replica. */
const OTHER_VARIABLES = ['QUORATE_CONFIG', 'QUORATE_URL', 'QUORATE_DEBUG']

/** The environment variable of an option. */
export function variableOf(option: Option): string {
  return `QUORATE_${option.name.toUpperCase().replaceAll('-', '_')}`
}

type Checked = string | number | readonly string[] | readonly PeerAddress[]

const ADDRESS = /^(?:[^\s:[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/

/** Whether `text` is host:port; IPv6 hosts stand in brackets. */
export function isAddress(text: string): boolean {
  const port = ADDRESS.exec(text)?.[1]
  return port !== undefined && Number(port) <= 65_535
}

function peerOf(item: string, refuse: (wanted: string) => Error): PeerAddress {
  const at = item.indexOf('=')
  const address = item.slice(at + 1)
  if (at < 1 || !isAddress(address)) throw refuse('name=host:port')
  return { name: item.slice(0, at), address }
}

/** Checks one value. `source` says where it stands, for the error. */
function check(option: Option, value: unknown, source: string, folder: string): Checked {
  const { type } = option
  const refuse = (wanted: string): Error =>
    usageError('CONFIG_VALUE', `${source}: ${option.name} is ${JSON.stringify(value)}, wanted ${wanted}`)
  switch (type.kind) {
    case 'number': {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      const fits = typeof number === 'number' && Number.isInteger(number) && number >= type.least && number <= type.most
      if (!fits) throw refuse(`a whole number from ${type.least} to ${type.most}`)
      return number
    }
    case 'list': {
      const items: readonly unknown[] =
        typeof value === 'string'
          ? value.split(',').filter((each) => each !== '')
          : Array.isArray(value)
            ? value
            : [undefined]
      const isText = (each: unknown): each is string => typeof each === 'string'
      if (!items.every(isText)) throw refuse('a list of texts')
      return type.item === 'peer' ? items.map((each) => peerOf(each, refuse)) : items
    }
    case 'choice':
      if (typeof value !== 'string' || !type.choices.includes(value)) throw refuse(`one of ${type.choices.join(', ')}`)
      return value
    case 'address':
      if (typeof value !== 'string' || !isAddress(value)) throw refuse('host:port')
      return value
    case 'path':
    case 'text':
      if (typeof value !== 'string' || value === '') throw refuse('a text')
      return type.kind === 'path' ? resolve(folder, value) : value
  }
}

function readFile(path: string): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw usageError('CONFIG_FILE', `${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const what = error.message.split('\n')[0] ?? 'not TOML'
    throw usageError('CONFIG_FILE', `${path}:${error.line}:${error.column}: ${what}`)
  }
}

/** Where the values come from. */
export interface ConfigSources {
  /** Path of the config file; unless given, quorate.toml in the working directory, if there is one. */
  readonly file: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** By option name. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly cwd: string
}

function checkNames(
  file: string | undefined,
  content: Readonly<Record<string, unknown>>,
  env: ConfigSources['env'],
): void {
  for (const key of Object.keys(content)) {
    if (!NAMES.includes(key))
      throw usageError('CONFIG_UNKNOWN_KEY', `${file}: unknown key "${key}"${suggestion(key, NAMES)}`)
  }
  const variables = [...OPTIONS.map(variableOf), ...OTHER_VARIABLES]
  for (const name of Object.keys(env)) {
    if (!name.startsWith('QUORATE_') || variables.includes(name)) continue
    throw usageError('CONFIG_UNKNOWN_KEY', `environment: unknown variable ${name}${suggestion(name, variables)}`)
  }
}

/**
 * Reads a replica's configuration from flags, environment and file.
 * @throws CliError CONFIG_FILE, CONFIG_UNKNOWN_KEY, CONFIG_VALUE
 */
export function loadConfig({ file, env, flags, cwd }: ConfigSources): Config {
  const usual = resolve(cwd, 'quorate.toml')
  const named = file ?? env['QUORATE_CONFIG']
  const path = named === undefined ? (existsSync(usual) ? usual : undefined) : resolve(cwd, named)
  const content = path === undefined ? {} : readFile(path)
  checkNames(path, content, env)
  const values: Record<string, Checked | undefined> = {}
  for (const option of OPTIONS) {
    const { name, fallback } = option
    const variable = variableOf(option)
    if (flags[name] !== undefined) values[name] = check(option, flags[name], `--${name}`, cwd)
    else if (env[variable] !== undefined) values[name] = check(option, env[variable], variable, cwd)
    else if (content[name] !== undefined) values[name] = check(option, content[name], path ?? '', dirname(path ?? cwd))
    else values[name] = fallback === undefined ? undefined : check(option, fallback, 'default', cwd)
  }
  // Each value was checked against its row of the table, which is what `Config` says.
  return values as unknown as Config
}

/** A default as help and docs show it. */
export function fallbackText({ fallback }: Option): string {
  if (fallback === undefined) return ''
  if (Array.isArray(fallback)) return '[]'
  return String(fallback)
}

/** The table of options as Markdown: part of docs/operating.md. */
export function optionsMarkdown(): string {
  const rows = OPTIONS.filter((option) => option.hidden === undefined).map((option) => {
    const code = (text: string): string => (text === '' ? '' : `\`${text}\``)
    return `| ${[code(option.name), code(variableOf(option)), code(fallbackText(option)), option.help].join(' | ')} |`
  })
  return ['| key and flag | environment | default | what |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
