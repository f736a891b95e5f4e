import type pg from 'pg'
import { ensureMonths } from './audit/months.ts'
import type { Config } from './config.ts'
import type { Database } from './database/connect.ts'
import type { Log } from './database/log.ts'
import { idempotencyStore } from './intake/idempotency.ts'
import { purgeLeftovers } from './intake/purge-leftovers.ts'
import { purgeRejects } from './intake/reject-store.ts'
import { purgeTombstones } from './records/purge-tombstones.ts'

/*
 *   waiting ──at start, then daily──▶ lock taken by another? ──yes──▶ waiting
 *      ▲                                       │ no
 *      └──────────── every chore once ◀────────┘         close: the chore under way is the last
 */
export interface HousekeepingParts {
  database: Pick<Database, 'pool' | 'bulkPool' | 'openClient'>
  config: Pick<Config, 'rejectDays' | 'idempotencyDays' | 'tombstoneDays'>
  clock: { now: () => Date }
  log: Log
}

export interface Housekeeping {
  /** Does every chore now, unless another process is at it; says whether it did. */
  tidy(): Promise<boolean>
  close(): Promise<void>
}

const dayMs = 24 * 60 * 60 * 1000
const lockKey = 7_305_118_441

/**
 * Keeps what has had its time from piling up: repaired rejects (personal data), idempotency keys, stored
 * bodies, snapshot rows, tombstones; and has the log's coming months made. Begins at once, then once a day.
 */
export function startHousekeeping(parts: HousekeepingParts): Housekeeping {
  let isClosed = false
  let underWay: Promise<boolean> = Promise.resolve(false)
  const tidy = (): Promise<boolean> => {
    underWay = underWay
      .then(() => !isClosed && tidyAlone(parts, () => isClosed))
      .catch((error: unknown) => {
        parts.log.error({ err: error }, 'housekeeping could not begin')
        return false
      })
    return underWay
  }
  const timer = setInterval(() => void tidy(), dayMs)
  timer.unref()
  void tidy()
  return {
    tidy,
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await underWay
    },
  }
}

/** The lock lies on a connection of its own: when this process dies, it is free. */
async function tidyAlone(parts: HousekeepingParts, isClosed: () => boolean): Promise<boolean> {
  const client = await parts.database.openClient('leader')
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'select pg_try_advisory_lock($1) as held',
      [lockKey],
    )
    if (rows[0]?.held !== true) return false
    for (const [name, chore] of Object.entries(chores)) {
      if (isClosed()) return false
      await runChore(parts, name, chore)
    }
    return true
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** One chore that fails is told and does not keep the others from being done. */
async function runChore(parts: HousekeepingParts, name: string, chore: Chore): Promise<void> {
  try {
    parts.log.debug({ chore: name, ...(await chore(parts)) }, 'a chore is done')
  } catch (error) {
    parts.log.error({ err: error, chore: name }, 'a chore failed')
  }
}

type Chore = (parts: HousekeepingParts) => Promise<object>

const chores: Record<string, Chore> = {
  months: async ({ database, log }) => {
    const missing = await ensureMonths(database.pool)
    if (missing.length > 0) log.warn({ missing }, 'months of the audit log could not be made')
    return { missing }
  },
  rejects: async ({ database, config }) => ({
    purged: await purgeRejects(database.bulkPool, config.rejectDays),
  }),
  idempotencyKeys: async ({ database, config }) => ({
    purged: await idempotencyStore(database.bulkPool).purge(config.idempotencyDays),
  }),
  leftovers: async ({ database }) => ({ ...(await purgeLeftovers(database.bulkPool)) }),
  tombstones: async ({ database, config, clock }) => {
    const before = new Date(clock.now().getTime() - config.tombstoneDays * dayMs)
    const numbers = await resourceNumbers(database.pool)
    for (const number of numbers) await purgeTombstones(database.bulkPool, number, before)
    return { resources: numbers.length }
  },
}

async function resourceNumbers(pool: pg.Pool): Promise<number[]> {
  const { rows } = await pool.query<{ resource_number: number }>(
    'select resource_number from hub.change_numbers order by resource_number',
  )
  return rows.map(({ resource_number: number }) => number)
}
