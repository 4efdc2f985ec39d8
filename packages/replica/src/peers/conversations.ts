// What this replica asks its peers and answers them, in sessions over the frames between them. A peer that answers wrongly, late
// or never costs its own session and no other; the core asks again, or asks another. Only a peer that breaks the framing of
// sessions, so that nothing can be told apart any more, is cut off.

import type { Chan, Clock, Service, View } from '@quorate/session-types'
import { framePipe, Mux, service } from '@quorate/session-types'
import type { FramePipe } from '@quorate/session-types'
import { atomically, atomicallySync, TBQueue } from '@quorate/stm'
import type { Answer, Ask, BlocksAsk, MemberId, StateAnswer, StateAsk, UnitsAsk, VotedAsk } from '@quorate/types'
import { REQUEST_LIMITS } from '@quorate/types'
import type { Answers } from '../host/answers.ts'
import type { Declined } from './protocols.ts'
import { FETCH_STATE, FETCH_UNITS, FOLLOW, FOLLOW_IDLE_MS, FORWARD_TRANSACTIONS, READ_INDEX } from './protocols.ts'

/** Code of the frames that carry sessions, among the messages' codes. */
export const SESSION_FRAME = 16

/** Questions to one peer that are under way at once; the core asks again what finds no place. */
const OPENED_MAX = 64
/** Ranges of blocks that wait to be asked of one peer. */
const FOLLOW_ASKS_MAX = 2

/** What conversations need of their host. */
export interface ConversationHost {
  /** False where the peer can't be reached. */
  readonly send: (peer: MemberId, frame: Uint8Array) => boolean
  /** The peer broke the framing: cut it off. */
  readonly broken: (peer: MemberId, what: string) => void
  /** An answer came. */
  readonly answered: (peer: MemberId, answer: Answer) => void
  /** Answers peers. */
  readonly answers: Pick<Answers, 'units' | 'blocks' | 'voted'>
  /** Answers a peer that asks for part of the database. */
  readonly state: (peer: MemberId, ask: StateAsk) => Promise<StateAnswer>
  /** Takes a peer's transactions, or says why not. */
  readonly accept: (transactions: readonly Uint8Array[]) => Declined | undefined
  /** A session with the peer ended early. */
  readonly failed: (peer: MemberId, error: unknown) => void
  /** Grows from one process to the next: sessions are numbered from it. */
  readonly wallMs: () => number
  readonly clock: Clock
}

interface Peer {
  readonly frames: FramePipe
  readonly mux: Mux
  /** Ranges of blocks to ask for, while a follower's session is open. */
  following: TBQueue<BlocksAsk> | undefined
  /** Ends the follower's wait for the next range. */
  idle: AbortController | undefined
}

/** Conversations with all peers. */
export class Conversations {
  readonly #host: ConversationHost
  readonly #services: readonly Service[]
  readonly #peers = new Map<MemberId, Peer>()
  #isClosed = false

  constructor(host: ConversationHost) {
    this.#host = host
    this.#services = servicesOf(host)
  }

  /** A frame of a session came. */
  received(from: MemberId, frame: Uint8Array): void {
    this.#peerOf(from).frames.receive(frame)
  }

  /** The peer can't be reached any more: what is under way ends. */
  down(peer: MemberId, reason: string): void {
    const known = this.#peers.get(peer)
    if (known === undefined) return
    known.frames.down(reason)
    known.following = undefined
    known.idle?.abort()
  }

  /** Asks; what comes back goes to `answered`. */
  ask(to: MemberId, ask: Ask): void {
    const peer = this.#peerOf(to)
    switch (ask.kind) {
      case 'units':
        return this.#watch(to, this.#askUnits(to, peer.mux, ask))
      case 'blocks':
        return this.#askBlocks(to, peer, ask)
      case 'voted':
        return this.#watch(to, this.#askVoted(to, peer.mux, ask))
    }
  }

