// Sees every replica and believes none. What is promised is checked when it could first be broken: at each final block, each
// admitted signature, each accusation, each stop. It looks at honest members only; what the faulty ones do is their affair, unless
// an honest one falls for it.

import type { AdmissionError, Choam } from '@quorate/choam'
import type { FinalBlock } from '@quorate/replica/host'
import { committeeSeatedBy } from '@quorate/membership'
import type { Committee, Digest, Evidence, Genesis, MemberId, ViewId, Vote } from '@quorate/types'
import {
  blockHash,
  checkCertificate,
  decodeBody,
  decodeHeader,
  decodeUnit,
  foundersCommittee,
  unitSignedBytes,
  voteSignedBytes,
} from '@quorate/types'
import type { Chronicle } from './chronicle.ts'
import type { KeyRing } from './keys.ts'
import type { LedgerBook } from './ledger-book.ts'
import type { SimReplica, Watcher } from './replica.ts'
import type { World } from './world.ts'

type Heard = Parameters<Choam['handle']>[0]

/** Rounds whose signatures are remembered per creator: more than replicas keep. */
const SLOTS_MAX = 200_000
/** What honest replicas pack into a unit at most. */
const LONG_BYTES = 1024 * 1024
/** Block time may lag behind every honest clock by so much: what is promised is that nobody moves it by years. */
const LATE_MS_MAX = 365 * 86_400_000

/** What the observer stands on. */
export interface ObserverParts {
  readonly world: World
  readonly genesis: Genesis
  readonly ring: KeyRing
  readonly book: LedgerBook
  readonly chronicle: Chronicle
  /** Numbers of the members that the failure model calls faulty. */
  readonly faulty: ReadonlySet<number>
  /** Called when a replica begins to fetch what it lacks. */
  readonly onCatchUp: (replica: SimReplica) => void
  /** Called when a replica stopped by itself, after the observer judged it. */
  readonly onStopped: (replica: SimReplica, code: string) => void
}

export class Observer implements Watcher {
  readonly #parts: ObserverParts
  readonly #numbers = new Map<MemberId, number>()
  /** Units that were looked at. */
  readonly #seen = new Set<string>()
  readonly #signed = new Map<string, string>()
  readonly #replicas = new Map<number, SimReplica>()
  /** Highest height that each machine's process has made final. */
  readonly #finals = new Map<SimReplica, number>()
  /** Newest block, certified or not, that each machine's process began with. */
  readonly #tipAtStart = new Map<SimReplica, number>()
  /** What was done to a machine: codes that it may stop with. */
  readonly #expected = new Map<SimReplica, Set<string>>()
  /** Every committee that was seated, by view. */
  readonly #committees = new Map<ViewId, Committee>()
  /** How often something rare happened, by name. */
  readonly rare = new Map<string, number>()

