// The coins of a replica: those of @quorate/threshold, keys and shares as bytes.

import { fromHex, must, sha256Of, toHex, utf8, Writer } from '@quorate/kernel'
import type { DkgEffect, KeyShare, Point } from '@quorate/threshold'
import {
  decodeCoinGroup,
  decodeKeyShare,
  decodeReceiverKey,
  Dkg,
  encodeCoinGroup,
  encodeKeyShare,
  encodeReceiverKey,
  nobodysKey,
  receiverKey,
  Toss,
} from '@quorate/threshold'
import type { ReceiverKey } from '@quorate/types'
import type { CoinScheme, DealingEffect, DealingRun, DealingTerms } from './coin-scheme.ts'

/** A secret of 32 bytes for one purpose, from the one that is kept. */
function derived(purpose: 'receiver' | 'dealing', secret: Uint8Array): Uint8Array {
  return must(fromHex(sha256Of([utf8(`quorate/coin-${purpose}/1`), secret])), 'a digest is hex')
}

function pointOf(key: ReceiverKey): Point | undefined {
  const read = decodeReceiverKey(must(fromHex(key), 'a receiver key is hex'))
  return read.ok ? read.value : undefined
}

function effectsOf(effects: readonly DkgEffect[]): readonly DealingEffect[] {
  return effects.flatMap((effect): DealingEffect[] => {
    if (effect.kind === 'publish') return [effect]
    if (effect.kind !== 'done') return []
    const share = effect.own === undefined ? undefined : encodeKeyShare(effect.own)
    return [{ kind: 'done', group: encodeCoinGroup(effect.group), share }]
  })
}

function dealing({ context, threshold, receivers, own }: DealingTerms): DealingRun {
  const keys = receivers.map((key, seat) => {
    const point = key === undefined ? undefined : pointOf(key)
    return point ?? nobodysKey(new Writer().raw(context).u16(seat).finish())
  })
  const terms = { context, threshold, receivers: keys }
  const seat =
    own === undefined
      ? undefined
      : {
          seat: own.seat,
          secret: receiverKey(derived('receiver', own.secret)).secret,
          seed: derived('dealing', own.secret),
        }
  const dkg = new Dkg(seat === undefined ? { terms } : { terms, own: seat })
  return {
    start: () => effectsOf(dkg.handle({ kind: 'start' })),
    ordered: (from, message) => effectsOf(dkg.handle({ kind: 'ordered', seat: from, message })),
  }
}

/** Threshold coins on ristretto255. */
export const RISTRETTO_COINS: CoinScheme = {
  receiver: (secret) => toHex(encodeReceiverKey(receiverKey(derived('receiver', secret)).key)) as ReceiverKey,
  isReceiver: (key) => pointOf(key) !== undefined,
  dealing,
  key: (bytes, seats, threshold, share) => {
    const read = decodeCoinGroup(bytes)
    if (!read.ok || read.value.keys.length !== seats || read.value.threshold !== threshold) return undefined
    const group = read.value
    const held = share === undefined ? undefined : decodeKeyShare(group, share)
    const own: KeyShare | undefined = held?.ok === true ? held.value : undefined
    return {
      toss: (name) => {
        const toss = new Toss(group, name)
        return {
          get value() {
            return toss.value
          },
          tell: () => (own === undefined ? undefined : toss.tell(own)),
          hear: (seat, bytesOfShare) => toss.hear(seat, bytesOfShare).ok,
        }
      },
    }
  },
}
