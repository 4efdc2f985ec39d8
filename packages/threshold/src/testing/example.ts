// The README's example: four members deal a key through a log and toss one coin.

import { coinBit } from '../coin.ts'
import type { DkgEffect } from '../dkg.ts'
import { Dkg } from '../dkg.ts'
import { decodeReceiverKey, encodeReceiverKey, receiverKey } from '../receiver-key.ts'
import { Toss } from '../toss.ts'

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

  // A coin: whoever wants it known tells its share, and t + 1 of them are enough.
  const name = new TextEncoder().encode('round 11')
  const sent = done.slice(0, 2).flatMap(({ group, own }) => {
    return own === undefined ? [] : [{ seat: own.seat, share: new Toss(group, name).tell(own) }]
  })
  return done.map(({ group }) => {
    const toss = new Toss(group, name)
    // A share that doesn't fit its seat and name is refused, and who sent it is faulty.
    for (const { seat, share } of sent) toss.hear(seat, share)
    return toss.value === undefined ? undefined : coinBit(toss.value)
  })
}
