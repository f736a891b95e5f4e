import type { ClientBase } from 'pg'
import type { Batch, StagedRow } from './batcher.ts'
import type { Landing } from './land-batch.ts'

/**
 * Keeps a snapshot's rows until its commit: nothing merges before the guards have passed. A rejected
 * row's key counts as present, with nothing to merge. Of repeated keys the newest stays.
 */
export async function keepForSnapshot(
  client: ClientBase,
  runId: string,
  batch: Batch,
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
    counts.superseded += layer.length - (await keepLayer(client, runId, layer))
    counts.flagged += layer.filter(({ isFlagged }) => isFlagged).length
  }
  await keepRejectedKeys(client, runId, batch)
  return { counts, lastSeq: 0 }
}

/** Answers how many keys were not there before. */
async function keepLayer(client: ClientBase, runId: string, rows: readonly StagedRow[]): Promise<number> {
  const { rows: kept } = await client.query<{ count: number }>(
    `with start as (select coalesce(max(ordinal) + 1, 0) as ordinal from hub.snapshot_rows where run_id = $1),
     merged as (
       insert into hub.snapshot_rows as held (run_id, key, ordinal, stage_line, hash, source_at)
       select $1, r.key, start.ordinal + r.place, r.line, r.hash, r.source_at
       from start, unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
         with ordinality r (key, line, hash, source_at, place)
       on conflict (run_id, key) do update set ordinal = excluded.ordinal, hash = excluded.hash,
         stage_line = case when held.source_at > excluded.source_at then held.stage_line else excluded.stage_line end,
         source_at = greatest(held.source_at, excluded.source_at)
       returning (xmax = 0 or held.stage_line is null) as is_new)
     select count(*) filter (where is_new)::integer as count from merged`,
    [
      runId,
      rows.map(({ key }) => key),
      rows.map(({ line }) => line),
      rows.map(({ hash }) => hash),
      rows.map(({ sourceUpdatedAt }) => sourceUpdatedAt),
    ],
  )
  return kept[0]?.count ?? 0
}

async function keepRejectedKeys(client: ClientBase, runId: string, batch: Batch): Promise<void> {
  const keys = batch.rejects.flatMap(({ key, standing }) => (standing && key !== null ? [key] : []))
  if (keys.length === 0) return
  await client.query(
    `insert into hub.snapshot_rows (run_id, key, ordinal)
     select $1, key, -1 from unnest($2::text[]) key on conflict do nothing`,
    [runId, [...new Set(keys)]],
  )
}
