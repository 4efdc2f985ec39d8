// Goal: the decoder gives back exactly the frames that were written, whatever the pieces in which the stream arrives,
// and refuses a length above the limit before it allocates for it. Method: random frames, random cuts; the borders by
// hand.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FrameTooLong } from './frame.ts'
import { FRAME_HEAD_BYTES, FrameDecoder, frameHead, shortFrame } from './frame.ts'

const MAX = 300_000

interface Frame {
  readonly type: number
  readonly body: Uint8Array
}

function decodeAll(chunks: readonly Uint8Array[], max = MAX): { frames: Frame[]; error: FrameTooLong | undefined } {
  const frames: Frame[] = []
  const decoder = new FrameDecoder(max, (type, body) => frames.push({ type, body: body.slice() }))
  let error: FrameTooLong | undefined
  for (const chunk of chunks) error ??= decoder.push(chunk)
  return { frames, error }
}

function cut(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((at) => at % (stream.length + 1)))].sort((a, b) => a - b)
  return [...places, stream.length].map((at, i) => stream.slice(places[i - 1] ?? 0, at))
}

const frame = fc.record({
  type: fc.nat(255),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(200_000).map((length) => new Uint8Array(length).fill(length)),
  ),
})

describe('frame decoder', () => {
  test('any frames in any pieces come out whole and in order', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ type, body }) => shortFrame(type, body)))
        const decoded = decodeAll(cut(stream, cuts))
        expect(decoded.error).toBeUndefined()
        expect(decoded.frames.length).toBe(frames.length)
        for (const [i, { type, body }] of frames.entries()) {
          expect(decoded.frames[i]!.type).toBe(type)
          expect(Buffer.compare(decoded.frames[i]!.body, body)).toBe(0)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('byte by byte', () => {
    const stream = Buffer.concat([shortFrame(1, Uint8Array.of(1, 2, 3)), shortFrame(2, new Uint8Array(0))])
    const { frames } = decodeAll(Array.from(stream, (byte) => Uint8Array.of(byte)))
    expect(frames).toEqual([
      { type: 1, body: Uint8Array.of(1, 2, 3) },
      { type: 2, body: new Uint8Array(0) },
    ])
  })

  test('arbitrary bytes never throw, and no body is above the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 30 }), (chunks) => {
        const { frames, error } = decodeAll(chunks, 20)
        for (const { body } of frames) expect(body.length).toBeLessThanOrEqual(20)
        if (error !== undefined) expect(error.found).toBeGreaterThan(error.max)
      }),
      { numRuns: 500 },
    )
  })

  test('the limit itself passes, one byte more does not, and nothing after it is taken', () => {
    expect(decodeAll([shortFrame(1, new Uint8Array(20))], 20).frames.length).toBe(1)
    const tooLong = Buffer.concat([shortFrame(1, new Uint8Array(21)), shortFrame(2, new Uint8Array(1))])
    const error = { code: 'FRAME_TOO_LONG', found: 21, max: 20 }
    expect(decodeAll([tooLong, tooLong], 20)).toEqual({ frames: [], error })
  })

  test('a claimed length costs no memory until its bytes arrive', () => {
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 50 }, () => new FrameDecoder(0xffff_ffff, () => undefined))
    for (const decoder of decoders) expect(decoder.push(frameHead(1, 0xffff_ffff))).toBeUndefined()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 100 * 1024)
    expect(decoders[0]!.underWay).toBe(0xffff_ffff)
  })

  test('a body that is whole in its piece is a view of it', () => {
    let seen: Uint8Array | undefined
    const decoder = new FrameDecoder(MAX, (_type, body) => {
      seen = body
    })
    const chunk = shortFrame(7, Uint8Array.of(9, 9))
    decoder.push(chunk)
    expect(seen?.buffer).toBe(chunk.buffer)
    expect(seen?.byteOffset).toBe(FRAME_HEAD_BYTES)
  })

  test('stopped from within a frame, it hands up no further one', () => {
    const seen: number[] = []
    const decoder = new FrameDecoder(MAX, (type) => {
      seen.push(type)
      decoder.stop()
    })
    decoder.push(Buffer.concat([shortFrame(1, new Uint8Array(0)), shortFrame(2, new Uint8Array(0))]))
    expect(seen).toEqual([1])
  })
})
