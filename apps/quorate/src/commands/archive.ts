import type { Command } from 'commander'
import { usageError } from '../errors.ts'
import { readGenesis } from '../genesis-file.ts'
import { numberBetween } from '../numbers.ts'
import { columns } from '../status-text.ts'
import { targetUrls } from '../target.ts'

interface ArchiveFlags {
  readonly genesis?: string
  readonly fromReplica?: string
  readonly dataDir?: string
  readonly follow?: true
  readonly everySeconds: number
  readonly segmentBlocks: number
}

/** Segments' most blocks; as in archive/segment.ts, which is loaded only when it is needed. */
const SEGMENT_BLOCKS_MAX = 1024
const GENESIS_HELP = 'genesis.json of the ledger, from a source you trust'

function genesisFile(path: string | undefined): string {
  if (path === undefined) throw usageError('USAGE', 'name the ledger: --genesis FILE')
  return path
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Aborted by the first SIGTERM or SIGINT: what is under way then ends in order. */
export function endedBySignals(): AbortSignal {
  const end = new AbortController()
  process.once('SIGTERM', () => end.abort())
  process.once('SIGINT', () => end.abort())
  return end.signal
}

async function archive(target: string, flags: ArchiveFlags): Promise<void> {
  const genesis = readGenesis(genesisFile(flags.genesis))
  if (flags.dataDir !== undefined && flags.fromReplica !== undefined)
    throw usageError('USAGE', 'take blocks from --from-replica or from --data-dir, not from both')
  const { Archive, Archiver, FolderSource, openPlace, Progress, ReplicaSource, Sources } =
    await import('../archive/index.ts')
  const sources =
    flags.dataDir === undefined
      ? targetUrls(flags.fromReplica).map((url) => new ReplicaSource(url))
      : [new FolderSource(flags.dataDir)]
  const opened = await Archive.open(openPlace(target), genesis)
  const before = opened.height
  const progress = new Progress('archiving', before)
  let [segments, bytes] = [0, 0]
  const archiver = new Archiver(opened, new Sources(sources), {
    blocksMax: flags.segmentBlocks,
    followMs: flags.follow === true ? flags.everySeconds * 1000 : undefined,
    signal: endedBySignals(),
    onSegment: (manifest, tip) => {
      segments += 1
      bytes += manifest.bytes
      progress.at(manifest.last, tip)
      if (flags.follow === true) console.log(`archived ${manifest.first} to ${manifest.last}, ${manifest.bytes} bytes`)
    },
    onTrouble: (message) => console.error(message),
  })
  await archiver.run()
  console.log(
    columns([
      ['archive', opened.place.title],
      ['height', String(opened.height)],
      ['added', `${opened.height - before} blocks in ${segments} segments, ${mebibytes(bytes)}`],
    ]),
  )
}

async function verify(target: string, _flags: unknown, command: Command): Promise<void> {
  // Both commands have a --genesis, and the upper one takes it.
  const flags: { readonly genesis?: string } = command.optsWithGlobals()
  const genesis = readGenesis(genesisFile(flags.genesis))
  const { Archive, openPlace, Progress, verifyArchive } = await import('../archive/index.ts')
  const opened = await Archive.open(openPlace(target), genesis)
  const progress = new Progress('verifying', 0)
  const proof = await verifyArchive(opened, (at, to) => progress.at(at, to))
  const signers = ({ signers, seats, height }: typeof proof.fewest): string =>
    `${signers} of ${seats} (block ${height})`
  console.log(
    columns([
      ['OK', `${opened.place.title} is the ledger from its founding to height ${proof.height}`],
      ['height', String(proof.height)],
      ['block', proof.hash],
      ['block time', new Date(proof.timeMs).toISOString()],
      ['state root', proof.stateRoot],
      ['ledger', opened.ledger],
      ['views', String(proof.views)],
      ['fewest signers', signers(proof.fewest)],
      ['most signers', signers(proof.most)],
      ['segments', `${proof.segments}, ${mebibytes(proof.bytes)}`],
      ...(proof.unwritten === 0
        ? []
        : [['manifests missing', `${proof.unwritten}; the next quorate archive writes them`]]),
    ]),
  )
}

/** `quorate archive` and `quorate archive verify` */
export function addArchive(program: Command): void {
  const command = program
    .command('archive')
    .description('copies the whole ledger, checked, to a folder or a bucket; goes on where it was')
    .argument('<target>', 'a folder, or s3://bucket/prefix (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ...)')
    .option('--genesis <file>', GENESIS_HELP)
    .option('--from-replica <url>', 'replicas to copy from, commas between; else as for shell')
    .option('--data-dir <folder>', "copies out of a replica's data folder instead")
    .option('--follow', 'goes on as blocks come, until SIGTERM or Ctrl-C')
    .option('--every-seconds <n>', 'with --follow: longest wait of a block', numberBetween(1, 86_400), 60)
    .option(
      '--segment-blocks <n>',
      'most blocks of a segment',
      numberBetween(1, SEGMENT_BLOCKS_MAX),
      SEGMENT_BLOCKS_MAX,
    )
    .action(archive)
  command
    .command('verify')
    .description('checks an archive, all of it, against genesis.json alone')
    .argument('<target>', 'a folder, or s3://bucket/prefix')
    .option('--genesis <file>', GENESIS_HELP)
    .action(verify)
}
