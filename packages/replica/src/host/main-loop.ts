// The pump: inputs go into the core one at a time, effects come out and are carried out in their order. Nothing clever stands
// here; what a replica decides is decided in the core, what it touches is touched in a port.

import type { Choam, ChoamEffect, ChoamInput } from '@quorate/choam'
import type { Certificate, Digest, Evidence, Header, Height, MemberId, ViewId, Vote } from '@quorate/types'
import {
  dealSignedBytes,
  encodeMessage,
  encodeUnsignedUnit,
  joinSignedBytes,
  MESSAGE_CODES,
  sealUnit,
  unitHash,
  unitSignedBytes,
  voteSignedBytes,
} from '@quorate/types'
import { must, unreachable } from '@quorate/kernel'
import type { Clock, Execution, Executor, Ledger, Network, Signer } from './ports.ts'

/** A block that became final here: durable on this disk, executed, certified by a quorum. */
export interface FinalBlock {
  readonly header: Header
  readonly hash: Digest
  readonly certificate: Certificate
  /** Undefined where an earlier process executed it: its clients are gone. */
  readonly execution: Execution | undefined
}

/** The world, as the main loop reaches it. */
export interface Ports {
  readonly signer: Signer
  readonly executor: Executor
  readonly ledger: Ledger
  readonly network: Network
  readonly clock: Clock
}

/** Whom the main loop tells. */
export interface Listener {
  onFinal(block: FinalBlock): void
  onReadable(request: number, height: Height): void
  onEvidence(member: MemberId, evidence: Evidence): void
  /** Transactions that can't be ordered here. */
  onUnplaced(transactions: readonly Uint8Array[]): void
  /** A broken invariant, a diverged state, or a disk that failed: the replica must stop. */
  onFatal(reason: Error): void
  onTrace(event: string, detail: Readonly<Record<string, string | number>>): void
}

/** Changes effects on their way out. Only a replica told to misbehave, for drills, has one. */
export type Bend = (effect: ChoamEffect) => readonly ChoamEffect[]

