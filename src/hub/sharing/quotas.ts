import type pg from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { todayInShanghai } from '../../shared/conditions.ts'
import type { Clock } from '../clock.ts'
import { inTransaction } from '../database/connect.ts'

/** A grant's daily quota: how many records, null for no limit. */
export interface Quota {
  id: string
  dailyQuota: number | null
}

export interface Quotas {
  /**
   * Takes up to `wanted` records of today's quota, at least `least`; else `quota-exceeded` until
   * midnight in Shanghai. What was taken and not answered is given back.
   */
  take(grant: Quota, wanted: number, least?: number): Promise<number>
  giveBack(grant: Quota, count: number): void
  left(grant: Quota): Promise<number | null>
}

/** Of a quota, so much is leased at once: small enough that other processes find some left. */
const blockShare = 1 / 50
const blockMax = 1000
const blockOf = (quota: number): number =>
  Math.max(1, Math.min(blockMax, Math.floor(quota * blockShare)))

/** Grants whose leases are held at once; what is forgotten of a lease counts as used. */
const leasesMax = 20_000

interface Lease {
  day: string
  count: number
}

/** Quotas are leased in blocks per process and day, so that a call costs no write of its own (pitfalls, 8). */
export function createQuotas(pool: pg.Pool, clock: Clock): Quotas {
  const leases = new Map<string, Lease>()

  const leaseOf = (id: string): Lease => {
    const day = todayInShanghai(clock.now())
    const held = leases.get(id)
    if (held?.day === day) return held
    if (leases.size >= leasesMax) leases.clear()
    const lease = { day, count: 0 }
    leases.set(id, lease)
    return lease
  }

  return {
    take: async ({ id, dailyQuota }, wanted, least = wanted) => {
      if (dailyQuota === null) return wanted
      const lease = leaseOf(id)
      if (lease.count < wanted) {
        const count = Math.max(wanted - lease.count, blockOf(dailyQuota))
        lease.count += await leaseMore(pool, { id, dailyQuota, day: lease.day, count })
      }
      if (lease.count < least) throw exceeded(dailyQuota, clock.now())
      const taken = Math.min(wanted, lease.count)
      lease.count -= taken
      return taken
    },
    giveBack: ({ id, dailyQuota }, count) => {
      if (dailyQuota !== null) leaseOf(id).count += count
    },
    left: async ({ id, dailyQuota }) => {
      if (dailyQuota === null) return null
      const lease = leaseOf(id)
      const { rows } = await pool.query<{ leased: number }>(
        'select leased from hub.grant_usage where grant_id = $1 and day = $2',
        [id, lease.day],
      )
      return dailyQuota - (rows[0]?.leased ?? 0) + lease.count
    },
  }
}

interface Wanted {
  id: string
  dailyQuota: number
  day: string
  count: number
}

/** Answers how many records were leased: fewer than wanted, or none, where the quota ends. */
const leaseMore = (pool: pg.Pool, { id, dailyQuota, day, count }: Wanted): Promise<number> =>
  inTransaction(pool, async (client) => {
    await client.query(
      'insert into hub.grant_usage (grant_id, day) values ($1, $2) on conflict do nothing',
      [id, day],
    )
    const { rows } = await client.query<{ taken: number }>(
      `with held as (select leased from hub.grant_usage where grant_id = $1 and day = $2 for update)
       update hub.grant_usage u set leased = greatest(held.leased, least($3::bigint, held.leased + $4))
       from held where u.grant_id = $1 and u.day = $2 returning u.leased - held.leased as taken`,
      [id, day, dailyQuota, count],
    )
    return rows[0]?.taken ?? 0
  })

const exceeded = (quota: number, now: Date): Refusal =>
  new Refusal(
    'quota-exceeded',
    `今日额度 ${quota} 条已用完,次日零时(北京时间)恢复 / The ${quota} records of today are used up; more at midnight in Shanghai`,
    { retryAfterSeconds: secondsToMidnight(now) },
  )

const daySeconds = 86_400
/** China keeps UTC+8 without summer time since 1991-09-15 (tz database, Asia/Shanghai). */
const shanghaiOffsetSeconds = 28_800

export const secondsToMidnight = (now: Date): number =>
  daySeconds - ((Math.floor(now.getTime() / 1000) + shanghaiOffsetSeconds) % daySeconds)
