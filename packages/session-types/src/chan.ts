// What a body holds: a channel that offers the operations which are legal next, and no others. Each of them consumes the
// channel and gives the next. The types are all there is to see; `Channel` in session.ts does the work.

import type { Choose, Eps, Offer, Rec, Recv, Send, Var } from './process.ts'

/** Proof that a session reached its end; only `close` makes one. Carries what the body wants to return. */
export class Finished<T> {
  readonly value: T

  constructor(value: T) {
    this.value = value
  }
}

/** What every channel has. */
export interface AnyChan {
  /** Name of the state. */
  readonly state: string
  /** Ends the session, tells the other side `reason` (200 bytes of it), and throws `ABORTED`. */
  abort(reason: string): never
}

/** A value to send: none where the message is `nothing`. */
export type Sent<M> = [M] extends [undefined | void] ? [value?: M] : [value: M]

/** This side sends. */
export interface SendChan<M, P, E> extends AnyChan {
  /** Rejects with `DISCONNECTED`, `TIMEOUT` (no room), `LIMIT` (too large), `ABORTED`, `CONSUMED`. */
  send(...value: Sent<M>): Promise<Chan<P, E>>
}

/** What a receive gives. */
export interface Received<L, R, C> {
  readonly label: L
  readonly value: R
  readonly chan: C
}

/** The other side sends. */
export interface RecvChan<R, P, E> extends AnyChan {
  /** Rejects with `DISCONNECTED`, `TIMEOUT`, `VIOLATION`, `DECODE`, `LIMIT`, `ABORTED`, `CONSUMED`. */
  recv(): Promise<Received<string, R, Chan<P, E>>>
}

/** This side picks a branch. */
export interface ChooseChan<B, E> extends AnyChan {
  /** Sends the first message of branch `label`. Rejects as `send` does. */
  select<L extends keyof B & string>(label: L, ...value: SentIn<B[L]>): Promise<AfterSend<B[L], E>>
}

/** The other side picks a branch. */
export interface OfferChan<B, E> extends AnyChan {
  /** Gives the branch's label, its first message and its channel: switch over `label`. Rejects as `recv` does. */
  offer(): Promise<{ [L in keyof B & string]: Arm<L, B[L], E> }[keyof B & string]>
}

/** The session is over. */
export interface EndChan {
  readonly state: string
  /** Gives what a body has to return. */
  close(): Finished<void>
  close<T>(value: T): Finished<T>
}

type SentIn<P> = P extends Send<infer M, infer _Q, infer _R> ? Sent<M> : never
type AfterSend<P, E> = P extends Send<infer _M, infer Q, infer _R> ? Chan<Q, E> : never
type Arm<L, P, E> = P extends Recv<infer R, infer Q, infer _M> ? Received<L, R, Chan<Q, E>> : never

/** The channel of a side whose protocol is `P`. `E` maps the names of the loops around `P` to their bodies. */
export type Chan<P, E = unknown> =
  P extends Send<infer M, infer Q, infer _R>
    ? SendChan<M, Q, E>
    : P extends Recv<infer R, infer Q, infer _M>
      ? RecvChan<R, Q, E>
      : P extends Choose<infer B>
        ? ChooseChan<B, E>
        : P extends Offer<infer B>
          ? OfferChan<B, E>
          : P extends Rec<infer N, infer Q>
            ? Chan<Q, E & { readonly [K in N]: Q }>
            : P extends Var<infer N>
              ? N extends keyof E
                ? Chan<E[N], E>
                : never
              : P extends Eps
                ? EndChan
                : never
