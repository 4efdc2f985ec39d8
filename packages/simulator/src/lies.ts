// Byzantine members. Each runs the true core with its true key and changes what leaves it: so its lies are well formed, rightly
// signed, and come at the worst moments, those of the protocol itself. Twins need no code here: they are two machines that don't
// know of each other.

import type { ChoamEffect } from '@quorate/choam'
import type { Answer, Ask, Digest, MemberId, Message, Millis, UncheckedUnit, UnsignedUnit } from '@quorate/types'
import {
  decodeUnit,
  encodeUnsignedUnit,
  height,
  millis,
  round,
  seat,
  sealUnit,
  unitHash,
  UNIT_PAYLOAD_BYTES_MAX,
  unitSignedBytes,
  voteSignedBytes,
} from '@quorate/types'
import { crafted, CRAFTS, farUnit, noisePayload } from './crafted-units.ts'
import { lyingGateway } from './gateway.ts'
import type { MemberSigner } from './keys.ts'
import type { SimNetwork } from './network.ts'
import type { Lie } from './plan.ts'
import type { Random } from './random.ts'
import type { Liar, SimReplica } from './replica.ts'

/** Units of a fork bomb. */
const BOMB = 16
/** A height that nobody reaches. */
const FAR = height(1_000_000)

type Send = Extract<ChoamEffect, { readonly kind: 'send' }>

/** What a liar has. */
export interface LiarTools {
  /** Signs with the key of the seat that it holds now. */
  readonly signer: Pick<MemberSigner, 'id' | 'sign'>
  readonly network: SimNetwork
  readonly random: Random
  readonly peers: readonly MemberId[]
  readonly replica: SimReplica
}

type Change = (effect: Send, tools: LiarTools) => readonly ChoamEffect[]

function sign(unit: UnsignedUnit, signer: LiarTools['signer']): Uint8Array {
  return sealUnit(unit, signer.sign(unitSignedBytes(unitHash(encodeUnsignedUnit(unit))))).bytes
}

/** The own units of a message changed, the others as they are. */
function changeUnits(effect: Send, tools: LiarTools, change: (unit: UncheckedUnit) => Uint8Array): Send {
  const { message } = effect
  if (message.kind !== 'units') return effect
  const status = tools.replica.core?.status()
  const units = message.units.map((bytes) => {
    const unit = decodeUnit(bytes)
    return unit.ok && unit.value.view === status?.view && unit.value.creator === status.seat
      ? change(unit.value)
      : bytes
  })
  return { ...effect, message: { kind: 'units', units } }
}

function halves(effect: Send, other: Message): readonly Send[] {
  const half = Math.ceil(effect.to.length / 2)
  return [
    { ...effect, to: effect.to.slice(0, half) },
    { ...effect, to: effect.to.slice(half), message: other },
  ]
}

function otherDigest(digest: Digest, random: Random): Digest {
  const at = random.whole(0, 63)
  const digit = digest[at] === '0' ? '1' : '0'
  return (digest.slice(0, at) + digit + digest.slice(at + 1)) as Digest
}

/** One field of the unit changed, small changes first: they pass the most checks. */
function mutated(unit: UncheckedUnit, { random }: LiarTools): UnsignedUnit {
  const { view, creator, parents, timestampMs, payload } = unit
  const plain: UnsignedUnit = { view, creator, round: unit.round, parents, timestampMs, payload }
  const known = parents.flatMap((parent, at) => (parent === undefined ? [] : [at]))
  const someParent = known.length === 0 ? -1 : random.pick(known)
  switch (random.whole(0, 6)) {
    case 0:
      return { ...plain, round: round(unit.round + 1) }
    case 1:
      return { ...plain, round: round(Math.max(0, unit.round - 1)) }
    case 2:
      return { ...plain, parents: parents.map((parent, at) => (at === someParent ? undefined : parent)) }
    case 3:
      return {
        ...plain,
        parents: parents.map((parent, at) =>
          at === someParent && parent !== undefined ? { ...parent, hash: otherDigest(parent.hash, random) } : parent,
        ),
      }
    case 4:
      return {
        ...plain,
        parents: parents.map((parent, at) =>
          at === someParent && parent !== undefined
            ? { ...parent, round: round(Math.max(0, parent.round - 1)) }
            : parent,
        ),
      }
    case 5:
      return { ...plain, view: otherDigest(view as string as Digest, random) as string as typeof view }
    default:
      return { ...plain, payload: Uint8Array.from({ length: random.whole(1, 200) }, () => random.whole(0, 255)) }
  }
}

