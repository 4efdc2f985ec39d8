// The little of DER (X.690) that one kind of certificate needs: definite lengths, shortest form.

/** One element: tag, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(contents)
  if (body.length < 0x80) return Buffer.concat([Uint8Array.of(tag, body.length), body])
  if (body.length < 0x100) return Buffer.concat([Uint8Array.of(tag, 0x81, body.length), body])
  return Buffer.concat([Uint8Array.of(tag, 0x82, body.length >> 8, body.length & 0xff), body])
}

/** DER tags. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
} as const