  /** Hands transactions to a peer; resolves to why it declined, or to undefined once it accepted. Rejects with SessionError. */
  forward(to: MemberId, transactions: readonly Uint8Array[]): Promise<Declined | undefined> {
    return this.#peerOf(to).mux.run(FORWARD_TRANSACTIONS, async (chan) => {
      const reply = await (await chan.send({ transactions })).offer()
      return reply.label === 'accepted' ? reply.chan.close(undefined) : reply.chan.close(reply.value)
    })
  }

  /** Asks a peer for part of the database; the answer proves nothing yet. Rejects with SessionError. */
  fetchState(to: MemberId, ask: StateAsk): Promise<StateAnswer> {
    return this.#peerOf(to).mux.run(FETCH_STATE, async (chan) => {
      const { value, chan: last } = await (await chan.send(ask)).recv()
      return last.close(value)
    })
  }

  /** Ends all of them. */
  close(): void {
    this.#isClosed = true
    for (const peer of this.#peers.values()) {
      peer.mux.close()
      peer.idle?.abort()
    }
  }

  #peerOf(id: MemberId): Peer {
    const known = this.#peers.get(id)
    if (known !== undefined) return known
    const frames = framePipe({ send: (frame) => this.#host.send(id, frame) })
    const mux = new Mux(frames.pipe, {
      services: [...this.#services, stateService(id, this.#host)],
      // The largest answer, and room for questions beside it.
      limits: { openedMax: OPENED_MAX, bufferedBytesMax: REQUEST_LIMITS.answerBytesMax + 8 * 1024 * 1024 },
      firstId: this.#host.wallMs() * 64,
      clock: this.#host.clock,
      onFailure: (error) => this.#host.failed(id, error),
      onBroken: (what) => {
        this.#peers.delete(id)
        this.#host.broken(id, what)
      },
    })
    const peer: Peer = { frames, mux, following: undefined, idle: undefined }
    this.#peers.set(id, peer)
    return peer
  }

  #askUnits(to: MemberId, mux: Mux, ask: UnitsAsk): Promise<void> {
    return mux.run(FETCH_UNITS, async (chan) => {
      const { value, chan: last } = await (await chan.send(ask)).recv()
      this.#host.answered(to, value)
      return last.close()
    })
  }

  #askVoted(to: MemberId, mux: Mux, ask: VotedAsk): Promise<void> {
    return mux.run(READ_INDEX, async (chan) => {
      const { value, chan: last } = await (await chan.send(ask)).recv()
      this.#host.answered(to, value)
      return last.close()
    })
  }

  /** Gives the range to the session that follows this peer, or opens one. */
  #askBlocks(to: MemberId, peer: Peer, ask: BlocksAsk): void {
    let asks = peer.following
    if (asks === undefined) {
      asks = new TBQueue<BlocksAsk>(FOLLOW_ASKS_MAX)
      peer.following = asks
      this.#watch(to, this.#follow(to, peer, asks))
    }
    const queue = asks
    // Where it is full the core will ask again.
    atomicallySync((tx) => queue.tryWrite(tx, ask))
  }

  #follow(to: MemberId, peer: Peer, asks: TBQueue<BlocksAsk>): Promise<void> {
    const following = peer.mux.run(FOLLOW, async (first) => {
      let chan = first
      for (let ask = await this.#next(peer, asks); ask !== undefined; ask = await this.#next(peer, asks)) {
        const { value, chan: again } = await (await chan.select('next', ask)).recv()
        this.#host.answered(to, value)
        chan = again
      }
      // Whoever asks from now on opens a new one.
      if (peer.following === asks) peer.following = undefined
      return (await chan.select('done')).close()
    })
    return following.finally(() => {
      if (peer.following === asks) peer.following = undefined
    })
  }

  /** The next range to ask for; undefined where none came for a while. */
  async #next(peer: Peer, asks: TBQueue<BlocksAsk>): Promise<BlocksAsk | undefined> {
    if (this.#isClosed) return undefined
    const idle = new AbortController()
    peer.idle = idle
    const callOff = this.#host.clock.after(FOLLOW_IDLE_MS, () => idle.abort())
    try {
      return await atomically((tx) => asks.read(tx), { signal: idle.signal })
    } catch (error) {
      if (idle.signal.aborted) return undefined
      throw error
    } finally {
      callOff()
    }
  }

  #watch(id: MemberId, session: Promise<void>): void {
    session.catch((error: unknown) => this.#host.failed(id, error))
  }
}

function servicesOf(host: ConversationHost): readonly Service[] {
  return [
    service(FETCH_UNITS, async (chan) => {
      const { value, chan: answer } = await chan.recv()
      return (await answer.send(host.answers.units(value))).close()
    }),
    service(FOLLOW, async (first) => {
      let chan: Chan<View<FollowClient, 'server'>> = first
      for (;;) {
        const said = await chan.offer()
        if (said.label === 'done') return said.chan.close()
        chan = await said.chan.send(await host.answers.blocks(said.value))
      }
    }),
    service(READ_INDEX, async (chan) => {
      const { value, chan: answer } = await chan.recv()
      return (await answer.send(host.answers.voted(value))).close()
    }),
    service(FORWARD_TRANSACTIONS, async (chan) => {
      const { value, chan: answer } = await chan.recv()
      const declined = host.accept(value.transactions)
      return declined === undefined
        ? (await answer.select('accepted')).close()
        : (await answer.select('declined', declined)).close()
    }),
  ]
}

/** What a peer may have of the database depends on who it is. */
function stateService(peer: MemberId, host: ConversationHost): Service {
  return service(FETCH_STATE, async (chan) => {
    const { value, chan: answer } = await chan.recv()
    return (await answer.send(await host.state(peer, value))).close()
  })
}

type FollowClient = (typeof FOLLOW)['client']
