// The main loop's durable ledger, kept in the store: what the core says in the ledger's words, the store keeps as bytes.

import type {
  AdmittedUnit,
  Certificate,
  CertifiedBlock,
  Evidence,
  Height,
  MemberId,
  Round,
  ViewId,
} from '@quorate/types'
import { encodeCertificate, encodeEvidence, encodeVote } from '@quorate/types'
import type { Store } from '../store/store.ts'
import type { BlockRecord, Ledger } from './ports.ts'

function unitRecord(unit: AdmittedUnit, own: boolean): Parameters<Store['append']>[0][number] {
  const { view, hash, creator, round, bytes } = unit
  return { kind: 'unit', view, hash, creator, round, own, bytes }
}

export class StoreLedger implements Ledger {
  readonly #store: Pick<Store, 'append' | 'blocks'>

  constructor(store: Pick<Store, 'append' | 'blocks'>) {
    this.#store = store
  }

  putUnits(own: AdmittedUnit, alongside: readonly AdmittedUnit[]): Promise<void> {
    return this.#store.append([...alongside.map((unit) => unitRecord(unit, false)), unitRecord(own, true)])
  }

  putBlock(record: BlockRecord): Promise<void> {
    const { height, headerBytes, bodyBytes, ids, results, vote } = record
    const block = { kind: 'block', height, header: headerBytes, body: bodyBytes, results, transactions: ids } as const
    return this.#store.append(vote === undefined ? [block] : [block, { kind: 'vote', height, bytes: encodeVote(vote) }])
  }

  putCertificate(height: Height, certificate: Certificate): Promise<void> {
    return this.#store.append([{ kind: 'certificate', height, bytes: encodeCertificate(certificate) }])
  }

  putEvidence(member: MemberId, evidence: Evidence): Promise<void> {
    return this.#store.append([{ kind: 'evidence', member, bytes: encodeEvidence(evidence) }])
  }

  pruneUnits(view: ViewId, below: Round): Promise<void> {
    return this.#store.append([{ kind: 'prune-units', view, belowRound: below }])
  }

  async certifiedBlocks(from: Height, count: number, bytesMax: number): Promise<readonly CertifiedBlock[]> {
    const blocks = await this.#store.blocks(from, count, bytesMax)
    const certified: CertifiedBlock[] = []
    for (const { header, body, certificate } of blocks) {
      if (certificate === undefined) break
      certified.push({ header, body, certificate })
    }
    return certified
  }
}
