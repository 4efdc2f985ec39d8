// Goal: both roles of a protocol, run against each other, get through it; and whatever ends a session early does so with the
// documented error. Method: the classic protocols over a pair in memory, on a clock that stands.

import { expect, test } from 'vitest'
import type { Chan, Finished } from './chan.ts'
import type { Clock } from './clock.ts'
import { codec } from './codec.ts'
import type { Pipe } from './pipe.ts'
import { pipelined } from './pipelined.ts'
import { memoryPair } from './pipes/memory-pipe.ts'
import { end, recv, send } from './process.ts'
import type { Dual } from './process.ts'
import { protocol } from './protocol.ts'
import { run } from './run.ts'
import { SessionError } from './session-error.ts'
import { arithmetic, atm, bookshop, text } from './testing/classics.ts'
import type { Arithmetic, Atm, Bookshop } from './testing/classics.ts'
import { ManualClock, settled } from './testing/manual-clock.ts'

async function calculator(start: Chan<Dual<Arithmetic>>): Promise<Finished<number>> {
  let chan = start
  for (let count = 0; ; count += 1) {
    const message = await chan.offer()
    switch (message.label) {
      case 'add':
        chan = await message.chan.send(message.value[0] + message.value[1])
        break
      case 'negative':
        chan = await message.chan.send(message.value < 0)
        break
      case 'quit':
        return message.chan.close(count)
    }
  }
}

async function bank(chan: Chan<Dual<Atm>>): Promise<Finished<number>> {
  const card = await chan.recv()
  if (card.value !== 'gold') return (await card.chan.select('refused')).close(-1)
  let menu = await card.chan.select('welcome', 'good day')
  let balance = 100
  for (;;) {
    const wish = await menu.offer()
    switch (wish.label) {
      case 'deposit':
        balance += wish.value
        menu = await wish.chan.send(balance)
        break
      case 'withdraw':
        if (wish.value > balance) {
          menu = await wish.chan.select('short', balance)
        } else {
          balance -= wish.value
          menu = await wish.chan.select('cash', wish.value)
        }
        break
      case 'leave':
        return wish.chan.close(balance)
    }
  }
}

async function shop(start: Chan<Dual<Bookshop>>): Promise<Finished<string>> {
  let chan = start
  for (;;) {
    const order = await chan.recv()
    const answer = await (await order.chan.send(order.value.copies * order.value.title.length)).offer()
    if (answer.label === 'leave') return answer.chan.close('nothing sold')
    if (answer.label === 'buy') return (await answer.chan.send('tomorrow')).close(`to ${answer.value}`)
    chan = answer.chan
  }
}

const failureOf = (promise: Promise<unknown>): Promise<SessionError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => (error instanceof SessionError ? error : Promise.reject(error as Error)),
  )

const twoTexts = protocol({ name: 'two texts', client: send(text('one'), send(text('two'), end)) })
const impatient = protocol({ name: 'impatient', client: recv(text('card'), end) })

async function visitAtm(pipe: Pipe, clock: Clock): Promise<string> {
  return run(
    atm,
    'client',
    pipe,
    async (chan) => {
      const answer = await (await chan.send('gold')).offer()
      return answer.label === 'refused' ? answer.chan.close('') : answer.chan.abort('enough')
    },
    { clock },
  )
}

test('arithmetic: both roles get through', async () => {
  const [left, right] = memoryPair()
  const client = run(arithmetic, 'client', left, async (start) => {
    const sum = await (await start.select('add', [2, 3])).recv()
    const sign = await (await sum.chan.select('negative', 7)).recv()
    const over = await sign.chan.select('quit')
    return over.close([sum.value, sign.value])
  })
  const server = run(arithmetic, 'server', right, calculator)
  expect(await client).toEqual([5, false])
  expect(await server).toBe(2)
})

test('ATM: refusals and a menu', async () => {
  const visit = async (card: string): Promise<readonly [readonly number[], number]> => {
    const [left, right] = memoryPair()
    const client = run(atm, 'client', left, async (chan) => {
      const answer = await (await chan.send(card)).offer()
      if (answer.label === 'refused') return answer.chan.close<number[]>([])
      const balance = await (await answer.chan.select('deposit', 50)).recv()
      const cash = await (await balance.chan.select('withdraw', 120)).offer()
      const short = await (await cash.chan.select('withdraw', 120)).offer()
      expect([cash.label, short.label]).toEqual(['cash', 'short'])
      return (await short.chan.select('leave')).close([balance.value, cash.value, short.value])
    })
    return Promise.all([client, run(atm, 'server', right, bank)])
  }
  expect(await visit('gold')).toEqual([[150, 120, 30], 30])
  expect(await visit('tin')).toEqual([[], -1])
})

