// Goal: every rule of tidy catches what it is for, at the right line, and nothing else in a tree that is clean. Method:
// a small repository is written to a temporary folder, one fault at a time is put in, and the findings are compared.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { tidy } from './tidy.ts'
import { mask } from './tidy/mask.ts'

const LAYERS = {
  layers: [['kernel'], ['words'], ['core', 'engine'], ['host']],
  side: ['testkit'],
  pure: ['kernel', 'words', 'core', 'engine'],
  allow: {},
  lines_usual: 5,
  lines_max: 8,
  test_lines_max: 12,
  columns_max: 60,
}

const packageJson = (name: string, dependencies: readonly string[] = []): string =>
  JSON.stringify({ name: `@x/${name}`, dependencies: Object.fromEntries(dependencies.map((each) => [each, '1.0.0'])) })

const CLEAN: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ devDependencies: { vitest: '1.0.0' } }),
  'layers.json': JSON.stringify(LAYERS),
  'packages/kernel/package.json': packageJson('kernel'),
  'packages/kernel/src/index.ts': "export { one } from './one.ts'\n",
  'packages/kernel/src/one.ts': 'export const one = 1\n',
  'packages/words/package.json': packageJson('words', ['@x/kernel']),
  'packages/core/package.json': packageJson('core', ['@x/kernel', '@x/words']),
  'packages/core/src/a.ts': "import { one } from '@x/kernel'\nexport const a = one\n",
  'packages/core/src/a.test.ts': "import { test } from 'vitest'\nimport { a } from './a.ts'\ntest('a', () => void a)\n",
  'packages/engine/package.json': packageJson('engine', ['@x/core', '@x/testkit', '@x/host']),
  'packages/testkit/package.json': packageJson('testkit', ['@x/core']),
  'apps/host/package.json': packageJson('host', ['@x/core', 'fastify']),
  'apps/host/src/main.ts':
    "import { readFileSync } from 'node:fs'\nexport const at = Date.now() + readFileSync('x').length\n",
}

const roots: string[] = []

