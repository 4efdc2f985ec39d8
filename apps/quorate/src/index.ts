export type { Database, OpenOptions } from './embedded/open.ts'
export { open } from './embedded/open.ts'
