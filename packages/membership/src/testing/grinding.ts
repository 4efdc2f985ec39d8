// What choosing among view ids is worth: exact chances, for the tables in SPEC.md and the tests.
//
// Of n members b are in one hand, and a committee has s seats. All committees are equally likely, so the hand's seats under one view id are
// hypergeometric. Who may try k contents before the assemble block is made sees k independent committees and takes the best.

/** Chance of each number of seats, 0 to `seats`, for `held` of `members` under a view id that nobody chose. */
export function seatChances(members: number, held: number, seats: number): readonly number[] {
  // Seat by seat: the chance that the next one goes to the hand is what it has left, of all that are left.
  let chances = [1]
  for (let seat = 0; seat < seats; seat += 1) {
    const next = Array.from({ length: seat + 2 }, () => 0)
    for (const [own, chance] of chances.entries()) {
      const takes = Math.max(0, held - own) / (members - seat)
      next[own + 1] = (next[own + 1] ?? 0) + chance * takes
      next[own] = (next[own] ?? 0) + chance * (1 - takes)
    }
    chances = next
  }
  return chances
}

/** Chance of more than `count` seats, with the best of `tries` view ids. */
export function chanceAbove(chances: readonly number[], count: number, tries: number): number {
  const above = chances.slice(count + 1).reduce((sum, chance) => sum + chance, 0)
  return -Math.expm1(tries * Math.log1p(-Math.min(above, 1)))
}

/** Seats to be expected with the best of `tries` view ids. */
export function seatsExpected(chances: readonly number[], tries: number): number {
  let sum = 0
  for (let count = 0; count + 1 < chances.length; count += 1) sum += chanceAbove(chances, count, tries)
  return sum
}
