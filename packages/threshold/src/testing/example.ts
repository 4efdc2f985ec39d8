// The README's example: four members deal a key through a log and toss one coin.

import type { CoinShare } from '../coin.ts'
import { coinBit, combineCoin, makeCoinShare, verifyCoinShare } from '../coin.ts'
import type { DkgEffect } from '../dkg.ts'
import { Dkg } from '../dkg.ts'
import { decodeReceiverKey, encodeReceiverKey, receiverKey } from '../receiver-key.ts'

type Done = Extract<DkgEffect, { kind: 'done' }>

/** Four members in one process. `random` gives 32 random bytes that nobody else sees. Returns what each of them tossed. */
export function tossTogether(random: () => Uint8Array): (0 | 1 | undefined)[] {
  const seats = [0, 1, 2, 3].map((seat) => ({ seat, ...receiverKey(random()), seed: random() }))
  // Receiver keys are published and read by everybody before the dealing.
  const receivers = seats.flatMap(({ key }) => {
    const read = decodeReceiverKey(encodeReceiverKey(key))
    return read.ok ? [read.value] : []
  })
  const terms = { context: new TextEncoder().encode('view 1'), threshold: 1, receivers }

  // The log: one order of messages for all, each with the seat that signed it.
  const log: { readonly seat: number; readonly message: Uint8Array }[] = []
  const done: Done[] = []
  const carryOut = (seat: number, effects: readonly DkgEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'publish') log.push({ seat, message: effect.message })
      else if (effect.kind === 'done') done[seat] = effect
    }
  }
  const members = seats.map((own) => new Dkg({ terms, own }))
  members.forEach((member, seat) => carryOut(seat, member.handle({ kind: 'start' })))
  for (const { seat, message } of log) {
    members.forEach((member, at) => carryOut(at, member.handle({ kind: 'ordered', seat, message })))
  }

  // A coin: whoever wants it known sends its share, and t + 1 of them are enough.
  const name = new TextEncoder().encode('round 11')
  const sent = done.flatMap(({ own }) =>
    own === undefined ? [] : [{ seat: own.seat, share: makeCoinShare(own, name) }],
  )
  return done.map(({ group }) => {
    const good: CoinShare[] = sent.slice(0, 2).flatMap(({ seat, share }) => {
      const checked = verifyCoinShare(group, name, seat, share)
      return checked.ok ? [checked.value] : []
    })
    const value = combineCoin(group, name, good)
    return value.ok ? coinBit(value.value) : undefined
  })
}
