import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { Argument, Option } from 'commander'
import { loadConfig, OPTIONS } from '../config.ts'
import { openAdmin, order, runningUrl } from '../dev/admin.ts'
import type { Order } from '../dev/admin.ts'
import { freeRun, isPortFree } from '../dev/ports.ts'
import { Screen } from '../dev/screen.ts'
import type { Seat } from '../dev/supervisor.ts'
import { Supervisor } from '../dev/supervisor.ts'
import { clusterTable } from '../dev/table.ts'
import { CliError } from '../errors.ts'
import { CONFIG_FILE, found } from '../founding.ts'
import { numberBetween } from '../numbers.ts'
import { DEV_FOLDER } from '../target.ts'
import { plansFor } from './init.ts'
import { REPLICA_NODE_FLAGS } from '../node-flags.ts'

interface DevFlags {
  readonly dir: string
  readonly members: number
  readonly basePort?: number
  readonly httpPort?: number
  readonly logLevel?: string
}

/** Longest wait until every replica is ready. */
const READY_MS_MAX = 60_000
const TABLE_EVERY_MS = 1000

async function choosePorts(from: number, count: number, chosen: number | undefined): Promise<number> {
  if (chosen === undefined) {
    const first = await freeRun(from, count)
    if (first === undefined) throw new CliError('PORT_IN_USE', `no ${count} free ports in a row from ${from} upwards`)
    return first
  }
  for (let port = chosen; port < chosen + count; port += 1) {
    if (!(await isPortFree(port))) throw new CliError('PORT_IN_USE', `port ${port} is in use by another process`)
  }
  return chosen
}

/** Makes keys and genesis.json of the cluster, on ports that are free now. */
async function foundCluster(folder: string, flags: DevFlags): Promise<void> {
  const { createMemberKey } = await import('@quorate/replica')
  const httpPort = await choosePorts(8080, flags.members, flags.httpPort)
  const basePort = await choosePorts(7400, flags.members, flags.basePort)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  found(folder, { name: 'dev' }, plansFor(flags.members, '127.0.0.1', basePort, httpPort), createMemberKey)
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

async function checkPort(address: string, name: string, what: string): Promise<void> {
  const port = portOf(address)
  if (await isPortFree(port)) return
  throw new CliError(
    'PORT_IN_USE',
    `port ${port} (${what} of ${name}) is in use by another process; end it and start again`,
  )
}

/** The replicas that `folder` holds, with their ports known to be free. */
async function seatsIn(folder: string, flags: DevFlags): Promise<readonly Seat[]> {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, CONFIG_FILE)))
    .map((entry) => entry.name)
    .sort((a, b) => (a < b ? -1 : 1))
  if (names.length === 0) throw new CliError('FILE', `${folder} holds a genesis.json but no replica's ${CONFIG_FILE}`)
  const main = process.argv[1] ?? ''
  return Promise.all(
    names.map(async (name): Promise<Seat> => {
      const file = join(folder, name, CONFIG_FILE)
      const { http, listen } = loadConfig({ file, env: {}, flags: {}, cwd: folder })
      await checkPort(http, name, 'HTTP')
      if (listen !== undefined) await checkPort(listen, name, 'replica port')
      const log = flags.logLevel === undefined ? [] : ['--log-level', flags.logLevel]
      const args = [
        ...REPLICA_NODE_FLAGS,
        ...process.execArgv,
        main,
        'start',
        '--config',
        file,
        '--stop-with-stdin',
        ...log,
      ]
      return {
        name,
        url: `http://${http}`,
        launch: { command: process.execPath, args, logPath: join(folder, name, 'replica.log') },
      }
    }),
  )
}

/** What to try first. Each line can be pasted as it is. */
function welcome(url: string, count: number, folder: string): string {
  const cli = (process.argv[1] ?? '').endsWith('.ts') ? 'npm run --silent quorate --' : 'npx quorate'
  const sql = 'CREATE TABLE IF NOT EXISTS greetings(id INTEGER PRIMARY KEY, words TEXT)'
  const libsql = [
    "import { createClient } from '@libsql/client/http'",
    `const db = createClient({ url: '${url}' })`,
    "await db.execute({ sql: 'INSERT INTO greetings(words) VALUES (?)', args: ['hello from libsql'] })",
    "console.log((await db.execute('SELECT * FROM greetings')).rows)",
  ].join('; ')
  return `
${count} replicas are ready at ${url} (data in ${folder}).
Ctrl-C ends them; a second start goes on with the same ledger.

  curl -s ${url}/v1/transactions -H 'content-type: application/json' -d '{"sql": "${sql}"}'
  node --input-type=module -e "${libsql}"
  ${cli} shell ${url}

Then break something: ${cli} dev kill 2, dev restart 2, dev corrupt 2, dev stop 3, dev cont 3.
`
}

