// Goal: values come from where they should, and every slip is an error that says where and what.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Config, ConfigSources } from './config.ts'
import { loadConfig, OPTIONS, optionsMarkdown, variableOf } from './config.ts'
import { CliError } from './errors.ts'
import { editDistance, nearest } from './nearest.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function load(toml: string | undefined, rest: Partial<ConfigSources> = {}): Config {
  if (toml !== undefined) writeFileSync(join(folder, 'quorate.toml'), toml)
  return loadConfig({ file: undefined, env: {}, flags: {}, cwd: folder, ...rest })
}

function refusal(act: () => unknown): CliError {
  try {
    act()
  } catch (error) {
    if (error instanceof CliError) return error
    throw error
  }
  throw new Error('no error')
}

describe('precedence', () => {
  const toml = 'http = "h:1"\nlog-level = "debug"\nrequests-max = 7\n'

  test('defaults, then the file, then the environment, then flags', () => {
    expect(load(undefined).http).toBe('127.0.0.1:8080')
    expect(load(toml).http).toBe('h:1')
    const env = { QUORATE_HTTP: 'h:2', QUORATE_REQUESTS_MAX: '8' }
    expect(load(toml, { env })).toMatchObject({ http: 'h:2', 'requests-max': 8, 'log-level': 'debug' })
    expect(load(toml, { env, flags: { http: 'h:3' } })).toMatchObject({ http: 'h:3', 'requests-max': 8 })
  })

  test('for any option, the strongest source that has it wins', () => {
    const numbers = OPTIONS.filter((option) => option.type.kind === 'number')
    const values = fc.record({
      file: fc.option(fc.integer({ min: 5000, max: 5100 })),
      env: fc.option(fc.integer({ min: 5101, max: 5200 })),
      flag: fc.option(fc.integer({ min: 5201, max: 5300 })),
    })
    fc.assert(
      fc.property(fc.constantFrom(...numbers), values, (option, { file, env, flag }) => {
        const loaded = load(file === null ? '' : `${option.name} = ${file}`, {
          env: env === null ? {} : { [variableOf(option)]: String(env) },
          flags: flag === null ? {} : { [option.name]: String(flag) },
        })
        expect(loaded[option.name as keyof Config]).toBe(flag ?? env ?? file ?? option.fallback)
      }),
      { numRuns: 50 },
    )
  })

  test('paths in a file are relative to it, elsewhere to the working directory', () => {
    writeFileSync(join(folder, 'other.toml'), 'key = "k/member.key"\n')
    const config = loadConfig({
      file: join(folder, 'other.toml'),
      env: {},
      flags: { genesis: 'g.json' },
      cwd: '/somewhere',
    })
    expect(config.key).toBe(join(folder, 'k/member.key'))
    expect(config.genesis).toBe('/somewhere/g.json')
  })

  test('lists are TOML lists or have commas', () => {
    const peers = [
      { name: 'a', address: 'x:1' },
      { name: 'b', address: '[::1]:2' },
    ]
    expect(load('peers = ["a=x:1", "b=[::1]:2"]').peers).toEqual(peers)
    expect(load('', { env: { QUORATE_PEERS: 'a=x:1,b=[::1]:2' } }).peers).toEqual(peers)
    expect(load('', { flags: { cors: '*' } }).cors).toEqual(['*'])
  })
})

describe('refusals', () => {
  test('an unknown key names its file and the nearest key', () => {
    const error = refusal(() => load('htpp = "h:1"'))
    expect(error).toMatchObject({ code: 'CONFIG_UNKNOWN_KEY', exitCode: 2 })
    expect(error.message).toBe(`${join(folder, 'quorate.toml')}: unknown key "htpp"; did you mean "http"?`)
  })

  test('an unknown variable too, unless it is of another command or program', () => {
    expect(refusal(() => load('', { env: { QUORATE_LOGLEVEL: 'info' } })).message).toMatch(
      /did you mean "QUORATE_LOG_LEVEL"/,
    )
    expect(load('', { env: { QUORATE_URL: 'x', PATH: 'y' } }).http).toBe('127.0.0.1:8080')
  })

  test.each([
    ['http = 8080', 'host:port'],
    ['http = "localhost"', 'host:port'],
    ['http = "localhost:65536"', 'host:port'],
    ['log-level = "loud"', 'one of error, warn, info, debug'],
    ['requests-max = 0', 'a whole number from 1 to 1000000'],
    ['requests-max = 1000001', 'a whole number from 1 to 1000000'],
    ['requests-max = 1.5', 'a whole number'],
    ['peers = ["a"]', 'name=host:port'],
    ['peers = [1]', 'a list of texts'],
    ['cors = 1', 'a list of texts'],
    ['key = ""', 'a text'],
  ])('%s is refused with what was wanted', (toml, wanted) => {
    const error = refusal(() => load(toml))
    expect(error.code).toBe('CONFIG_VALUE')
    expect(error.message).toContain(wanted)
  })

  test('the borders of a number are fine', () => {
    expect(load('requests-max = 1')['requests-max']).toBe(1)
    expect(load('requests-max = 1000000')['requests-max']).toBe(1_000_000)
  })

  test('a file that is missing or no TOML', () => {
    expect(refusal(() => load(undefined, { file: 'nowhere.toml' })).code).toBe('CONFIG_FILE')
    expect(refusal(() => load('http = ')).message).toMatch(/quorate\.toml:1:\d+: /)
  })
})

test('the nearest word', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(nearest('data_dir', ['data-dir', 'key'])).toBe('data-dir')
  expect(nearest('zzzzzz', ['data-dir', 'key'])).toBeUndefined()
})

test('docs/operating.md holds the table of options as it is', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/operating.md', import.meta.url)), 'utf8')
  expect(page).toContain(optionsMarkdown())
})
