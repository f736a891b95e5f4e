import type { ClientBase } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { recordsName } from '../records/record-table.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Batch, StagedRow } from './batch.ts'
import { intakeResource } from './intake-resource.ts'
import { landingSession, type LandingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import type { RunRow } from './run-rows.ts'
import { mergeKeyOf } from './snapshot-rows.ts'
import { stopIfClosing } from './stopping.ts'

/**
 * Makes a snapshot the whole: guards first, then the kept rows are merged in batches, then what the
 * snapshot does not name is deleted. Each step commits alone and forgets what it has done, so that a
 * commit which is interrupted goes on where it stopped. The keys stay until the run ends, in the same
 * transaction: a run that went on without them would take everything for missing.
 *
 *   guard ──▶ merge slice … ──▶ mark refused … ──▶ delete slice … ──▶ (run ended, keys forgotten)
 */
export async function commitSnapshot(
  parts: IntakeParts,
  run: RunRow,
  served: ServedResource,
): Promise<void> {
  const isBegun = await hasBegun(parts, run.id)
  if (!run.isForced && !isBegun) await guardDeletions(parts, run, served)
  const session = landingSession(parts, {
    runId: run.id,
    resource: intakeResource(served),
    isDry: false,
    isSnapshot: false,
    joins: false,
    notAfter: null,
    expectNew: run.startSeq === 0,
  })
  await mergeKept(parts, run, session)
  await markRefused(parts, run, session)
  await deleteMissing(parts, run, served, session)
}

/** Numbers of merged slices follow those of the rows' own batches and count from here. */
const sliceNumberBase = 1_000_000

/** A slice was merged before: the guards passed then, and the live records are no longer what they judged. */
export async function hasBegun(parts: IntakeParts, runId: string): Promise<boolean> {
  const { rows } = await parts.pool.query(
    'select 1 from hub.batches where run_id = $1 and number >= $2 limit 1',
    [runId, sliceNumberBase],
  )
  return rows.length > 0
}

/** SQL over the run's id and the change number at its start. */
export const missingFrom = (served: ServedResource): string =>
  `from ${recordsName(served.number)} t where t._status <> 'deleted' and t._seq <= $2
     and not exists (select from hub.snapshot_rows k where k.run_id = $1 and k.key = t._key)`

/** How many live records a snapshot or a full read does not name, and how many there are. */
export async function countMissing(
  parts: IntakeParts,
  run: Pick<RunRow, 'id' | 'startSeq'>,
  served: ServedResource,
): Promise<{ missing: number; live: number }> {
  const { rows } = await parts.bulkPool.query<{ missing: number; live: number }>(
    `select (select count(*) ${missingFrom(served)})::integer as missing,
       (select count(*) from ${recordsName(served.number)} where _status <> 'deleted')::integer as live`,
    [run.id, run.startSeq ?? 0],
  )
  return rows[0] ?? { missing: 0, live: 0 }
}

async function guardDeletions(
  parts: IntakeParts,
  run: RunRow,
  served: ServedResource,
): Promise<void> {
  const { missing, live } = await countMissing(parts, run, served)
  if (live === 0 || missing / live <= intakeLimits.snapshotDeletedShareMax) return
  const percent = Math.round((missing / live) * 100)
  throw new Refusal(
    'state-conflict',
    `快照将删除 ${missing} 条在用记录(${percent}%),超过 20% 上限,未作任何更改;确认无误请加 force=true ` +
      `/ The snapshot would delete ${missing} of ${live} live records, more than 20 %; nothing was changed. Use force=true if that is right`,
  )
}

interface KeptRow {
  key: string
  ordinal: number
  stage_line: string
  hash: string | null
  source_at: string | null
}

/** Stage lines carry their ordinal in front; within a slice it counts from 0 again. */
const renumbered = (row: KeptRow, ordinal: number): StagedRow => ({
  key: mergeKeyOf(row.key),
  hash: row.hash ?? '',
  line: Buffer.from(`${ordinal}${row.stage_line.slice(row.stage_line.indexOf('\t'))}`),
  sourceUpdatedAt: row.source_at,
  isDeletion: false,
  // Counted when the rows were read.
  isFlagged: false,
})

/** Versions of one licence are merged one after the other. */
function layersOf(rows: readonly KeptRow[]): StagedRow[][] {
  const layers: StagedRow[][] = []
  const depths = new Map<string, number>()
  for (const row of rows) {
    const key = mergeKeyOf(row.key)
    const depth = depths.get(key) ?? 0
    depths.set(key, depth + 1)
    const layer = (layers[depth] ??= [])
    layer.push(renumbered(row, layer.length))
  }
  return layers
}

const sliceBatch = (layers: StagedRow[][]): Batch => ({
  readCount: 0,
  layers,
  rejects: [],
  supersededCount: 0,
  unchangedCount: 0,
})

async function nextSliceNumber(parts: IntakeParts, runId: string): Promise<number> {
  const { rows } = await parts.pool.query<{ number: number | null }>(
    'select max(number) as number from hub.batches where run_id = $1',
    [runId],
  )
  return Math.max(rows[0]?.number ?? 0, sliceNumberBase) + 1
}

async function mergeKept(parts: IntakeParts, run: RunRow, session: LandingSession): Promise<void> {
  for (;;) {
    stopIfClosing(parts)
    const { rows } = await parts.pool.query<KeptRow>(
      `select key, ordinal, stage_line, hash, source_at from hub.snapshot_rows
       where run_id = $1 and ordinal >= 0 and stage_line is not null order by ordinal limit $2`,
      [run.id, intakeLimits.batchRowsMax],
    )
    if (rows.length === 0) return
    await session.land({
      number: await nextSliceNumber(parts, run.id),
      batch: sliceBatch(layersOf(rows)),
      endByte: null,
      prefixDigest: null,
      alongside: (client) => forgetLines(client, run.id, rows),
    })
  }
}

/** The keys stay: they still say what the snapshot named. */
const forgetLines = (
  client: ClientBase,
  runId: string,
  rows: readonly KeptRow[],
): Promise<unknown> =>
  client.query(
    'update hub.snapshot_rows set stage_line = null where run_id = $1 and ordinal = any($2::bigint[])',
    [runId, rows.map(({ ordinal }) => ordinal)],
  )

/** Live records whose newest row was refused say so, as they would after any other push. */
async function markRefused(
  parts: IntakeParts,
  run: RunRow,
  session: LandingSession,
): Promise<void> {
  for (;;) {
    stopIfClosing(parts)
    const { rows } = await parts.pool.query<Pick<KeptRow, 'key' | 'source_at'>>(
      'select key, source_at from hub.snapshot_rows where run_id = $1 and hash is null limit $2',
      [run.id, intakeLimits.batchRowsMax],
    )
    if (rows.length === 0) return
    const refusedBefore = rows.map((row) => ({
      key: row.key,
      standing: true,
      sourceUpdatedAt: row.source_at,
    }))
    await session.land({
      number: await nextSliceNumber(parts, run.id),
      batch: { ...sliceBatch([]), refusedBefore },
      endByte: null,
      prefixDigest: null,
      alongside: (client) =>
        client.query(
          `update hub.snapshot_rows set hash = '' where run_id = $1 and key = any($2::text[])`,
          [run.id, rows.map(({ key }) => key)],
        ),
    })
  }
}

/** Only records that are not newer than the run's start: what came in meanwhile is not the snapshot's to judge. */
export async function deleteMissing(
  parts: IntakeParts,
  run: Pick<RunRow, 'id' | 'startSeq'>,
  served: ServedResource,
  session: LandingSession,
): Promise<void> {
  const { encode } = intakeResource(served)
  for (;;) {
    stopIfClosing(parts)
    const { rows } = await parts.bulkPool.query<{ _key: string }>(
      `select t._key ${missingFrom(served)} limit $3`,
      [run.id, run.startSeq ?? 0, intakeLimits.batchRowsMax],
    )
    if (rows.length === 0) return
    const layer = rows.map(({ _key: key }, ordinal): StagedRow => {
      const row = { key, operation: 'delete', values: {}, status: 'deleted', quality: [] } as const
      const { line, hash } = encode({ ...row, sourceUpdatedAt: null }, ordinal)
      return { key, hash, line, sourceUpdatedAt: null, isDeletion: true, isFlagged: false }
    })
    await session.land({
      number: await nextSliceNumber(parts, run.id),
      batch: sliceBatch([layer]),
      endByte: null,
      prefixDigest: null,
    })
  }
}
