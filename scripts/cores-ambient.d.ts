// The whole outside world of a pure core, as far as the compiler lets it see: a hash and UTF-8. Only
// tsconfig.cores.json includes it.
declare module 'node:crypto' {
  export function hash(algorithm: 'sha256', data: Uint8Array, encoding: 'hex'): string
}
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
}
declare class TextDecoder {
  constructor(label: 'utf-8', options: { readonly fatal: boolean; readonly ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}
