import type { Command } from 'commander'
import { EXIT_FAILED } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import { localConfigs } from '../local-replica.ts'
import { numberBetween } from '../numbers.ts'
import { visible } from '../shell/format.ts'
import { DEV_FOLDER, targetUrls } from '../target.ts'
import type { Diagnosis } from '../why-stuck/diagnose.ts'
import { diagnose } from '../why-stuck/diagnose.ts'
import { readLastWords } from '../why-stuck/last-words.ts'
import type { Sources } from '../why-stuck/observe.ts'
import { observe } from '../why-stuck/observe.ts'

interface WhyStuckFlags {
  readonly url?: string
  readonly dir: string
  readonly config?: string
  readonly genesis?: string
  readonly waitMs: number
  readonly json?: true
}

function sourcesOf(url: string | undefined, flags: WhyStuckFlags): Sources {
  const configs = localConfigs(flags.config, flags.dir)
  const path = flags.genesis ?? configs[0]?.genesis
  const founders = path === undefined ? [] : readGenesis(path).founders
  const words = configs.map((config) => ({ http: `http://${config.http}`, words: readLastWords(config['data-dir']) }))
  const named = flags.url ?? url
  const local = words.map(({ http }) => http)
  const members = founders.map(({ id, name, http }) => ({ member: id, name, url: http }))
  return {
    urls: named === undefined && local.length > 0 ? local : targetUrls(named),
    members,
    lastWords: (name) => {
      const http = members.find((member) => member.name === name)?.url
      return words.find((each) => each.http === http)?.words
    },
  }
}

/** What is printed: the answer first, then a line for each finding. */
export function diagnosisText({ isStuck, summary, findings }: Diagnosis): string {
  const rest = findings.filter(({ text }) => text !== summary).map(({ code, text }) => `  ${code}: ${visible(text)}`)
  return [`${isStuck ? 'stuck' : 'fine'}: ${visible(summary)}`, ...rest].join('\n')
}

async function whyStuck(url: string | undefined, flags: WhyStuckFlags): Promise<void> {
  const sources = sourcesOf(url, flags)
  const beganMs = performance.now()
  const first = await observe(sources)
  await new Promise((done) => setTimeout(done, flags.waitMs))
  const elapsedMs = performance.now() - beganMs
  const diagnosis = diagnose(first, await observe(sources), elapsedMs)
  console.log(flags.json === true ? JSON.stringify(diagnosis, undefined, 2) : diagnosisText(diagnosis))
  if (diagnosis.isStuck) process.exitCode = EXIT_FAILED
}

/** `quorate why-stuck` */
export function addWhyStuck(program: Command): void {
  program
    .command('why-stuck')
    .description('names what is missing when blocks do not come; exit code 1 if they do not')
    .argument(
      '[urls]',
      'replicas, commas between; they know the others; else those of --config or --dir, else as for shell',
    )
    .option('--url <urls>', 'the same as the argument')
    .option('--config <file>', "a replica's config file: its genesis.json tells who the members are")
    .option('--dir <folder>', 'a ledger with its members on this machine', DEV_FOLDER)
    .option('--genesis <file>', 'genesis.json of the ledger')
    .option(
      '--wait-ms <ms>',
      'time between two looks, within which a block should come',
      numberBetween(0, 60_000),
      2000,
    )
    .option('--json', 'as JSON')
    .action(whyStuck)
}
