export type { CoinGroup, CoinShare, CombineError, KeyShare, ShareError } from './coin.ts'
export {
  coinBit,
  combineCoin,
  decodeCoinGroup,
  decodeKeyShare,
  encodeCoinGroup,
  encodeKeyShare,
  makeCoinShare,
  verifyCoinShare,
} from './coin.ts'
export type { DealingTerms, ReceiverKey } from './dealing.ts'
export type { DkgConfig, DkgEffect, DkgInput, DkgRefusal, DkgSeat } from './dkg.ts'
export { Dkg } from './dkg.ts'
export { THRESHOLD_LIMITS } from './limits.ts'
export { decodeReceiverKey, encodeReceiverKey, nobodysKey, receiverKey } from './receiver-key.ts'
export type { Point, Scalar } from './ristretto.ts'
export { Toss } from './toss.ts'
