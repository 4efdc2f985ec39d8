// The ordering by itself: all cores of one committee in one thread, delivering each other's units at once; no signatures, disks
// or sockets. It tells what the protocol's own computation costs as the committee grows.

import { Aleph, deterministicCoin } from '@quorate/aleph'
import type { AlephEffect } from '@quorate/aleph'
import { Committee, encodeItem, hashOf, millis, sealUnit, seat } from '@quorate/types'
import type { AdmittedUnit, MemberId, ViewId } from '@quorate/types'
import { decodePayload } from '@quorate/types'

const ITEM_BYTES = 128
const ITEMS_PER_UNIT = 100

/** Transactions of `ITEM_BYTES` bytes ordered by a committee of `members`, per second of one core's time. */
export function benchOrdering(members: number, seconds: number): number {
  const view = hashOf('view', new Uint8Array(0)) as ViewId
  const ids = Array.from({ length: members }, (_, i) => hashOf('join', Uint8Array.of(i)) as string as MemberId)
  const committee = new Committee(
    view,
    ids.map((id) => ({ id, key: id as string as Committee['members'][number]['key'] })),
  )
  const cores = ids.map((_, i) => new Aleph({ committee, seat: seat(i), coin: deterministicCoin(view) }))
  const item = encodeItem({ kind: 'transaction', bytes: new Uint8Array(ITEM_BYTES) })
  const batch = Array.from({ length: ITEMS_PER_UNIT }, () => item)
  const admitted = new Map<Uint8Array, AdmittedUnit>()
  const queue: { readonly to: number; readonly from: number; readonly unit: AdmittedUnit }[] = []
  const signature = new Uint8Array(64)
  let ordered = 0
  const now = { monotonicMs: millis(0), wallMs: millis(0) }
  const apply = (at: number, effects: readonly AlephEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'create') {
        const unit = sealUnit(effect.unit, signature)
        admitted.set(unit.bytes, unit)
        const core = cores[at]
        if (core !== undefined) apply(at, core.handle({ kind: 'created', unit }, now))
      } else if (effect.kind === 'send' && effect.message.kind === 'units') {
        for (const bytes of effect.message.units) {
          const unit = admitted.get(bytes)
          if (unit !== undefined) for (const to of effect.to) queue.push({ to, from: at, unit })
        }
      } else if (effect.kind === 'ordered' && at === 0) {
        for (const unit of effect.units) {
          admitted.delete(unit.bytes)
          const items = decodePayload(unit.payload)
          if (items.ok) ordered += items.value.length
        }
      }
    }
  }
  const began = performance.now()
  let head = 0
  while (performance.now() < began + seconds * 1000) {
    if (head === queue.length) {
      queue.length = 0
      head = 0
      now.monotonicMs = millis(now.monotonicMs + 1)
      cores.forEach((core, at) =>
        apply(at, core.handle(core.room.items > 60_000 ? { kind: 'submit', items: batch } : { kind: 'tick' }, now)),
      )
      continue
    }
    const next = queue[head]
    head += 1
    if (next !== undefined)
      apply(next.to, cores[next.to]?.handle({ kind: 'units', from: seat(next.from), units: [next.unit] }, now) ?? [])
    if (head > 10_000) queue.splice(0, head)
    if (head > 10_000) head = 0
  }
  return Math.round((ordered / (performance.now() - began)) * 1000)
}
