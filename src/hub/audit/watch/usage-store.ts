import type pg from 'pg'
import { watchLimits } from './limits.ts'

export interface Usage {
  system: string
  /** The hour's beginning, milliseconds since 1970. */
  hour: number
  callCount: number
  recordCount: number
}

/** What systems took out, hour by hour, added up over all processes of the hub. */
export const usageStore = (pool: Pick<pg.Pool, 'query'>) => ({
  add: async (usages: readonly Usage[]): Promise<void> => {
    if (usages.length === 0) return
    await pool.query(
      `insert into hub.system_usage as u (system, hour, call_count, record_count)
       select system, to_timestamp(hour / 1000.0), calls, records
       from unnest($1::text[], $2::float8[], $3::bigint[], $4::bigint[]) added (system, hour, calls, records)
       order by hour, system
       on conflict (hour, system) do update
       set call_count = u.call_count + excluded.call_count, record_count = u.record_count + excluded.record_count`,
      [
        usages.map(({ system }) => system),
        usages.map(({ hour }) => hour),
        usages.map(({ callCount }) => callCount),
        usages.map(({ recordCount }) => recordCount),
      ],
    )
  },

  /** Every hour since an instant. */
  since: async (from: number): Promise<Usage[]> => {
    const { rows } = await pool.query<{
      system: string
      hour: number
      calls: string
      records: string
    }>(
      `select system, extract(epoch from hour)::float8 * 1000 as hour, call_count as calls, record_count as records
       from hub.system_usage where hour >= to_timestamp($1::float8 / 1000) order by hour, system`,
      [from],
    )
    return rows.map(({ system, hour, calls, records }) => ({
      system,
      hour,
      callCount: Number(calls),
      recordCount: Number(records),
    }))
  },

  purge: async (now: number): Promise<void> => {
    const { usageDays, addressDays } = watchLimits
    const dayMs = 24 * 60 * 60 * 1000
    await pool.query('delete from hub.system_usage where hour < to_timestamp($1::float8 / 1000)', [
      now - usageDays * dayMs,
    ])
    await pool.query('delete from hub.told_hints where hour < to_timestamp($1::float8 / 1000)', [
      now - usageDays * dayMs,
    ])
    await pool.query(
      'delete from hub.system_addresses where seen_at < to_timestamp($1::float8 / 1000)',
      [now - addressDays * dayMs],
    )
  },
})
