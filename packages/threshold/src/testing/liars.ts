// What dishonest members put into the log, and what honest ones would.

import type { Dealing, Terms } from '../dealing.ts'
import { dealerSecrets, sealShares } from '../dealing.ts'
import type { DkgSeat } from '../dkg.ts'
import type { Complaint } from '../message.ts'
import { encodeMessage } from '../message.ts'
import { shareOf } from '../polynomial.ts'
import { add, scalar } from '../ristretto.ts'
import type { Entry } from './seats.ts'

/** A dealing that is right but for `victims`, who get one more than they should. */
export function wrongDealing(terms: Terms, { seat, seed }: DkgSeat, victims: readonly number[]): Dealing {
  const secrets = dealerSecrets(terms, seat, seed)
  const shares = terms.receivers.map((_, receiver) => {
    const share = shareOf(secrets.coefficients, receiver)
    return victims.includes(receiver) ? add(share, scalar(1n)) : share
  })
  return sealShares(terms, seat, secrets, shares)
}

/** A dealing as an entry of the log. */
export function dealing(terms: Terms, own: DkgSeat, victims: readonly number[] = []): Entry {
  return { seat: own.seat, message: encodeMessage({ kind: 'dealing', dealing: wrongDealing(terms, own, victims) }) }
}

/** A verdict as an entry of the log. */
export function verdict(seat: number, complaints: readonly Complaint[] = []): Entry {
  return { seat, message: encodeMessage({ kind: 'verdict', complaints }) }
}
