// The composition root: opens the shells, lets the core recover, and connects them. What a replica decides is decided in the
// core; nothing clever stands here.

import { statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { ChoamInput } from '@quorate/choam'
import { Choam, CHOAM_LIMITS } from '@quorate/choam'
import { must, unwrap } from '@quorate/kernel'
import { systemClock } from '@quorate/session-types'
import { ERA } from '@quorate/sql-state'
import type { Digest, Genesis, Join, LedgerMember, MemberId } from '@quorate/types'
import { genesisView, height, identityKey, joinSignedBytes, ledgerId, MESSAGE_LIMITS } from '@quorate/types'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { loadMemberKey } from '../crypto/keys.ts'
import { Signer } from '../crypto/signer.ts'
import { tlsIdentity } from '../crypto/tls-identity.ts'
import { Verifier } from '../crypto/verifier.ts'
import { ViewKeys } from '../crypto/view-keys.ts'
import type { Status } from '../gateway/ports.ts'
import { Gateway } from '../gateway/server.ts'
import { StateLending } from '../sql/state-lending.ts'
import { Feeds } from '../feed/feeds.ts'
import { FeedThread } from '../sql/feed-thread.ts'
import { SqlReaders, SqlWriter } from '../sql/threads.ts'
import { decodeOutcomes } from '../sql/outcome-list.ts'
import { Conversations, SESSION_FRAME } from '../peers/conversations.ts'
import { Store } from '../store/store.ts'
import { addressOf, peerList } from '../peers/peer-list.ts'
import { PROTOCOL_VERSIONS } from '../transport/handshake.ts'
import type { Peer } from '../transport/transport.ts'
import { Transport } from '../transport/transport.ts'
import { Answers } from './answers.ts'
import { Front } from './front.ts'
import { Inbox } from './inbox.ts'
import { Links } from './links.ts'
import { loggerOf } from './log.ts'
import { MainLoop } from './main-loop.ts'
import type { FinalBlock, Listener } from './main-loop.ts'
import { bendFor } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import { Outbox } from './outbox.ts'
import type { Network } from './ports.ts'
import { Reads } from './reads.ts'
import { catchUpDatabase, restore } from './recovery.ts'
import { statusOf } from './status.ts'
import { StoreLedger } from './store-ledger.ts'
import { Submissions } from './submissions.ts'
import { SystemClock } from './system-clock.ts'

/** What a replica is opened with. */
export interface ReplicaOptions {
  readonly genesis: Genesis
  /** Folder of ledger.db and state.db; made where it does not exist. */
  readonly dataDir: string
  /** File of the member's key. */
  readonly keyPath: string
  /** host:port for other replicas; unless given, this member's in genesis.json. */
  readonly listen: string | undefined
  /** host:port for clients. */
  readonly http: string
  /** Members that moved since genesis. */
  readonly peers: readonly { readonly name: string; readonly address: string }[]
  readonly logLevel: string
  readonly logFormat: string
  readonly cors: readonly string[]
  readonly bodyBytesMax: number
  readonly requestsMax: number
  readonly sessionsMax: number
  readonly sessionMsMax: number
  /** How to lie to the others, for drills. */
  readonly misbehave: string | undefined
}

/** An open replica. */
export interface OpenReplica {
  readonly addresses: { readonly replica: string; readonly http: string }
  status(): Status
  /** Ends in order: clients are answered, what is said is on disk. */
  close(): Promise<void>
  /** Resolves with the reason when the replica stops by itself. */
  readonly stopped: Promise<Error>
}

/** This replica can't be reached, or is told of somebody who is no member. */
export class MembershipError extends Error {
  override readonly name = 'MembershipError'
  readonly code = 'NOT_A_MEMBER'
}

const SWEEP_MS = 250

/** What is free on the disk of `folder`; undefined where the system doesn't tell. */
function freeBytesIn(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

function versionOfPackage(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string }
  return version
}

/** Everything one replica consists of while it runs. */
class RunningReplica {
  readonly #options: ReplicaOptions
  readonly #ledger: Digest
  readonly #me: MemberId
  readonly #log: Logger
  readonly #store: Store
  readonly #writer: SqlWriter
  readonly #readers: SqlReaders
  readonly #feedThread: FeedThread
  readonly #lending: StateLending
  readonly #verifier = new Verifier()
  readonly #clock = new SystemClock()
  readonly #submissions = new Submissions()
  readonly #signer: Signer
  readonly #version = versionOfPackage()
  readonly #core: Choam
  readonly #reads: Reads
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  readonly #links = new Links()
  /** As the newest certified block has them; none before genesis. */
  #members: readonly LedgerMember[] = []
  #conversations: Conversations | undefined
  #loop: MainLoop | undefined
  #transport: Transport | undefined
  #gateway: Gateway | undefined
  #sweep: NodeJS.Timeout | undefined
  #transactions = 0
  #closing: Promise<void> | undefined
  #resolveStopped: (reason: Error) => void = () => undefined
  readonly stopped: Promise<Error>

  constructor(parts: {
    options: ReplicaOptions
    key: ReturnType<typeof loadMemberKey>
    log: Logger
    store: Store
    writer: SqlWriter
  }) {
    const { options, key, log, store, writer } = parts
    const { genesis } = options
    this.#options = options
    this.#ledger = ledgerId(genesis)
    this.#me = key.id
    this.#log = log
    this.#store = store
    this.#writer = writer
    this.#signer = new Signer(key, new ViewKeys(options.dataDir))
    this.#readers = new SqlReaders(options.dataDir)
    this.#feedThread = new FeedThread(options.dataDir)
    this.#lending = new StateLending({
      folder: options.dataDir,
      writer,
      clock: systemClock,
      onTrouble: (message) =>
        this.#log.warn({ detail: message }, 'a peer that asked for the database was not answered'),
    })
    const join: Join = { member: key.id, view: genesisView(this.#ledger), key: identityKey(key.id) }
    this.#core = new Choam({
      genesis,
      me: key.id,
      era: ERA,
      join: { ...join, signature: this.#signer.sign(joinSignedBytes(join)) },
    })
    const feed = (input: ChoamInput): void => this.#loop?.feed(input)
    this.#reads = new Reads(feed, () => this.#clock.monotonicMs())
    this.#inbox = new Inbox(this.#core, this.#verifier, feed, (from, error) => {
      if (error.code !== 'UNKNOWN_VIEW')
        this.#log.debug({ from, code: error.code, detail: error.message }, 'message refused')
    })
    this.#outbox = new Outbox({
      core: this.#core,
      links: this.#links,
      feed: (transactions) => feed({ kind: 'submit', transactions }),
      forward: (to, transactions) => must(this.#conversations, 'it runs').forward(to, transactions),
    })
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  async start(keyed: ReturnType<typeof tlsIdentity>): Promise<void> {
    const { genesis } = this.#options
    const began = performance.now()
    await catchUpDatabase(this.#store, this.#writer, this.#ledger, (at, tip) =>
      this.#log.info({ at, tip }, 'executing stored blocks again'),
    )
    const restored = await restore(this.#store, {
      genesis,
      recentRounds: CHOAM_LIMITS.windowRounds,
      keys: this.#signer.viewKeys.all,
      shares: this.#signer.viewKeys.shares,
      members: this.#writer.height === undefined ? undefined : await this.#writer.members(),
    })
    this.#members = restored.members ?? []
    this.#checkNames()
    const ledger = new StoreLedger(this.#store)
    const conversations = this.#converse(ledger)
    const network: Network = {
      send: (to, code, body) => to.forEach((member) => this.#transport?.send(member, code, body)),
      ask: (to, ask) => to.forEach((member) => conversations.ask(member, ask)),
    }
    const ports = {
      signer: this.#signer,
      executor: this.#writer,
      ledger,
      network,
      clock: this.#clock,
    }
    const loop = new MainLoop(this.#core, ports, this.#listener(), this.#bend(network))
    this.#loop = loop
    const own = genesis.founders.find((founder) => founder.id === this.#me)
    this.#transport = await Transport.start({
      identity: keyed,
      here: { ledger: this.#ledger, versions: PROTOCOL_VERSIONS, eras: [ERA] },
      listen: addressOf(this.#options.listen ?? own?.address ?? ''),
      peers: this.#peerList(),
      frameBytesMax: MESSAGE_LIMITS.bytesMax,
      onFrame: (peer, type, body) => {
        if (type === SESSION_FRAME) conversations.received(peer, body)
        else this.#inbox.receive(peer, type, body)
      },
      onPeer: (peer, state, reason) => {
        this.#log.info({ peer: this.#nameOf(peer), state, reason }, 'peer')
        this.#links.changed(peer, state === 'up')
        if (state === 'down') conversations.down(peer, reason)
        loop.feed({ kind: 'peer', member: peer, up: state === 'up' })
      },
      onNotice: (notice) => this.#log.info({ ...notice }, 'connection refused or cut'),
    })
    loop.feed({ kind: 'start', restored })
    const { certified } = this.#core.status()
    if (certified !== undefined) this.#reads.advance(height(certified))
    this.#sweep = setInterval(() => {
      this.#submissions.expire(this.#clock.monotonicMs())
      this.#reads.expire()
      this.#lending.expire().catch((error: unknown) => this.#stopFor(error))
    }, SWEEP_MS)
    this.#outbox.run().catch((error: unknown) => this.#stopFor(error))
    await this.#openGateway()
    this.#log.info({ ledger: this.#ledger, height: certified, ms: Math.round(performance.now() - began) }, 'started')
  }

  #converse(ledger: StoreLedger): Conversations {
    // Effects are bent on their way out; what a silent replica would ask and answer does not pass there.
    const isSilent = this.#options.misbehave === 'silent'
    const conversations = new Conversations({
      send: (peer, frame) => !isSilent && (this.#transport?.send(peer, SESSION_FRAME, frame) ?? false),
      broken: (peer, what) => this.#transport?.disconnect(peer, what),
      answers: new Answers(this.#core, ledger),
      answered: (peer, answer) => this.#inbox.answered(peer, answer),
      state: (peer, ask) => this.#lending.answer(peer, ask, this.#reads.certified),
      accept: (transactions) => this.#outbox.accept(transactions),
      failed: (peer, error) => this.#log.debug({ peer: this.#nameOf(peer), detail: String(error) }, 'session failed'),
      wallMs: () => this.#clock.wallMs(),
      clock: systemClock,
    })
    this.#conversations = conversations
    return conversations
  }

  get addresses(): OpenReplica['addresses'] {
    const { host, port } = this.#transport?.address ?? { host: '', port: 0 }
    return { replica: `${host}:${port}`, http: this.#options.http }
  }

  /** Ends in order. Safe to call more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweep)
    // Clients first, while blocks still become final; then the network, then the disks, which finish what was begun.
    await this.#gateway?.close()
    this.#loop?.stop()
    this.#outbox.stop()
    this.#submissions.stop()
    this.#conversations?.close()
    await this.#transport?.close()
    await this.#lending.close()
    await Promise.all([this.#writer.close(), this.#readers.close(), this.#feedThread.close(), this.#verifier.close()])
    await this.#store.close()
    this.#log.info('stopped')
  }

  async #openGateway(): Promise<void> {
    const { host, port } = addressOf(this.#options.http)
    const { cors, bodyBytesMax, requestsMax, sessionsMax, sessionMsMax } = this.#options
    const front = new Front({
      core: this.#core,
      genesis: this.#options.genesis,
      ledger: this.#ledger,
      store: this.#store,
      readers: this.#readers,
      reads: this.#reads,
      submissions: this.#submissions,
      submit: (transaction) => this.#outbox.put(transaction),
      status: () => this.status(),
      wallMs: () => this.#clock.wallMs(),
      monotonicMs: () => this.#clock.monotonicMs(),
    })
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    const feeds = new Feeds({ store: this.#store, reads: this.#reads, thread: this.#feedThread })
    const gateway = new Gateway({
      replica: front,
      feeds,
      logger: this.#log,
      registry,
      limits: { bodyBytesMax, requestsMax, sessionsMax, sessionMsMax },
      origins: cors,
    })
    await gateway.listen({ host, port })
    this.#gateway = gateway
  }

  #bend(network: Network): ReturnType<typeof bendFor> | undefined {
    const how = this.#options.misbehave as Misbehaviour | undefined
    if (how === undefined) return undefined
    this.#log.warn({ how }, 'this replica lies to the others, as it was told to')
    const peers = this.#peerList().map(({ id }) => id)
    return bendFor(how, {
      signer: this.#signer,
      network,
      ownSeat: () => this.#core.seatIn(this.#core.status().view),
      peers,
    })
  }

  #listener(): Listener {
    return {
      onFinal: (block) => this.#final(block),
      onReadable: (request, at) => this.#reads.readable(request, at),
      onEvidence: (member, evidence) => {
        this.#log.warn({ member, name: this.#nameOf(member), kind: evidence.kind }, 'evidence of a fault stored')
      },
      onUnplaced: (transactions) => this.#outbox.putBack(transactions),
      onFatal: (reason) => this.#stopFor(reason),
      onTrace: (event, detail) => this.#log.debug({ event, ...detail }, 'trace'),
    }
  }

  #stopFor(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error))
    this.#log.error({ code: (reason as { code?: unknown }).code, err: reason }, 'stopping')
    this.#resolveStopped(reason)
  }

  #final({ header, execution }: FinalBlock): void {
    this.#reads.advance(header.height)
    if (execution === undefined) return
    if (execution.members !== undefined) this.#membersChanged(execution.members)
    this.#transactions += execution.hashes.length
    let outcomes: readonly Uint8Array[] | undefined
    this.#submissions.final(header.height, execution.hashes, (position) => {
      outcomes ??= unwrap(decodeOutcomes(execution.results), 'results just executed')
      return must(outcomes[position], 'every transaction has an outcome')
    })
  }

  /** Whom this replica connects with follows the ledger. */
  #membersChanged(members: readonly LedgerMember[]): void {
    this.#members = members
    this.#transport?.setPeers(this.#peerList())
  }

  #peerList(): readonly Peer[] {
    const { genesis, peers } = this.#options
    return peerList({ members: this.#members, genesis, me: this.#me, moved: peers })
  }

  #nameOf(member: MemberId): string {
    const known = [...this.#members, ...this.#options.genesis.founders]
    return known.find(({ id }) => id === member)?.name ?? member.slice(0, 8)
  }

  /** The operator may say where members are; a name that nobody has is a slip. */
  #checkNames(): void {
    const known = [...this.#members, ...this.#options.genesis.founders]
    const stranger = this.#options.peers.find((peer) => !known.some(({ name }) => name === peer.name))
    if (stranger === undefined) return
    const names = known.map(({ name }) => name).join(', ')
    throw new MembershipError(`peers: "${stranger.name}" is none of the members ${names}`)
  }

  status(): Status {
    return statusOf({
      version: this.#version,
      ledger: this.#ledger,
      genesis: this.#options.genesis,
      me: this.#me,
      core: this.#core.status(),
      links: this.#transport?.stats().peers ?? [],
      transactions: this.#transactions,
      queued: this.#submissions.size,
      wallMs: this.#clock.wallMs(),
      freeBytes: freeBytesIn(this.#options.dataDir),
    })
  }
}

/**
 * Opens a replica: recovers what its disk holds, connects to its peers, and serves clients.
 * @throws KeyError, StoreError, SqlThreadError, RecoveryError, MembershipError; each with a `code`
 */
export async function openReplica(options: ReplicaOptions): Promise<OpenReplica> {
  const key = loadMemberKey(options.keyPath)
  const { genesis } = options
  const own = genesis.founders.find((founder) => founder.id === key.id)
  if (own === undefined && options.listen === undefined)
    throw new MembershipError(
      `${options.keyPath} is the key of ${key.id}, no founder of "${genesis.name}": give it a "listen"`,
    )
  const log = loggerOf(options, own?.name ?? key.id.slice(0, 8))
  const store = await Store.open({ folder: options.dataDir, ledgerId: ledgerId(genesis) })
  const writer = await SqlWriter.open(options.dataDir).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const running = new RunningReplica({ options, key, log, store, writer })
  try {
    await running.start(tlsIdentity(key))
  } catch (error) {
    await running.close()
    throw error
  }
  return {
    addresses: running.addresses,
    status: () => running.status(),
    close: () => running.close(),
    stopped: running.stopped,
  }
}
