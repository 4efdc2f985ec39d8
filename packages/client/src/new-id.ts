import { randomUUID } from 'node:crypto'

/** A new transaction id. Store it with what it is for before sending, where doing it twice must not happen. */
export function newTransactionId(): string {
  return randomUUID()
}
