// A protocol for people: as a table of its states, and as two kinds of Mermaid diagram. All come from the same value that
// sessions run on, so they cannot be out of date.

import type { Branches, Process } from './process.ts'
import type { AnyProtocol, Protocol } from './protocol.ts'
import type { State } from './state-table.ts'

/** One line for each state: name, whose turn it is, how long it may last, and the messages with what follows them. */
export function describe({ name, version, table }: AnyProtocol): string {
  const rows = table.states.map((state) => {
    const messages = state.transitions.map((each) => {
      const { tag, label, codec, to } = each
      return `${label} (tag ${tag}, at most ${codec.bytesMax} bytes) -> ${to.name}`
    })
    const timeout = state.agency === 'nobody' ? '' : `, ${state.timeoutMs} ms`
    return [`${state.name}: ${state.agency}${timeout}`, ...messages.map((message) => `  ${message}`)].join('\n')
  })
  return [`${name} version ${version}`, ...rows].join('\n')
}

/** Text that Mermaid takes for nothing else. */
function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N} _.-]/gu, '_')
}

/** A Mermaid state diagram: each state with its agency, each message as an arrow. */
export function stateDiagram({ table }: AnyProtocol): string {
  const id = (state: State): string => `s${table.states.indexOf(state)}`
  const lines = ['stateDiagram-v2']
  for (const state of table.states) lines.push(`${id(state)}: ${plain(state.name)} (${state.agency})`)
  lines.push('[*] --> s0')
  for (const state of table.states) {
    for (const { label, to } of state.transitions) lines.push(`${id(state)} --> ${id(to)}: ${plain(label)}`)
    if (state.agency === 'nobody') lines.push(`${id(state)} --> [*]`)
  }
  return `${lines[0]}\n${indented(lines.slice(1)).join('\n')}\n`
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

function alternatives(branches: Branches): string[] {
  const lines: string[] = []
  for (const [label, branch] of Object.entries(branches)) {
    lines.push(`${lines.length === 0 ? 'alt' : 'else'} ${plain(label)}`, ...indented(steps(branch, label)))
  }
  return [...lines, 'end']
}

/** @param label - The branch's, which takes the place of the first message's name. */
function steps(process: Process, label?: string): string[] {
  switch (process.kind) {
    case 'send':
      return [`Client->>Server: ${plain(label ?? process.codec.name)}`, ...steps(process.next)]
    case 'recv':
      return [`Server->>Client: ${plain(label ?? process.codec.name)}`, ...steps(process.next)]
    case 'choose':
    case 'offer':
      return alternatives(process.branches)
    case 'rec':
      return [`loop ${plain(process.name)}`, ...indented(steps(process.body)), 'end']
    case 'jump':
      return [`Note over Client,Server: again ${plain(process.name)}`]
    case 'end':
      return ['Note over Client,Server: end']
  }
}

/** A Mermaid sequence diagram: choices as alternatives, loops as loops that say where they go on and where they end. */
export function sequenceDiagram<P extends Process>({ client }: Protocol<P>): string {
  const head = ['participant Client', 'participant Server']
  return `sequenceDiagram\n${indented([...head, ...steps(client)]).join('\n')}\n`
}
