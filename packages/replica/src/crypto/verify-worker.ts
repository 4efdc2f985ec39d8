// One verifying thread: takes packed batches, answers one byte a claim.

import { assert } from '@quorate/kernel'
import { parentPort } from 'node:worker_threads'
import { unpackClaims } from './claim-batch.ts'
import { verifyNow } from './verify-now.ts'

/** A batch for a verifying thread. */
export interface VerifyJob {
  readonly id: number
  readonly count: number
  readonly packed: Uint8Array<ArrayBuffer>
}

/** Its answer: 1 where the claim holds, else 0. */
export interface VerifyAnswer {
  readonly id: number
  readonly verdicts: Uint8Array
}

const port = parentPort
assert(port !== null, 'runs as a worker thread')

port.on('message', (job: VerifyJob) => {
  const verdicts = new Uint8Array(job.count)
  const claims = unpackClaims(job.packed, job.count)
  for (const [i, claim] of claims.entries()) verdicts[i] = verifyNow(claim.key, claim.message, claim.signature) ? 1 : 0
  port.postMessage({ id: job.id, verdicts } satisfies VerifyAnswer)
})
