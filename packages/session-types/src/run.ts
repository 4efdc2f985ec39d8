import type { Chan, Finished } from './chan.ts'
import { Channel } from './channel.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { Pipe } from './pipe.ts'
import type { Protocol, View } from './protocol.ts'
import { Session } from './session.ts'
import type { Role } from './state-table.ts'

/** One side's part in a session. Has to end it: only `close()`, which only an ended channel has, gives what it returns. */
export type Body<P, T> = (chan: Chan<P>) => Promise<Finished<T>>

/**
 * Runs one side of a session over a pipe of its own. However `body` leaves, the session is ended: where it throws or returns
 * early, the other side is told that it was aborted (not why: that is nobody else's business).
 *
 * Rejects with a {@link SessionError}, or with whatever else `body` threw.
 */
export async function run<P, R extends Role, T>(
  protocol: Protocol<P>,
  role: R,
  pipe: Pipe,
  body: Body<View<P, R>, T>,
  options: { readonly clock?: Clock } = {},
): Promise<T> {
  const session = new Session({ protocol, role, pipe, clock: options.clock ?? systemClock })
  return conduct(session, body)
}

/** `run` for a session that is made already. */
export async function conduct<P, T>(session: Session, body: Body<P, T>): Promise<T> {
  try {
    session.begin()
    // The one place where the machine gets its type: the table was compiled from `P`.
    const finished = await body(new Channel(session) as unknown as Chan<P>)
    const early = session.settle('left early')
    if (early !== undefined) throw early
    return finished.value
  } catch (error) {
    session.settle('')
    throw error
  }
}
