import { crc32 } from 'node:zlib'

/**
 * Checksum of a row, kept beside it: disks give back other bytes than they were given, and SQLite takes any bytes for a blob. Over
 * the key too, so that a row which has come under another key is found out. CRC-32: against rot, not against people.
 */
export function rowSum(key: string | number, ...parts: readonly Uint8Array[]): number {
  let sum = crc32(String(key))
  for (const part of parts) sum = crc32(part, sum)
  return sum
}

/** What a unit's checksum covers beside its bytes. */
export function unitKey(hash: string, creator: number, round: number, own: number): string {
  return `${hash} ${creator} ${round} ${own}`
}
