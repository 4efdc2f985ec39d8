// A scheduler that sees the order being made and is against it: it holds back the unit that would be head next. Candidates of a round
// are asked seat by seat, one further each round (aleph's `rotatedCandidates`), so the first is known to anybody. It sees what is
// pushed, one unit in a frame; what is asked for later arrives in time, or nothing could ever be ordered against it.

import { decodeMessage, decodeUnit, MESSAGE_CODES } from '@quorate/types'

/** One body is sent to many: it is looked at once. */
const verdicts = new WeakMap<Uint8Array, boolean>()

function judge(body: Uint8Array): boolean {
  const message = decodeMessage(MESSAGE_CODES.units, body)
  if (!message.ok || message.value.kind !== 'units') return false
  const [bytes, second] = message.value.units
  const unit = bytes === undefined || second !== undefined ? undefined : decodeUnit(bytes)
  return unit?.ok === true && unit.value.round % Math.max(1, unit.value.parents.length) === unit.value.creator
}

/** Whether a frame pushes the unit that its round asks first. */
export function pushesCandidate(code: number, body: Uint8Array): boolean {
  if (code !== MESSAGE_CODES.units) return false
  const known = verdicts.get(body)
  if (known !== undefined) return known
  const verdict = judge(body)
  verdicts.set(body, verdict)
  return verdict
}
