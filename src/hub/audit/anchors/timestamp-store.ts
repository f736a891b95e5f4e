import type { ClientBase, Pool } from 'pg'

/** A checkpoint that an authority outside has stamped. */
export interface StampedCheckpoint {
  size: number
  note: string
  /** RFC 3339. */
  at: string
}

export interface TimestampToken {
  /** TimeStampResp (RFC 3161, section 2.4.2), DER. */
  token: Buffer
}

/** Null where the checkpoint of that size has no timestamp. */
export async function findTimestamp(
  pool: Pick<Pool, 'query'>,
  size: number,
): Promise<Buffer | null> {
  const { rows } = await pool.query<TimestampToken>(
    'select token from audit.timestamps where size = $1',
    [size],
  )
  return rows[0]?.token ?? null
}

/** Newest first, below a size. */
export async function listTimestamps(
  pool: Pick<Pool, 'query'>,
  { below, rowsMax }: { below: number | null; rowsMax: number },
): Promise<StampedCheckpoint[]> {
  const { rows } = await pool.query<StampedCheckpoint>(
    `select size, note, at from audit.timestamps join audit.checkpoints using (size)
     where $1::bigint is null or size < $1 order by size desc limit $2`,
    [below, rowsMax],
  )
  return rows
}

/**
 * The last checkpoint, if it is time to have one stamped: it has no timestamp, and there has been none for so
 * many seconds. By the database's clock, which is the same for all processes.
 */
export async function findUnstamped(
  client: Pick<ClientBase, 'query'>,
  everySeconds: number,
): Promise<{ size: number; note: string } | null> {
  const { rows } = await client.query<{ size: number; note: string }>(
    `with last as (select size, note from audit.checkpoints order by size desc limit 1)
     select size, note from last
     where size > 0 and not exists (select from audit.timestamps t where t.size = last.size)
       and not exists (select from audit.timestamps where at > now() - make_interval(secs => $1))`,
    [everySeconds],
  )
  return rows[0] ?? null
}

export async function keepTimestamp(
  client: Pick<ClientBase, 'query'>,
  size: number,
  token: Buffer,
): Promise<void> {
  await client.query(
    'insert into audit.timestamps (size, token) values ($1, $2) on conflict do nothing',
    [size, token],
  )
}

/**
 * For how many seconds the last checkpoint has waited for a timestamp: since the one before, or since the log
 * began; 0 where it has one.
 */
export async function timestampLag(pool: Pick<Pool, 'query'>): Promise<number> {
  const { rows } = await pool.query<{ seconds: number | null }>(
    `with last as (select size from audit.checkpoints order by size desc limit 1)
     select extract(epoch from now() - coalesce(
         (select max(at) from audit.timestamps),
         (select signed_at from audit.checkpoints order by size limit 1)))::float8 as seconds
     from last where not exists (select from audit.timestamps t where t.size = last.size)`,
  )
  return rows[0]?.seconds ?? 0
}

/** Seconds since the last timestamp, by the database's clock; NaN before the first. */
export async function timestampAgeSeconds(pool: Pick<Pool, 'query'>): Promise<number> {
  const { rows } = await pool.query<{ seconds: number | null }>(
    'select extract(epoch from clock_timestamp() - max(at))::float8 as seconds from audit.timestamps',
  )
  return rows[0]?.seconds ?? Number.NaN
}
