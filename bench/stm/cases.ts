// The same small programs with this project's transactions, with Effect's, and without any. Each does what it does `times`
// times.

import { atomically, atomicallySync, TBQueue, TVar } from '@quorate/stm'
import { Effect, TxQueue, TxRef } from 'effect'
import { Mutex, PromiseQueue } from './plain.ts'

/** Runs a program `times` times. */
export type Program = (times: number) => Promise<void> | void

/** One program in several systems. */
export interface Case {
  readonly name: string
  /** What one of `times` is. */
  readonly unit: string
  readonly times: number
  readonly systems: Readonly<Record<'atomically' | 'effect' | 'promises', Program>> & {
    readonly atomicallySync?: Program
  }
}

const TASKS = 8
const CAPACITY = 64
const pause = (): Promise<void> => Promise.resolve()

/** Runs `task` in `TASKS` tasks at once. */
async function spread(times: number, task: (times: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: TASKS }, () => task(times / TASKS)))
}

const repeat = <A>(times: number, effect: Effect.Effect<A>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i += 1) yield* effect
  })

function update(): Case {
  const mine = new TVar(0)
  const theirs = TxRef.makeUnsafe(0)
  const mutex = new Mutex()
  let plain = 0
  const increment = Effect.tx(TxRef.update(theirs, (x) => x + 1))
  return {
    name: 'one update, alone',
    unit: 'transactions',
    times: 200_000,
    systems: {
      atomically: async (times) => {
        for (let i = 0; i < times; i += 1) await atomically((tx) => tx.update(mine, (x) => x + 1))
      },
      atomicallySync: (times) => {
        for (let i = 0; i < times; i += 1) atomicallySync((tx) => tx.update(mine, (x) => x + 1))
      },
      effect: (times) => Effect.runPromise(repeat(times, increment)),
      promises: async (times) => {
        for (let i = 0; i < times; i += 1) {
          await mutex.run(() => {
            plain += 1
          })
        }
      },
    },
  }
}

function transfer(): Case {
  const mine = [new TVar(0), new TVar(0)] as const
  const theirs = [TxRef.makeUnsafe(0), TxRef.makeUnsafe(0)] as const
  const mutex = new Mutex()
  const plain = [0, 0]
  const move = Effect.tx(
    Effect.gen(function* () {
      const from = yield* TxRef.get(theirs[0])
      const to = yield* TxRef.get(theirs[1])
      yield* TxRef.set(theirs[0], from - 1)
      yield* TxRef.set(theirs[1], to + 1)
    }),
  )
  return {
    name: 'two reads and two writes, alone',
    unit: 'transactions',
    times: 100_000,
    systems: {
      atomically: async (times) => {
        for (let i = 0; i < times; i += 1) {
          await atomically((tx) => {
            const from = tx.read(mine[0])
            const to = tx.read(mine[1])
            tx.write(mine[0], from - 1)
            tx.write(mine[1], to + 1)
          })
        }
      },
      atomicallySync: (times) => {
        for (let i = 0; i < times; i += 1) {
          atomicallySync((tx) => {
            const from = tx.read(mine[0])
            const to = tx.read(mine[1])
            tx.write(mine[0], from - 1)
            tx.write(mine[1], to + 1)
          })
        }
      },
      effect: (times) => Effect.runPromise(repeat(times, move)),
      promises: async (times) => {
        for (let i = 0; i < times; i += 1) {
          await mutex.run(() => {
            plain[0] = (plain[0] ?? 0) - 1
            plain[1] = (plain[1] ?? 0) + 1
          })
        }
      },
    },
  }
}

function contended(): Case {
  const mine = new TVar(0)
  const theirs = TxRef.makeUnsafe(0)
  const mutex = new Mutex()
  let plain = 0
  const increment = Effect.tx(
    Effect.gen(function* () {
      const value = yield* TxRef.get(theirs)
      yield* Effect.promise(pause)
      yield* TxRef.set(theirs, value + 1)
    }),
  )
  const increments = (times: number): Effect.Effect<unknown> =>
    Effect.all(
      Array.from({ length: TASKS }, () => repeat(times / TASKS, increment)),
      { concurrency: 'unbounded' },
    )
  return {
    name: `one counter, ${TASKS} tasks that await within their transactions`,
    unit: 'transactions',
    times: 40_000,
    systems: {
      atomically: (times) =>
        spread(times, async (each) => {
          for (let i = 0; i < each; i += 1) {
            await atomically(async (tx) => {
              const value = tx.read(mine)
              await pause()
              tx.write(mine, value + 1)
            })
          }
        }),
      effect: async (times) => {
        await Effect.runPromise(increments(times))
      },
      promises: (times) =>
        spread(times, async (each) => {
          for (let i = 0; i < each; i += 1) {
            await mutex.run(async () => {
              const value = plain
              await pause()
              plain = value + 1
            })
          }
        }),
    },
  }
}