test('bookshop: JSON by a schema, a loop, an end', async () => {
  const [left, right] = memoryPair()
  const client = run(bookshop, 'client', left, async (chan) => {
    const dear = await (await chan.send({ title: 'Principia', copies: 10 })).recv()
    const again = await dear.chan.select('another')
    const cheap = await (await again.send({ title: 'Emma', copies: 1 })).recv()
    const date = await (await cheap.chan.select('buy', 'Main Street')).recv()
    return date.chan.close([dear.value, cheap.value, date.value])
  })
  expect(await run(bookshop, 'server', right, shop)).toBe('to Main Street')
  expect(await client).toEqual([90, 4, 'tomorrow'])
})

test('a channel is good for one use, and its second use changes nothing', async () => {
  const [left, right] = memoryPair()
  const server = run(arithmetic, 'server', right, calculator)
  const client = run(arithmetic, 'client', left, async (start) => {
    const waiting = await start.select('add', [1, 1])
    expect(await failureOf(start.select('add', [1, 1]))).toMatchObject({ code: 'CONSUMED', protocol: 'arithmetic' })
    const sum = await waiting.recv()
    expect(await failureOf(waiting.recv())).toMatchObject({ code: 'CONSUMED' })
    const over = await sum.chan.select('quit')
    const finished = over.close('done')
    expect(() => over.close()).toThrow(SessionError)
    return finished
  })
  expect(await client).toBe('done')
  expect(await server).toBe(1)
})

test('an operation that the types forbid is refused and named', async () => {
  const [left, right] = memoryPair()
  const client = run(arithmetic, 'client', left, async (start) => {
    const wrong = start as unknown as { recv(): Promise<never> }
    return wrong.recv()
  })
  const server = failureOf(run(arithmetic, 'server', right, calculator))
  await expect(client).rejects.toMatchObject({ code: 'VIOLATION', state: 'more' })
  expect(await server).toMatchObject({ code: 'ABORTED', got: "the other side's ABORTED" })
})

test('silence ends a receive at the time-out of its state, with one timer for the session', async () => {
  const clock = new ManualClock()
  const [left, right] = memoryPair()
  right.start({ message: () => undefined, drain: () => undefined, closed: () => undefined })
  const client = failureOf(visitAtm(left, clock))
  await settled()
  clock.pass(299)
  await settled()
  expect(clock.pending).toBe(1)
  clock.pass(1)
  expect(await client).toMatchObject({
    code: 'TIMEOUT',
    state: 'after card',
    expected: 'refused | welcome of server',
    got: 'nothing for 300 ms',
  })
  expect(clock.pending).toBe(0)
})

test('a loop of many receives makes a timer per time-out, not per message', async () => {
  const clock = new ManualClock()
  const [left, right] = memoryPair()
  const server = run(arithmetic, 'server', right, calculator, { clock })
  const client = run(
    arithmetic,
    'client',
    left,
    async (start) => {
      let chan = start
      for (let i = 0; i < 1000; i += 1) {
        clock.pass(1)
        chan = (await (await chan.select('add', [i, i])).recv()).chan
      }
      return (await chan.select('quit')).close()
    },
    { clock },
  )
  await Promise.all([client, server])
  expect(clock.made).toBeLessThanOrEqual(4)
  expect(clock.pending).toBe(0)
})

test('who times out keeps its own error, though the other side hangs up before its abort is sent', async () => {
  const clock = new ManualClock()
  const [left, right] = memoryPair()
  // Both wait for each other: the client's body speaks of another protocol, in which it isn't its turn.
  const client = failureOf(run(impatient, 'client', left, async (chan) => (await chan.recv()) as never))
  const server = failureOf(run(atm, 'server', right, bank, { clock }))
  await settled()
  clock.pass(1000)
  expect(await server).toMatchObject({ code: 'TIMEOUT', state: 'start' })
  expect(await client).toMatchObject({ code: 'ABORTED', got: "the other side's TIMEOUT" })
})

test('a peer that reads nothing ends a send at the time-out', async () => {
  const clock = new ManualClock()
  const [left] = memoryPair(1)
  const client = failureOf(
    run(
      arithmetic,
      'client',
      left,
      async (start) => {
        const pipeline = pipelined(start, 'add', { windowMax: 10 })
        for (;;) await pipeline.send([1, 1])
      },
      { clock },
    ),
  )
  await settled()
  clock.pass(1000)
  expect(await client).toMatchObject({ code: 'TIMEOUT', state: 'more', expected: 'room to send' })
})

test('however a body leaves, the other side hears of it at once, and not why', async () => {
  const bodies: readonly ((chan: Chan<Atm>) => Promise<never>)[] = [
    () => Promise.reject(new Error('a secret')),
    (chan) => Promise.resolve(chan as never),
    async (chan) => chan.abort('no time'),
  ]
  const heard: string[] = []
  for (const body of bodies) {
    const [left, right] = memoryPair()
    const server = failureOf(run(atm, 'server', right, bank))
    await expect(run(atm, 'client', left, body)).rejects.toThrow()
    heard.push((await server).got)
  }
  expect(heard).toEqual([
    "the other side's ABORTED",
    "the other side's ABORTED: left early",
    "the other side's ABORTED: no time",
  ])
})

