import type { ClientBase } from 'pg'
import type { Batch, StagedRow } from './batch.ts'
import type { Landing } from './land-batch.ts'

/*
 * What `hub.snapshot_rows` holds of one run:
 *   key            the merge key: the snapshot names it. Of a resource with versions the row itself lies
 *                  under key + U+0001 + hash, since two versions of one licence are two facts.
 *   stage_line     the row, until it is merged; null where there is only the key
 *   hash           of the row; null where the newest row of the key was refused
 */
const versionMark = '\u0001'

/** The merge key of a kept row. */
export const mergeKeyOf = (keptKey: string): string => keptKey.split(versionMark, 1)[0] ?? ''

export const forgetSnapshot = (client: ClientBase, runId: string): Promise<unknown> =>
  client.query('delete from hub.snapshot_rows where run_id = $1', [runId])

export interface RowsToKeep {
  runId: string
  batch: Batch
  hasVersions: boolean
}

/**
 * Keeps a snapshot's rows until its commit: nothing merges before the guards have passed. A rejected
 * row's key counts as present. Of repeated keys the newest stays.
 */
export async function keepForSnapshot(
  client: ClientBase,
  { runId, batch, hasVersions }: RowsToKeep,
): Promise<Landing> {
  const counts = {
    read: batch.readCount,
    inserted: 0,
    updated: 0,
    unchanged: batch.unchangedCount,
    stale: 0,
    superseded: batch.supersededCount,
    deleted: 0,
    rejected: batch.rejects.length,
    flagged: 0,
  }
  for (const layer of batch.layers) {
    const named = hasVersions ? layer.map(underVersion) : layer
    if (hasVersions) await keepKeys(client, runId, layer)
    const known = await keepLayer(client, runId, named)
    counts.unchanged += known.same
    counts.superseded += known.other
    counts.flagged += layer.filter(({ isFlagged }) => isFlagged).length
  }
  await keepRejectedKeys(client, runId, batch)
  return { counts, lastSeq: 0 }
}

const underVersion = (row: StagedRow): StagedRow => ({
  ...row,
  key: `${row.key}${versionMark}${row.hash}`,
})

/** Keeps what a read has named, without its rows: those are merged at once. */
export const keepKeys = (
  client: ClientBase,
  runId: string,
  rows: readonly Pick<StagedRow, 'key'>[],
): Promise<unknown> =>
  client.query(
    `insert into hub.snapshot_rows (run_id, key, ordinal, hash)
     select $1, key, -1, '' from unnest($2::text[]) key on conflict do nothing`,
    [runId, rows.map(({ key }) => key)],
  )

/** Answers how many rows met a row of their key that said the same, and how many another one. */
async function keepLayer(
  client: ClientBase,
  runId: string,
  rows: readonly StagedRow[],
): Promise<{ same: number; other: number }> {
  const { rows: known } = await client.query<{ same: number; other: number }>(
    `with start as (select coalesce(max(ordinal) + 1, 0) as ordinal from hub.snapshot_rows where run_id = $1),
     given as (select * from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
       with ordinality r (key, line, hash, source_at, place)),
     known as (
       select held.hash is not distinct from given.hash as is_same
       from given join hub.snapshot_rows held on held.run_id = $1 and held.key = given.key
       where held.stage_line is not null),
     kept as (
       insert into hub.snapshot_rows as held (run_id, key, ordinal, stage_line, hash, source_at)
       select $1, key, greatest(start.ordinal, 0) + place, line, hash, source_at from start, given
       on conflict (run_id, key) do update set ordinal = excluded.ordinal,
         stage_line = excluded.stage_line, hash = excluded.hash, source_at = excluded.source_at
       where held.stage_line is null or held.source_at is null or excluded.source_at is null
         or held.source_at <= excluded.source_at)
     select count(*) filter (where is_same)::integer as same,
       count(*) filter (where not is_same)::integer as other from known`,
    [
      runId,
      rows.map(({ key }) => key),
      rows.map(({ line }) => line.toString()),
      rows.map(({ hash }) => hash),
      rows.map(({ sourceUpdatedAt }) => sourceUpdatedAt),
    ],
  )
  return known[0] ?? { same: 0, other: 0 }
}

/** The key is there, whether with an older row or with none; its live record will be marked. */
async function keepRejectedKeys(client: ClientBase, runId: string, batch: Batch): Promise<void> {
  const standing = new Map(
    batch.rejects.flatMap(({ key, standing, sourceUpdatedAt }) =>
      standing && key !== null ? [[key, sourceUpdatedAt] as const] : [],
    ),
  )
  if (standing.size === 0) return
  await client.query(
    `insert into hub.snapshot_rows as held (run_id, key, ordinal, source_at)
     select $1, key, -1, source_at from unnest($2::text[], $3::timestamptz[]) r (key, source_at)
     on conflict (run_id, key) do update set hash = null
     where held.source_at is null or excluded.source_at is null or held.source_at <= excluded.source_at`,
    [runId, [...standing.keys()], [...standing.values()]],
  )
}