function wrongTime(unit: UncheckedUnit, random: Random): UnsignedUnit {
  const byMs = random.pick([-1e12, -86_400_000, 86_400_000, 1e12])
  return { ...unit, timestampMs: millis(Math.max(0, unit.timestampMs + byMs)) as Millis }
}

/** The hash of nothing. */
function unknownDigest(random: Random): Digest {
  return Array.from({ length: 64 }, () => random.whole(0, 15).toString(16)).join('') as Digest
}

function noise(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.whole(0, 600) }, () => random.whole(0, 255))
}

/** In another's name, signed with the own key: the own unit, and the own vote for another block. */
function forge(effect: Send, tools: LiarTools): readonly ChoamEffect[] {
  const { signer, random, replica } = tools
  const { message } = effect
  const view = message.kind === 'vote' ? message.vote.view : replica.core?.status().view
  const committee = view === undefined ? undefined : replica.core?.committeeOf(view)
  const others = [...Array(committee?.size ?? 0).keys()].filter((each) => each !== committee?.seatOf(signer.id))
  if (others.length === 0) return [effect]
  const victim = seat(random.pick(others))
  if (message.kind === 'vote') {
    const forged = { ...message.vote, seat: victim, block: otherDigest(message.vote.block, random) }
    const vote = { ...forged, signature: signer.sign(voteSignedBytes(forged)) }
    return [effect, { ...effect, message: { kind: 'vote', vote } }]
  }
  if (message.kind !== 'units') return [effect]
  const forged = changeUnits(effect, tools, (unit) =>
    sign({ ...unit, creator: victim, timestampMs: millis(unit.timestampMs + 1) }, signer),
  )
  return [effect, forged]
}

/** Many units for one round, to each peer a different one first. */
function forkBomb(effect: Send, tools: LiarTools): readonly ChoamEffect[] {
  if (effect.message.kind !== 'units' || effect.message.units.length > 1) return [effect]
  const forks: Uint8Array[] = []
  changeUnits(effect, tools, (unit) => {
    for (let copy = 1; copy <= BOMB; copy += 1)
      forks.push(sign({ ...unit, timestampMs: millis(unit.timestampMs + copy) }, tools.signer))
    return unit.bytes
  })
  if (forks.length === 0) return [effect]
  const first = effect.to.map((to, at): Send => {
    const order = [...forks.slice(at % forks.length), ...forks.slice(0, at % forks.length)]
    return { ...effect, to: [to], message: { kind: 'units', units: order } }
  })
  return [...first, effect]
}

/** The own unit, and now and then one beside it that is longer than any may be. */
function tooLong(effect: Send, tools: LiarTools): readonly ChoamEffect[] {
  if (effect.message.kind !== 'units' || !tools.random.chance(0.05)) return [effect]
  const payload = noisePayload(UNIT_PAYLOAD_BYTES_MAX + 1, tools.random)
  return [effect, changeUnits(effect, tools, (unit) => sign({ ...unit, payload }, tools.signer))]
}

/** Units of rounds far ahead beside each own one. */
function farAhead(effect: Send, tools: LiarTools): readonly ChoamEffect[] {
  const { random, signer } = tools
  if (effect.message.kind !== 'units') return [effect]
  const hash = (): Digest => unknownDigest(random)
  return [effect, changeUnits(effect, tools, (unit) => sign(farUnit(unit, random, hash), signer))]
}

/** Questions, noise and copies, many for each thing sent. */
function spam(effect: Send, { network, random, peers, replica }: LiarTools): readonly ChoamEffect[] {
  const view = replica.core?.status().view
  if (view === undefined || !random.chance(0.3)) return [effect]
  const hashes = Array.from({ length: 64 }, () => otherDigest('0'.repeat(64) as Digest, random))
  const questions: Ask[] = [
    { kind: 'blocks', from: height(random.whole(0, 50)), count: 1024 },
    { kind: 'units', view, hashes },
    { kind: 'voted', question: random.whole(0, 1000) },
  ]
  for (const peer of peers)
    for (let copy = 0; copy < 3; copy += 1) network.send(replica, peer, random.whole(0, 255), noise(random))
  return [effect, effect, ...questions.map((ask): ChoamEffect => ({ kind: 'ask', to: effect.to, ask }))]
}

