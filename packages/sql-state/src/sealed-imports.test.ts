import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sealedImports, utcFields } from './sealed-imports.ts'
import { TestLedger } from './testing/ledger.ts'
import { loadEngine } from './testing/load-engine.ts'

describe('the C library under the engine', () => {
  test('S1: breaks down time as UTC, in every year', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_000_000_000, max: 250_000_000_000 }), (seconds) => {
        const date = new Date(seconds * 1000)
        const dayOfYear = Math.floor(
          (Date.UTC(2000, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(2000, 0, 1)) / 86_400_000,
        )
        const year = date.getUTCFullYear()
        const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
        expect(utcFields(seconds)).toEqual([
          date.getUTCSeconds(),
          date.getUTCMinutes(),
          date.getUTCHours(),
          date.getUTCDate(),
          date.getUTCMonth(),
          year - 1900,
          date.getUTCDay(),
          dayOfYear - (!isLeap && date.getUTCMonth() > 1 ? 1 : 0),
          0,
          0,
        ])
      }),
    )
  })

  test('S1: has one clock, one zone and no environment', () => {
    const view = new DataView(new ArrayBuffer(64))
    const imports = sealedImports(
      { env: { kept: 1, emscripten_date_now: Date.now }, wasi_snapshot_preview1: {}, other: {} },
      () => view,
    )
    const call = (module: string, name: string, ...args: unknown[]): unknown =>
      (imports[module]![name] as (...args: unknown[]) => unknown)(...args)
    expect(imports['env']?.['kept']).toBe(1)
    expect(call('env', 'emscripten_date_now')).toBe(0)
    expect(call('env', 'emscripten_get_now')).toBe(0)
    new Uint8Array(view.buffer).fill(1)
    call('wasi_snapshot_preview1', 'environ_sizes_get', 0, 4)
    call('wasi_snapshot_preview1', 'clock_time_get', 0, 0n, 8)
    call('env', '_tzset_js', 16, 20, 24, 28)
    expect([...new Uint8Array(view.buffer, 0, 32)]).toEqual([...new Uint8Array(24), 85, 84, 67, 0, 85, 84, 67, 0])
  })

  test("S1: the machine's time zone is not SQL's", async () => {
    const zone = process.env['TZ']
    process.env['TZ'] = 'Asia/Tokyo'
    try {
      expect(new Date(0).getTimezoneOffset()).toBe(-540)
      const ledger = new TestLedger(await loadEngine()).found()
      const now = '2026-01-02 03:04:06'
      expect(ledger.rows("SELECT datetime('now'), datetime('now', 'localtime'), datetime('now', 'utc')")).toEqual([
        [now, now, now],
      ])
    } finally {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    }
  })
})
