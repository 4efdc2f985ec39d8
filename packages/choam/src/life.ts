// A replica's life as a complete table: every state has an answer to every event, or says that it can't happen. `undefined` keeps
// the state; 'impossible' is a broken invariant.

import { assert } from '@quorate/kernel'

/** Where a replica stands. */
export type Phase = 'initial' | 'founding' | 'operational' | 'following' | 'synchronizing' | 'failed'

/** What moves it. */
export type LifeEvent =
  /** Started on an empty disk. */
  | 'found'
  /** A committee is seated, and this replica holds one of its seats. */
  | 'seated'
  /** A committee is seated without this replica. */
  | 'unseated'
  /** Blocks of others were taken past what was ordered here: ordering starts again behind them. */
  | 'fetched'
  /** As far as the peers are known to be. */
  | 'level'
  /** A quorum certified what this replica contradicts. */
  | 'diverged'

/** The table. */
export const LIFE: Readonly<Record<Phase, Readonly<Record<LifeEvent, Phase | undefined | 'impossible'>>>> = {
  initial: {
    found: 'founding',
    seated: 'operational',
    unseated: 'following',
    fetched: 'impossible',
    level: 'impossible',
    diverged: 'impossible',
  },
  founding: {
    found: 'impossible',
    seated: 'operational',
    unseated: 'following',
    fetched: undefined,
    level: undefined,
    diverged: 'failed',
  },
  operational: {
    found: 'impossible',
    seated: undefined,
    unseated: 'following',
    fetched: 'synchronizing',
    level: undefined,
    diverged: 'failed',
  },
  following: {
    found: 'impossible',
    seated: 'operational',
    unseated: undefined,
    fetched: undefined,
    level: undefined,
    diverged: 'failed',
  },
  synchronizing: {
    found: 'impossible',
    seated: undefined,
    unseated: 'following',
    fetched: undefined,
    level: 'operational',
    diverged: 'failed',
  },
  failed: {
    found: undefined,
    seated: undefined,
    unseated: undefined,
    fetched: undefined,
    level: undefined,
    diverged: undefined,
  },
}

/** The next state. */
export function live(phase: Phase, event: LifeEvent): Phase {
  const next = LIFE[phase][event]
  assert(next !== 'impossible', `${event} while ${phase}`)
  return next ?? phase
}
