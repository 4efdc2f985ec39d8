import type { ReplicaOptions } from '@quorate/replica'
import type { Genesis } from '@quorate/types'
import type { Config } from './config.ts'

/** What a replica is opened with. */
export function replicaOptions(config: Config, genesis: Genesis): ReplicaOptions {
  return {
    genesis,
    dataDir: config['data-dir'],
    keyPath: config.key,
    listen: config.listen,
    http: config.http,
    peers: config.peers,
    logLevel: config['log-level'],
    logFormat: config['log-format'],
    cors: config.cors,
    bodyBytesMax: config['body-bytes-max'],
    requestsMax: config['requests-max'],
    sessionsMax: config['sessions-max'],
    sessionMsMax: config['session-ms-max'],
    misbehave: config.misbehave,
  }
}
