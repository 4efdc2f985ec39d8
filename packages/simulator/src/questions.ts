// What replicas ask each other, as frames. In a replica these are sessions over the same connection; here a question is one frame and
// its answer another, with the same canonical bytes. An answer that nobody asked for is not taken.

import { concatBytes, Writer } from '@quorate/kernel'
import type { Answer, Ask, MemberId, Words } from '@quorate/types'
import { BLOCKS_ANSWER, BLOCKS_ASK, UNITS_ANSWER, UNITS_ASK, VOTED_ANSWER, VOTED_ASK } from '@quorate/types'

/** Codes of questions and of answers begin here, beyond those of messages. */
const ASK_CODE = 0x40
const ANSWER_CODE = 0x50
/** Questions of one process that may be open; the oldest is forgotten for another. */
const OPEN_MAX = 1024

const KINDS = ['units', 'blocks', 'voted'] as const
const ASKS: Readonly<Record<Ask['kind'], Words<Ask>>> = {
  units: UNITS_ASK as Words<Ask>,
  blocks: BLOCKS_ASK as Words<Ask>,
  voted: VOTED_ASK as Words<Ask>,
}
const ANSWERS: Readonly<Record<Answer['kind'], Words<Answer>>> = {
  units: UNITS_ANSWER as Words<Answer>,
  blocks: BLOCKS_ANSWER as Words<Answer>,
  voted: VOTED_ANSWER as Words<Answer>,
}

/** Bytes in front of a question or an answer: the question's number. */
const NUMBER_BYTES = 4

/** A frame. */
export interface Frame {
  readonly code: number
  readonly body: Uint8Array
}

/** What a frame says, if it is a question or an answer. */
export type Spoken =
  | { readonly kind: 'ask'; readonly number: number; readonly ask: Ask }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: Answer }
  | { readonly kind: 'noise' }
  | { readonly kind: 'other' }

function numbered(number: number, words: Uint8Array): Uint8Array {
  return concatBytes([new Writer(NUMBER_BYTES).u32(number).finish(), words])
}

/** The frame of a question. */
export function askFrame(number: number, ask: Ask): Frame {
  return { code: ASK_CODE + KINDS.indexOf(ask.kind), body: numbered(number, ASKS[ask.kind].encode(ask)) }
}

/** The frame of the answer to the question of that number. */
export function answerFrame(number: number, answer: Answer): Frame {
  return { code: ANSWER_CODE + KINDS.indexOf(answer.kind), body: numbered(number, ANSWERS[answer.kind].encode(answer)) }
}

/** Reads a frame; `other` where it is neither question nor answer, `noise` where it says that it is and does not decode. */
export function spokenIn({ code, body }: Frame): Spoken {
  const asked = KINDS[code - ASK_CODE]
  const answered = KINDS[code - ANSWER_CODE]
  if (asked === undefined && answered === undefined) return { kind: 'other' }
  if (body.length < NUMBER_BYTES) return { kind: 'noise' }
  const number = new DataView(body.buffer, body.byteOffset).getUint32(0, true)
  const words = body.subarray(NUMBER_BYTES)
  if (asked !== undefined) {
    const ask = ASKS[asked].decode(words)
    return ask.ok ? { kind: 'ask', number, ask: ask.value } : { kind: 'noise' }
  }
  const answer = answered === undefined ? undefined : ANSWERS[answered].decode(words)
  return answer?.ok === true ? { kind: 'answer', number, answer: answer.value } : { kind: 'noise' }
}

/** Questions that one process has put and that are not answered. */
export class OpenQuestions {
  readonly #open = new Map<number, string>()
  #number = 0

  /** Notes a question. Gives its number. */
  asked(to: MemberId, kind: Ask['kind']): number {
    this.#number += 1
    this.#open.set(this.#number, to + kind)
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= OPEN_MAX) break
      this.#open.delete(oldest)
    }
    return this.#number
  }

  /** Whether that was asked; it is answered now. */
  take(from: MemberId, number: number, kind: Answer['kind']): boolean {
    return this.#open.get(number) === from + kind && this.#open.delete(number)
  }
}
