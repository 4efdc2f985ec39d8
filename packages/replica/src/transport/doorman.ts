// Anyone can open a connection; a TLS handshake costs a millisecond of the replica's loop. So before any handshake each
// address pays one token of a small, refilling allowance, and gets it back once it has shown that it is a peer. An
// attacker's address runs dry without touching others; peers behind one address (a test cluster on loopback) never do,
// since they get theirs back.

import type { Refusal } from './refusal.ts'
import { TRANSPORT_LIMITS } from './limits.ts'

interface Allowance {
  tokens: number
  atMs: number
}

/** Admits connections to the handshake. Pure: the time comes in. */
export class Doorman {
  readonly #allowances = new Map<string, Allowance>()
  #strangers = 0

  /** Connections admitted that have not shown who they are. */
  get strangers(): number {
    return this.#strangers
  }

  /** Undefined admits; then `leave` must follow exactly once. */
  enter(address: string, nowMs: number): Refusal | undefined {
    if (this.#strangers >= TRANSPORT_LIMITS.strangersMax) return 'crowded'
    const allowance = this.#allowance(addressGroup(address), nowMs)
    if (allowance.tokens < 1) return 'too-often'
    allowance.tokens -= 1
    this.#strangers += 1
    return undefined
  }

  /** The connection has shown to be a peer's (`trusted`), or is gone. */
  leave(address: string, trusted: boolean, nowMs: number): void {
    this.#strangers -= 1
    if (!trusted) return
    const allowance = this.#allowance(addressGroup(address), nowMs)
    allowance.tokens = Math.min(TRANSPORT_LIMITS.strangerBurst, allowance.tokens + 1)
  }

  #allowance(group: string, nowMs: number): Allowance {
    const known = this.#allowances.get(group)
    if (known !== undefined) {
      const refill = ((nowMs - known.atMs) / 1000) * TRANSPORT_LIMITS.strangerRefillPerS
      known.tokens = Math.min(TRANSPORT_LIMITS.strangerBurst, known.tokens + Math.max(0, refill))
      known.atMs = nowMs
      return known
    }
    if (this.#allowances.size >= TRANSPORT_LIMITS.addressesMax) {
      // The longest known goes: it may start afresh, which is cheaper than a search for one that is full again.
      const [oldest] = this.#allowances.keys()
      if (oldest !== undefined) this.#allowances.delete(oldest)
    }
    const fresh = { tokens: TRANSPORT_LIMITS.strangerBurst, atMs: nowMs }
    this.#allowances.set(group, fresh)
    return fresh
  }
}

/** What shares one allowance: an IPv4 address, or the 64-bit prefix that one holder of IPv6 addresses usually has. */
export function addressGroup(address: string): string {
  const mapped = address.slice(address.lastIndexOf(':') + 1)
  if (mapped.includes('.')) return mapped
  const [front = '', back = ''] = address.split('::')
  const groups = front.split(':').filter((group) => group !== '')
  const tail = address.includes('::') ? back.split(':').filter((group) => group !== '') : []
  while (groups.length + tail.length < 8) groups.push('0')
  return [...groups, ...tail].slice(0, 4).join(':')
}
