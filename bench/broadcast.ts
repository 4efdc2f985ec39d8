// What it costs to bring a block of 20 kB to a whole membership: this broadcast, simulated, against flooding and against telling tips,
// counted. `npm run bench:broadcast`; every figure is the same on every machine. Virtual time: a message takes 10 to 50 ms, checking a
// certificate 2 ms.

import type { Conduct } from '../packages/membership/src/broadcast/testing/net.ts'
import { Net } from '../packages/membership/src/broadcast/testing/net.ts'

const BLOCK_BYTES = 20_000
const BLOCKS = 10
/** A frame around a message, and a tip or a question in it. */
const FRAME_BYTES = 34
const TIP_BYTES = 20
const LIMIT_MS = 120_000

interface Cost {
  readonly blocks: number
  readonly messages: number
  readonly bytes: number
}

function show(who: string, { blocks, messages, bytes }: Cost): string {
  return `${who} ${blocks.toFixed(1)} blocks, ${messages.toFixed(1)} messages, ${(bytes / 1000).toFixed(1)} kB`
}

/** Everybody sends what is new to everybody. */
function flooding(members: number): string {
  const to = members - 1
  return show('each member', { blocks: to, messages: to, bytes: to * (BLOCK_BYTES + FRAME_BYTES) })
}

/** Each seat tells its tip to all without a seat; each of these asks one seat, and is given the block. */
function tips(members: number, seats: number): string {
  const others = members - seats
  const asked = others / seats
  const bytes = others * (TIP_BYTES + FRAME_BYTES) + asked * (BLOCK_BYTES + FRAME_BYTES)
  const unseated = { blocks: 0, messages: 1, bytes: TIP_BYTES + FRAME_BYTES }
  return `${show('a seat', { blocks: asked, messages: others + asked, bytes })}; ${show('another', unseated)}`
}

/** Every third member, never more than f seats. */
function thirdOf(conduct: Conduct, seats: number): (index: number, isSeated: boolean) => Conduct {
  let left = Math.floor((seats - 1) / 3)
  return (index, isSeated) => {
    if (index % 3 !== 0 || (isSeated && left === 0)) return 'honest'
    if (isSeated) left -= 1
    return conduct
  }
}

function broadcast(members: number, seats: number, loss: number, conduct: Conduct, isDownKnown: boolean): string {
  const net = new Net({
    seed: 5,
    members,
    seats,
    blocks: BLOCKS,
    everyMs: 100,
    blockBytes: BLOCK_BYTES,
    loss,
    conduct: conduct === 'honest' ? () => 'honest' : thirdOf(conduct, seats),
    isDownKnown,
  })
  net.run(LIMIT_MS)
  const { honest } = net
  if (!honest.every(({ core }) => core.have === BLOCKS))
    throw new Error(`a member lacks a block: ${members}, ${conduct}`)
  const costOf = (isSeated: boolean): Cost => {
    const sent = honest.filter(({ id }) => net.audience.seated.includes(id) === isSeated).map((each) => each.sent)
    const mean = (of: (each: (typeof sent)[number]) => number): number =>
      sent.reduce((sum, each) => sum + of(each), 0) / Math.max(sent.length, 1) / BLOCKS
    return {
      blocks: mean((each) => each.blocks),
      messages: mean((each) => each.messages),
      bytes: mean((each) => each.bytes),
    }
  }
  const most = Math.max(...honest.map(({ sent }) => sent.blocks)) / BLOCKS
  const times = [0.5, 0.99, 1].map((share) => net.latencyMs(share).toFixed(0)).join(' / ')
  return (
    `${show('a seat', costOf(true))}; ${show('another', costOf(false))}; the most ${most.toFixed(1)} blocks; ` +
    `there after ${times} ms (median, 99 %, all)`
  )
}

console.log('sent by a member for each block')
for (const [members, seats] of [
  [10, 4],
  [30, 7],
  [100, 7],
  [300, 13],
  [1000, 13],
] as const) {
  console.log(`\n${members} members, ${seats} seats`)
  console.log(`  flooding:          ${flooding(members)}`)
  console.log(`  tips and asking:   ${tips(members, seats)}`)
  console.log(`  broadcast:         ${broadcast(members, seats, 0, 'honest', true)}`)
  console.log(`  2 % lost:          ${broadcast(members, seats, 0.02, 'honest', true)}`)
  console.log(`  a third down:      ${broadcast(members, seats, 0.02, 'down', true)}`)
  console.log(`  not known yet:     ${broadcast(members, seats, 0.02, 'down', false)}`)
  console.log(`  a third withholds: ${broadcast(members, seats, 0.02, 'withholds', true)}`)
  console.log(`  a third garbles:   ${broadcast(members, seats, 0.02, 'garbles', true)}`)
}
