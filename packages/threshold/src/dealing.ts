// One dealing of a secret, in a single message that everybody may read.
//
// Problem: a dealer must give each seat a share that only that seat can read, and nobody may trust the dealer. The
// obvious way, private letters, leaves a quarrel about what a letter said. So everything goes through a public log: the dealer
// commits to its polynomial (each coefficient times the generator: Feldman 1987), so a share can be checked by who holds
// it; and it seals each share for the receiver's key with a secret of both (Diffie and Hellman: r times the receiver's key
// is the receiver's secret times R = r G). A receiver that finds a wrong share publishes that one common secret, and proves with
// its public key that it is the right one. Anybody can then open the same seal and see. Nobody shows a private key.
//
// One R serves all receivers of a dealing. It must be the dealer's own: a dealer that took another's R and sealed
// rubbish would be convicted by common secrets that open the other's seals too. Hence the proof that the dealer knows
// r, over the whole dealing and the dealer's seat. Masks depend on context, dealer and receiver besides.
//
// A seal is the share plus a mask that is a hash of the common secret: any 32 canonical bytes open to some scalar, and
// the commitments tell whether to the right one.
//
// Limits: t + 1 receivers together know the secret. The dealer's name for the secret, the first commitment, is public:
// values of low entropy must not be dealt.

import type { Brand, Reader } from '@quorate/kernel'
import { assert, fromHex, must, sha256Of, utf8, Writer } from '@quorate/kernel'
import type { Equality, Proof } from './equality-proof.ts'
import { holdsEquality, proveEquality, readProof, writeProof } from './equality-proof.ts'
import { THRESHOLD_LIMITS } from './limits.ts'
import { publicShareOf, shareOf } from './polynomial.ts'
import type { Point, Scalar } from './ristretto.ts'
import {
  add,
  BASE,
  hashToScalar,
  negative,
  readPoint,
  readScalar,
  scalarBytes,
  times,
  timesPublic,
  timesSecret,
} from './ristretto.ts'

/** What a dealing is for, the same for all. */
export interface DealingTerms {
  /** Distinguishes this dealing from every other, at most `contextBytesMax` bytes. */
  readonly context: Uint8Array
  /** t: any t + 1 seats know the secret. */
  readonly threshold: number
  /** The key of each seat that shares are sealed for. */
  readonly receivers: readonly Point[]
}

/** Terms with their digest, to which every hash and proof of the dealing is bound. */
export interface Terms extends DealingTerms {
  readonly digest: Brand<Uint8Array, 'TermsDigest'>
}

/** A dealing as it was read: well-formed, not yet checked. */
export interface Dealing {
  /** Coefficients of the polynomial times the generator, from degree 0. */
  readonly commitments: readonly Point[]
  /** R. */
  readonly ephemeral: Point
  /** For each seat its share plus its mask. */
  readonly seals: readonly Scalar[]
  /** That the dealer knows r. */
  readonly proof: Proof
}

/** What opens the seal of one receiver, with a proof that it is the one. */
export interface Opening {
  readonly secret: Point
  readonly proof: Proof
}

const TERMS_TAG = utf8('quorate/threshold/terms/1')
const OPENING_TAG = utf8('quorate/threshold/opening/1')

/** Bounds and digest of the terms. */
export function termsOf({ context, threshold, receivers }: DealingTerms): Terms {
  assert(context.length <= THRESHOLD_LIMITS.contextBytesMax, `a context of ${context.length} bytes`)
  assert(receivers.length <= THRESHOLD_LIMITS.seatsMax, `${receivers.length} seats`)
  assert(threshold >= 0 && receivers.length > 3 * threshold, `threshold ${threshold} of ${receivers.length} seats`)
  const writer = new Writer().bytes(context).u16(threshold)
  const bytes = writer.vector(receivers, (to, each) => to.raw(each.toBytes())).finish()
  const digest = must(fromHex(sha256Of([TERMS_TAG, bytes])), 'a digest is hex') as Terms['digest']
  return { context, threshold, receivers, digest }
}

function u16(value: number): Uint8Array {
  return new Writer(2).u16(value).finish()
}

function maskOf(
  terms: Terms,
  dealer: number,
  receiver: number,
  dealing: Pick<Dealing, 'ephemeral'>,
  common: Point,
): Scalar {
  const place = [terms.digest, u16(dealer), u16(receiver)]
  return hashToScalar('mask', ...place, dealing.ephemeral.toBytes(), common.toBytes())
}

function dealerChallenge(terms: Terms, dealer: number, dealing: Omit<Dealing, 'proof'>, nonce: Point): Scalar {
  const { commitments, ephemeral, seals } = dealing
  const writer = new Writer().vector(commitments, (to, each) => to.raw(each.toBytes()))
  const body = writer.vector(seals, (to, each) => to.raw(scalarBytes(each))).finish()
  return hashToScalar('dealer', terms.digest, u16(dealer), ephemeral.toBytes(), body, nonce.toBytes())
}

/** What a dealer must not tell. */
interface DealerSecrets {
  /** The polynomial, from degree 0 up. */
  readonly coefficients: readonly Scalar[]
  /** r. */
  readonly ephemeral: Scalar
  readonly nonce: Scalar
}

