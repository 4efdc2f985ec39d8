// Protocols, peers and attacks out of random numbers, for property tests.

import type { Channel } from '../channel.ts'
import { nothing } from '../codec.ts'
import type { Codec } from '../codec.ts'
import { choose, end, jump, offer, rec, recv, send } from '../process.ts'
import type { Process } from '../process.ts'
import { protocol } from '../protocol.ts'
import type { AnyProtocol, Protocol } from '../protocol.ts'
import type { Role, State, Transition } from '../state-table.ts'
import { text, u64 } from './classics.ts'

/** A tape of numbers that never ends: it begins anew, each time with other numbers. */
export class Tape {
  readonly #numbers: readonly number[]
  #at = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** 0 to `below` - 1. */
  next(below: number): number {
    const number = this.#numbers[this.#at % this.#numbers.length] ?? 0
    const lap = Math.floor(this.#at / this.#numbers.length)
    this.#at += 1
    return (number + lap * 7919) % below
  }
}

const DEPTH_MAX = 6
const CODECS: readonly Codec<never, unknown>[] = [u64('n'), text('t'), nothing('nil')]

class Builder {
  readonly #tape: Tape
  #names = 0

  constructor(tape: Tape) {
    this.#tape = tape
  }

  /** @param loops - Those that can be jumped to: a message lies between them and here. */
  process(depth: number, loops: readonly string[], unguarded: readonly string[] = []): Process {
    const kind = depth >= DEPTH_MAX ? 6 + this.#tape.next(2) : this.#tape.next(depth === 0 ? 6 : 9)
    const all = [...loops, ...unguarded]
    const codec = CODECS[this.#tape.next(CODECS.length)] ?? nothing('nil')
    switch (kind) {
      case 0:
      case 1:
        return send(codec, this.process(depth + 1, all))
      case 2:
      case 3:
        return recv(codec as Codec<never, unknown>, this.process(depth + 1, all))
      case 4:
        return choose(this.#branches((next) => send(codec, next), depth, all))
      case 5:
        return offer(this.#branches((next) => recv(codec as Codec<never, unknown>, next), depth, all))
      case 6: {
        const name = loops[this.#tape.next(Math.max(1, loops.length))]
        return name === undefined ? end : jump(name)
      }
      case 7:
        return end
      default: {
        this.#names += 1
        const name = `loop ${this.#names}`
        return rec(name, this.#message(depth, loops, [...unguarded, name]))
      }
    }
  }

  /** A process that begins with a message, as a loop's body should. */
  #message(depth: number, loops: readonly string[], unguarded: readonly string[]): Process {
    const all = [...loops, ...unguarded]
    const leave = { on: this.process(depth + 2, all), off: end }
    const codec = u64('n')
    if (this.#tape.next(2) === 0) return choose({ on: send(codec, leave.on), off: send(nothing('off'), leave.off) })
    return offer({ on: recv(codec, leave.on), off: recv(nothing('off'), leave.off) })
  }

  #branches<S>(first: (next: Process) => S, depth: number, loops: readonly string[]): Record<string, S> {
    const count = 1 + this.#tape.next(3)
    return Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`branch ${i}`, first(this.process(depth + 1, loops))]),
    )
  }
}

/** A protocol that is made of a tape's numbers. */
export function randomProtocol(tape: Tape): Protocol<Process> {
  return protocol({ name: 'random', id: 1, timeoutMs: 100, client: new Builder(tape).process(0, []) })
}

/** A value that `codec` of `randomProtocol` can carry. */
export function randomValue(codec: Transition['codec'], tape: Tape): unknown {
  if (codec.name === 'n') return tape.next(1_000_000)
  return codec.name === 't' ? 'x'.repeat(tape.next(60)) : undefined
}

/** What happened in a session: labels and values, in order. */
export type Story = readonly (readonly [string, unknown])[]

function stateOf({ table }: AnyProtocol, name: string): State {
  const state = table.states.find((each) => each.name === name)
  if (state === undefined) throw new Error(`no state ${name}`)
  return state
}

/** Messages after which a random session is aborted, since it may loop for ever. */
export const STORY_MAX = 200

/** Plays a role by chance, always legally. */
export async function playAtRandom(
  chan: Channel,
  role: Role,
  from: AnyProtocol,
  tape: Tape,
  story: (readonly [string, unknown])[],
): Promise<Story> {
  for (let here = chan; ;) {
    const { agency, transitions } = stateOf(from, here.state)
    if (agency === 'nobody') {
      here.close(undefined)
      return story
    }
    if (agency === role) {
      if (story.length >= STORY_MAX) return here.abort('long enough')
      const transition = transitions[tape.next(transitions.length)]
      if (transition === undefined) throw new Error('a state without messages')
      const value = randomValue(transition.codec, tape)
      here = await here.select(transition.label, value)
      story.push([transition.label, value])
    } else {
      const { label, value, chan: next } = await here.recv()
      story.push([label, value])
      here = next
    }
  }
}
