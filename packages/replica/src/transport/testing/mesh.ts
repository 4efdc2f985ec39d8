// Transports on loopback for tests, with everything they tell recorded.

import { generateKeyPairSync } from 'node:crypto'
import type { MemberId } from '@quorate/types'
import type { MemberKey } from '../../crypto/keys.ts'
import { memberIdOf } from '../../crypto/keys.ts'
import { tlsIdentity } from '../../crypto/tls-identity.ts'
import type { Party } from '../handshake.ts'
import { PROTOCOL_VERSIONS } from '../handshake.ts'
import type { Notice } from '../notices.ts'
import type { Peer } from '../transport.ts'
import { Transport } from '../transport.ts'

export const HERE: Party = { ledger: 'ab'.repeat(32), versions: PROTOCOL_VERSIONS, eras: [1] }
export const FRAME_BYTES_MAX = 4 * 1024 * 1024

export function newKey(): MemberKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const id = memberIdOf(publicKey)
  if (id === undefined) throw new Error('not ed25519')
  return { id, privateKey }
}

/** A transport and what it has told. */
export class Node {
  readonly key: MemberKey
  readonly frames: { peer: MemberId; type: number; body: Uint8Array }[] = []
  readonly notices: Notice[] = []
  readonly states: string[] = []
  readonly up = new Set<MemberId>()
  transport: Transport | undefined
  onFrame: (peer: MemberId, type: number, body: Uint8Array) => void = () => undefined

  constructor(key: MemberKey = newKey()) {
    this.key = key
  }

  get id(): MemberId {
    return this.key.id
  }

  get running(): Transport {
    if (this.transport === undefined) throw new Error('not started')
    return this.transport
  }

  async start(options: { peers?: readonly Peer[]; port?: number; here?: Partial<Party> } = {}): Promise<this> {
    this.transport = await Transport.start({
      identity: tlsIdentity(this.key),
      here: { ...HERE, ...options.here },
      listen: { host: '127.0.0.1', port: options.port ?? 0 },
      peers: options.peers ?? [],
      frameBytesMax: FRAME_BYTES_MAX,
      onFrame: (peer, type, body) => {
        this.frames.push({ peer, type, body })
        this.onFrame(peer, type, body)
      },
      onPeer: (peer, state, reason) => {
        this.states.push(`${state}: ${reason}`)
        if (state === 'up') this.up.add(peer)
        else this.up.delete(peer)
      },
      onNotice: (notice) => this.notices.push(notice),
    })
    return this
  }

  get peer(): Peer {
    return { id: this.id, ...this.running.address }
  }

  async stop(): Promise<void> {
    await this.transport?.close()
    this.transport = undefined
    this.up.clear()
  }
}

/** Starts `count` nodes that all know each other, and waits until every link stands. */
export async function startMesh(count: number): Promise<readonly Node[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => new Node().start()))
  const peers = nodes.map((node) => node.peer)
  for (const node of nodes) node.running.setPeers(peers)
  await until(() => nodes.every((node) => node.up.size === count - 1))
  return nodes
}

/** Waits until `condition` holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
