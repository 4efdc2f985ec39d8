import type { LedgerStatus } from '@quorate/client'

/** What a replica on this machine said when it stopped by itself. */
export interface LastWords {
  readonly code: string
  readonly message: string
  readonly atMs: number
}

/** One member, as far as it could be seen. */
export interface MemberLook {
  /** Its key; undefined where nobody told. */
  readonly member: string | undefined
  readonly name: string
  /** Where it was asked; undefined where nobody knows a URL of it. */
  readonly url: string | undefined
  /** What it answered; undefined where it didn't. */
  readonly status: LedgerStatus | undefined
  /** Why there is no answer. */
  readonly error: string
  /** Its clock less this machine's, half the way of the answer taken into account; undefined where it didn't tell. */
  readonly clockAheadMs: number | undefined
  readonly lastWords: LastWords | undefined
}

/** All members at one moment. */
export interface Look {
  readonly members: readonly MemberLook[]
}

/** The look's answers. */
export function answersIn(look: Look): readonly (MemberLook & { readonly status: LedgerStatus })[] {
  return look.members.filter(
    (each): each is MemberLook & { readonly status: LedgerStatus } => each.status !== undefined,
  )
}

/** Of the others that answer, how many are connected to it, and how many there are. */
export function linksTo(look: Look, to: MemberLook): { readonly connected: number; readonly asked: number } {
  const others = answersIn(look).filter((each) => each.name !== to.name)
  const connected = others.filter(({ status }) => status.peers.some((peer) => isSame(peer, to) && peer.connected))
  return { connected: connected.length, asked: others.length }
}

/** Whether a peer in a status is that member. */
export function isSame(
  peer: { readonly member: string; readonly name: string },
  look: { readonly member: string | undefined; readonly name: string },
): boolean {
  return look.member === undefined ? peer.name === look.name : peer.member === look.member
}
