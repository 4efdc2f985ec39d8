// For transports with frames of their own that come and go: a pipe out of a function that sends, fed by whoever receives.
// `down` ends the sessions that are open and leaves the pipe usable, for when the transport is up again.

import type { Pipe, PipeEvents } from '../pipe.ts'

/** A pipe and the handles that drive it from the transport's side. */
export interface FramePipe {
  readonly pipe: Pipe
  /** A frame came. Nobody may change it afterwards; a small view of a large buffer is copied. */
  readonly receive: (frame: Uint8Array) => void
  /** The transport is down: sessions end with `DISCONNECTED`. */
  readonly down: (what: string) => void
}

/**
 * @param transport.send - Takes a frame, or gives false where it can't and never will. A view of a larger buffer comes in.
 * @param transport.close - Cuts the peer off, after it broke the framing or the multiplexer was closed.
 */
export function framePipe(transport: {
  readonly send: (frame: Uint8Array) => boolean
  readonly close?: () => void
}): FramePipe {
  let user: PipeEvents | undefined
  let isClosed = false
  return {
    pipe: {
      headroom: 0,
      start: (events) => {
        user = events
      },
      send: (frame) => (!isClosed && transport.send(frame) ? 'ok' : 'lost'),
      consumed: () => undefined,
      close: () => {
        if (isClosed) return
        isClosed = true
        transport.close?.()
      },
    },
    receive: (frame) => {
      if (isClosed) return
      // It may wait for its session a long time, and must not keep the transport's buffer alive meanwhile.
      user?.message(frame.length * 2 < frame.buffer.byteLength ? new Uint8Array(frame) : frame)
    },
    down: (what) => {
      if (!isClosed) user?.closed({ code: 'DISCONNECTED', what })
    },
  }
}
