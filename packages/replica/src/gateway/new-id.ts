import { randomBytes } from 'node:crypto'

const TIME_DIGITS = 12
const RANDOM_BYTES = 10
const POOL_BYTES = RANDOM_BYTES * 512

let pool = Buffer.alloc(0)

/**
 * A fresh transaction id: 12 hex digits of milliseconds, then 80 random bits (the idea of UUID version 7, RFC 9562). Ids made
 * one after the other stand side by side in the ledger's index of ids; with random ones every transaction would change a page
 * of its own, which each replica must write and hash.
 */
export function newTransactionId(): string {
  if (pool.length < RANDOM_BYTES) pool = randomBytes(POOL_BYTES)
  const random = pool.toString('hex', 0, RANDOM_BYTES)
  pool = pool.subarray(RANDOM_BYTES)
  return `${Date.now().toString(16).padStart(TIME_DIGITS, '0')}-${random}`
}