const CHANGES: Readonly<Record<Exclude<Lie, 'twins'>, Change>> = {
  silent: () => [],
  late: (effect) => [effect],
  equivocate: (effect, tools) => {
    if (effect.message.kind !== 'units') return [effect]
    const other = changeUnits(effect, tools, (unit) =>
      sign({ ...unit, timestampMs: millis(unit.timestampMs + 1) }, tools.signer),
    )
    return halves(effect, other.message)
  },
  mutate: (effect, tools) =>
    tools.random.chance(0.5)
      ? [effect]
      : [changeUnits(effect, tools, (unit) => sign(mutated(unit, tools), tools.signer))],
  garbage: (effect, { network, random, replica }) => {
    for (const peer of effect.to) network.send(replica, peer, random.whole(0, 12), noise(random))
    return random.chance(0.5) ? [effect] : []
  },
  'wrong-root': (effect, { signer, random }) => {
    if (effect.message.kind !== 'vote') return [effect]
    const { vote } = effect.message
    const placed = { ...vote, block: otherDigest(vote.block, random) }
    const wrong: Message = { kind: 'vote', vote: { ...placed, signature: signer.sign(voteSignedBytes(placed)) } }
    return random.chance(0.5) ? [{ ...effect, message: wrong }] : halves(effect, wrong)
  },
  'bad-signature': (effect, tools) => {
    if (effect.message.kind === 'vote') {
      const { vote } = effect.message
      // A signature that is true, of another height: replayed.
      const elsewhere = { ...vote, height: height(vote.height + 1) }
      return [{ ...effect, message: { kind: 'vote', vote: elsewhere } }]
    }
    return [
      changeUnits(effect, tools, (unit) => {
        const bytes = unit.bytes.slice()
        const at = bytes.length - 1 - tools.random.whole(0, 63)
        bytes[at] = (bytes[at] ?? 0) ^ 1
        return tools.random.chance(0.5) ? bytes : unit.bytes
      }),
    ]
  },
  'wrong-time': (effect, tools) => [
    changeUnits(effect, tools, (unit) => sign(wrongTime(unit, tools.random), tools.signer)),
  ],
  withhold: (effect, { random }) =>
    effect.message.kind === 'units' ? [{ ...effect, to: effect.to.slice(0, random.whole(0, 1)) }] : [effect],
  'tall-tales': (effect) =>
    effect.message.kind === 'tip' ? [{ ...effect, message: { kind: 'tip', certified: FAR, voted: FAR } }] : [effect],
  spam,
  forge,
  'fork-bomb': forkBomb,
  'far-future': farAhead,
  oversize: tooLong,
  // These are told when units are made.
  censor: (effect) => [effect],
  'wrong-clock': (effect) => [effect],
  // This is told to clients.
  gateway: (effect) => [effect],
}

/** What a liar answers, where it does not answer the truth; undefined for nothing. */
const ANSWERS: Readonly<Partial<Record<Lie, (answer: Answer, random: Random) => Answer | undefined>>> = {
  silent: () => undefined,
  'tall-tales': (answer) =>
    answer.kind === 'voted'
      ? { ...answer, voted: FAR }
      : { ...answer, ...(answer.kind === 'units' ? { units: [] } : { blocks: [] }) },
  garbage: (answer, random) => (answer.kind === 'units' ? { kind: 'units', units: [noise(random)] } : answer),
  mutate: (answer) => (answer.kind === 'blocks' ? { kind: 'blocks', blocks: answer.blocks.toReversed() } : answer),
}

/** How what leaves a machine is changed for one lie. */
export function liarOf(lie: Exclude<Lie, 'twins'>, tools: LiarTools): Liar {
  if (lie === 'late') tools.replica.tarryMs = tools.random.between(50, 3000)
  const change = CHANGES[lie]
  const crafter = isCraft(lie) ? CRAFTS[lie](tools) : undefined
  return {
    bend: (effect) => {
      if (effect.kind === 'ask' && lie === 'silent') return []
      if (effect.kind === 'create' && crafter !== undefined) return [crafted(effect, crafter)]
      return effect.kind === 'send' ? change(effect, tools) : [effect]
    },
    gateway: (front) => (lie === 'gateway' ? lyingGateway(front, tools.random) : front),
    answer: (answer) => {
      const instead = ANSWERS[lie]
      return instead === undefined ? answer : instead(answer, tools.random)
    },
  }
}

function isCraft(lie: Lie): lie is keyof typeof CRAFTS {
  return lie in CRAFTS
}
