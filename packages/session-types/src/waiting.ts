import type { SessionError } from './session-error.ts'
import type { State, Transition } from './state-table.ts'

/** An operation under way: its promise, how to settle that, and until when. */
export interface Waiting<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  readonly reject: (error: SessionError) => void
  readonly deadlineMs: number
}

/** Makes of a legal message what a receive gives. */
export type Take<T> = (transition: Transition, value: unknown) => T

/** A receive that waits for a message. */
export interface WaitingReceive extends Waiting<unknown> {
  readonly state: State
  readonly take: Take<unknown>
}

/** A send that waits for room. */
export interface WaitingSend extends Waiting<unknown> {
  readonly buffer: Uint8Array
  readonly state: State
  readonly done: () => unknown
}

const ignore = (): void => undefined

/** An operation that waits from now on. */
export function waitUntil<T>(deadlineMs: number): Waiting<T> {
  let resolve: (value: T) => void = ignore
  let refuse: (error: SessionError) => void = ignore
  const promise = new Promise<T>((good, bad) => {
    resolve = good
    refuse = bad
  })
  return { promise, resolve, reject: refuse, deadlineMs }
}

/** A promise that rejects, and is no unhandled rejection where nobody looks. */
export function rejected(error: SessionError): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(ignore)
  return promise
}

/** Rejects an operation that waited, on the same terms. */
export function reject(waiting: Waiting<unknown>, error: SessionError): void {
  waiting.promise.catch(ignore)
  waiting.reject(error)
}

/** Which of both is due first. */
export function earlier(
  a: WaitingReceive | undefined,
  b: WaitingSend | undefined,
): WaitingReceive | WaitingSend | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.deadlineMs <= b.deadlineMs ? a : b
}
