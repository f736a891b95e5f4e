import type { Pool } from 'pg'
import { type GaugeReading, readAtMostEvery } from '../http/metrics.ts'
import type { TimestampAuthority } from './anchors/timestamp-checkpoint.ts'
import { timestampAgeSeconds } from './anchors/timestamp-store.ts'

type Queries = Pick<Pool, 'query'>

export interface LogGaugeParts {
  pool: Queries
  /** Undefined: no timestamps are made, so they have no age. */
  authority: TimestampAuthority | undefined
  /** The least time between two questions to the database. */
  intervalMs?: number
}

const intervalMsDefault = 10_000

/** What Prometheus is told of the log's care by others than the sealer (`audit.md`, 10): timestamps, archives. */
export function logGauges({ pool, authority, intervalMs }: LogGaugeParts): GaugeReading[] {
  const rarely = (read: (pool: Queries) => Promise<number>) =>
    readAtMostEvery(intervalMs ?? intervalMsDefault, () => read(pool))
  const archives = {
    name: 'shuqiao_audit_archive_months_due',
    help: 'Months of the log past their retention that are still in the database and in no verified archive',
    read: rarely(archiveMonthsDue),
  }
  const timestamps = {
    name: 'shuqiao_audit_timestamp_age_seconds',
    help: 'Seconds since a checkpoint was last stamped by the timestamping authority; NaN before the first',
    read: rarely(timestampAgeSeconds),
  }
  return authority === undefined ? [archives] : [archives, timestamps]
}

/** Of a hundred years: what a clock gone wrong has left in the default partition is not counted without end. */
const monthsMax = 1200

/**
 * Counts the months in which there are entries and whose retention is over, but those of a verified archive,
 * which somebody keeps in the database because they want to. One probe of the primary key for each month held.
 */
export async function archiveMonthsDue(pool: Queries): Promise<number> {
  const { rows } = await pool.query<{ count: number }>({
    name: 'archive-months-due',
    text: `with recursive bound as (
        select audit.first_id(date_trunc('month', now() - audit.retention(), 'UTC')) as id),
      held (place, month) as (
        select 1, (select ${monthOf('e.id')} from audit.entries e
          where e.id < (select id from bound) order by e.id limit 1)
        union all
        select place + 1, (select ${monthOf('e.id')} from audit.entries e
          where e.id >= audit.first_id_after_month(month) and e.id < (select id from bound) order by e.id limit 1)
        from held where month is not null and place < $1)
      select count(*)::int as count from held
      where month is not null and not exists (
        select from audit.archives a where a.month = held.month and a.step in ('verified', 'dropped'))`,
    values: [monthsMax],
  })
  return rows[0]?.count ?? 0
}

const monthOf = (id: string): string =>
  `to_char(audit.instant_of_id(${id}) at time zone 'UTC', 'YYYY-MM')`
