// What a coin costs: shares, checks, values, and the dealing of a key, by size of the committee. `npm run bench:threshold`.

import { combineCoin, Dkg, makeCoinShare, receiverKey, verifyCoinShare } from '@quorate/threshold'
import type { DkgEffect } from '@quorate/threshold'
import { randomBytes } from 'node:crypto'

type Done = Extract<DkgEffect, { kind: 'done' }>

const NAME = Buffer.from('round 11')

function timedMs<T>(run: () => T): { readonly value: T; readonly ms: number } {
  const beganMs = performance.now()
  const value = run()
  return { value, ms: performance.now() - beganMs }
}

/** One member's work in a dealing among `count`: its own message, and the whole log of quiet others. */
function measure(count: number): string {
  const keys = Array.from({ length: count }, () => receiverKey(randomBytes(32)))
  const threshold = Math.floor((count - 1) / 3)
  const terms = { context: Buffer.from('bench'), threshold, receivers: keys.map(({ key }) => key) }
  const log = Array.from({ length: count - threshold }, (_, seat) => {
    const { secret } = keys[seat] ?? receiverKey(randomBytes(32))
    const [effect] = new Dkg({ terms, own: { seat, secret, seed: randomBytes(32) } }).handle({ kind: 'start' })
    return { seat, message: effect?.kind === 'publish' ? effect.message : new Uint8Array(0) }
  })
  const quiet = log.map(({ seat }) => ({ seat, message: Uint8Array.of(1, 0) }))
  const { secret } = keys[0] ?? receiverKey(randomBytes(32))
  const dkg = new Dkg({ terms, own: { seat: 0, secret, seed: randomBytes(32) } })
  const deal = timedMs(() => dkg.handle({ kind: 'start' }))
  const read = timedMs(() => [...log, ...quiet].flatMap((entry) => dkg.handle({ kind: 'ordered', ...entry })))
  const done = read.value.find((effect): effect is Done => effect.kind === 'done')
  if (done?.own === undefined) throw new Error('the dealing did not end')
  const { group, own } = done
  makeCoinShare(own, NAME)
  const make = timedMs(() => makeCoinShare(own, NAME))
  const check = timedMs(() => verifyCoinShare(group, NAME, 0, make.value))
  if (!check.value.ok) throw new Error(check.value.error.message)
  const share = check.value.value
  // Any t + 1 seats cost the same to combine, whoever holds them.
  const shares = Array.from({ length: threshold + 1 }, (_, seat) => ({ ...share, seat }))
  const combine = timedMs(() => combineCoin(group, NAME, shares))
  const figures = { deal: deal.ms, read: read.ms, share: make.ms, check: check.ms, combine: combine.ms }
  const texts = Object.entries(figures).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`)
  return `${count} seats: ${texts.join(', ')}, ${log[0]?.message.length ?? 0} bytes a dealing`
}

for (const count of [4, 4, 7, 16, 32, 128]) console.log(measure(count))
