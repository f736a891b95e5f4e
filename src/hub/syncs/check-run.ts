import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Batch } from '../intake/batch.ts'
import { intakeLimits } from '../intake/limits.ts'
import { batcherFor } from '../intake/push-rows.ts'
import { runStore, type RunStore } from '../intake/runs.ts'
import { forgetSnapshot, keepKeys } from '../intake/snapshot-rows.ts'
import { inTransaction } from '../database/connect.ts'
import { columnsLacking } from '../intake/column-watch.ts'
import {
  type Compared,
  compareBatch,
  type Differences,
  differenceStore,
  type FoundDifference,
  extraKeys,
  noDifferences,
} from './pull-compare.ts'
import { type PullParts, withSource, wholeSource } from './pull-parts.ts'
import { openPace, pause } from './pull-pace.ts'
import { answered, watchedBlocks } from './pull-watch.ts'
import { endSyncRun } from './pull-end.ts'
import { withReasons } from './pull-run.ts'
import { liveRecords } from './reconcile.ts'
import { type RunOutcome, RunStopped, type RunWork } from './run-work.ts'
import { withChildren } from './source-children.ts'

/**
 * Compares source and records by key, and changes neither: the whole source goes through the same mapping,
 * checks and encoding as when it is pulled, and what would be stored is compared with what is. Counts are
 * those of a dry run: what would be inserted is missing, what would be updated differs.
 */
export const checkWork =
  (hub: Hub): RunWork =>
  (claimed) =>
    withReasons(claimed, () => withSource(hub, claimed, check))

async function check(parts: PullParts): Promise<RunOutcome> {
  const startSeq = await beginAnew(parts)
  await seeMapping(parts)
  const found = { ...noDifferences }
  const readCount = await compareSource(parts, { startSeq, found })
  found.extra = await keepExtra(parts, startSeq, found)
  const sourceCount = await answered(parts.source.count(wholeSource), parts.watch)
  const run = await endSyncRun(
    parts,
    {
      sourceCount,
      readCount,
      recordCount: await liveRecords(parts),
      agrees: found.missing + found.extra + found.differing === 0,
      note: noteOf(parts, found),
      differences: found,
    },
    (client) => forgetSnapshot(client, parts.run.id),
  )
  return { kind: 'ended', run }
}

/** A check that broke off begins anew: nothing of it is worth more than a second look. */
function beginAnew({ intake, run, holder, sync }: PullParts): Promise<number> {
  return inTransaction(intake.pool, async (client) => {
    const { rows } = await client.query<{ start: number }>(
      `update hub.runs set read_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0,
         stale_count = 0, superseded_count = 0, rejected_count = 0, flagged_count = 0, is_dry = true,
         start_seq = (select last_seq from hub.change_numbers where resource = $3)
       where id = $1 and state = 'running' and leased_by = $2 returning coalesce(start_seq, 0) as start`,
      [run.id, holder, sync.resource],
    )
    if (rows[0] === undefined) throw new RunStopped('lease-lost')
    await forgetSnapshot(client, run.id)
    await differenceStore(client, intake.vault).forget(run.id)
    return rows[0].start
  })
}

async function seeMapping({ source, pipeline, watch }: PullParts): Promise<void> {
  const { columns } = await answered(source.describe(), watch)
  const named = columns?.map(({ name }) => name) ?? null
  const missing = named === null ? [] : pipeline.mapping.checkColumns(named).missing
  if (missing.length > 0) throw columnsLacking(missing)
}

interface Comparing {
  startSeq: number
  found: Differences
}

async function compareSource(parts: PullParts, comparing: Comparing): Promise<number> {
  const { source, watch, sync, resource, pipeline } = parts
  const batcher = batcherFor(resource, pipeline, 'snapshot')
  const pace = openPace(sync.limits.rowsPerSecond, () => performance.now())
  let line = 0
  let readCount = 0
  const hand = async (batch: Batch): Promise<void> => {
    readCount += batch.readCount
    await compareAndCount(parts, comparing, batch)
  }
  for await (const given of watchedBlocks(source.read(wholeSource), watch)) {
    if (given.unit !== null) throw onlyNews()
    const block = await withChildren(parts, given)
    for (const row of block.rows) batcher.add({ ...row, line: (line += 1) })
    if (batcher.readCount >= intakeLimits.batchRowsMax) await hand(batcher.takeWhole())
    const owedMs = pace.owed(block.rows.length)
    if (owedMs > 0) await pause(owedMs, watch.signal)
  }
  await hand(batcher.take())
  return readCount
}

const onlyNews = (): Refusal =>
  new Refusal(
    'state-conflict',
    '此来源只给出新到的文件或批次,不能按主键核对 / This source gives only what is new; it cannot be checked by key',
  )

/** Keys, differing keys and counts of one batch, in one transaction. */
async function compareAndCount(
  parts: PullParts,
  { startSeq, found }: Comparing,
  batch: Batch,
): Promise<void> {
  const { intake, run, resource } = parts
  const standing = batch.rejects.flatMap(({ key, standing }) =>
    standing && key !== null ? [{ key }] : [],
  )
  const compared = await inTransaction(intake.bulkPool, async (client) => {
    const result = await compareBatch(client, { served: resource.served, startSeq, batch })
    await keepKeys(client, run.id, [...batch.layers.flat(), ...standing])
    await differenceStore(client, intake.vault).add(run.id, result.differences, totalOf(found))
    await countBatch(runStore(client), parts, { batch, compared: result })
    return result
  })
  for (const { kind } of compared.differences) found[kind] += 1
}

const totalOf = ({ missing, extra, differing }: Differences): number => missing + extra + differing

async function countBatch(
  runs: Pick<RunStore, 'count'>,
  { run, holder }: PullParts,
  { batch, compared }: { batch: Batch; compared: Compared },
): Promise<void> {
  const countOf = (kind: FoundDifference['kind']): number =>
    compared.differences.filter((difference) => difference.kind === kind).length
  const isCounted = await runs.count(run.id, holder, {
    counts: {
      read: batch.readCount,
      inserted: countOf('missing'),
      updated: countOf('differing'),
      unchanged: batch.unchangedCount + compared.same,
      stale: compared.newer,
      superseded: batch.supersededCount,
      deleted: 0,
      rejected: batch.rejects.length,
      flagged: batch.layers.flat().filter(({ isFlagged }) => isFlagged).length,
    },
    byteCount: null,
    lastSeq: 0,
    nextBatch: null,
  })
  if (!isCounted) throw new RunStopped('lease-lost')
}

/** Records that no row of the source named: all are counted, the first of them are kept. */
async function keepExtra(parts: PullParts, startSeq: number, found: Differences): Promise<number> {
  const { intake, run, resource } = parts
  const { count, keys } = await extraKeys(intake.bulkPool, {
    runId: run.id,
    served: resource.served,
    startSeq,
  })
  const extra = keys.map((key): FoundDifference => ({ key, kind: 'extra' }))
  await differenceStore(intake.pool, intake.vault).add(run.id, extra, totalOf(found))
  return count
}

function noteOf({ resource }: PullParts, found: Differences): string | null {
  const notes = [
    ...(totalOf(found) > 0
      ? [
          `缺 ${found.missing}、多 ${found.extra}、不同 ${found.differing} / ${found.missing} missing, ${found.extra} extra, ${found.differing} differing`,
        ]
      : []),
    ...(resource.served.table.versionField === null
      ? []
      : ['有版本的记录只核对主键 / of records with versions only the keys are compared']),
  ]
  return notes.length === 0 ? null : notes.join(';')
}
