// Everything that one replica asks another once they are connected, as protocols. Who asks is the client. A changed message needs
// a new version of the whole connection (see handshake.ts), which is where two replicas find out what they share.
//
// What is pushed is no conversation: new units, votes, tips and frontiers are frames of their own (see message.ts of the types
// package).

import type { Codec, Protocol } from '@quorate/session-types'
import { canonical, choose, codec, end, jump, nothing, offer, protocol, rec, recv, send } from '@quorate/session-types'
import type { Words } from '@quorate/types'
import {
  BLOCKS_ANSWER,
  BLOCKS_ASK,
  FORWARD,
  REQUEST_LIMITS,
  STATE_ANSWER,
  STATE_ASK,
  STATE_LIMITS,
  UNITS_ANSWER,
  UNITS_ASK,
  VOTED_ANSWER,
  VOTED_ASK,
} from '@quorate/types'

/** How long an answer is waited for that the other side has at hand. */
export const ANSWER_MS = 2_000
/** How long blocks are waited for: they come from a disk, and may be many. */
export const BLOCKS_MS = 10_000
/** How long part of the database is waited for: half a megabyte, over any link worth having. */
export const STATE_MS = 60_000
/** How long a follower may have nothing to ask before its session ends. */
export const FOLLOW_IDLE_MS = 20_000

/** Why a transaction was not taken, and when to try again. */
export interface Declined {
  readonly code: 'OVERLOADED' | 'NOT_READY' | 'INVALID'
  readonly message: string
  readonly retryAfterMs: number
}

const DECLINED_CODES: readonly Declined['code'][] = ['OVERLOADED', 'NOT_READY', 'INVALID']
const WORDS_BYTES_MAX = 512

const DECLINED = canonical<Declined>({
  name: 'declined',
  write: (writer, { code, message, retryAfterMs }) =>
    writer.u8(DECLINED_CODES.indexOf(code)).text(message).u32(retryAfterMs),
  read: (reader) => {
    const at = reader.u8()
    const code = DECLINED_CODES[at] ?? reader.refuse('INVALID', `code ${at}`)
    return { code, message: reader.text(WORDS_BYTES_MAX), retryAfterMs: reader.u32() }
  },
})

/** The ledger's own canonical bytes as messages of a session. */
function said<T>(name: string, words: Words<T>, bytesMax: number): Codec<T> {
  return codec({ name, bytesMax, ...words })
}

const QUESTION_BYTES_MAX = 64 * 1024

const fetchUnits = send(
  said('unitsAsk', UNITS_ASK, QUESTION_BYTES_MAX),
  recv(said('unitsAnswer', UNITS_ANSWER, REQUEST_LIMITS.answerBytesMax), end, { timeoutMs: ANSWER_MS }),
)

/** Units that a replica lacks, by hash. */
export const FETCH_UNITS: Protocol<typeof fetchUnits> = protocol({ name: 'fetch-units', id: 1, client: fetchUnits })

const follow = rec(
  'level',
  choose(
    {
      next: send(
        said('blocksAsk', BLOCKS_ASK, QUESTION_BYTES_MAX),
        recv(said('blocksAnswer', BLOCKS_ANSWER, REQUEST_LIMITS.answerBytesMax), jump('level'), {
          timeoutMs: BLOCKS_MS,
        }),
      ),
      done: send(nothing('done'), end),
    },
    { timeoutMs: 2 * FOLLOW_IDLE_MS },
  ),
)

/** Certified blocks, a range at a time, for as long as the follower is behind. */
export const FOLLOW: Protocol<typeof follow> = protocol({ name: 'follow', id: 2, client: follow })

const fetchState = send(
  said('stateAsk', STATE_ASK, QUESTION_BYTES_MAX),
  recv(said('stateAnswer', STATE_ANSWER, STATE_LIMITS.pagesBytesMax + STATE_LIMITS.proofBytesMax + 64), end, {
    timeoutMs: STATE_MS,
  }),
)

/** Part of the database at a height, with its proof: pages, or the hashes by which to find those that differ. */
export const FETCH_STATE: Protocol<typeof fetchState> = protocol({ name: 'fetch-state', id: 5, client: fetchState })

const readIndex = send(
  said('votedAsk', VOTED_ASK, QUESTION_BYTES_MAX),
  recv(said('votedAnswer', VOTED_ANSWER, QUESTION_BYTES_MAX), end, { timeoutMs: ANSWER_MS }),
)

/** How far the other side has voted: what a linearizable read stands on. */
export const READ_INDEX: Protocol<typeof readIndex> = protocol({ name: 'read-index', id: 3, client: readIndex })

const forward = send(
  said('forward', FORWARD, REQUEST_LIMITS.forwardBytesMax),
  offer(
    {
      accepted: recv(nothing('accepted'), end),
      declined: recv(DECLINED, end),
    },
    { timeoutMs: ANSWER_MS },
  ),
)

/** Transactions of a replica that can't order them itself, handed to one that can. Their outcomes come with the blocks. */
export const FORWARD_TRANSACTIONS: Protocol<typeof forward> = protocol({ name: 'forward', id: 4, client: forward })
