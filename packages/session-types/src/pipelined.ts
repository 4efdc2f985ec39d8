// Sending requests ahead of their replies. Where a loop is a request and its reply, a client that waits for each reply before
// the next request idles for a round trip each time. The server need not know: requests wait for it in its window, and it
// answers them in order. So all there is to do on this side is to count: replies come in the order of the requests.
//
// The types admit only branches whose reply leads back to the very same choice; so any number of requests may be under way,
// and when none is, the channel is where it was.

import { assert, must } from '@quorate/kernel'
import type { ChooseChan, Sent } from './chan.ts'
import { Channel } from './channel.ts'
import type { Choose, Offer, Recv, Send, Var } from './process.ts'
import type { Session } from './session.ts'
import type { Role, State, Transition } from './state-table.ts'

type LeadsTo<P, B, E> =
  P extends Var<infer N> ? (N extends keyof E ? (E[N] extends Choose<B> ? true : false) : false) : false
type IsReply<P, B, E> =
  P extends Recv<infer _R, infer Q, infer _M>
    ? LeadsTo<Q, B, E>
    : P extends Offer<infer A>
      ? false extends {
          [L in keyof A]: A[L] extends Recv<infer _R, infer Q, infer _M> ? LeadsTo<Q, B, E> : false
        }[keyof A]
        ? false
        : true
      : false

/** Labels of a choice whose reply leads back to it. */
export type PipelinedLabel<B, E> = {
  [L in keyof B & string]: B[L] extends Send<infer _M, infer Q, infer _R>
    ? IsReply<Q, B, E> extends true
      ? L
      : never
    : never
}[keyof B & string]

type RequestOf<P> = P extends Send<infer M, infer _Q, infer _R> ? M : never
type ReplyIn<P> =
  P extends Recv<infer R, infer _Q, infer _M>
    ? { readonly label: string; readonly value: R }
    : P extends Offer<infer A>
      ? {
          [L in keyof A & string]: A[L] extends Recv<infer R, infer _Q, infer _M>
            ? { readonly label: L; readonly value: R }
            : never
        }[keyof A & string]
      : never
type ReplyOf<P> = P extends Send<infer _M, infer Q, infer _R> ? ReplyIn<Q> : never

/** Requests under way. `Q` request, `Y` reply, `C` the channel that comes back. */
export class Pipeline<Q, Y, C> {
  readonly #session: Session
  readonly #loop: State
  readonly #request: Transition
  readonly #windowMax: number
  #outstanding = 0
  #isDone = false

  /** Use `pipelined`. */
  constructor(session: Session, request: Transition, windowMax: number) {
    this.#session = session
    this.#loop = session.state
    this.#request = request
    this.#windowMax = windowMax
  }

  /** Requests sent whose replies nobody has asked for. */
  get outstanding(): number {
    return this.#outstanding
  }

  /**
   * Whether to send now. False where the window is full, and where the pipe is, while replies can be asked for: who waits
   * for room there without taking replies may wait for a server that waits for the same.
   */
  get hasRoom(): boolean {
    return this.#outstanding < this.#windowMax && (this.#outstanding === 0 || !this.#session.isBlocked)
  }

  /** Sends a request; resolves once it has left. Rejects as a channel's `send` does, and with `LIMIT` without room. */
  send(...value: Sent<Q>): Promise<void> {
    if (this.#isDone) return this.#session.refuse('VIOLATION', 'a pipeline in use', 'one that is finished')
    if (this.#outstanding >= this.#windowMax)
      return this.#session.refuse('LIMIT', `${this.#windowMax} requests under way`, 'one more')
    this.#outstanding += 1
    return this.#session.transmit(this.#loop, this.#request, value[0], () => undefined)
  }

  /** The reply to the oldest request. Rejects as a channel's `recv` does, and with `VIOLATION` where none is under way. */
  recv(): Promise<Y> {
    if (this.#outstanding === 0) return this.#session.refuse('VIOLATION', 'a request under way', 'none')
    this.#outstanding -= 1
    return this.#session.receive(this.#request.to, ({ label }, value) => ({ label, value }) as Y)
  }

  /** The channel again, once all replies are in; throws an assertion before. */
  finish(): C {
    assert(this.#outstanding === 0 && !this.#isDone, `${this.#outstanding} replies are under way`)
    this.#isDone = true
    return new Channel(this.#session) as C
  }
}

/** Consumes the channel and sends its `label` branch ahead, at most `windowMax` requests at a time. */
export function pipelined<B, E, L extends keyof B & string>(
  chan: ChooseChan<B, E>,
  label: L & PipelinedLabel<B, E>,
  options: { readonly windowMax: number },
): Pipeline<RequestOf<B[L]>, ReplyOf<B[L]>, ChooseChan<B, E>> {
  const { windowMax } = options
  const wanted: string = label
  assert(Number.isInteger(windowMax) && windowMax >= 1, `windowMax is ${windowMax}`)
  assert(chan instanceof Channel, 'a channel of this library')
  const session = chan.handOver()
  const loop = session.state
  const request = must(
    loop.transitions.find((each) => each.label === wanted),
    `branch ${wanted}`,
  )
  const other: Role = session.role === 'client' ? 'server' : 'client'
  const isLoop = request.to.agency === other && request.to.transitions.every(({ to }) => to === loop)
  assert(isLoop, `${wanted} is no request whose replies lead back to ${loop.name}`)
  return new Pipeline(session, request, windowMax)
}

/** Sends all `requests`, up to `windowMax` ahead, and gives each reply to `take`, in order. The channel again. */
export async function exchange<B, E, L extends keyof B & string>(
  chan: ChooseChan<B, E>,
  label: L & PipelinedLabel<B, E>,
  requests: Iterable<RequestOf<B[L]>>,
  take: (reply: ReplyOf<B[L]>) => void,
  options: { readonly windowMax: number },
): Promise<ChooseChan<B, E>> {
  const pipeline: Pipeline<unknown, ReplyOf<B[L]>, ChooseChan<B, E>> = pipelined(chan, label, options)
  for (const request of requests) {
    while (!pipeline.hasRoom) take(await pipeline.recv())
    await pipeline.send(request)
  }
  while (pipeline.outstanding > 0) take(await pipeline.recv())
  return pipeline.finish()
}
