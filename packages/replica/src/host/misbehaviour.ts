// A replica that lies, for drills and tests: `quorate dev corrupt N`. It runs the true core and changes what leaves it, with the
// member's real key, so its peers meet the faults that the protocol is built for.

import type { ChoamEffect, OwnSeat } from '@quorate/choam'
import type { Digest, MemberId, Message } from '@quorate/types'
import { decodeUnit, encodeUnsignedUnit, sealUnit, unitHash, unitSignedBytes, voteSignedBytes } from '@quorate/types'
import type { Bend } from './main-loop.ts'
import type { Network, Signer } from './ports.ts'

/** The kinds of lies on offer. */
export const MISBEHAVIOURS = ['equivocate', 'garbage', 'silent', 'wrong-root'] as const

/** How a replica lies: two units for one round, frames of noise, nothing at all, or votes for states that aren't. */
export type Misbehaviour = (typeof MISBEHAVIOURS)[number]

type Send = Extract<ChoamEffect, { readonly kind: 'send' }>

/** A unit that differs from the given one only in its clock: signed, well-formed, and a fork. */
function twinOf(bytes: Uint8Array, ownSeat: OwnSeat | undefined, signer: Signer): Uint8Array | undefined {
  const unit = decodeUnit(bytes)
  if (!unit.ok || ownSeat === undefined || unit.value.creator !== ownSeat.index) return undefined
  const { view, creator, round, parents, payload } = unit.value
  const twin = {
    view,
    creator,
    round,
    parents,
    payload,
    timestampMs: (unit.value.timestampMs + 1) as typeof unit.value.timestampMs,
  }
  return sealUnit(twin, signer.sign(unitSignedBytes(unitHash(encodeUnsignedUnit(twin))), ownSeat.key)).bytes
}

function equivocate(effect: Send, ownSeat: OwnSeat | undefined, signer: Signer): readonly ChoamEffect[] {
  if (effect.message.kind !== 'units') return [effect]
  const twins = effect.message.units.map((bytes) => twinOf(bytes, ownSeat, signer) ?? bytes)
  const message: Message = { kind: 'units', units: twins }
  const half = Math.ceil(effect.to.length / 2)
  return [
    { ...effect, to: effect.to.slice(0, half) },
    { ...effect, to: effect.to.slice(half), message },
  ]
}

function wrongRoot(effect: Send, ownSeat: OwnSeat | undefined, signer: Signer): readonly ChoamEffect[] {
  if (effect.message.kind !== 'vote' || ownSeat === undefined) return [effect]
  const { vote } = effect.message
  const first = vote.block.startsWith('0') ? '1' : '0'
  const block = (first + vote.block.slice(1)) as Digest
  return [
    {
      ...effect,
      message: {
        kind: 'vote',
        vote: { ...vote, block, signature: signer.sign(voteSignedBytes({ ...vote, block }), ownSeat.key) },
      },
    },
  ]
}

/** Noise in every shape: unknown codes, known codes with nonsense, long and short. The sequence is fixed, so that a drill repeats. */
function noise(step: number): { readonly code: number; readonly body: Uint8Array } {
  const body = new Uint8Array((step * 7919) % 4096)
  for (let i = 0; i < body.length; i += 1) body[i] = (i * 131 + step * 17) % 256
  return { code: step % 24, body }
}

/** How the main loop's effects are changed for one kind of lie. */
export function bendFor(
  how: Misbehaviour,
  tools: {
    readonly signer: Signer
    readonly network: Network
    /** The seat that it holds now. */
    readonly ownSeat: () => OwnSeat | undefined
    readonly peers: readonly MemberId[]
  },
): Bend {
  let step = 0
  return (effect) => {
    if (effect.kind !== 'send') return [effect]
    switch (how) {
      case 'equivocate':
        return equivocate(effect, tools.ownSeat(), tools.signer)
      case 'wrong-root':
        return wrongRoot(effect, tools.ownSeat(), tools.signer)
      case 'silent':
        return []
      case 'garbage': {
        step += 1
        const { code, body } = noise(step)
        tools.network.send(effect.to, code, body)
        return effect.message.kind === 'units' ? [] : [effect]
      }
    }
  }
}
