// One end of the measurement: transport and conversations as a replica has them, and nothing above.

import { generateKeyPairSync } from 'node:crypto'
import { systemClock } from '@quorate/session-types'
import type { MemberId, StateAnswer, StateAsk } from '@quorate/types'
import { MESSAGE_LIMITS } from '@quorate/types'
import { memberIdOf } from '../../packages/replica/src/crypto/keys.ts'
import { tlsIdentity } from '../../packages/replica/src/crypto/tls-identity.ts'
import { Conversations, SESSION_FRAME } from '../../packages/replica/src/peers/conversations.ts'
import { PROTOCOL_VERSIONS } from '../../packages/replica/src/transport/handshake.ts'
import { Transport } from '../../packages/replica/src/transport/transport.ts'

/** Where an end can be reached. */
export interface Address {
  readonly id: MemberId
  readonly host: string
  readonly port: number
}

/** An end that listens. */
export interface Endpoint {
  readonly address: Address
  readonly conversations: Conversations
  /** Connects with the other end; resolves once frames can be sent to it. */
  readonly meet: (other: Address) => Promise<void>
  readonly close: () => Promise<void>
}

/** @param state - Answers whoever asks for part of the database. */
export async function listen(state: (peer: MemberId, ask: StateAsk) => Promise<StateAnswer>): Promise<Endpoint> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const id = memberIdOf(publicKey)
  if (id === undefined) throw new Error('not ed25519')
  let up: () => void = () => undefined
  const conversations = new Conversations({
    send: (peer, frame) => transport.send(peer, SESSION_FRAME, frame),
    broken: (_peer, what) => {
      throw new Error(what)
    },
    answers: {
      units: () => ({ kind: 'units', units: [] }),
      blocks: async () => ({ kind: 'blocks', blocks: [] }),
      voted: ({ question }) => ({ kind: 'voted', question, voted: undefined }),
    },
    answered: () => undefined,
    state,
    accept: () => undefined,
    failed: () => undefined,
    wallMs: Date.now,
    clock: systemClock,
  })
  const transport = await Transport.start({
    identity: tlsIdentity({ id, privateKey }),
    here: { ledger: 'ab'.repeat(32), versions: PROTOCOL_VERSIONS, eras: [1] },
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
    frameBytesMax: MESSAGE_LIMITS.bytesMax,
    onFrame: (peer, type, body) => {
      if (type === SESSION_FRAME) conversations.received(peer, body)
    },
    onPeer: (_peer, now) => {
      if (now === 'up') up()
    },
    onNotice: () => undefined,
  })
  return {
    address: { id, ...transport.address },
    conversations,
    meet: (other) =>
      new Promise((resolve) => {
        up = resolve
        transport.setPeers([other])
      }),
    close: async () => {
      conversations.close()
      await transport.close()
    },
  }
}
