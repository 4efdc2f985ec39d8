// How one kind of message becomes bytes and back. Decoders read what a stranger sent: they answer every input with a value
// or a refusal. A decoder that throws all the same is caught by the session and counts as a refusal.

import { decode as decodeWhole, err, ok, utf8, utf8Text, Writer } from '@quorate/kernel'
import type { Reader, Result } from '@quorate/kernel'
import type { StandardSchema } from './standard-schema.ts'

/** Largest body of a message whose codec doesn't say otherwise: 64 KiB. */
export const MESSAGE_BYTES_MAX = 65_536

/**
 * The bytes of one kind of message. `In` is what a sender gives, `Out` what a receiver gets; they differ only for schemas
 * that transform.
 */
export interface Codec<In, Out = In> {
  /** The message's name in errors and diagrams, and its label where it stands outside a choice. */
  readonly name: string
  /** Largest encoding in bytes, in both directions. */
  readonly bytesMax: number
  /** Must not change afterwards what it returned. A throw aborts the session. */
  readonly encode: (value: In) => Uint8Array
  /** May return views of `bytes`, which nobody changes afterwards. */
  readonly decode: (bytes: Uint8Array) => Result<Out, { readonly message: string }>
}

/** What names a message and bounds it. `bytesMax` is {@link MESSAGE_BYTES_MAX} where absent. */
export interface CodecOptions {
  readonly name: string
  readonly bytesMax?: number
}

/** A codec of functions at hand, such as a ledger's canonical encoding: nothing is encoded twice. */
export function codec<In, Out = In>(options: CodecOptions & Pick<Codec<In, Out>, 'encode' | 'decode'>): Codec<In, Out> {
  const { name, bytesMax = MESSAGE_BYTES_MAX, encode, decode } = options
  return { name, bytesMax, encode, decode }
}

/** A codec of canonical bytes (BCS) out of the kernel's Writer and Reader; trailing bytes are refused. */
export function canonical<T>(
  options: CodecOptions & {
    readonly write: (writer: Writer, value: T) => void
    readonly read: (reader: Reader) => T
  },
): Codec<T> {
  const { write, read } = options
  return codec({
    ...options,
    encode: (value) => {
      const writer = new Writer(64)
      write(writer, value)
      return writer.finish()
    },
    decode: (bytes) => decodeWhole(bytes, read),
  })
}

/** JSON, checked by a schema on arrival. The schema must be synchronous: one that answers with a promise is a refusal. */
export function json<In, Out>(schema: StandardSchema<In, Out>, options: CodecOptions): Codec<In, Out> {
  return codec({
    ...options,
    encode: (value) => utf8(JSON.stringify(value) ?? 'null'),
    decode: (bytes) => {
      const parsed = parseJson(bytes)
      if (!parsed.ok) return parsed
      const outcome = schema['~standard'].validate(parsed.value)
      if (outcome instanceof Promise) {
        outcome.catch(() => undefined)
        return err({ message: 'the schema is asynchronous' })
      }
      if (outcome.issues === undefined) return ok(outcome.value)
      return err({ message: outcome.issues[0]?.message ?? 'refused by the schema' })
    },
  })
}

function parseJson(bytes: Uint8Array): Result<unknown, { readonly message: string }> {
  const text = utf8Text(bytes)
  if (text === undefined) return err({ message: 'not UTF-8' })
  try {
    return ok(JSON.parse(text) as unknown)
  } catch {
    return err({ message: 'not JSON' })
  }
}

/** Bytes as they are. A receiver gets a view: copy what is kept for long. */
export function bytes(options: CodecOptions): Codec<Uint8Array> {
  return codec({ ...options, encode: (value) => value, decode: ok })
}

const NOTHING = new Uint8Array(0)

/** A message that says all by being sent: no body. */
export function nothing(name: string): Codec<void> {
  return {
    name,
    bytesMax: 0,
    encode: () => NOTHING,
    // The session has already refused a body above `bytesMax`.
    decode: () => ok(undefined),
  }
}
