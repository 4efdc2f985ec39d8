// Disks without power, and disks without room.

import { fewOf } from '../fault.ts'
import type { Fault, FaultKind, World } from '../fault.ts'

const FULL_MS_MAX = 60_000

async function cutPower(world: World, victims: readonly number[]): Promise<void> {
  // From here on nobody hears from them any more: what they said was said before the power went.
  for (const index of victims) world.member(index).pause(true)
  for (const index of victims) {
    const member = world.member(index)
    const kill = async (): Promise<void> => {
      await member.end('SIGKILL')
    }
    if (member.medium.kind !== 'ext4') await kill()
    else if (!(await member.medium.cutPower(kill))) world.note(`the power cut of ${index} took nothing`)
  }
}

function powerCut(victims: readonly number[]): Fault {
  return {
    words: `power cut of ${victims.join(', ')}: what wasn't synced is gone`,
    victims,
    strike: (world) => cutPower(world, victims),
    heal: async (world) => victims.forEach((index) => world.member(index).start()),
  }
}

/** Few lose what they hadn't synced. */
export const POWER_CUT_FEW: FaultKind = {
  lacks: (host) => host.lacksExt4,
  draw: (random, shape) => {
    const members = shape.members.filter((index) => index !== shape.onTmpfs)
    return powerCut(fewOf(random, { ...shape, members }))
  },
}

/** All lose what they hadn't synced, at one moment. One of them lies on a tmpfs and is only killed. */
export const POWER_CUT_ALL: FaultKind = {
  lacks: (host) => host.lacksExt4,
  draw: (_random, shape) => powerCut(shape.members),
}

/** No room is left: the replica must stop and say so. */
export const DISK_FULL: FaultKind = {
  lacks: (host) => host.lacksTmpfs,
  draw: (random, { onTmpfs }) => {
    const roomBytes = random.whole(0, 400_000)
    return {
      words: `the disk of ${onTmpfs}: ${roomBytes} bytes of room left`,
      victims: [onTmpfs],
      strike: async (world) => {
        const member = world.member(onTmpfs)
        member.expectEnd()
        member.medium.leaveRoom(roomBytes)
        const code = await member.ended(FULL_MS_MAX).catch(() => 'none')
        if (code === 'none') world.violate('DISK_FULL', `member ${onTmpfs} goes on for ${FULL_MS_MAX} ms without room`)
        else if (code !== 1 || member.lastError === undefined)
          world.violate(
            'DISK_FULL',
            `member ${onTmpfs} ended with ${String(code)}: ${member.lastError ?? 'no error line'}`,
          )
        else world.note(`it stopped: ${member.lastError}`)
      },
      heal: async (world) => {
        const member = world.member(onTmpfs)
        member.medium.leaveRoom(undefined)
        if (!member.isRunning) member.start()
      },
    }
  },
}
