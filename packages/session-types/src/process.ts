// A protocol as one side sees it, as a value and as a type. The combinators build both at once; `dual` and `Dual` turn both
// around, so the other side is never written down and cannot disagree.
//
// A choice sends no label of its own: each branch begins with a message, and that message says which branch it is. So every
// branch of a choice is outgoing and every branch of an offer incoming, and whose turn it is (the agency) is always clear.
// Loops go by name: `jump('more')` inside `rec('more', ...)`.

import type { Codec } from './codec.ts'

/** The end: nobody may send. */
export interface Eps {
  readonly kind: 'end'
}

/** Send an `M`, then go on as `P`. The receiver gets an `R`. */
export interface Send<M, P, R = M> {
  readonly kind: 'send'
  readonly codec: Codec<M, R>
  readonly next: P
  readonly timeoutMs: number | undefined
}

/** Receive an `R`, then go on as `P`. The sender gave an `M`. */
export interface Recv<R, P, M = R> {
  readonly kind: 'recv'
  readonly codec: Codec<M, R>
  readonly next: P
  readonly timeoutMs: number | undefined
}

/** This side picks a branch by sending its first message. `B` maps labels to `Send`s. */
export interface Choose<B> {
  readonly kind: 'choose'
  readonly branches: B
  readonly timeoutMs: number | undefined
}

/** The other side picks a branch. `B` maps labels to `Recv`s. */
export interface Offer<B> {
  readonly kind: 'offer'
  readonly branches: B
  readonly timeoutMs: number | undefined
}

/** `P`, in which `Var<N>` means this place. */
export interface Rec<N extends string, P> {
  readonly kind: 'rec'
  readonly name: N
  readonly body: P
}

/** Back to the `Rec` called `N`. */
export interface Var<N extends string> {
  readonly kind: 'jump'
  readonly name: N
}

/** Any protocol as one side sees it. */
export type Process =
  | Eps
  | Send<never, Process, unknown>
  | Recv<unknown, Process, never>
  | Choose<Branches>
  | Offer<Branches>
  | Rec<string, Process>
  | Var<string>

/** The branches of any choice or offer. */
export interface Branches {
  readonly [label: string]: Process
}

type Outgoing = Readonly<Record<string, Send<never, Process, unknown>>>
type Incoming = Readonly<Record<string, Recv<unknown, Process, never>>>

/** The other side of `P`. An involution: `Dual<Dual<P>>` is `P`. */
export type Dual<P> =
  P extends Send<infer M, infer Q, infer R>
    ? Recv<R, Dual<Q>, M>
    : P extends Recv<infer R, infer Q, infer M>
      ? Send<M, Dual<Q>, R>
      : P extends Choose<infer B>
        ? Offer<{ readonly [L in keyof B]: Dual<B[L]> }>
        : P extends Offer<infer B>
          ? Choose<{ readonly [L in keyof B]: Dual<B[L]> }>
          : P extends Rec<infer N, infer Q>
            ? Rec<N, Dual<Q>>
            : P

/** What a single state may say otherwise than the whole protocol. */
export interface StateOptions {
  /** How long the side that waits here waits, in milliseconds: 1 to 2^31 - 1. The protocol's where absent. */
  readonly timeoutMs?: number
}

/** The end of a session. */
export const end: Eps = { kind: 'end' }

/** Send a message, then `next`. */
export function send<M, P extends Process, R = M>(
  codec: Codec<M, R>,
  next: P,
  options: StateOptions = {},
): Send<M, P, R> {
  return { kind: 'send', codec, next, timeoutMs: options.timeoutMs }
}

/** Receive a message, then `next`. */
export function recv<R, P extends Process, M = R>(
  codec: Codec<M, R>,
  next: P,
  options: StateOptions = {},
): Recv<R, P, M> {
  return { kind: 'recv', codec, next, timeoutMs: options.timeoutMs }
}

/** This side picks one of the branches, each of which begins with `send`. A branch's own `timeoutMs` has no meaning. */
export function choose<const B extends Outgoing>(branches: B, options: StateOptions = {}): Choose<B> {
  return { kind: 'choose', branches, timeoutMs: options.timeoutMs }
}

/** The other side picks one of the branches, each of which begins with `recv`. A branch's own `timeoutMs` has no meaning. */
export function offer<const B extends Incoming>(branches: B, options: StateOptions = {}): Offer<B> {
  return { kind: 'offer', branches, timeoutMs: options.timeoutMs }
}

/** A loop: `jump(name)` inside `body` comes back here. */
export function rec<const N extends string, P extends Process>(name: N, body: P): Rec<N, P> {
  return { kind: 'rec', name, body }
}

/** Back to the loop called `name`. */
export function jump<const N extends string>(name: N): Var<N> {
  return { kind: 'jump', name }
}

function turned(process: Process): Process {
  switch (process.kind) {
    case 'send':
      return { ...process, kind: 'recv', next: turned(process.next) }
    case 'recv':
      return { ...process, kind: 'send', next: turned(process.next) }
    case 'choose':
      return { ...process, kind: 'offer', branches: turnedEach(process.branches) }
    case 'offer':
      return { ...process, kind: 'choose', branches: turnedEach(process.branches) }
    case 'rec':
      return { ...process, body: turned(process.body) }
    case 'end':
    case 'jump':
      return process
  }
}

function turnedEach(branches: Branches): Branches {
  return Object.fromEntries(Object.entries(branches).map(([label, branch]) => [label, turned(branch)]))
}

/** The other side's view of the same protocol. */
export function dual<P extends Process>(process: P): Dual<P> {
  return turned(process) as Dual<P>
}