test('what came before the end of the connection is still read', async () => {
  const [left, right] = memoryPair()
  const server = run(bookshop, 'server', right, shop)
  const client = run(bookshop, 'client', left, async (chan) => {
    const price = await (await chan.send({ title: 'Emma', copies: 1 })).recv()
    const waiting = await price.chan.select('buy', 'here')
    // The shop has answered, ended and closed the pipe by now.
    await settled()
    const date = await waiting.recv()
    return date.chan.close(date.value)
  })
  expect(await Promise.all([client, server])).toEqual(['tomorrow', 'to here'])
})

test('each fault of a peer has its code, and names state, expected and got', async () => {
  const faults: readonly (readonly [string, Uint8Array | undefined, Partial<SessionError>])[] = [
    ['gone', undefined, { code: 'DISCONNECTED', state: 'start', expected: 'card of client' }],
    ['empty', Uint8Array.of(), { code: 'VIOLATION', got: 'an empty message' }],
    ['of another state', Uint8Array.of(3), { code: 'VIOLATION', expected: 'card of client', got: 'deposit' }],
    ['of no state', Uint8Array.of(200), { code: 'VIOLATION', got: 'unknown tag 200' }],
    ['malformed', Uint8Array.of(0, 9, 65), { code: 'DECODE', expected: 'card', got: '9 bytes wanted, 1 left' }],
    ['too large', new Uint8Array(67), { code: 'LIMIT', expected: 'at most 66 bytes', got: '67' }],
    ['abort', Uint8Array.of(255, 0, 104, 105, 27), { code: 'ABORTED', got: "the other side's ABORTED: hi " }],
  ]
  for (const [what, message, expected] of faults) {
    for (const isEarly of [false, true]) {
      const [left, right] = memoryPair()
      const told: Uint8Array[] = []
      left.start({ message: (each) => told.push(each), drain: () => undefined, closed: () => undefined })
      const attack = (): void => {
        if (message === undefined) left.close()
        else left.send(message)
      }
      if (isEarly) attack()
      const server = failureOf(run(atm, 'server', right, bank))
      if (!isEarly) attack()
      expect(await server, what).toMatchObject(expected)
      const isOurs = message !== undefined && expected.code !== 'ABORTED'
      expect(told.map((each) => each[0])).toEqual(isOurs ? [255] : [])
    }
  }
})

test('a codec that throws ends the session, on either side', async () => {
  const bomb = codec<number>({
    name: 'bomb',
    encode: (value) => {
      if (value === 0) throw new RangeError('zero')
      return Uint8Array.of(value)
    },
    decode: () => {
      throw new TypeError('boom')
    },
  })
  const bombs = protocol({ name: 'bombs', client: send(bomb, end) })
  const play = (value: number): readonly [Promise<SessionError | 'fine'>, Promise<SessionError>] => {
    const [left, right] = memoryPair()
    const server = failureOf(run(bombs, 'server', right, async (chan) => (await chan.recv()).chan.close()))
    const client = run(bombs, 'client', left, async (chan) => (await chan.send(value)).close('fine' as const))
    return [client.catch((error: unknown) => error as SessionError), server]
  }
  const [sent, refused] = play(1)
  expect(await sent).toBe('fine')
  expect(await refused).toMatchObject({ code: 'DECODE', expected: 'bomb', got: 'boom' })
  const [unsent, unseen] = play(0)
  expect(await unsent).toMatchObject({ code: 'ABORTED', expected: 'bomb', cause: new RangeError('zero') })
  expect(await unseen).toMatchObject({ code: 'ABORTED' })
})

test('a message above its limit is not sent, and ends the session', async () => {
  const [left, right] = memoryPair()
  const got: Uint8Array[] = []
  right.start({ message: (message) => got.push(message), drain: () => undefined, closed: () => undefined })
  const client = run(atm, 'client', left, async (chan) => (await chan.send('x'.repeat(65))) as never)
  await expect(client).rejects.toMatchObject({ code: 'LIMIT', expected: 'card of at most 65 bytes', got: '66 to send' })
  expect(got).toEqual([Uint8Array.of(255, 4)])
})

test('a fault in what came before the connection ended keeps its own code', async () => {
  const [left, right] = memoryPair()
  left.send(Uint8Array.of(0, 1, 65))
  left.send(Uint8Array.of(2, 99))
  left.close()
  const server = failureOf(
    run(twoTexts, 'server', right, async (chan) => (await (await chan.recv()).chan.recv()) as never),
  )
  expect(await server).toMatchObject({ code: 'VIOLATION', state: 'after one', got: 'unknown tag 2' })
})
