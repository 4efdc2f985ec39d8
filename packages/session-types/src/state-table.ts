// A protocol as states and messages, which is what a session runs, an error names and a diagram draws. Both roles run on the
// same table: the combinators are turned into it once, from the client's view.
//
// Tags number all messages of the protocol in the order of its definition, not those of one state. So a message sent in the
// wrong state is recognised as that message and refused, whatever its body looks like.

import { assert, must } from '@quorate/kernel'
import type { Codec } from './codec.ts'
import type { Process } from './process.ts'

/** Who speaks: the side that opened the session, or the one that accepted it. */
export type Role = 'client' | 'server'

/** Tag that ends a session in the middle; no message has it. */
export const ABORT_TAG = 255

/** Messages that a protocol can have: their tags are below `ABORT_TAG`. */
const MESSAGES_MAX = ABORT_TAG
const TIMEOUT_MS_MAX = 2 ** 31 - 1

/** A message that is legal in one state. */
export interface Transition {
  /** First byte of the message on the wire. */
  readonly tag: number
  /** The branch's label in a choice, the codec's name elsewhere. */
  readonly label: string
  readonly codec: Codec<never, unknown>
  readonly to: State
}

/** One place of a protocol. */
export interface State {
  /** `start`, `end`, a loop's name, or `after` and the message that led here; unique by a number behind it. */
  readonly name: string
  /** Whose turn it is. */
  readonly agency: Role | 'nobody'
  /** How long the other side waits for a message of this state, and the sender for room to send it. */
  readonly timeoutMs: number
  /** Messages that are legal here; their tags follow one another. */
  readonly transitions: readonly Transition[]
}

/** A protocol's states; the first is where sessions begin. */
export interface StateTable {
  readonly states: readonly State[]
  /** All messages, by tag. */
  readonly transitions: readonly Transition[]
  /** Largest message in bytes, tag included. */
  readonly bytesMax: number
}

type Growing = State & { readonly transitions: Transition[] }
type Unfinished = { -readonly [K in keyof Transition]: Transition[K] }

class Compiler {
  readonly states: Growing[] = []
  readonly transitions: Transition[] = []
  readonly #timeoutMs: number
  readonly #names = new Set<string>()
  #end: Growing | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  state(process: Process, hint: string, loops: ReadonlyMap<string, State>): State {
    const names: string[] = []
    let head = process
    for (; head.kind === 'rec'; head = head.body) {
      assert(!loops.has(head.name) && !names.includes(head.name), `loop ${head.name} inside a loop of that name`)
      names.push(head.name)
    }
    switch (head.kind) {
      case 'jump': {
        assert(!names.includes(head.name), `loop ${head.name} does nothing`)
        return must(loops.get(head.name), `jump to ${head.name}, which is no loop around it`)
      }
      case 'end':
        this.#end ??= this.#add('end', 'nobody', undefined)
        return this.#end
      case 'send':
      case 'recv': {
        const state = this.#add(names[0] ?? hint, head.kind === 'send' ? 'client' : 'server', head.timeoutMs)
        this.#fill(state, [[head.codec.name, head]], within(loops, names, state))
        return state
      }
      case 'choose':
      case 'offer': {
        const state = this.#add(names[0] ?? hint, head.kind === 'choose' ? 'client' : 'server', head.timeoutMs)
        const branches = Object.entries(head.branches)
        assert(branches.length > 0, `no branches in ${state.name}`)
        const first = head.kind === 'choose' ? 'send' : 'recv'
        for (const [label, branch] of branches) {
          assert(branch.kind === first, `branch ${label} of ${state.name} begins with ${branch.kind}, not ${first}`)
        }
        this.#fill(state, branches, within(loops, names, state))
        return state
      }
    }
  }

  #add(wanted: string, agency: State['agency'], timeoutMs = this.#timeoutMs): Growing {
    const isLegal = Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX
    assert(isLegal, `timeout of ${timeoutMs} ms in ${wanted}, 1 to ${TIMEOUT_MS_MAX} wanted`)
    let name = wanted
    for (let count = 2; this.#names.has(name); count += 1) name = `${wanted} ${count}`
    this.#names.add(name)
    const state: Growing = { name, agency, timeoutMs, transitions: [] }
    this.states.push(state)
    return state
  }

  #fill(state: Growing, branches: readonly (readonly [string, Process])[], loops: ReadonlyMap<string, State>): void {
    // All tags of a state before those of the next, so that they follow one another.
    const open: (readonly [Unfinished, Process])[] = []
    for (const [label, branch] of branches) {
      if (branch.kind !== 'send' && branch.kind !== 'recv') continue
      const { codec } = branch
      assert(Number.isInteger(codec.bytesMax) && codec.bytesMax >= 0, `bytesMax of ${codec.name} is ${codec.bytesMax}`)
      const transition: Unfinished = { tag: this.transitions.length, label, codec, to: state }
      assert(transition.tag < MESSAGES_MAX, `more than ${MESSAGES_MAX} messages`)
      this.transitions.push(transition)
      state.transitions.push(transition)
      open.push([transition, branch.next])
    }
    for (const [transition, next] of open) transition.to = this.state(next, `after ${transition.label}`, loops)
  }
}

function within(loops: ReadonlyMap<string, State>, names: readonly string[], state: State): ReadonlyMap<string, State> {
  return names.length === 0 ? loops : new Map([...loops, ...names.map((name) => [name, state] as const)])
}

/**
 * The table of a protocol in its client's view. Refuses with an assertion, since a protocol is our own constant: jumps to no
 * loop, loops that do nothing, branches that begin with the wrong side, more than 255 messages, limits out of range.
 */
export function compile(client: Process, timeoutMs: number): StateTable {
  const compiler = new Compiler(timeoutMs)
  compiler.state(client, 'start', new Map())
  const { states, transitions } = compiler
  const bytesMax = transitions.reduce((max, { codec }) => Math.max(max, codec.bytesMax), 0) + 1
  return { states, transitions, bytesMax }
}