function treeWith(changes: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'))
  roots.push(root)
  for (const [path, text] of Object.entries({ ...CLEAN, ...changes })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function findingsWith(changes: Readonly<Record<string, string>>): readonly string[] {
  return tidy(treeWith(changes)).findings.map(({ path, line, rule }) => `${path}:${line} ${rule}`)
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

const core = (text: string): Readonly<Record<string, string>> => ({ 'packages/core/src/b.ts': text })

test('a clean tree has no findings', () => {
  expect(findingsWith({})).toEqual([])
})

describe('purity', () => {
  test.each([
    ['export const b = Date.now()\n'],
    ['export const b = Math.random()\n'],
    ['export const b = Math\n  .pow(2, 3)\n'],
    ['export const b = 2 ** 3\n'],
    ['export async function b(): Promise<void> {}\n'],
    ['setTimeout(() => undefined, 1)\n'],
    ['console.log(1)\n'],
    ['export const b = process.argv\n'],
    ["export const b = 'x'.localeCompare('y')\n"],
    ["import { hash } from 'node:crypto'\nexport const b = hash\n"],
    ['export const b = `${Date.now()}`\n'],
  ])('%j is caught in a core', (text) => {
    expect(new Set(findingsWith(core(text)).map((each) => each.split(' ')[1]))).toEqual(new Set(['pure']))
  })

  test.each([
    ["export const b = 'Date.now() and Math.random()'\n"],
    ['/* Date\n   Promise */\nexport const b = 1 // async\n'],
    ['export const b = `await ${1} Date`\n'],
    ['export const b = /Date|"/.test("x")\n'],
    ['export const b = 2n ** 63n\n'],
    ['export const b = Math.max(1, 2)\n'],
    ['export interface B { readonly process: number }\n'],
    ['export const b = (x: { Date: number }) => x.Date\n'],
  ])('%j is not', (text) => {
    expect(findingsWith(core(text))).toEqual([])
  })

  test('tests of a core and shells may do as they like', () => {
    expect(findingsWith({ 'packages/core/src/b.test.ts': 'void Date.now()\n' })).toEqual([])
  })

  test('an exception is per file and per finding, and an unneeded one is a finding', () => {
    const allow = { 'packages/core/src/b.ts': ['Date'] }
    const layers = { 'layers.json': JSON.stringify({ ...LAYERS, allow }) }
    expect(findingsWith({ ...core('export const b = Date.now()\n'), ...layers })).toEqual([])
    expect(findingsWith({ ...core('export const b = Math.random()\n'), ...layers })).toEqual([
      'packages/core/src/b.ts:1 pure',
      'packages/core/src/b.ts:1 allow',
    ])
  })
})

describe('imports', () => {
  const engine = (text: string): Readonly<Record<string, string>> => ({ 'packages/engine/src/b.ts': text })

  test('upward, sideways and out of the package', () => {
    expect(findingsWith(engine("import { h } from '@x/host'\nexport const b = h\n"))).toEqual([
      'packages/engine/src/b.ts:1 arrow',
    ])
    expect(findingsWith(engine("import type { A } from '@x/core'\nexport type B = A\n"))).toEqual([
      'packages/engine/src/b.ts:1 arrow',
    ])
    expect(findingsWith(engine("\nexport { a } from '../../core/src/a.ts'\n"))).toEqual([
      'packages/engine/src/b.ts:2 arrow',
    ])
  })

  test('a side package, but for tests', () => {
    const text = "import { t } from '@x/testkit'\nvoid t\n"
    expect(findingsWith(engine(text))).toEqual(['packages/engine/src/b.ts:1 arrow'])
    expect(findingsWith({ 'packages/engine/src/b.test.ts': text })).toEqual([])
  })

  test('a dependency that package.json does not declare, dynamic imports included', () => {
    expect(findingsWith(core("\nimport { z } from 'zod/mini'\nexport const b = z\n"))).toEqual([
      'packages/core/src/b.ts:2 undeclared',
    ])
    expect(findingsWith({ 'apps/host/src/b.ts': "export const b = import('zod')\n" })).toEqual([
      'apps/host/src/b.ts:1 undeclared',
    ])
    expect(findingsWith({ 'apps/host/src/b.ts': "import 'zod'\n" })).toEqual(['apps/host/src/b.ts:1 undeclared'])
    expect(findingsWith({ 'apps/host/src/b.ts': "import fastify from 'fastify'\nexport { fastify }\n" })).toEqual([])
    expect(findingsWith(core("import { test } from 'vitest'\nexport { test }\n"))).toEqual([
      'packages/core/src/b.ts:1 undeclared',
    ])
  })

  test('the own index.ts or the own name', () => {
    const kernel = (text: string): Readonly<Record<string, string>> => ({ 'packages/kernel/src/b.ts': text })
    expect(findingsWith(kernel("import { one } from './index.ts'\nexport const b = one\n"))).toEqual([
      'packages/kernel/src/b.ts:1 index',
    ])
    expect(findingsWith(core("import { a } from '@x/core'\nexport const b = a\n"))).toEqual([
      'packages/core/src/b.ts:1 index',
    ])
  })

  test('cycles, of types too', () => {
    const cycle = {
      'packages/core/src/c.ts': "import type { D } from './d.ts'\nexport type C = D\n",
      'packages/core/src/d.ts': "import type { E } from './e.ts'\nexport type D = E\n",
      'packages/core/src/e.ts': "import type { C } from './c.ts'\nexport type E = C\n",
    }
    expect(findingsWith(cycle)).toEqual(['packages/core/src/c.ts:1 cycle'])
    expect(findingsWith(core("// import { x } from './b.ts'\nexport const b = \"import './b.ts'\"\n"))).toEqual([])
  })

  test('a package that layers.json does not name', () => {
    expect(findingsWith({ 'packages/stray/package.json': packageJson('stray') })).toEqual([
      'packages/stray/package.json:1 layer',
    ])
  })
})

describe('style', () => {
  test.each([
    ['any', 'export const b: any = 1\n'],
    ['any', 'export const b = 1 as any\n'],
    ['any', 'export const b = new Map<string, any>()\n'],
    ['sort', 'export const b = [2, 1].sort()\n'],
    ['semicolon', 'export const b = 1;\n'],
    ['star', "export * from './a.ts'\n"],
    ['todo', '// TODO later\n'],
    ['columns', `// ${'x'.repeat(60)}\n`],
    ['size', '//\n'.repeat(9)],
    ['machine', `// see /${'home'}/someone/notes\n`],
  ])('%s is caught', (rule, text) => {
    expect(findingsWith(core(text)).map((each) => each.split(' ')[1])).toEqual([rule])
  })

  test('the border of each size', () => {
    expect(findingsWith(core('//\n'.repeat(8)))).toEqual([])
    expect(findingsWith({ 'packages/core/src/b.test.ts': '//\n'.repeat(12) })).toEqual([])
    expect(findingsWith({ 'packages/core/src/b.test.ts': '//\n'.repeat(13) })).toEqual([
      'packages/core/src/b.test.ts:13 size',
    ])
    expect(tidy(treeWith(core('//\n'.repeat(6)))).long).toEqual(['packages/core/src/b.ts'])
  })

  test('words that only look like it', () => {
    const texts = [
      'export const any = { any: 1, b: (any: number) => any }\n',
      '// TODO(#7) later\n',
      'for (let i = 0; i < 1; i += 1) void i\n',
    ]
    for (const text of texts)
      expect(findingsWith(core(text.length > 60 ? text.replace(', b', ',\n  b') : text))).toEqual([])
  })

  test('file names', () => {
    expect(findingsWith({ 'packages/core/src/someFile.ts': 'export {}\n' })).toEqual([
      'packages/core/src/someFile.ts:1 name',
    ])
  })
})

describe('specs', () => {
  const spec = (text: string): readonly string[] => findingsWith({ 'packages/core/SPEC.md': text })

  test('an invariant names a test that exists', () => {
    expect(spec('# Core\n\n- **I1** holds. `a.test.ts`\n- **I2** holds\n  too, see src/a.test.ts\n')).toEqual([])
    expect(spec('| I-1 | holds | packages/core/src/a.test.ts |\n')).toEqual([])
  })

  test('or is a finding', () => {
    expect(spec('# Core\n\n- **I1** holds.\n- **I2** holds. `a.test.ts`\n')).toEqual(['packages/core/SPEC.md:3 spec'])
    expect(spec('\n### INV-3 Order\n\nholds, by b.test.ts\n')).toEqual(['packages/core/SPEC.md:2 spec'])
  })
})

describe('mask', () => {
  test.each([
    ['a / b / c', 'a / b / c'],
    ['x = /[/"]/g', 'x =       g'],
    ["f('it\\'s', 1)", "f('     ', 1)"],
    ['`a${`b${c}`}d` + e', '` ${` ${c}`} ` + e'],
    ['`${{ a: 1 }.a}` // x', '`${{ a: 1 }.a}`     '],
    ['return /x/', 'return    '],
    ['/* a\n b */c', '    \n     c'],
    ["'open\nnext", "'    \nnext"],
  ])('%j', (text, code) => {
    expect(mask(text).code.replace(/\s+$/, '')).toBe(code.replace(/\s+$/, ''))
  })

  test('keeps offsets', () => {
    const text = 'const a = "x" // y\nconst b = `${1}`\n'
    expect(mask(text).code).toHaveLength(text.length)
  })
})
