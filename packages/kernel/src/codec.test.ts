// Goal: one value has one encoding, the published one (BCS), and decoding never throws. Method: cross-check with an independent
// implementation, random values back and forth, random bytes.

import { bcs } from '@mysten/bcs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AssertionError } from './assert.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { bytesEqual, concatBytes, fromHex, toHex, utf8, utf8Text } from './bytes.ts'
import { decode } from './reader.ts'
import { sha256, sha256Of } from './sha256.ts'
import { Writer } from './writer.ts'

const u64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

describe('Writer against @mysten/bcs', () => {
  const reference = bcs.struct('All', {
    a: bcs.u8(),
    b: bcs.u16(),
    c: bcs.u32(),
    d: bcs.u64(),
    e: bcs.bool(),
    f: bcs.string(),
    g: bcs.vector(bcs.u32()),
    h: bcs.option(bcs.u8()),
  })

  test('writes the same bytes', () => {
    const any = fc.record({
      a: fc.integer({ min: 0, max: 255 }),
      b: fc.integer({ min: 0, max: 65_535 }),
      c: fc.integer({ min: 0, max: 0xffff_ffff }),
      d: u64,
      e: fc.boolean(),
      f: fc.string({ unit: 'grapheme', maxLength: 300 }),
      g: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 200 }),
      h: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(any, ({ a, b, c, d, e, f, g, h }) => {
        const ours = new Writer(1).u8(a).u16(b).u32(c).u64(d).bool(e).text(f)
        ours.vector(g, (w, each) => w.u32(each)).option(h, (w, value) => w.u8(value))
        expect(toHex(ours.finish())).toBe(toHex(reference.serialize({ a, b, c, d, e, f, g, h: h ?? null }).toBytes()))
      }),
    )
  })
})

describe('Reader', () => {
  test('reads back what was written', () => {
    fc.assert(
      fc.property(
        u64,
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.double({ noNaN: true }),
        fc.uint8Array(),
        (a, b, c, d) => {
          const bytes = new Writer().u64(a).i64(b).f64(c).bytes(d).finish()
          const read = decode(bytes, (r) => [r.u64(), r.i64(), r.f64(), r.bytes(1000).slice()] as const)
          expect(read).toEqual({ ok: true, value: [a, b, c, d] })
        },
      ),
    )
  })

  test('never throws on any bytes, and says where it stopped', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const result = decode(bytes, (r) => [
          r.uleb(),
          r.bool(),
          r.text(16),
          r.vector(8, (x) => x.u16()),
          r.option((x) => x.u64()),
        ])
        if (!result.ok) expect(result.error.at).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })

  test.each([
    ['a long ULEB128', Uint8Array.of(0x80, 0x00), 'NOT_CANONICAL'],
    ['a ULEB128 above 32 bits', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f), 'LIMIT'],
    ['trailing bytes', Uint8Array.of(1, 2), 'TRAILING'],
    ['nothing', new Uint8Array(0), 'TRUNCATED'],
  ])('refuses %s', (_what, bytes, code) => {
    const result = decode(bytes, (r) => r.uleb())
    expect(result).toMatchObject({ ok: false, error: { code } })
  })

  test('refuses a bool of 2, NaN, lengths above the limit before allocating, and text that is not UTF-8', () => {
    expect(decode(Uint8Array.of(2), (r) => r.bool())).toMatchObject({ error: { code: 'NOT_CANONICAL' } })
    const nan = new Uint8Array(8).fill(0xff)
    expect(decode(nan, (r) => r.f64())).toMatchObject({ error: { code: 'NOT_CANONICAL' } })
    const huge = new Writer().uleb(0xffff_ffff).finish()
    expect(decode(huge, (r) => r.bytes(10))).toMatchObject({ error: { code: 'LIMIT' } })
    expect(decode(huge, (r) => r.vector(0xffff_ffff, (x) => x.u8()))).toMatchObject({ error: { code: 'TRUNCATED' } })
    expect(decode(Uint8Array.of(1, 0xff), (r) => r.text(10))).toMatchObject({ error: { code: 'INVALID' } })
  })

  test('gives copies where it says so, also of a Buffer, whose slice would be a view', () => {
    const source = Buffer.from([3, 7, 8, 9])
    const read = decode(source, (r) => r.bytes(10).slice())
    source.fill(0)
    expect(read).toEqual({ ok: true, value: Uint8Array.of(7, 8, 9) })
  })
})

describe('bytes', () => {
  test('hex and UTF-8 go back and forth', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => bytesEqual(fromHex(toHex(bytes)) ?? new Uint8Array(1), bytes)))
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => utf8Text(utf8(text)) === text))
    expect(fromHex('0G')).toBeUndefined()
    expect(fromHex('AB')).toBeUndefined()
    expect(fromHex('abc')).toBeUndefined()
  })

  test('a hash of parts is the hash of the whole, however long', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 6 }),
        (parts) => sha256Of(parts) === sha256(concatBytes(parts)),
      ),
    )
  })
})

describe('BoundedQueue', () => {
  test('keeps order and never exceeds a bound', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(undefined)), { maxLength: 3000 }),
        (steps) => {
          const queue = new BoundedQueue<number>({ countMax: 10, weightMax: 40 }, (item) => item)
          const model: number[] = []
          for (const step of steps) {
            if (step === undefined) {
              expect(queue.shift()).toBe(model.shift())
            } else {
              const fits = model.length < 10 && model.reduce((sum, each) => sum + each, 0) + step <= 40
              expect(queue.push(step)).toBe(fits)
              if (fits) model.push(step)
            }
            expect(queue.toArray()).toEqual(model)
            expect(queue.peek()).toBe(model[0])
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})

test('a Writer refuses our own mistakes loudly', () => {
  expect(() => new Writer().u8(256)).toThrow(AssertionError)
  expect(() => new Writer().f64(Number.NaN)).toThrow(AssertionError)
  expect(() => new Writer().hex('zz', 1)).toThrow(AssertionError)
})
