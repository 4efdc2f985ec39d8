// Goal: a chain takes exactly the ledger's blocks, from genesis through changes of committees, and names what is wrong with any
// other. Method: a small ledger of real signatures, and every lie about one of its blocks that whoever keeps it could tell.

import { encodeOutcomes } from '@quorate/replica/host'
import type { WholeBlock } from '@quorate/types'
import { decodeCertificate, decodeHeader, encodeCertificate, encodeHeader, millis } from '@quorate/types'
import { describe, expect, test } from 'vitest'
import { Chain } from './chain.ts'
import { smallLedger } from './testing/small-ledger.ts'

const { genesis, blocks, others } = smallLedger({ blocks: 23 })

/** A chain behind the blocks below `height`. */
function chainAt(height: number): Chain {
  const chain = new Chain(genesis)
  for (const block of blocks.slice(0, height)) expect(chain.add(block).ok).toBe(true)
  return chain
}

test('a ledger through several committees, by whoever certified it', () => {
  const chain = new Chain(genesis)
  for (const [at, block] of blocks.entries()) {
    const checked = chain.add(at % 2 === 0 ? block : others[at]!)
    expect(checked).toMatchObject({ ok: true, value: { height: at, signers: 3, seats: 4 } })
  }
  expect(chain.place.height).toBe(22)
})

test('a chain goes on from any place', () => {
  const chain = new Chain(genesis, chainAt(11).place)
  for (const block of blocks.slice(11)) expect(chain.add(block).ok).toBe(true)
})

function withHeader(block: WholeBlock, change: (header: object) => object): WholeBlock {
  const header = decodeHeader(block.header)
  if (!header.ok) throw new Error('a header decodes')
  return { ...block, header: encodeHeader({ ...header.value, ...change(header.value) }) }
}

function certifiedBy(block: WholeBlock, count: number): WholeBlock {
  const certificate = decodeCertificate(block.certificate)
  if (!certificate.ok) throw new Error('a certificate decodes')
  return {
    ...block,
    certificate: encodeCertificate({ signatures: certificate.value.signatures.slice(0, count) }),
  }
}

const LIES: readonly (readonly [string, (block: WholeBlock, at: number) => WholeBlock, RegExp])[] = [
  ['the block after it', (_, at) => blocks[at + 1]!, /WRONG_PLACE/],
  ['the block before it', (_, at) => blocks[at - 1]!, /WRONG_PLACE/],
  [
    'another previous',
    (block) => withHeader(block, () => ({ previous: 'ab'.repeat(32) })),
    /CHAIN_BROKEN: it stands on/,
  ],
  ['an earlier time', (block) => withHeader(block, () => ({ timeMs: millis(1) })), /CHAIN_BROKEN: its time/],
  ['another view', (block) => withHeader(block, () => ({ view: 'cd'.repeat(32) })), /CHAIN_BROKEN: it is of view/],
  [
    'another seating block',
    (block) => withHeader(block, () => ({ lastReconfigure: { height: 1, hash: 'ab'.repeat(32) } })),
    /CHAIN_BROKEN: it says/,
  ],
  ['another body', (block, at) => ({ ...block, body: blocks[at + 1]!.body }), /WRONG_BODY|VIEW_NOT|NOT_CERTIFIED/],
  [
    'another state',
    (block) => withHeader(block, () => ({ stateRoot: 'ef'.repeat(32) })),
    /NOT_CERTIFIED: .*BAD_SIGNATURE/,
  ],
  ['too few signers', (block) => certifiedBy(block, 2), /NOT_CERTIFIED: .*TOO_FEW_SIGNERS|NOT_CERTIFIED/],
  ["another block's signers", (block, at) => ({ ...block, certificate: blocks[at - 1]!.certificate }), /NOT_CERTIFIED/],
  ['no certificate', (block) => ({ ...block, certificate: new Uint8Array(0) }), /MALFORMED/],
  ['other results', (block) => ({ ...block, results: encodeOutcomes([new Uint8Array(3)]) }), /WRONG_RESULTS/],
  ['results that are none', (block) => ({ ...block, results: Uint8Array.of(7) }), /MALFORMED: results/],
]

describe.each(LIES)('%s', (_, lie, wanted) => {
  // An ordinary block, the first of a view, and one that seats a committee.
  test.each([7, 11, 15])('at height %i', (at) => {
    const chain = chainAt(at)
    const before = chain.place
    const added = chain.add(lie(blocks[at]!, at))
    expect(added.ok ? 'taken' : `${added.error.code}: ${added.error.message}`).toMatch(wanted)
    // It is as it was: the right block is taken.
    expect(chain.place).toBe(before)
    expect(chain.add(blocks[at]!).ok).toBe(true)
  })
})

test('another ledger of the same members is not taken', () => {
  const other = smallLedger({ name: 'other', blocks: 2 })
  expect(new Chain(genesis).add(other.blocks[0]!)).toMatchObject({ ok: false, error: { code: 'OTHER_LEDGER' } })
  expect(chainAt(1).add(other.blocks[1]!)).toMatchObject({ ok: false, error: { code: 'CHAIN_BROKEN' } })
})
