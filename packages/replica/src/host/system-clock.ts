import { performance } from 'node:perf_hooks'
import { millis } from '@quorate/types'
import type { Millis } from '@quorate/types'
import type { Clock } from './ports.ts'

/** The machine's clocks. Alarms ring to the millisecond; one that is due rings after the present turn of the event loop. */
export class SystemClock implements Clock {
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  monotonicMs(): Millis {
    return millis(performance.now())
  }

  wallMs(): Millis {
    return millis(Date.now())
  }

  alarm(atMs: Millis | undefined, ring: () => void): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#immediate !== undefined) clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    if (atMs === undefined) return
    const waitMs = atMs - performance.now()
    if (waitMs <= 0) this.#immediate = setImmediate(ring)
    else this.#timer = setTimeout(ring, waitMs)
  }
}
