// How much may be under way to one member at once.
//
// A fixed number is wrong twice: too small leaves a fast member idle, too large fills the queues of a slow one until
// everything times out, is sent again, and makes it worse. So each member has a window that finds its own size, as TCP
// does (Chiu and Jain, 1989: additive increase, multiplicative decrease is what converges to fair shares among senders
// that don't know of one another): one more for every windowful of successes, half for every sign of congestion.
//
// Two traps. A window that isn't used up says nothing about room, so it doesn't grow. And one congestion shows in many
// answers: those to requests sent before the last decrease are no new sign. Each request carries the epoch that it was
// sent in.

/** Smallest window: one request, which finds out whether the member is back. */
export const WINDOW_LEAST = 1

/** The window of one member, in requests. */
export class Window {
  readonly #most: number
  #limit: number
  #credit = 0
  #epoch = 0

  constructor(start: number, most: number) {
    this.#most = Math.max(WINDOW_LEAST, most)
    this.#limit = Math.min(this.#most, Math.max(WINDOW_LEAST, start))
  }

  /** Requests that may be under way: from WINDOW_LEAST to the most it was made with. */
  get limit(): number {
    return this.#limit
  }

  /** Counts the decreases. A request is sent in one. */
  get epoch(): number {
    return this.#epoch
  }

  /** A request was answered in order, that was sent in `epoch` when the window was, or became, full. */
  succeeded(epoch: number, wasFull: boolean): void {
    if (epoch !== this.#epoch || !wasFull) return
    this.#credit += 1
    if (this.#credit < this.#limit) return
    this.#credit = 0
    this.#limit = Math.min(this.#most, this.#limit + 1)
  }

  /** A sign of congestion, on a request sent in `epoch`. False: an old one, which changes nothing. */
  congested(epoch: number): boolean {
    return this.#shrink(epoch, this.#limit >> 1)
  }

  /** The member is away, found on a request sent in `epoch`: when it is back, it starts small. */
  collapsed(epoch: number): boolean {
    return this.#shrink(epoch, WINDOW_LEAST)
  }

  #shrink(epoch: number, to: number): boolean {
    if (epoch !== this.#epoch) return false
    this.#epoch += 1
    this.#credit = 0
    this.#limit = Math.max(WINDOW_LEAST, to)
    return true
  }
}
