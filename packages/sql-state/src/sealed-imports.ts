// What the WASM build asks of its surroundings, answered alike on every machine.
//
// The VFS answers for files, time and entropy. The C library beneath it has questions of its own, which the module's
// loader would answer from the machine: its time zone (`datetime('now', 'localtime')` would differ between members),
// its clock, its language and the path of the running program (both end up in the heap, so that even addresses would
// differ). Here the zone is UTC, the clock stands still and the environment is empty.

/** The import object of a WASM module. */
export type WasmImports = Record<string, Record<string, unknown>>

/** Reads and writes the module's memory; a new view after it has grown. */
export type HeapView = () => DataView

const SECONDS_OF_DAY = 86_400
const DAYS_OF_ERA = 146_097
/** Days from 0000-03-01, where the count of eras begins, to 1970-01-01. */
const EPOCH_DAY = 719_468
const CUMULATIVE_DAYS = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const

/** Broken-down UTC time, in the order of C's `struct tm`. */
export function utcFields(seconds: number): readonly number[] {
  const day = Math.floor(seconds / SECONDS_OF_DAY)
  const second = seconds - day * SECONDS_OF_DAY
  const shifted = day + EPOCH_DAY
  const era = Math.floor(shifted / DAYS_OF_ERA)
  const dayOfEra = shifted - era * DAYS_OF_ERA
  // 1460, 36524 and 146096: the last days of 4, 100 and 400 years that begin in March, so that the leap day comes last.
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  // Months from March have 31, 30, 31, 30, 31 days and so on: 153 days in five.
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = (fromMarch + 2) % 12
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)
  const dayOfMonth = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const inYear = (CUMULATIVE_DAYS[month] ?? 0) + dayOfMonth - 1 + (isLeap && month > 1 ? 1 : 0)
  const weekday = (((day + 4) % 7) + 7) % 7
  return [
    second % 60,
    Math.floor(second / 60) % 60,
    Math.floor(second / 3600),
    dayOfMonth,
    month,
    year - 1900,
    weekday,
    inYear,
    0,
    0,
  ]
}

/**
 * `imports` with every question about the machine answered by a constant. Give the result to the module's
 * instantiation.
 */
export function sealedImports(imports: WasmImports, heap: HeapView): WasmImports {
  const zero = (): number => 0
  const env = {
    ...imports['env'],
    emscripten_date_now: zero,
    emscripten_get_now: zero,
    _localtime_js: (time: bigint, target: number): void => {
      const view = heap()
      utcFields(Number(time)).forEach((value, i) => view.setInt32(target + i * 4, value, true))
    },
    _tzset_js: (offset: number, hasSummerTime: number, standard: number, summer: number): void => {
      const view = heap()
      view.setInt32(offset, 0, true)
      view.setInt32(hasSummerTime, 0, true)
      for (const name of [standard, summer]) [85, 84, 67, 0].forEach((byte, i) => view.setUint8(name + i, byte))
    },
  }
  const wasi = {
    ...imports['wasi_snapshot_preview1'],
    clock_time_get: (_clock: number, _precision: bigint, target: number): number => {
      heap().setBigInt64(target, 0n, true)
      return 0
    },
    environ_get: zero,
    environ_sizes_get: (count: number, bytes: number): number => {
      const view = heap()
      view.setUint32(count, 0, true)
      view.setUint32(bytes, 0, true)
      return 0
    },
  }
  return { ...imports, env, wasi_snapshot_preview1: wasi }
}
