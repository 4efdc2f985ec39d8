// What two replicas say first, as a session of its own: who dials tells which versions of the frames and messages it speaks, on
// which ledger, and which eras of that ledger's rules it can execute; who listens picks, or refuses and says both sides of what
// doesn't fit. Nothing else is read before.

import type { Result } from '@quorate/kernel'
import { err, fromHex, ok, toHex } from '@quorate/kernel'
import type { Chan, Finished, Pipe, PipeEvents, Protocol, SendOutcome, View } from '@quorate/session-types'
import { canonical, end, offer, protocol, recv, run, send } from '@quorate/session-types'
import { TRANSPORT_LIMITS } from './limits.ts'

/** Versions of frames and messages between replicas that this software speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [2]

/** Types of the transport's own frames. */
export const CONTROL = { hello: 240, ping: 241, pong: 242 } as const

/** Largest body of a frame of the handshake. */
export const HELLO_BYTES_MAX = 512

const LEDGER_ID_BYTES = 32
const LIST_MAX = 16

/** What one side can do. */
export interface Party {
  /** 64 hex digits. */
  readonly ledger: string
  readonly versions: readonly number[]
  /** Numbers of the rule sets that it can execute. */
  readonly eras: readonly number[]
}

/** What both will do: the newest that both can. */
export interface Agreed {
  readonly version: number
  readonly era: number
}

/** Why there is no connection. The message names both sides. */
export interface Unfit {
  readonly code: 'LEDGER' | 'VERSION' | 'ERA'
  readonly message: string
}

const UNFIT_CODES: readonly Unfit['code'][] = ['LEDGER', 'VERSION', 'ERA']

const PARTY = canonical<Party>({
  name: 'party',
  bytesMax: HELLO_BYTES_MAX,
  write: (writer, { ledger, versions, eras }) => {
    const id = fromHex(ledger)
    if (id?.length !== LEDGER_ID_BYTES) throw new RangeError(`a ledger id is 64 lower-case hex digits, found ${ledger}`)
    writer.raw(id)
    for (const list of [versions, eras]) writer.vector(list, (w, each) => w.u32(each))
  },
  read: (reader) => ({
    ledger: toHex(reader.raw(LEDGER_ID_BYTES)),
    versions: reader.vector(LIST_MAX, (each) => each.u32()),
    eras: reader.vector(LIST_MAX, (each) => each.u32()),
  }),
})

const AGREED = canonical<Agreed>({
  name: 'agreed',
  bytesMax: HELLO_BYTES_MAX,
  write: (writer, { version, era }) => writer.u32(version).u32(era),
  read: (reader) => ({ version: reader.u32(), era: reader.u32() }),
})

const UNFIT = canonical<Unfit>({
  name: 'unfit',
  bytesMax: HELLO_BYTES_MAX,
  write: (writer, { code, message }) => writer.u32(UNFIT_CODES.indexOf(code)).text(message),
  read: (reader) => {
    const at = reader.u32()
    return { code: UNFIT_CODES[at] ?? reader.refuse('INVALID', `refusal ${at}`), message: reader.text(HELLO_BYTES_MAX) }
  },
})

const client = send(PARTY, offer({ agreed: recv(AGREED, end), unfit: recv(UNFIT, end) }))

/** The first session on every connection. */
export const HANDSHAKE: Protocol<typeof client> = protocol({
  name: 'handshake',
  timeoutMs: TRANSPORT_LIMITS.helloTimeoutMs,
  client,
})

/** The other side refused us, or we it. */
export class UnfitError extends Error {
  override readonly name = 'UnfitError'
  readonly code: Unfit['code']

  constructor({ code, message }: Unfit) {
    super(message)
    this.code = code
  }
}

/** What two sides will do, or why they can't. `here` listens, `there` dialled. */
export function agree(here: Party, there: Party): Result<Agreed, Unfit> {
  if (here.ledger !== there.ledger) {
    return err({ code: 'LEDGER', message: `ledger ${there.ledger} dials, ${here.ledger} is here` })
  }
  const version = newest(here.versions, there.versions)
  if (version === undefined) return err(nothingShared('VERSION', 'protocol versions', there.versions, here.versions))
  const era = newest(here.eras, there.eras)
  if (era === undefined) return err(nothingShared('ERA', 'eras', there.eras, here.eras))
  return ok({ version, era })
}

function newest(here: readonly number[], there: readonly number[]): number | undefined {
  return here.filter((each) => there.includes(each)).sort((a, b) => b - a)[0]
}

function nothingShared(code: Unfit['code'], what: string, there: readonly number[], here: readonly number[]): Unfit {
  return { code, message: `${what} ${there.join(', ')} dial, ${here.join(', ')} are here: none is shared` }
}

/** The dialler's part. Rejects with SessionError or UnfitError. */
export function greet(pipe: Pipe, here: Party): Promise<Agreed> {
  return run(HANDSHAKE, 'client', pipe, async (chan) => {
    const reply = await (await chan.send(here)).offer()
    if (reply.label === 'unfit') throw new UnfitError(reply.value)
    return reply.chan.close(reply.value)
  })
}

/** The listener's part. Rejects with SessionError or UnfitError; in the second case the other side was told. */
export async function welcome(pipe: Pipe, here: Party): Promise<Agreed> {
  const result = await run(HANDSHAKE, 'server', pipe, (chan) => decide(chan, here))
  if (!result.ok) throw new UnfitError(result.error)
  return result.value
}

async function decide(
  chan: Chan<View<typeof client, 'server'>>,
  here: Party,
): Promise<Finished<Result<Agreed, Unfit>>> {
  const { value: there, chan: answer } = await chan.recv()
  const result = agree(here, there)
  const last = result.ok ? await answer.select('agreed', result.value) : await answer.select('unfit', result.error)
  return last.close(result)
}

/** The hello frames of one connection, as a pipe. The connection outlives it. */
export class HelloPipe implements Pipe {
  readonly headroom = 0
  readonly #write: (body: Uint8Array) => void
  #events: PipeEvents | undefined
  #early: Uint8Array | undefined
  #isHeard = false

  constructor(write: (body: Uint8Array) => void) {
    this.#write = write
  }

  start(events: PipeEvents): void {
    this.#events = events
    if (this.#early !== undefined) events.message(this.#early)
  }

  send(body: Uint8Array): SendOutcome {
    this.#write(body)
    return 'ok'
  }

  /** A hello frame arrived. False, and nothing is done with it, where it is the second: each side sends one. */
  received(body: Uint8Array): boolean {
    if (this.#isHeard) return false
    this.#isHeard = true
    if (this.#events === undefined) this.#early = body
    else this.#events.message(body)
    return true
  }

  /** The connection is gone. */
  cut(what: string): void {
    this.#events?.closed({ code: 'DISCONNECTED', what })
  }

  consumed(): void {
    // One message each way: there is no window to open.
  }

  close(): void {
    // The connection goes on.
  }
}