/** The secrets of a dealing, from 32 random bytes that are used for nothing else. */
export function dealerSecrets(terms: Terms, dealer: number, seed: Uint8Array): DealerSecrets {
  assert(seed.length === 32, `a seed of ${seed.length} bytes`)
  const draw = (purpose: 'coefficient' | 'ephemeral' | 'nonce', at: number): Scalar =>
    hashToScalar(purpose, seed, terms.digest, u16(dealer), u16(at))
  const coefficients = Array.from({ length: terms.threshold + 1 }, (_, degree) => draw('coefficient', degree))
  return { coefficients, ephemeral: draw('ephemeral', 0), nonce: draw('nonce', 0) }
}

/** The dealing that gives each seat the share that belongs to it. */
export function makeDealing(terms: Terms, dealer: number, secrets: DealerSecrets): Dealing {
  return sealShares(
    terms,
    dealer,
    secrets,
    terms.receivers.map((_, receiver) => shareOf(secrets.coefficients, receiver)),
  )
}

/** Commits to the polynomial, and seals `shares`, whatever they are. */
export function sealShares(terms: Terms, dealer: number, secrets: DealerSecrets, shares: readonly Scalar[]): Dealing {
  const { coefficients, nonce } = secrets
  const ephemeral = timesSecret(BASE, secrets.ephemeral)
  const seals = shares.map((share, receiver) => {
    const common = timesSecret(must(terms.receivers[receiver], 'a share for each seat'), secrets.ephemeral)
    return add(share, maskOf(terms, dealer, receiver, { ephemeral }, common))
  })
  const body = { commitments: coefficients.map((each) => timesSecret(BASE, each)), ephemeral, seals }
  const challenge = dealerChallenge(terms, dealer, body, timesSecret(BASE, nonce))
  return { ...body, proof: { challenge, answer: add(nonce, times(challenge, secrets.ephemeral)) } }
}

/** Whether the dealer knows the logarithm of its R. */
export function isDealersOwn(terms: Terms, dealer: number, dealing: Dealing): boolean {
  const { challenge, answer } = dealing.proof
  const nonce = timesPublic(BASE, answer).add(timesPublic(dealing.ephemeral, negative(challenge)))
  return challenge === dealerChallenge(terms, dealer, dealing, nonce)
}

/** The share under the seal of `receiver`; undefined where the commitments say that it is a wrong one. */
function shareUnder(
  terms: Terms,
  dealer: number,
  dealing: Dealing,
  receiver: number,
  common: Point,
): Scalar | undefined {
  const seal = must(dealing.seals[receiver], 'a seal for each seat')
  const share = add(seal, negative(maskOf(terms, dealer, receiver, dealing, common)))
  return timesSecret(BASE, share).equals(publicShareOf(dealing.commitments, receiver)) ? share : undefined
}

/** The own share of a dealing; undefined where it is wrong. */
export function openShare(terms: Terms, dealer: number, dealing: Dealing, own: ReceiverKey): Scalar | undefined {
  return shareUnder(terms, dealer, dealing, own.seat, timesSecret(dealing.ephemeral, own.secret))
}

/** A seat and the secret behind its receiver key. */
export interface ReceiverKey {
  readonly seat: number
  readonly secret: Scalar
}

function openingOf(terms: Terms, dealer: number, dealing: Dealing, receiver: number): Omit<Equality, 'result'> {
  const context = new Writer().raw(OPENING_TAG).raw(terms.digest).u16(dealer).u16(receiver).finish()
  return { context, key: must(terms.receivers[receiver], 'a seat of the terms'), other: dealing.ephemeral }
}

/** Shows everybody what is under the own seal. */
export function openSeal(terms: Terms, dealer: number, dealing: Dealing, own: ReceiverKey): Opening {
  const secret = timesSecret(dealing.ephemeral, own.secret)
  const statement = { ...openingOf(terms, dealer, dealing, own.seat), result: secret }
  return { secret, proof: proveEquality(statement, own.secret) }
}

/** Whether the opening is true, and a wrong share is under the seal: then the dealer is guilty. */
export function convicts(terms: Terms, dealer: number, dealing: Dealing, receiver: number, opening: Opening): boolean {
  const { secret, proof } = opening
  if (!holdsEquality({ ...openingOf(terms, dealer, dealing, receiver), result: secret }, proof)) return false
  return shareUnder(terms, dealer, dealing, receiver, secret) === undefined
}

export function writeDealing(writer: Writer, { commitments, ephemeral, seals, proof }: Dealing): void {
  writer.vector(commitments, (to, each) => to.raw(each.toBytes())).raw(ephemeral.toBytes())
  writer.vector(seals, (to, each) => to.raw(scalarBytes(each)))
  writeProof(writer, proof)
}

/** Reads a dealing with as many commitments and seals as the terms ask for. */
export function readDealing(reader: Reader, terms: Terms): Dealing {
  const { seatsMax } = THRESHOLD_LIMITS
  const commitments = reader.vector(seatsMax, readPoint)
  const need = terms.threshold + 1
  if (commitments.length !== need) reader.refuse('INVALID', `${commitments.length} commitments, ${need} needed`)
  const ephemeral = readPoint(reader)
  const seals = reader.vector(seatsMax, readScalar)
  const seats = terms.receivers.length
  if (seals.length !== seats) reader.refuse('INVALID', `${seals.length} seals for ${seats} seats`)
  return { commitments, ephemeral, seals, proof: readProof(reader) }
}
