import { Gauge } from '@prometheus-io/client'
import type { Pool } from 'pg'
import { syncHealths } from '../../../schemas/api/syncs.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../database/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Standing } from './health.ts'
import { syncColumns, type SyncRow } from './sync-rows.ts'
import { healthAt, standingsSql } from './views.ts'
import { watchLimits } from './watch-limits.ts'

interface Measured {
  sync: SyncRow
  standing: Standing
}

export interface MeasuringParts {
  metrics: Metrics
  pool: Pool
  clock: Clock
  log: Log
}

interface Measure {
  name: string
  help: string
  /** Null: there is nothing to measure yet. */
  of(measured: Measured, now: Date): number | null
}

const measures: readonly Measure[] = [
  {
    name: 'shuqiao_sync_lag_seconds',
    help: 'Seconds since the last success of a pull',
    of: ({ sync, standing }, now) =>
      sync.direction === 'pull' ? healthAt(sync, standing, now).lag : null,
  },
  {
    name: 'shuqiao_sync_lag_changes',
    help: 'Change numbers that a delivery has not delivered yet',
    of: ({ sync, standing }, now) =>
      sync.direction === 'deliver' ? healthAt(sync, standing, now).lag : null,
  },
  {
    name: 'shuqiao_sync_success_age_seconds',
    help: 'Seconds since the last run that ended well',
    of: ({ sync }, now) =>
      sync.lastSuccessAt === null ? null : (now.getTime() - Date.parse(sync.lastSuccessAt)) / 1000,
  },
  {
    name: 'shuqiao_sync_rejects',
    help: 'Rows that the last run rejected',
    of: ({ standing }) => standing.lastRun?.rejected ?? null,
  },
  {
    name: 'shuqiao_sync_health',
    help: `How a sync is: ${syncHealths.map((state, index) => `${index} ${state}`).join(', ')}`,
    of: ({ sync, standing }, now) => syncHealths.indexOf(healthAt(sync, standing, now).state),
  },
]

/** Gauges by sync, of one query for each scrape. When it fails, they are absent rather than old. */
export function measureSyncs({ metrics, pool, clock, log }: MeasuringParts): void {
  const read = sharedReading(pool, { clock, log })
  for (const { name, help, of } of measures) {
    const gauge: Gauge<'sync'> = new Gauge({
      name,
      help,
      labelNames: ['sync'],
      registers: [metrics.registry],
      collect: async (): Promise<void> => {
        const measured = await read()
        const now = clock.now()
        gauge.reset()
        for (const one of measured) {
          const value = of(one, now)
          if (value !== null) gauge.set({ sync: one.sync.id }, value)
        }
      },
    })
  }
}

/** One query for all gauges of a scrape, and for scrapes that come at the same time. */
function sharedReading(
  pool: Pool,
  { clock, log }: Pick<MeasuringParts, 'clock' | 'log'>,
): () => Promise<readonly Measured[]> {
  let reading: Promise<readonly Measured[]> | undefined
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (reading && clock.nowMs() - readAtMs < watchLimits.measuredMs) return reading
    readAtMs = clock.nowMs()
    reading = readMeasured(pool).catch((error: unknown) => {
      log.warn({ err: error }, 'syncs could not be measured')
      return []
    })
    return reading
  }
}

async function readMeasured(pool: Pool): Promise<readonly Measured[]> {
  const { rows } = await pool.query<SyncRow & { standing: Standing }>({
    name: 'measure-syncs',
    text: `select ${syncColumns}, to_jsonb(standing) as standing
      from (select * from hub.syncs order by id limit $1) syncs
      join lateral (${standingsSql('syncs.id')}) standing on true`,
    values: [watchLimits.measuredSyncsMax],
  })
  return rows.map(({ standing, ...sync }) => ({ sync, standing }))
}
