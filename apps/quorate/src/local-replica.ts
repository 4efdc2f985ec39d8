import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config } from './config.ts'
import { loadConfig } from './config.ts'
import { CONFIG_FILE } from './founding.ts'

/**
 * Configurations of the replicas on this machine: the one in `file`, or those whose folders stand in `folder`, by name.
 * @throws CliError CONFIG_FILE, CONFIG_UNKNOWN_KEY, CONFIG_VALUE
 */
export function localConfigs(file: string | undefined, folder: string): readonly Config[] {
  const read = (path: string): Config => loadConfig({ file: path, env: {}, flags: {}, cwd: process.cwd() })
  if (file !== undefined) return [read(resolve(file))]
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => join(resolve(folder), name, CONFIG_FILE))
    .filter((path) => existsSync(path))
    .map(read)
}
