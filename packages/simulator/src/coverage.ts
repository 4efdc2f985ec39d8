// Rare situations that a campaign must have been in. A simulator that nobody watches gets weaker with every change: a fault is drawn
// less often, a client gives up earlier, and the state that only they lead to is never tried again, while all runs pass.

/** What runs count in `Result.rare`, and how often all runs of a campaign together must reach it. */
export const FLOORS: Readonly<Record<string, number>> = {
  'evidence fork': 5,
  'evidence wrong-vote': 2,
  'founded by less than all': 2,
  'restarted with a ledger': 20,
  'restarted while it caught up': 1,
  'everybody down at once': 2,
  'database taken back at a restart': 3,
  'certified what it voted for before a restart': 3,
  'caught up beside a liar that is ahead': 1,
  'back from a full disk': 2,
  'back from rot': 2,
  'an older disk restored': 2,
  'healed without a machine that stays down': 2,
  'phase synchronizing': 10,
  'phase following': 10,
  'views that followed': 100,
  'joined by less than all': 5,
  'answered as a duplicate': 3,
  'refused a message: BAD_SIGNATURE': 10,
  'refused a message: LIMIT': 1,
  'a unit of more than 1 MiB': 1,
  'a lie was noticed by its receipt': 2,
}

/** States whose floor was not reached, with how often they were. */
export function missed(reached: ReadonlyMap<string, number>): readonly string[] {
  return Object.entries(FLOORS).flatMap(([name, floor]) => {
    const times = reached.get(name) ?? 0
    return times >= floor ? [] : [`"${name}" was reached ${times} times, at least ${floor} are wanted`]
  })
}
