// Goal: the compiler computes duals, and refuses what a protocol doesn't allow. Method: types compared with `expectTypeOf`,
// and misuse under `@ts-expect-error`, which the types step fails on where the misuse compiles. The code of the misuses is
// never run.

import { expect, expectTypeOf, test } from 'vitest'
import type { Chan } from './chan.ts'
import { nothing } from './codec.ts'
import { memoryPair } from './pipes/memory-pipe.ts'
import { pipelined } from './pipelined.ts'
import { choose, dual, end, jump, offer, rec, recv, send } from './process.ts'
import type { Choose, Dual, Eps, Offer, Rec, Recv, Send, Var } from './process.ts'
import { protocol } from './protocol.ts'
import { run } from './run.ts'
import type { Arithmetic, Atm, Bookshop } from './testing/classics.ts'
import { arithmetic, atm, bookshop, text, u64 } from './testing/classics.ts'

test('a dual swaps the sides, and the dual of the dual is the same', () => {
  expectTypeOf<Dual<Send<number, Recv<string, Eps>>>>().toEqualTypeOf<Recv<number, Send<string, Eps>>>()
  expectTypeOf<Dual<Rec<'l', Choose<{ a: Send<1, Var<'l'>>; b: Send<2, Eps> }>>>>().toEqualTypeOf<
    Rec<'l', Offer<{ readonly a: Recv<1, Var<'l'>>; readonly b: Recv<2, Eps> }>>
  >()
  // A schema that transforms: what goes in isn't what comes out, and each side keeps its own.
  expectTypeOf<Dual<Send<string, Eps, Date>>>().toEqualTypeOf<Recv<Date, Eps, string>>()
  expectTypeOf<Dual<Dual<Send<string, Eps, Date>>>>().toEqualTypeOf<Send<string, Eps, Date>>()
  expectTypeOf<Chan<Dual<Dual<Arithmetic>>>>().toEqualTypeOf<Chan<Dual<Dual<Dual<Dual<Arithmetic>>>>>>()
  expectTypeOf<Dual<Dual<Atm>>>().toExtend<Atm>()
  expectTypeOf<Atm>().toExtend<Dual<Dual<Atm>>>()
  expectTypeOf<Dual<Dual<Bookshop>>>().toExtend<Bookshop>()
  for (const { client } of [arithmetic, atm, bookshop]) expect(dual(dual(client))).toEqual(client)
})

test('a channel offers what is legal next, typed', () => {
  const check = async (chan: Chan<Dual<Atm>>): Promise<void> => {
    const card = await chan.recv()
    expectTypeOf(card.value).toEqualTypeOf<string>()
    const menu = await card.chan.select('welcome', 'hello')
    const wish = await menu.offer()
    expectTypeOf(wish.label).toEqualTypeOf<'deposit' | 'withdraw' | 'leave'>()
    if (wish.label === 'leave') {
      wish.chan.close()
      // @ts-expect-error nothing follows the end
      await wish.chan.recv()
    } else if (wish.label === 'deposit') {
      expectTypeOf(wish.value).toEqualTypeOf<number>()
      expectTypeOf(await wish.chan.send(1)).toEqualTypeOf(menu)
      // @ts-expect-error this arm answers with one message, not a choice
      await wish.chan.select('cash', 1)
    }
    // @ts-expect-error there is no such branch
    await card.chan.select('goodbye')
    // @ts-expect-error the branch carries text
    await card.chan.select('welcome', 5)
    // @ts-expect-error the branch carries something
    await card.chan.select('welcome')
    // @ts-expect-error it is this side's turn
    await card.chan.recv()
    // @ts-expect-error the other side speaks first
    await chan.send('x')
    // @ts-expect-error not at the end
    chan.close()
  }
  expect(check).toBeTypeOf('function')
})

test('a body has to reach the end', () => {
  const misuse = (): unknown => {
    const [pipe] = memoryPair()
    // @ts-expect-error leaves in the middle
    void run(atm, 'client', pipe, async (chan) => chan.send('card'))
    // @ts-expect-error returns nothing at all
    void run(atm, 'client', pipe, async () => undefined)
    // @ts-expect-error a role that isn't there
    return run(atm, 'judge', pipe, async (chan) => chan)
  }
  expect(misuse).toBeTypeOf('function')
})

test('choices are wholly outgoing or wholly incoming', () => {
  const misuse = (): unknown => [
    // @ts-expect-error a branch that receives, in a choice of ours
    choose({ a: send(u64('n'), end), b: recv(u64('n'), end) }),
    // @ts-expect-error a branch that sends, in a choice of theirs
    offer({ a: send(u64('n'), end) }),
    // @ts-expect-error a branch must begin with a message
    choose({ a: end }),
    // @ts-expect-error no codec
    send('a message', end),
  ]
  expect(misuse).toBeTypeOf('function')
})

test('definitions that are no protocol are refused when they are made', () => {
  const n = u64('n')
  const define = (client: Parameters<typeof protocol>[0]['client'], timeoutMs = 1): (() => unknown) => {
    return () => protocol({ name: 'bad', timeoutMs, client })
  }
  expect(define(send(n, jump('nowhere')))).toThrow('jump to nowhere, which is no loop around it')
  expect(define(rec('a', jump('a')))).toThrow('loop a does nothing')
  expect(define(rec('a', rec('b', jump('a'))))).toThrow('loop a does nothing')
  expect(define(rec('a', send(n, rec('a', send(n, jump('a'))))))).toThrow('loop a inside a loop of that name')
  expect(define(choose({}))).toThrow('no branches in start')
  expect(define(choose({ a: recv(n, end) as never }))).toThrow('branch a of start begins with recv, not send')
  expect(define(send(n, end), 0)).toThrow('timeout of 0 ms')
  expect(define(send(n, end, { timeoutMs: Infinity }))).toThrow('timeout of Infinity ms')
  const branches = (count: number) =>
    choose(Object.fromEntries(Array.from({ length: count }, (_, i) => [`b${i}`, send(nothing(`b${i}`), end)])))
  expect(define(branches(255))).not.toThrow()
  expect(define(branches(256))).toThrow('more than 255 messages')
})

test('only branches whose reply leads back can be pipelined', () => {
  const check = (
    chan: Chan<Arithmetic>,
    menu: Chan<Rec<'m', Choose<{ a: Send<1, Offer<{ x: Recv<2, Var<'m'>>; y: Recv<3, Eps> }>> }>>>,
  ): void => {
    const back = pipelined(chan, 'add', { windowMax: 1 }).finish()
    expectTypeOf(back).toExtend<Chan<Arithmetic>>()
    expectTypeOf(chan).toExtend<typeof back>()
    expectTypeOf(pipelined(chan, 'negative', { windowMax: 1 }).recv()).toEqualTypeOf<
      Promise<{ readonly label: string; readonly value: boolean }>
    >()
    // @ts-expect-error quitting has no reply
    pipelined(chan, 'quit', { windowMax: 1 })
    // @ts-expect-error one of the replies leads elsewhere
    pipelined(menu, 'a', { windowMax: 1 })
    // @ts-expect-error not a choice
    pipelined({} as Chan<Atm>, 'card', { windowMax: 1 })
  }
  expect(check).toBeTypeOf('function')
  expect(text('t').name).toBe('t')
})
