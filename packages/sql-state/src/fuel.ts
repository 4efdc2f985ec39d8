// Fuel: a bound on what the engine does inside one step.
//
// Problem: gas counts steps of SQLite's virtual machine, and one step may take for ever. `instr(zeroblob(4000000),
// zeroblob(2000000) || x'01')` is a handful of steps and some 10^12 comparisons; so are trim, replace and LIKE on large
// values, randomblob in a loop, a view of 2^20 SELECTs (which never gets as far as a step). A clock can't stop them: it
// would stop each replica somewhere else. Nor does counting by hand: SQLite has hundreds of functions.
//
// So the counting is put into the machine code. The binary is rewritten before it is compiled: every function and every
// loop begins with taking one unit from a global, and with a trap where none is left; bulk copies pay by their length.
// Between two such places the code runs straight on, so that fuel bounds time, and because WebAssembly is
// deterministic, it ends at the same instruction everywhere. The trap is survivable: the engine is made new, as after
// any other (see engine-image.ts), and the transaction is out of gas.
//
// Fuel is far more than what a transaction takes whose steps are ordinary, so that gas is what ends a runaway, at a
// step; only what is hidden within steps ends here.
//
// Limits: understands the instructions that the pinned build uses and refuses any other (vectors, exceptions). Costs
// about a tenth of the engine's speed.

import { assert, utf8 } from '@quorate/kernel'

/** Name of the global that holds the fuel, among the module's exports. */
export const FUEL_EXPORT = 'quorate_fuel'
/** Bytes that a bulk copy or fill moves for one unit, as a power of two. */
const BULK_BYTES_LOG2 = 4

/** 2^31 - 1 in LEB128: what the global begins with, so that the module can set itself up. */
const ALL_THERE_IS = [0xff, 0xff, 0xff, 0xff, 0x07] as const
const SECTION = { type: 1, function: 3, global: 6, export: 7, code: 10 } as const
const MAGIC_BYTES = 8
const I32 = 0x7f
const OP = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  localGet: 0x20,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32LtS: 0x48,
  i32Sub: 0x6b,
  i32ShrU: 0x76,
  bulk: 0xfc,
} as const

/** What follows an opcode: numbers in LEB128, or so many bytes. `vector` is a count of numbers, then one more. */
type Immediates = { readonly numbers: number } | { readonly bytes: number } | 'vector' | undefined

function immediatesOf(opcode: number): Immediates {
  if (opcode >= 0x45 && opcode <= 0xc4) return { numbers: 0 }
  if (opcode >= 0x28 && opcode <= 0x3e) return { numbers: 2 }
  switch (opcode) {
    // unreachable, nop, else, end, return, drop, select
    case 0x00:
    case 0x01:
    case 0x05:
    case 0x0b:
    case 0x0f:
    case 0x1a:
    case 0x1b:
      return { numbers: 0 }
    // block, loop, if, br, br_if, call, the local's and global's, memory.size and .grow, i32.const and i64.const
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24:
    case 0x3f:
    case 0x40:
    case 0x41:
    case 0x42:
      return { numbers: 1 }
    case 0x11: // call_indirect
      return { numbers: 2 }
    case 0x0e: // br_table
      return 'vector'
    case 0x43:
      return { bytes: 4 }
    case 0x44:
      return { bytes: 8 }
    default:
      return undefined
  }
}

/** Numbers behind 0xfc and one of these: conversions that saturate have none, memory.copy two, memory.fill one. */
function bulkImmediates(operation: number): number | undefined {
  if (operation <= 7) return 0
  if (operation === MEMORY_COPY) return 2
  return operation === MEMORY_FILL ? 1 : undefined
}

const MEMORY_COPY = 10
const MEMORY_FILL = 11

/** Reads the binary format. */
class Cursor {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length
  }

  byte(): number {
    const byte = this.bytes[this.at]
    assert(byte !== undefined, 'the binary ends too early')
    this.at += 1
    return byte
  }

  /** An unsigned number. */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }

  take(length: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + length)
    assert(taken.length === length, 'the binary ends too early')
    this.at += length
    return taken
  }
}

function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

/** Pieces of the new binary, joined at the end. */
class Pieces {
  readonly #pieces: Uint8Array[] = []
  length = 0

  add(piece: Uint8Array | readonly number[]): this {
    const bytes = piece instanceof Uint8Array ? piece : Uint8Array.from(piece)
    this.#pieces.push(bytes)
    this.length += bytes.length
    return this
  }

  join(): Uint8Array {
    const whole = new Uint8Array(this.length)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }
}

/** Number of parameters of each type. */
function parameterCounts(section: Uint8Array): readonly number[] {
  const cursor = new Cursor(section)
  return Array.from({ length: cursor.number() }, () => {
    assert(cursor.byte() === 0x60, 'a type that is no function')
    const parameters = cursor.number()
    cursor.take(parameters)
    cursor.take(cursor.number())
    return parameters
  })
}

/** Rewrites the code section. */
class CodeMeter {
  readonly #parameters: readonly number[]
  readonly #take: readonly number[]
  readonly #fuel: number

