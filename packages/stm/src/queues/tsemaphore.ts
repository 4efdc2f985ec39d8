import { StmError } from '../errors.ts'
import type { Tx } from '../transaction.ts'
import { TVar } from '../tvar.ts'

/** A number of permits. Taking some waits until there are enough. */
export class TSemaphore {
  readonly #permits: TVar<number>

  /** @throws StmError `INVALID` unless `permits` is a safe integer, 0 or more. */
  constructor(permits: number) {
    this.#permits = new TVar(counted(permits))
  }

  /** Takes `count` permits; waits while there are fewer. */
  acquire(tx: Tx, count = 1): void {
    tx.check(this.tryAcquire(tx, count))
  }

  /** False, and nothing changes, if there are fewer than `count`. */
  tryAcquire(tx: Tx, count = 1): boolean {
    const permits = tx.read(this.#permits)
    if (permits < counted(count)) return false
    tx.write(this.#permits, permits - count)
    return true
  }

  /** Gives back `count` permits, or adds them. */
  release(tx: Tx, count = 1): void {
    tx.update(this.#permits, (permits) => counted(permits + counted(count)))
  }

  available(tx: Tx): number {
    return tx.read(this.#permits)
  }
}

function counted(permits: number): number {
  if (Number.isSafeInteger(permits) && permits >= 0) return permits
  throw new StmError('INVALID', `${permits} permits, not an integer from 0`)
}
