import type { MemberId, ViewId } from '@quorate/types'
import { hashOf } from '@quorate/types'

function digits(i: number): Uint8Array {
  return Uint8Array.of(i % 256, Math.floor(i / 256) % 256, Math.floor(i / 65_536))
}

/** The i-th of any number of members. */
export function memberAt(i: number): MemberId {
  return hashOf('join', digits(i)) as string as MemberId
}

/** The i-th of any number of views. */
export function viewAt(i: number): ViewId {
  return hashOf('view', digits(i)) as ViewId
}

/** The first `count` members. */
export function members(count: number): MemberId[] {
  return Array.from({ length: count }, (_, i) => memberAt(i))
}