/** A quorum certified another block than ours: our state can't be trusted any more. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError'
  readonly code = 'STATE_DIVERGED'
}

export class MainLoop {
  readonly #core: Choam
  readonly #ports: Ports
  readonly #listener: Listener
  readonly #bend: Bend | undefined
  readonly #inputs: ChoamInput[] = []
  readonly #executions = new Map<Height, Execution>()
  /** Resolves when the newest certificate is on disk. */
  #lastCertificate: Promise<void> = Promise.resolve()
  #pumping = false
  #stopped = false

  constructor(core: Choam, ports: Ports, listener: Listener, bend?: Bend) {
    this.#core = core
    this.#ports = ports
    this.#listener = listener
    this.#bend = bend
  }

  /** Gives the core an input. Inputs that arise while one is handled wait their turn. */
  feed(input: ChoamInput): void {
    if (this.#stopped) return
    this.#inputs.push(input)
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#handle(next)
      this.#ports.clock.alarm(this.#core.wakeAt(), () => this.feed({ kind: 'tick' }))
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#pumping = false
    }
  }

  /** Takes no more inputs and carries out no more effects. */
  stop(): void {
    this.#stopped = true
    this.#inputs.length = 0
    this.#ports.clock.alarm(undefined, () => undefined)
  }

  #handle(input: ChoamInput): void {
    const { clock } = this.#ports
    const effects = this.#core.handle(input, { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() })
    for (const effect of effects) {
      if (this.#bend === undefined) this.#apply(effect)
      else for (const bent of this.#bend(effect)) this.#apply(bent)
    }
  }

  #apply(effect: ChoamEffect): void {
    const { ledger, network, executor } = this.#ports
    switch (effect.kind) {
      case 'send':
        network.send(effect.to, MESSAGE_CODES[effect.message.kind], encodeMessage(effect.message))
        return
      case 'create':
        this.#create(effect)
        return
      case 'execute':
        this.#await(executor.execute(effect), (execution) => {
          this.#executions.set(execution.height, execution)
          this.feed({ kind: 'executed', executed: execution })
        })
        return
      case 'keep':
        this.#keep(effect)
        return
      case 'certified':
        this.#certified(effect)
        return
      case 'ask':
        network.ask(effect.to, effect.ask)
        return
      case 'readable':
        this.#listener.onReadable(effect.request, effect.height)
        return
      case 'evidence':
        this.#await(ledger.putEvidence(effect.member, effect.evidence), () =>
          this.#listener.onEvidence(effect.member, effect.evidence),
        )
        return
      case 'prune':
        this.#await(ledger.pruneUnits(effect.view, effect.below), () => undefined)
        return
      case 'join':
        this.#join(effect.view)
        return
      case 'deal': {
        const { deal } = effect
        this.feed({ kind: 'dealt', deal: { ...deal, signature: this.#ports.signer.sign(dealSignedBytes(deal)) } })
        return
      }
      case 'share':
        this.#ports.signer.viewKeys.keepShare(effect.key, effect.share)
        return
      case 'seated':
        // Not before this disk knows of the view: a restart would begin in the one before, and need its keys.
        this.#await(this.#lastCertificate, () => this.#ports.signer.viewKeys.begun(effect.view, effect.key))
        this.#listener.onTrace('seated', { view: effect.view, seated: effect.key === undefined ? 0 : 1 })
        return
      case 'unplaced':
        this.#listener.onUnplaced(effect.transactions)
        return
      case 'diverged':
        this.#fail(
          new DivergedError(
            `state diverged at height ${effect.height}: this replica made block ${effect.ours}, a quorum certified ${effect.certified}; ` +
              'keep the data directory for examination and start again from an empty one',
          ),
        )
        return
      case 'trace':
        this.#listener.onTrace(effect.event, effect.detail)
        return
      default:
        unreachable(effect)
    }
  }

  /** A key for the next view, and our identity's word for it. */
  #join(view: ViewId): void {
    const { signer } = this.#ports
    const { key, receiver, secret } = signer.viewKeys.publishedIn(view)
    const join = { member: signer.id, view, key, receiver }
    this.feed({ kind: 'joined', join: { ...join, signature: signer.sign(joinSignedBytes(join)) }, secret })
  }

  #create({ unit, key, alongside }: ChoamEffect & { kind: 'create' }): void {
    const { signer, ledger } = this.#ports
    const signature = signer.sign(unitSignedBytes(unitHash(encodeUnsignedUnit(unit))), key)
    const sealed = sealUnit(unit, signature)
    this.#await(ledger.putUnits(sealed, alongside), () => this.feed({ kind: 'created', unit: sealed }))
  }

  #keep({ seat, header, headerBytes, bodyBytes, hash }: ChoamEffect & { kind: 'keep' }): void {
    const { signer, ledger } = this.#ports
    const { height, view } = header
    const { ids, results } = must(this.#executions.get(height), 'a block is kept after it was executed')
    const placed = { view, height, block: hash }
    const vote: Vote | undefined =
      seat === undefined
        ? undefined
        : { ...placed, seat: seat.index, signature: signer.sign(voteSignedBytes(placed), seat.key) }
    this.#await(ledger.putBlock({ height, hash, view, headerBytes, bodyBytes, ids, results, vote }), () =>
      this.feed({ kind: 'kept', height, vote }),
    )
  }

  #certified({ header, hash, certificate }: ChoamEffect & { kind: 'certified' }): void {
    const execution = this.#executions.get(header.height)
    this.#executions.delete(header.height)
    this.#lastCertificate = this.#ports.ledger.putCertificate(header.height, certificate)
    this.#await(this.#lastCertificate, () => undefined)
    this.#listener.onFinal({ header, hash, certificate, execution })
  }

  #await<T>(promise: Promise<T>, then: (value: T) => void): void {
    promise
      .then((value) => {
        if (!this.#stopped) then(value)
      })
      .catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.stop()
    this.#listener.onFatal(error instanceof Error ? error : new Error(String(error)))
  }
}
