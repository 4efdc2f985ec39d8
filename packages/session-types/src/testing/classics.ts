// Three protocols that every account of session types shows, as tests use them.

import { canonical, json, nothing } from '../codec.ts'
import { choose, end, jump, offer, rec, recv, send } from '../process.ts'
import type { Choose, Eps, Offer, Rec, Recv, Send, Var } from '../process.ts'
import { protocol } from '../protocol.ts'
import type { Protocol } from '../protocol.ts'
import type { Codec } from '../codec.ts'
import type { StandardSchema } from '../standard-schema.ts'

/** Unsigned integers. */
export const u64 = (name: string): Codec<number> =>
  canonical({ name, bytesMax: 8, write: (writer, value) => writer.u64(value), read: (reader) => reader.u64() })

/** Text of at most 64 bytes. */
export const text = (name: string): Codec<string> =>
  canonical({ name, bytesMax: 65, write: (writer, value) => writer.text(value), read: (reader) => reader.text(64) })

export const pair: Codec<readonly [number, number]> = canonical({
  name: 'pair',
  bytesMax: 16,
  write: (writer, [a, b]) => writer.u64(a).u64(b),
  read: (reader) => [reader.u64(), reader.u64()] as const,
})

/** A server that calculates until the client has enough. */
export type Arithmetic = Rec<
  'more',
  Choose<{
    add: Send<readonly [number, number], Recv<number, Var<'more'>>>
    negative: Send<number, Recv<boolean, Var<'more'>>>
    quit: Send<void, Eps>
  }>
>

const isNegative: Codec<boolean> = canonical({
  name: 'isNegative',
  bytesMax: 1,
  write: (writer, value) => writer.bool(value),
  read: (reader) => reader.bool(),
})

export const arithmetic: Protocol<Arithmetic> = protocol({
  name: 'arithmetic',
  id: 1,
  timeoutMs: 1000,
  client: rec(
    'more',
    choose({
      add: send(pair, recv(u64('sum'), jump('more'))),
      negative: send(u64('number'), recv(isNegative, jump('more'))),
      quit: send(nothing('quit'), end),
    }),
  ),
})

/** Withdrawals and deposits behind an identification; the bank may refuse each. */
export type Atm = Send<
  string,
  Offer<{
    refused: Recv<void, Eps>
    welcome: Recv<
      string,
      Rec<
        'menu',
        Choose<{
          deposit: Send<number, Recv<number, Var<'menu'>>>
          withdraw: Send<number, Offer<{ cash: Recv<number, Var<'menu'>>; short: Recv<number, Var<'menu'>> }>>
          leave: Send<void, Eps>
        }>
      >
    >
  }>
>

export const atm: Protocol<Atm> = protocol({
  name: 'atm',
  id: 2,
  timeoutMs: 1000,
  client: send(
    text('card'),
    offer(
      {
        refused: recv(nothing('refused'), end),
        welcome: recv(
          text('welcome'),
          rec(
            'menu',
            choose({
              deposit: send(u64('amount'), recv(u64('balance'), jump('menu'))),
              withdraw: send(
                u64('amount'),
                offer({ cash: recv(u64('cash'), jump('menu')), short: recv(u64('balance'), jump('menu')) }),
              ),
              leave: send(nothing('leave'), end),
            }),
          ),
        ),
      },
      { timeoutMs: 300 },
    ),
  ),
})

/** An order. */
export interface Order {
  readonly title: string
  readonly copies: number
}

/** A schema of no library, in the shape that all of them have. */
export const orderSchema: StandardSchema<Order> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { title, copies } = (value ?? {}) as Partial<Record<keyof Order, unknown>>
      if (typeof title !== 'string' || typeof copies !== 'number') return { issues: [{ message: 'not an order' }] }
      return { value: { title, copies } }
    },
  },
}

/** The shop names a price, the buyer takes it or haggles or goes. */
export type Bookshop = Rec<
  'browse',
  Send<
    Order,
    Recv<
      number,
      Choose<{ buy: Send<string, Recv<string, Eps>>; another: Send<void, Var<'browse'>>; leave: Send<void, Eps> }>
    >
  >
>

export const bookshop: Protocol<Bookshop> = protocol({
  name: 'bookshop',
  id: 3,
  timeoutMs: 1000,
  client: rec(
    'browse',
    send(
      json(orderSchema, { name: 'order', bytesMax: 200 }),
      recv(
        u64('price'),
        choose({
          buy: send(text('address'), recv(text('date'), end)),
          another: send(nothing('another'), jump('browse')),
          leave: send(nothing('leave'), end),
        }),
      ),
    ),
  ),
})
