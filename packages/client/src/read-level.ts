/** How fresh a read must be. */
export type ReadLevel =
  /** Whatever the asked replica has. */
  | { readonly kind: 'local' }
  /** Everything acknowledged anywhere before the read began. */
  | { readonly kind: 'linearizable' }
  /** At least this height. */
  | { readonly kind: 'at-least'; readonly height: number }
  /** Exactly this height, if it is still retained. */
  | { readonly kind: 'as-of'; readonly height: number }

/** A level as the `quorate-read` header says it. */
export function printReadLevel(level: ReadLevel): string {
  return level.kind === 'at-least' || level.kind === 'as-of' ? `${level.kind}=${level.height}` : level.kind
}

/** Reads what `printReadLevel` wrote, or undefined. */
export function parseReadLevel(text: string): ReadLevel | undefined {
  if (text === 'local' || text === 'linearizable') return { kind: text }
  const [kind, height] = text.split('=')
  if ((kind !== 'at-least' && kind !== 'as-of') || height === undefined || !/^\d{1,15}$/.test(height)) return undefined
  return { kind, height: Number(height) }
}
