// Goal: what the main loop owes to a crash. Method: a core that only says what it is told to, over ports that answer when told to.

import type { Choam, ChoamEffect } from '@quorate/choam'
import type { Certificate, ConsensusKey, Digest, Header, Height, MemberId, ViewId } from '@quorate/types'
import { expect, test } from 'vitest'
import { MainLoop } from './main-loop.ts'
import type { Ports } from './main-loop.ts'

test('keys of a view that is over are erased only when the disk knows of the next', async () => {
  const done: string[] = []
  let isDurable = (): void => undefined
  const effects: ChoamEffect[] = [
    {
      kind: 'certified',
      header: { height: 7 as Height } as Header,
      hash: 'h' as Digest,
      certificate: { signatures: [] } as Certificate,
    },
    { kind: 'seated', view: 'v' as ViewId, key: 'k' as ConsensusKey },
  ]
  const core = { handle: () => effects.splice(0), wakeAt: () => undefined } as unknown as Choam
  const ports = {
    signer: {
      id: 'm' as MemberId,
      sign: () => new Uint8Array(64),
      viewKeys: {
        publishedIn: () => 'k' as ConsensusKey,
        begun: (view: ViewId, key: ConsensusKey | undefined) => done.push(`begun ${view} ${key}`),
      },
    },
    ledger: {
      putCertificate: () =>
        new Promise<void>((resolve) => {
          isDurable = resolve
        }),
    },
    clock: { monotonicMs: () => 0, wallMs: () => 0, alarm: () => undefined },
  } as unknown as Ports
  const listener = {
    onFinal: () => done.push('final'),
    onReadable: () => undefined,
    onEvidence: () => undefined,
    onUnplaced: () => undefined,
    onFatal: (reason: Error) => done.push(reason.message),
    onTrace: () => undefined,
  }
  new MainLoop(core, ports, listener).feed({ kind: 'tick' })
  await Promise.resolve()
  expect(done).toEqual(['final'])
  isDurable()
  await new Promise(setImmediate)
  expect(done).toEqual(['final', 'begun v k'])
})
