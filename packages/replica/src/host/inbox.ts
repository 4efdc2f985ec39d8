// The way in for peers' bytes: decode, cheap refusals, signatures in batches, then the core. Whatever fails is counted against
// the peer that sent it and goes no further. A peer has a bounded number of bytes under examination; beyond it, frames are
// dropped, which the protocol repairs, so one loud peer can't fill memory or starve the others.

import type { AdmissionError, Choam, ChoamInput, Prepared } from '@quorate/choam'
import { prepare, prepareAnswer } from '@quorate/choam'
import type { Result } from '@quorate/kernel'
import type { Answer, MemberId } from '@quorate/types'
import type { Verifier } from './ports.ts'

/** Bytes of one peer's frames that may be under examination at once. */
export const INBOX_BYTES_MAX = 64 * 1024 * 1024

/** What the inbox knows of a peer. */
export interface InboxStats {
  /** Messages refused, by code. */
  readonly refused: Readonly<Record<string, number>>
  /** Frames dropped because too much was under examination. */
  readonly dropped: number
}

export class Inbox {
  readonly #core: Choam
  readonly #verifier: Verifier
  readonly #feed: (input: ChoamInput) => void
  readonly #onRefused: (from: MemberId, error: AdmissionError) => void
  readonly #peers = new Map<MemberId, { bytes: number; dropped: number; refused: Record<string, number> }>()

  constructor(
    core: Choam,
    verifier: Verifier,
    feed: (input: ChoamInput) => void,
    onRefused: (from: MemberId, error: AdmissionError) => void,
  ) {
    this.#core = core
    this.#verifier = verifier
    this.#feed = feed
    this.#onRefused = onRefused
  }

  /** Takes one frame. `body` must not change afterwards. */
  receive(from: MemberId, code: number, body: Uint8Array): void {
    const peer = this.#peerOf(from)
    if (peer.bytes + body.length > INBOX_BYTES_MAX) {
      peer.dropped += 1
      return
    }
    const prepared = prepare(code, body, (view) => this.#core.committeeOf(view))
    const admitted = this.#admit(from, prepared, (message) => ({ kind: 'message', from, message }))
    if (admitted === undefined) return
    peer.bytes += body.length
    void admitted.finally(() => {
      peer.bytes -= body.length
    })
  }

  /** Takes what a peer answered. Answers are not counted as bytes under examination: each was asked for. */
  answered(from: MemberId, answer: Answer): void {
    const prepared = prepareAnswer(answer, (view) => this.#core.committeeOf(view))
    void this.#admit(from, prepared, (admitted) => ({ kind: 'answer', from, answer: admitted }))
  }

  /** Feeds it at once where no signature is to be checked: order then stays as it came. */
  #admit<T>(
    from: MemberId,
    prepared: Result<Prepared<T>, AdmissionError>,
    input: (admitted: T) => ChoamInput,
  ): Promise<void> | undefined {
    if (!prepared.ok) {
      this.#refuse(from, prepared.error)
      return undefined
    }
    const { checks, finish } = prepared.value
    const admit = (valid: readonly boolean[]): void => {
      const admitted = finish(valid)
      if (admitted.ok) this.#feed(input(admitted.value))
      else this.#refuse(from, admitted.error)
    }
    if (checks.length > 0) return this.#verifier.verify(checks).then(admit)
    admit([])
    return undefined
  }

  stats(member: MemberId): InboxStats {
    const { refused, dropped } = this.#peerOf(member)
    return { refused, dropped }
  }

  #peerOf(member: MemberId): { bytes: number; dropped: number; refused: Record<string, number> } {
    let peer = this.#peers.get(member)
    if (peer === undefined) {
      peer = { bytes: 0, dropped: 0, refused: {} }
      this.#peers.set(member, peer)
    }
    return peer
  }

  #refuse(from: MemberId, error: AdmissionError): void {
    const { refused } = this.#peerOf(from)
    refused[error.code] = (refused[error.code] ?? 0) + 1
    this.#onRefused(from, error)
  }
}
