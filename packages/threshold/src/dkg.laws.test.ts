// Goal: the laws of the dealing (SPEC.md, D1 to D5). Method: members on a log in memory, in random orders, with up to t of them
// lying in each way there is.

import { must, toHex, unwrap } from '@quorate/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { combineCoin, encodeCoinGroup, makeCoinShare, verifyCoinShare } from './coin.ts'
import type { Terms } from './dealing.ts'
import { dealerSecrets, makeDealing, openSeal, termsOf } from './dealing.ts'
import type { DkgEffect, DkgSeat } from './dkg.ts'
import { encodeMessage } from './message.ts'
import { add, BASE, scalar, timesSecret } from './ristretto.ts'
import { dealing, verdict, wrongDealing } from './testing/liars.ts'
import type { Done } from './testing/seats.ts'
import { Dealers, doneOf, readLog, seatsOf } from './testing/seats.ts'

const NAME = Buffer.from('round 11')

function convicted(effects: readonly DkgEffect[]): number[] {
  return effects.flatMap((effect) => (effect.kind === 'convicted' ? [effect.dealer] : [])).sort((a, b) => a - b)
}

/** What a liar may do. */
type Lie =
  | { readonly kind: 'silent' }
  | { readonly kind: 'wrong'; readonly victims: readonly number[] }
  | { readonly kind: 'accuser' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'thief' }

const lies: fc.Arbitrary<Lie> = fc.oneof(
  fc.constant<Lie>({ kind: 'silent' }),
  fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 7 }).map((victims): Lie => ({ kind: 'wrong', victims })),
  fc.constant<Lie>({ kind: 'accuser' }),
  fc.constant<Lie>({ kind: 'garbage' }),
  fc.constant<Lie>({ kind: 'thief' }),
)

interface Plan {
  readonly count: number
  readonly lies: readonly Lie[]
  readonly picks: readonly number[]
}

const plans: fc.Arbitrary<Plan> = fc.constantFrom(1, 3, 4, 4, 4, 5, 7).chain((count) =>
  fc.record({
    count: fc.constant(count),
    lies: fc.array(lies, { maxLength: Math.floor((count - 1) / 3) }),
    picks: fc.array(fc.nat(), { minLength: 4, maxLength: 30 }),
  }),
)

interface Run {
  readonly terms: Terms
  readonly seats: readonly DkgSeat[]
  readonly honest: readonly number[]
  readonly dealers: Dealers
  /** Dealers that gave an honest seat a wrong share. */
  readonly wrong: ReadonlySet<number>
}

/** Liars are the first seats. Their messages wait among the others', and what they say later comes at the first verdict. */
function run({ count, lies: of, picks }: Plan): Run {
  const { terms: plain, seats } = seatsOf(count)
  const terms = termsOf(plain)
  const honest = seats.map(({ seat }) => seat).filter((seat) => of[seat] === undefined)
  const dealers = new Dealers(plain, seats, honest)
  const wrong = new Set<number>()
  of.forEach((lie, seat) => {
    const own = must(seats[seat], 'fewer liars than seats')
    if (lie.kind === 'wrong') {
      if (lie.victims.some((victim) => honest.includes(victim))) wrong.add(seat)
      dealers.pending.push(dealing(terms, own, lie.victims), verdict(seat))
    } else if (lie.kind === 'garbage') {
      dealers.pending.push({ seat, message: Uint8Array.of(0, 200, 1, 2, 3) }, { seat, message: Uint8Array.of(7) })
    } else if (lie.kind === 'accuser') {
      const victim = must(seats[honest[0] ?? 0], 'someone is honest')
      const target = makeDealing(terms, victim.seat, dealerSecrets(terms, victim.seat, victim.seed))
      const opening = openSeal(terms, victim.seat, target, own)
      const complaints = [{ dealer: victim.seat, opening }]
      dealers.pending.push(dealing(terms, own), verdict(seat, complaints))
    } else if (lie.kind === 'thief') {
      const victim = must(seats[honest[0] ?? 0], 'someone is honest')
      const theirs = makeDealing(terms, victim.seat, dealerSecrets(terms, victim.seat, victim.seed))
      const stolen = { ...wrongDealing(terms, own, []), ephemeral: theirs.ephemeral }
      dealers.pending.push({ seat, message: encodeMessage({ kind: 'dealing', dealing: stolen }) })
    }
  })
  let at = 0
  dealers.orderAll((waiting) => {
    at += 1
    return (picks[at % picks.length] ?? 0) % waiting
  })
  return { terms, seats, honest, dealers, wrong }
}

function doneAt({ dealers }: Run, seat: number): Done {
  return must(doneOf(dealers.effects[seat] ?? []), `seat ${seat} is done`)
}

test('D1, D2, D3, D4, D5: whatever t liars do and the log orders', () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const all = run(plan)
      const { terms, seats, honest, dealers, wrong } = all
      const first = doneAt(all, must(honest[0], 'someone is honest'))
      const group = toHex(encodeCoinGroup(first.group))

      // D1: one group for all who read the log, and every honest seat gets there.
      for (const seat of honest) {
        expect(toHex(encodeCoinGroup(doneAt(all, seat).group))).toBe(group)
        expect(doneAt(all, seat).dealers).toEqual(first.dealers)
      }
      const watched = readLog(terms, undefined, dealers.log)
      expect(toHex(encodeCoinGroup(must(doneOf(watched), 'an onlooker is done').group))).toBe(group)

      // D2: no honest dealer is convicted. D3: no honest message is refused but for coming late.
      for (const dealer of convicted(watched)) expect(wrong.has(dealer)).toBe(true)
      for (const effect of watched) {
        if (effect.kind === 'refused' && honest.includes(effect.seat)) expect(effect.reason.code).toBe('LATE')
      }

      // D4: t + 1 honest seats at least have a share, and it is the one the group says; a seat without one was wronged.
      const holders = honest.flatMap((seat) => doneAt(all, seat).own ?? [])
      expect(holders.length).toBeGreaterThan(terms.threshold)
      for (const { seat, secret } of holders)
        expect(timesSecret(BASE, secret).equals(first.group.keys[seat]!)).toBe(true)
      if (first.dealers.every((dealer) => !wrong.has(dealer))) expect(holders.length).toBe(honest.length)

      // D5: the key is the sum of the secrets of the dealers that are in it, an honest one among them.
      const secret = first.dealers
        .map((dealer) => dealerSecrets(terms, dealer, must(seats[dealer], 'a seat').seed).coefficients[0])
        .reduce((sum, each) => add(sum!, each!), scalar(0n))
      expect(timesSecret(BASE, secret!).equals(first.group.key)).toBe(true)
      expect(first.dealers.some((dealer) => honest.includes(dealer))).toBe(true)

      const shares = holders.map((own) =>
        unwrap(verifyCoinShare(first.group, NAME, own.seat, makeCoinShare(own, NAME)), 'an honest share'),
      )
      const { threshold } = terms
      const value = unwrap(combineCoin(first.group, NAME, shares.slice(0, threshold + 1)), 'enough')
      expect(toHex(unwrap(combineCoin(first.group, NAME, shares.toReversed()), 'enough'))).toBe(toHex(value))
    }),
    { numRuns: 12, seed: 5 },
  )
})
