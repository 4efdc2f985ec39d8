// Shamir's scheme: a secret is a polynomial's value at 0, the share of seat i its value at i + 1. With degree t, any
// t + 1 values give the value at 0, and t values say nothing about it.

import { must } from '@quorate/kernel'
import type { Point, Scalar } from './ristretto.ts'
import { add, inverse, scalar, timesPublic, times } from './ristretto.ts'

/** Where seat `seat` has its share. Never 0: there is the secret. */
function placeOf(seat: number): Scalar {
  return scalar(BigInt(seat) + 1n)
}

/** The share of a seat; `coefficients` from degree 0 up. */
export function shareOf(coefficients: readonly Scalar[], seat: number): Scalar {
  const place = placeOf(seat)
  return coefficients.reduceRight((value, coefficient) => add(times(value, place), coefficient), scalar(0n))
}

/** The same in the exponent: the share of a seat times the generator, from the coefficients times the generator. */
export function publicShareOf(commitments: readonly Point[], seat: number): Point {
  const place = placeOf(seat)
  const highest = must(commitments.at(-1), 'a polynomial has a coefficient')
  return commitments.slice(0, -1).reduceRight((value, point) => timesPublic(value, place).add(point), highest)
}

/** For each of the distinct `seats`, what its share counts in the secret (Lagrange at 0). */
export function weightsOf(seats: readonly number[]): Scalar[] {
  return seats.map((seat) => {
    let above = scalar(1n)
    let below = scalar(1n)
    for (const other of seats) {
      if (other === seat) continue
      above = times(above, placeOf(other))
      below = times(below, scalar(BigInt(other) - BigInt(seat)))
    }
    return times(above, inverse(below))
  })
}
