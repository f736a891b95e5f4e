import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cuttableProxy } from './cuttable-proxy.ts'
import { hubProcess } from './hub-process.ts'
import { redisProcess } from './redis-process.ts'
import { seeded } from './seeded.ts'
import { shakeSyncs, type ShakeResult } from './shake-syncs.ts'
import { sourceServer } from './source-server.ts'

export interface SyncSoak {
  adminToken: string
  seconds: number
  rowsPerSecond: number
  hubKills: number
  postgresKills: number
  cutSeconds: number
  withRedis: boolean
  seed: number
  log: (line: string) => void
}

/** Starts everything that a shaking needs, and leaves nothing behind. */
export async function soakSyncs(options: SyncSoak): Promise<ShakeResult> {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-soak-syncs-'))
  const closing: (() => Promise<unknown>)[] = []
  const random = seeded(options.seed)
  try {
    const server = await sourceServer(join(folder, 'source'))
    closing.push(() => server.stop())
    const proxy = await cuttableProxy({ host: '127.0.0.1', port: server.port })
    closing.push(() => proxy.close())
    const redis = options.withRedis ? await redisProcess() : null
    if (redis !== null) closing.push(() => redis.stop())
    const hub = await hubProcess(join(folder, 'hub'), options.adminToken, {
      ...(redis !== null && { SHUQIAO_REDIS_URL: redis.url }),
    })
    closing.push(() => hub.stop())
    return await shakeSyncs({ ...options, hub, server, proxy, redis, random })
  } finally {
    for (const close of closing.toReversed()) await close().catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What must not be; empty when all promises held. */
export const shakingFaults = ({ differences, wrongRuns, workedCount }: ShakeResult): string[] => [
  ...differences,
  ...wrongRuns.map((run) => `a run that is not what it says: ${run}`),
  ...(workedCount === 0 ? ['no run moved a row while everything was shaken'] : []),
]