  /** @param parameters - Of each function. @param fuel - Index of the global. */
  constructor(parameters: readonly number[], fuel: number) {
    this.#parameters = parameters
    this.#fuel = fuel
    const test = [OP.globalGet, fuel, OP.i32Const, 0, OP.i32LtS, OP.if, 0x40, OP.unreachable, OP.end]
    this.#take = [OP.globalGet, fuel, OP.i32Const, 1, OP.i32Sub, OP.globalSet, fuel, ...test]
  }

  section(bytes: Uint8Array): Uint8Array {
    const cursor = new Cursor(bytes)
    const count = cursor.number()
    assert(count === this.#parameters.length, `${count} bodies of ${this.#parameters.length} functions`)
    const out = new Pieces().add(leb(count))
    for (const parameters of this.#parameters) {
      const body = this.#body(cursor.take(cursor.number()), parameters)
      out.add(leb(body.length)).add(body)
    }
    return out.join()
  }

  #body(bytes: Uint8Array, parameters: number): Uint8Array {
    const cursor = new Cursor(bytes)
    const groups = cursor.number()
    const groupsAt = cursor.at
    let locals = parameters
    for (let i = 0; i < groups; i += 1) {
      locals += cursor.number()
      cursor.byte()
    }
    // One more local, which holds a length while it is charged.
    const head = new Pieces()
      .add(leb(groups + 1))
      .add(bytes.subarray(groupsAt, cursor.at))
      .add([1, I32])
      .add(this.#take)
    return this.#instructions(cursor, head, leb(locals)).join()
  }

  #instructions(cursor: Cursor, out: Pieces, length: readonly number[]): Pieces {
    let copied = cursor.at
    while (!cursor.isAtEnd) {
      const start = cursor.at
      const opcode = cursor.byte()
      if (opcode === OP.bulk) {
        if (!skipBulk(cursor)) continue
        out.add(cursor.bytes.subarray(copied, start)).add(this.#takeByLength(length))
        copied = start
      } else {
        skipImmediates(cursor, opcode)
        if (opcode !== OP.loop) continue
        out.add(cursor.bytes.subarray(copied, cursor.at)).add(this.#take)
        copied = cursor.at
      }
    }
    return out.add(cursor.bytes.subarray(copied))
  }

  /** Charges the length on the top of the stack and leaves it there. */
  #takeByLength(length: readonly number[]): readonly number[] {
    const units = [OP.localGet, ...length, OP.i32Const, BULK_BYTES_LOG2, OP.i32ShrU]
    return [OP.localTee, ...length, OP.globalGet, this.#fuel, ...units, OP.i32Sub, OP.globalSet, this.#fuel]
  }
}

function skipImmediates(cursor: Cursor, opcode: number): void {
  const immediates = immediatesOf(opcode)
  assert(immediates !== undefined, `instruction 0x${opcode.toString(16)} is not one that is metered`)
  if (immediates === 'vector') {
    const count = cursor.number() + 1
    for (let i = 0; i < count; i += 1) cursor.number()
  } else if ('bytes' in immediates) {
    cursor.take(immediates.bytes)
  } else {
    for (let i = 0; i < immediates.numbers; i += 1) cursor.number()
  }
}

/** True where the instruction moves as many bytes as it is told. */
function skipBulk(cursor: Cursor): boolean {
  const operation = cursor.number()
  const numbers = bulkImmediates(operation)
  assert(numbers !== undefined, `instruction 0xfc ${operation} is not one that is metered`)
  for (let i = 0; i < numbers; i += 1) cursor.number()
  return operation === MEMORY_COPY || operation === MEMORY_FILL
}

/** A vector section with one more entry at its end. */
function appended(section: Uint8Array, entry: readonly number[]): Uint8Array {
  const cursor = new Cursor(section)
  const count = cursor.number()
  return new Pieces()
    .add(leb(count + 1))
    .add(section.subarray(cursor.at))
    .add(entry)
    .join()
}

/**
 * `binary` with fuel: it exports a global `quorate_fuel`, counts it down and traps below zero. Set it before every use.
 * @throws AssertionError for a binary that is not understood whole.
 */
export function withFuel(binary: Uint8Array): Uint8Array {
  const cursor = new Cursor(binary)
  const out = new Pieces().add(cursor.take(MAGIC_BYTES))
  let types: readonly number[] = []
  let functions: readonly number[] = []
  let fuel: number | undefined
  while (!cursor.isAtEnd) {
    const id = cursor.byte()
    let section = cursor.take(cursor.number())
    if (id === SECTION.type) types = parameterCounts(section)
    if (id === SECTION.function) {
      const list = new Cursor(section)
      functions = Array.from({ length: list.number() }, () => types[list.number()] ?? 0)
    }
    if (id === SECTION.global) {
      fuel = new Cursor(section).number()
      assert(fuel < 64, 'the index of the fuel takes one byte')
      section = appended(section, [I32, 1, OP.i32Const, ...ALL_THERE_IS, OP.end])
    }
    if (id === SECTION.export || id === SECTION.code)
      assert(fuel !== undefined, 'a binary that declares its globals first')
    if (id === SECTION.export) {
      const name = utf8(FUEL_EXPORT)
      section = appended(section, [name.length, ...name, 3, fuel ?? 0])
    }
    if (id === SECTION.code) section = new CodeMeter(functions, fuel ?? 0).section(section)
    out.add([id]).add(leb(section.length)).add(section)
  }
  return out.join()
}
