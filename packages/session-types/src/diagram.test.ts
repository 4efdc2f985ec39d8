// Goal: what people see of a protocol is what sessions run on. Method: the whole text for one protocol.

import { expect, test } from 'vitest'
import { describe, sequenceDiagram, stateDiagram } from './diagram.ts'
import { bookshop } from './testing/classics.ts'

test('states with agency, limits and tags', () => {
  expect(describe(bookshop)).toBe(`bookshop version 1
browse: client, 1000 ms
  order (tag 0, at most 200 bytes) -> after order
after order: server, 1000 ms
  price (tag 1, at most 8 bytes) -> after price
after price: client, 1000 ms
  buy (tag 2, at most 65 bytes) -> after buy
  another (tag 3, at most 0 bytes) -> browse
  leave (tag 4, at most 0 bytes) -> end
after buy: server, 1000 ms
  date (tag 5, at most 65 bytes) -> end
end: nobody`)
})

test('a state diagram', () => {
  expect(stateDiagram(bookshop)).toBe(`stateDiagram-v2
  s0: browse (client)
  s1: after order (server)
  s2: after price (client)
  s3: after buy (server)
  s4: end (nobody)
  [*] --> s0
  s0 --> s1: order
  s1 --> s2: price
  s2 --> s3: buy
  s2 --> s0: another
  s2 --> s4: leave
  s3 --> s4: date
  s4 --> [*]
`)
})

test('a sequence diagram', () => {
  expect(sequenceDiagram(bookshop)).toBe(`sequenceDiagram
  participant Client
  participant Server
  loop browse
    Client->>Server: order
    Server->>Client: price
    alt buy
      Client->>Server: buy
      Server->>Client: date
      Note over Client,Server: end
    else another
      Client->>Server: another
      Note over Client,Server: again browse
    else leave
      Client->>Server: leave
      Note over Client,Server: end
    end
  end
`)
})
