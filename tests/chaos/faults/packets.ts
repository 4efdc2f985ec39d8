// Packets that get lost on the way to a member: its peers' and its clients' alike. TCP repeats them, at its own pace.

import type { FaultKind } from '../fault.ts'

/** The kernel drops packets by chance. */
export const PACKET_LOSS: FaultKind = {
  lacks: (host) => host.lacksNamespaces ?? host.lacksNftables,
  draw: (random, { members }) => {
    const one = random.pick(members)
    const percent = random.whole(2, 40)
    return {
      words: `${percent} of 100 packets to ${one} are lost`,
      victims: [one],
      strike: async (world) => world.member(one).site.lose(percent),
      heal: async (world) => world.member(one).site.lose(0),
    }
  },
}

/** The cable carries little, and drops what its short queue doesn't hold. */
export const THIN_CABLE: FaultKind = {
  lacks: (host) => host.lacksNamespaces ?? host.lacksTbf,
  draw: (random, { members }) => {
    const one = random.pick(members)
    const kilobits = random.whole(100, 2000)
    return {
      words: `the cable to ${one} carries ${kilobits} kbit/s`,
      victims: [one],
      strike: async (world) => world.member(one).site.narrow(kilobits),
      heal: async (world) => world.member(one).site.narrow(undefined),
    }
  },
}