  constructor(parts: ObserverParts) {
    this.#parts = parts
    const founders = foundersCommittee(parts.genesis)
    this.#committees.set(founders.view, founders)
    parts.genesis.founders.forEach(({ id }, number) => this.#numbers.set(id, number))
  }

  /** Makes the machines known. */
  watch(replicas: readonly SimReplica[]): void {
    for (const replica of replicas) if (!this.#replicas.has(replica.member)) this.#replicas.set(replica.member, replica)
  }

  isHonest(member: number): boolean {
    return !this.#parts.faulty.has(member)
  }

  /** Notes that something rare was reached. */
  count(name: string): void {
    this.rare.set(name, (this.rare.get(name) ?? 0) + 1)
  }

  /** From now on a stop of this machine with this code is no surprise. */
  expect(replica: SimReplica, code: string): void {
    const codes = this.#expected.get(replica) ?? new Set()
    this.#expected.set(replica, codes.add(code))
  }

  /** Height that a process of the machine has made final; -1 for none. */
  finalOf(replica: SimReplica): number {
    return this.#finals.get(replica) ?? -1
  }

  started(replica: SimReplica): void {
    const { chronicle } = this.#parts
    const certified = replica.core?.status().certified ?? -1
    this.#finals.set(replica, certified)
    this.#tipAtStart.set(replica, replica.machine.disk.tipHeight)
    chronicle.tell(replica, `started at ${certified}`)
    if (certified >= 0) this.count('restarted with a ledger')
  }

  trace(replica: SimReplica, event: string, detail: Readonly<Record<string, string | number>>): void {
    if (event !== 'phase') return
    if (detail['after'] === 'synchronizing') this.#parts.onCatchUp(replica)
    this.#parts.chronicle.tell(replica, `${detail['before']} -> ${detail['after']}`)
    this.count(`phase ${detail['after']}`)
    if (detail['after'] === 'synchronizing' && this.#isLiarAhead(replica))
      this.count('caught up beside a liar that is ahead')
  }

  #isLiarAhead(replica: SimReplica): boolean {
    const own = replica.core?.status().certified ?? -1
    const others = [...this.#replicas.values()].filter((other) => !this.isHonest(other.member))
    return others.some((other) => (other.core?.status().certified ?? -1) > own)
  }

  refused(replica: SimReplica, from: MemberId, { code, message }: AdmissionError): void {
    if (!this.isHonest(replica.member)) return
    this.count(`refused a message: ${code}`)
    const member = this.#numbers.get(from)
    // A view may be unknown to who is behind, and who was asked for units may have none. Nothing else that honest members say
    // is wrong, and what they pass on they checked.
    const isNoFault = code === 'UNKNOWN_VIEW'
    if (member !== undefined && this.isHonest(member) && !isNoFault)
      this.#parts.world.fail('refused', `member ${replica.member} refuses honest member ${member}: ${code}: ${message}`)
  }

  stopped(replica: SimReplica, reason: Error): void {
    const code = 'code' in reason ? String(reason.code) : reason.name
    this.#parts.chronicle.tell(replica, `stopped: ${code}: ${reason.message}`)
    this.count(`stopped ${code}`)
    const isExpected = this.#expected.get(replica)?.has(code) === true
    if (!isExpected && this.isHonest(replica.member))
      this.#parts.world.fail(
        'stopped',
        `member ${replica.member} stopped by itself: ${code}: ${reason.message}\n${reason.stack}`,
      )
    this.#parts.onStopped(replica, code)
  }

  // ---- blocks

  final(replica: SimReplica, { header, hash, certificate, execution }: FinalBlock): void {
    const { world, book, chronicle } = this.#parts
    const who = `member ${replica.member}`
    chronicle.tell(replica, `final ${header.height} ${hash.slice(0, 8)} ${execution?.hashes.length ?? 0} tx`)
    world.stirText(hash)
    if (!this.isHonest(replica.member)) return
    // A certificate is stored lazily: what was final before a restart may be certified, and told, once more.
    const isToldAgain = execution === undefined && header.height <= this.finalOf(replica)
    if (!isToldAgain) this.#follows(replica, header.height)
    if (header.height <= (this.#tipAtStart.get(replica) ?? -1))
      this.count('certified what it voted for before a restart')
    this.#finals.set(replica, header.height)
    this.learn(replica, header.height)
    const known = book.at(header.height)
    if (known === undefined) return
    if (known.hash !== hash)
      return world.fail('agreement', `${who} has block ${hash} at height ${header.height}, another has ${known.hash}`)
    const committee = this.#committees.get(header.view)
    if (committee === undefined) return world.fail('certificate', `${who}: nobody seated view ${header.view}`)
    const placed = { view: header.view, height: header.height, block: hash }
    const checked = checkCertificate(certificate, placed, committee, this.#parts.ring.verify)
    if (!checked.ok)
      world.fail('certificate', `${who}, block ${header.height}: ${checked.error.code}: ${checked.error.message}`)
  }

  /** Finals come in a row; only what was voted for before a restart, and is on the disk, becomes final without a word. */
  #follows(replica: SimReplica, height: number): void {
    const before = this.finalOf(replica)
    const silentTo = this.#tipAtStart.get(replica) ?? -1
    if (height !== before + 1 && (height <= before || height - 1 > silentTo))
      this.#parts.world.fail('prefix', `member ${replica.member} made block ${height} final behind block ${before}`)
  }

  /** Takes from a replica's disk the blocks up to `height`, which it has certified, as far as nobody told of them before. */
  learn(replica: SimReplica, height: number): void {
    const { book, world } = this.#parts
    const who = `member ${replica.member}`
    for (let at = book.tip + 1; at <= height && world.violation === undefined; at += 1) {
      const stored = replica.machine.disk.peek(at)
      const header = stored === undefined ? undefined : decodeHeader(stored.header)
      if (stored === undefined || header?.ok !== true)
        return world.fail('durable', `${who} has certified block ${at}, which its disk does not hold`)
      const hash = blockHash(stored.header)
      this.#seat(hash, stored.body)
      const wrong = book.enter(header.value, hash, stored)
      if (wrong !== undefined) world.fail(wrong[0], `${who}: ${wrong[1]}`)
      if (at > 0) this.#checkTime(at, header.value.timeMs)
    }
  }

  /** Block time lies among what honest clocks have shown. */
  #checkTime(height: number, timeMs: number): void {
    const honest = [...this.#replicas.values()].filter((replica) => this.isHonest(replica.member))
    const extremes = honest.map((replica) => replica.machine.clock.extremesMs)
    const lowest = Math.min(...extremes.map((each) => each[0])) - LATE_MS_MAX
    const highest = Math.max(...extremes.map((each) => each[1]))
    if (timeMs < lowest || timeMs > highest)
      this.#parts.world.fail('clock', `block ${height} is of ${timeMs}, honest clocks showed ${lowest} to ${highest}`)
  }

  #seat(hash: Digest, bodyBytes: Uint8Array): void {
    const body = decodeBody(bodyBytes)
    if (!body.ok || (body.value.kind !== 'genesis' && body.value.kind !== 'reconfigure')) return
    const committee = committeeSeatedBy(this.#parts.genesis, hash, body.value)
    if (body.value.kind === 'reconfigure') this.count('views that followed')
    if (body.value.joins.length < committee.size)
      this.count(body.value.kind === 'genesis' ? 'founded by less than all' : 'joined by less than all')
    this.#committees.set(committee.view, committee)
  }

  // ---- signatures

  heard(_by: SimReplica, input: Heard): void {
    const message = input.kind === 'message' ? input.message : input.kind === 'answer' ? input.answer : undefined
    if (message === undefined) return
    if (message.kind === 'units') {
      for (const unit of message.units) {
        if (this.#seen.has(unit.hash)) continue
        this.#seen.add(unit.hash)
        if (unit.payload.length > LONG_BYTES) this.count('a unit of more than 1 MiB')
        const member = this.#memberAt(unit.view, unit.creator)
        if (member === undefined || !this.isHonest(member)) continue
        this.#once(
          `${member} u ${unit.view} ${unit.round}`,
          unit.hash,
          `member ${member} signed two units for round ${unit.round}`,
        )
        const isDurable = this.#replicas.get(member)?.machine.disk.ownUnits.has(unit.hash) ?? true
        if (!isDurable)
          this.#parts.world.fail(
            'durable',
            `member ${member} sent its unit of round ${unit.round} before it was on disk`,
          )
      }
    } else if (message.kind === 'vote') this.#heardVote(message.vote)
  }

  #heardVote({ view, height, seat, block }: Vote): void {
    const member = this.#memberAt(view, seat)
    if (member === undefined || !this.isHonest(member)) return
    this.#once(`${member} v ${view} ${height}`, block, `member ${member} voted for two blocks at height ${height}`)
    if (this.#replicas.get(member)?.machine.disk.peek(height) === undefined)
      this.#parts.world.fail('durable', `member ${member} sent its vote for height ${height} before it was on disk`)
  }

  #memberAt(view: Vote['view'], seat: Vote['seat']): number | undefined {
    const committee = this.#committees.get(view)
    if (committee?.has(seat) !== true) return undefined
    return this.#numbers.get(committee.at(seat).id)
  }

  #once(slot: string, hash: string, what: string): void {
    const known = this.#signed.get(slot)
    if (known === undefined) {
      if (this.#signed.size >= SLOTS_MAX) this.#signed.clear()
      this.#signed.set(slot, hash)
    } else if (known !== hash) this.#parts.world.fail('double-sign', `${what}: ${known} and ${hash}`)
  }

  // ---- accusations

  evidence(replica: SimReplica, accused: MemberId, evidence: Evidence): void {
    const { world, chronicle } = this.#parts
    const member = this.#numbers.get(accused)
    chronicle.tell(replica, `accuses member ${member}: ${evidence.kind}`)
    this.count(`evidence ${evidence.kind}`)
    if (!this.isHonest(replica.member)) return
    if (member === undefined || this.isHonest(member))
      world.fail('accusation', `member ${replica.member} accuses honest member ${member} of ${evidence.kind}`)
    const committees = [...this.#committees.values()]
    if (!committees.some((committee) => this.#proves(evidence, accused, committee)))
      world.fail('accusation', `member ${replica.member} stored evidence of ${evidence.kind} that proves nothing`)
  }

  #proves(evidence: Evidence, accused: MemberId, committee: Committee): boolean {
    const { verify } = this.#parts.ring
    const seat = committee.seatOf(accused)
    if (seat === undefined) return false
    const { key } = committee.at(seat)
    if (evidence.kind === 'wrong-vote') {
      const { vote, block, certificate } = evidence
      const certified = checkCertificate(
        certificate,
        { view: vote.view, height: vote.height, block },
        committee,
        verify,
      )
      return (
        certified.ok && vote.block !== block && vote.seat === seat && verify(key, voteSignedBytes(vote), vote.signature)
      )
    }
    const first = decodeUnit(evidence.first)
    const second = decodeUnit(evidence.second)
    if (!first.ok || !second.ok) return false
    const isSlot = first.value.round === second.value.round && first.value.hash !== second.value.hash
    return (
      isSlot &&
      [first.value, second.value].every(
        (unit) =>
          unit.creator === seat &&
          unit.view === committee.view &&
          verify(key, unitSignedBytes(unit.hash), unit.signature),
      )
    )
  }
}
