// The example of README.md, so that it compiles and runs.

import { Aleph } from '../handler.ts'
import { deterministicCoin } from '../order/coin.ts'
import type { AlephEffect } from '../effect.ts'
import type { AlephInput } from '../input.ts'
import { admitUnit, decodeUnit, encodeItem, millis, seat, sealUnit } from '@quorate/types'
import type { Committee } from '@quorate/types'

/** Four members in one process: no network, no disk, no keys. Returns what each of them ordered. */
export function orderTogether(committee: Committee, texts: readonly string[]): string[][] {
  const coin = deterministicCoin(committee.view)
  const cores = committee.members.map((_, at) => new Aleph({ committee, seat: seat(at), coin }))
  const ordered: string[][] = cores.map(() => [])
  const inbox: { readonly at: number; readonly input: AlephInput }[] = []

  const carryOut = (at: number, effect: AlephEffect): void => {
    if (effect.kind === 'create') {
      // A real host signs here, and writes effect.unit and effect.alongside to disk, before it goes on.
      inbox.push({ at, input: { kind: 'created', unit: sealUnit(effect.unit, new Uint8Array(64)) } })
    } else if (effect.kind === 'ordered') {
      for (const unit of effect.units) if (unit.payload.length > 0) ordered[at]?.push(`${unit.creator}@${unit.round}`)
    } else if (effect.kind === 'send' && effect.message.kind === 'units') {
      const units = effect.message.units.flatMap((bytes) => {
        const unit = decodeUnit(bytes)
        const admitted = unit.ok ? admitUnit(unit.value, committee, () => true) : unit
        return admitted.ok ? [admitted.value] : []
      })
      for (const to of effect.to) inbox.push({ at: to, input: { kind: 'units', from: seat(at), units } })
    }
  }

  texts.forEach((text, at) => {
    const item = encodeItem({ kind: 'transaction', bytes: new TextEncoder().encode(text) })
    inbox.push({ at: at % cores.length, input: { kind: 'submit', items: [item] } })
  })
  for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
    const now = { monotonicMs: millis(0), wallMs: millis(1_700_000_000_000) }
    for (const effect of cores[next.at]?.handle(next.input, now) ?? []) carryOut(next.at, effect)
  }
  return ordered
}