/**
 * One asks and waits, the other answers and waits: nobody finds what it wants without having slept.
 */
function handOver(): Case {
  const mine = { ping: new TVar(false), pong: new TVar(false) }
  const theirs = { ping: TxRef.makeUnsafe(false), pong: TxRef.makeUnsafe(false) }
  const give = (place: TVar<boolean>): Promise<void> => atomically((tx) => tx.write(place, true))
  const take = (place: TVar<boolean>): Promise<void> =>
    atomically((tx) => {
      tx.check(tx.read(place))
      tx.write(place, false)
    })
  const giveEffect = (place: TxRef.TxRef<boolean>): Effect.Effect<void> => Effect.tx(TxRef.set(place, true))
  const takeEffect = (place: TxRef.TxRef<boolean>): Effect.Effect<void> =>
    Effect.tx(
      Effect.gen(function* () {
        if (!(yield* TxRef.get(place))) return yield* Effect.txRetry
        yield* TxRef.set(place, false)
      }),
    )
  return {
    name: 'blocking hand-over between two tasks',
    unit: 'hand-overs',
    times: 40_000,
    systems: {
      atomically: async (times) => {
        const ask = async (): Promise<void> => {
          for (let i = 0; i < times / 2; i += 1) {
            await give(mine.ping)
            await take(mine.pong)
          }
        }
        const answer = async (): Promise<void> => {
          for (let i = 0; i < times / 2; i += 1) {
            await take(mine.ping)
            await give(mine.pong)
          }
        }
        await Promise.all([answer(), ask()])
      },
      effect: async (times) => {
        const ask = Effect.andThen(giveEffect(theirs.ping), takeEffect(theirs.pong))
        const answer = Effect.andThen(takeEffect(theirs.ping), giveEffect(theirs.pong))
        const both = [repeat(times / 2, answer), repeat(times / 2, ask)]
        await Effect.runPromise(Effect.all(both, { concurrency: 'unbounded' }))
      },
      promises: async (times) => {
        const ping = new PromiseQueue<boolean>(1)
        const pong = new PromiseQueue<boolean>(1)
        const ask = async (): Promise<void> => {
          for (let i = 0; i < times / 2; i += 1) {
            await ping.write(true)
            await pong.read()
          }
        }
        const answer = async (): Promise<void> => {
          for (let i = 0; i < times / 2; i += 1) await pong.write(await ping.read())
        }
        await Promise.all([answer(), ask()])
      },
    },
  }
}

function queue(): Case {
  const mine = new TBQueue<number>(CAPACITY)
  const theirs = Effect.runSync(TxQueue.bounded<number>(CAPACITY))
  return {
    name: `bounded queue of ${CAPACITY}, a writer and a reader`,
    unit: 'items',
    times: 40_000,
    systems: {
      atomically: async (times) => {
        const write = async (): Promise<void> => {
          for (let i = 0; i < times; i += 1) await atomically((tx) => mine.write(tx, i))
        }
        const read = async (): Promise<void> => {
          for (let i = 0; i < times; i += 1) await atomically((tx) => mine.read(tx))
        }
        await Promise.all([write(), read()])
      },
      effect: async (times) => {
        const both = [repeat(times, TxQueue.offer(theirs, 1)), repeat(times, TxQueue.take(theirs))]
        await Effect.runPromise(Effect.all(both, { concurrency: 'unbounded' }))
      },
      promises: async (times) => {
        const plain = new PromiseQueue<number>(CAPACITY)
        const write = async (): Promise<void> => {
          for (let i = 0; i < times; i += 1) await plain.write(i)
        }
        const read = async (): Promise<void> => {
          for (let i = 0; i < times; i += 1) await plain.read()
        }
        await Promise.all([write(), read()])
      },
    },
  }
}

/** All programs. */
export const CASES: readonly Case[] = [update(), transfer(), contended(), handOver(), queue()]
