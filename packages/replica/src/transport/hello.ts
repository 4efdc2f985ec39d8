// The first frame of each side: which protocol it speaks, on which ledger. Both are compared before anything else is
// read.

import { fromHex, toHex } from '@quorate/kernel'

/** Version of frames and messages between replicas. */
export const PROTOCOL_VERSION = 1

/** Types of the transport's own frames. */
export const CONTROL = { hello: 240, ping: 241, pong: 242 } as const

const LEDGER_ID_BYTES = 32
/** Size of a hello's body: version u16, little-endian; ledger id. */
export const HELLO_BYTES = 2 + LEDGER_ID_BYTES

/** A hello's body. `ledgerId` is 64 hex digits. */
export function encodeHello(ledgerId: string): Uint8Array {
  const body = new Uint8Array(HELLO_BYTES)
  new DataView(body.buffer).setUint16(0, PROTOCOL_VERSION, true)
  const id = fromHex(ledgerId)
  if (id?.length !== LEDGER_ID_BYTES) throw new RangeError(`a ledger id is 64 lower-case hex digits, found ${ledgerId}`)
  body.set(id, 2)
  return body
}

/** What is wrong with the other side's hello, naming both sides; undefined where it fits. */
export function helloMismatch(body: Uint8Array, ledgerId: string): string | undefined {
  if (body.length !== HELLO_BYTES) return `hello of ${body.length} bytes, wanted ${HELLO_BYTES}`
  const version = new DataView(body.buffer, body.byteOffset).getUint16(0, true)
  if (version !== PROTOCOL_VERSION) return `protocol version ${version} there, ${PROTOCOL_VERSION} here`
  const theirs = toHex(body.subarray(2))
  return theirs === ledgerId ? undefined : `ledger ${theirs} there, ${ledgerId} here`
}