/** Resolves at the first signal to end; a second one calls `onImpatience`. */
function endSignal(onImpatience: () => void): Promise<void> {
  return new Promise((resolve) => {
    let count = 0
    const heard = (): void => {
      count += 1
      if (count === 1) resolve()
      else onImpatience()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, heard)
  })
}

async function watch(supervisor: Supervisor, screen: Screen, ended: Promise<void>): Promise<void> {
  let isEnding = false
  void ended.then(() => {
    isEnding = true
  })
  while (!isEnding) {
    const samples = await supervisor.sample()
    if (isEnding) return
    screen.draw(clusterTable(samples, supervisor.ids))
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, TABLE_EVERY_MS).unref())])
  }
}

async function dev(flags: DevFlags): Promise<void> {
  const folder = resolve(flags.dir)
  const running = await runningUrl(folder)
  if (running !== undefined) throw new CliError('RUNNING', `a cluster runs in ${folder} already, at ${running}`)
  const screen = new Screen(process.stdout, () => performance.now())
  if (!existsSync(join(folder, 'genesis.json'))) {
    await foundCluster(folder, flags)
    screen.say(`made keys and genesis.json of ${flags.members} members in ${folder}`)
  }
  const seats = await seatsIn(folder, flags)
  const supervisor = new Supervisor(seats, (name, how, lastLines) => {
    screen.say([`${name} died by itself (${how}). It last said:`, ...lastLines.map((line) => `  ${line}`)].join('\n'))
  })
  const ended = endSignal(() => void supervisor.kill())
  const url = seats[0]?.url ?? ''
  const urls = seats.map((seat) => seat.url)
  const admin = await openAdmin(folder, urls, (command) => supervisor.handle(command))
  try {
    supervisor.start()
    const hasEnded = await Promise.race([ended.then(() => true), supervisor.ready(READY_MS_MAX).then(() => false)])
    if (!hasEnded) {
      screen.say(welcome(url, seats.length, folder))
      await watch(supervisor, screen, ended)
    }
  } finally {
    admin.close()
    screen.say('stopping the replicas')
    const inOrder = await supervisor.stop()
    screen.say(inOrder ? 'all stopped' : 'all stopped; not all in order, see their logs')
  }
}

async function tell(kind: Order, replica: number, how: string | undefined, command: Command): Promise<void> {
  const { dir } = command.optsWithGlobals<DevFlags>()
  console.log(await order(resolve(dir), how === undefined ? { order: kind, replica } : { order: kind, replica, how }))
}

/** `quorate dev` and what a running one can be told. */
export function addDev(program: Command): void {
  const port = numberBetween(1, 65_535)
  const group = program
    .command('dev')
    .description('a cluster on this machine: a process for each replica, over loopback')
    .option('--dir <folder>', 'where keys, ledger and logs are kept', DEV_FOLDER)
    .option('--members <n>', 'replicas; counts at the first start only', numberBetween(1, 128), 4)
    .option('--base-port <port>', 'first replica port; else free ones from 7400 upwards; at the first start only', port)
    .option('--http-port <port>', 'first HTTP port; else free ones from 8080 upwards; at the first start only', port)
    .option('--log-level <level>', "the replicas' log level")
    .action(dev)
  const number = (): Argument => new Argument('<n>', 'number of the replica, from 1').argParser(numberBetween(1, 128))
  const orders: readonly (readonly [Order, string])[] = [
    ['kill', 'SIGKILL: as if its power failed'],
    ['restart', 'starts it (again), honest'],
    ['stop', 'SIGSTOP: it hangs'],
    ['cont', 'SIGCONT: it goes on'],
  ]
  for (const [name, what] of orders) {
    group
      .command(name)
      .description(what)
      .addArgument(number())
      .action((replica: number, _flags: unknown, command: Command) => tell(name, replica, undefined, command))
  }
  const lies = OPTIONS.find((option) => option.name === 'misbehave')?.type
  group
    .command('corrupt')
    .description('restarts it as a liar')
    .addArgument(number())
    .addOption(
      new Option('--how <lie>', 'the kind of lie')
        .choices(lies?.kind === 'choice' ? [...lies.choices] : [])
        .default('equivocate'),
    )
    .action((replica: number, { how }: { readonly how: string }, command: Command) =>
      tell('corrupt', replica, how, command),
    )
}
