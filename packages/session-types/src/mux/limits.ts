/** What one connection may hold. */
export interface MuxLimits {
  /** Sessions that this side has open at a time; more are refused to the caller. */
  readonly openedMax: number
  /** Sessions of the other side whose bodies run at a time; more are refused to it. */
  readonly acceptedMax: number
  /** Sessions that the other side may open per second, on average. */
  readonly opensPerSecond: number
  /** Sessions that it may open at once after a rest. */
  readonly opensBurst: number
  /** Bytes received and not yet asked for by bodies, over all sessions; the session that exceeds it is ended. */
  readonly bufferedBytesMax: number
}

/** Limits of a connection where none are given. */
export const MUX_LIMITS: MuxLimits = {
  openedMax: 256,
  acceptedMax: 128,
  opensPerSecond: 2_000,
  opensBurst: 500,
  bufferedBytesMax: 8_388_608,
}

/** What both sides may send in a session before the other has consumed it, messages' overhead included: 256 KiB. */
export const SESSION_WINDOW_BYTES = 262_144

/** Bounds over all connections that share it: so many strangers together get no more than this. */
export class SessionBudget {
  readonly #sessionsMax: number
  readonly #bytesMax: number
  #sessions = 0
  #bytes = 0

  constructor(limits: { readonly sessionsMax: number; readonly bytesMax: number }) {
    this.#sessionsMax = limits.sessionsMax
    this.#bytesMax = limits.bytesMax
  }

  /** Sessions accepted and running. */
  get sessions(): number {
    return this.#sessions
  }

  /** Bytes received and not yet asked for. */
  get bytes(): number {
    return this.#bytes
  }

  /** False, and nothing changes, where no session is left. */
  takeSession(): boolean {
    if (this.#sessions >= this.#sessionsMax) return false
    this.#sessions += 1
    return true
  }

  giveSession(): void {
    this.#sessions -= 1
  }

  /** Counts bytes; negative ones always go. False, and nothing changes, where they would exceed the bound. */
  charge(bytes: number): boolean {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }
}

/** Lets through `perSecond` on average, and `burst` at once. */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(limits: { readonly perSecond: number; readonly burst: number }, nowMs: number) {
    this.#perSecond = limits.perSecond
    this.#burst = limits.burst
    this.#tokens = limits.burst
    this.#atMs = nowMs
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) * this.#perSecond) / 1000)
    this.#atMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
