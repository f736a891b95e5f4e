import type { ClientBase } from 'pg'
import { lockResource } from '../records/lock-resource.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Merge, MergeCounts } from '../records/merge.ts'
import { fateName, stageName } from '../records/merge-statements.ts'
import { recordsName } from '../records/record-table.ts'
import type { Batch, StagedRow } from './batch.ts'
import { copyFresh, copyStaged } from './copy-rows.ts'

/** What a landing needs to know of its resource and run. */
export interface LandingContext {
  merge: Merge
  servedVersion: number
  runId: string
  receivedAt: string
  notAfter: string | null
  expectNew: boolean
  /** The resource was empty when the run began, and no row of it has met its key again. */
  expectAllNew: boolean
  /** Several source rows make one record: a key met again in a later batch would lose children. */
  joins: boolean
}

export interface LandingCounts extends MergeCounts {
  read: number
  rejected: number
  flagged: number
}

export interface Landing {
  counts: LandingCounts
  lastSeq: number
}

/** The change numbers and grants' filters of a resource, read under its lock. */
interface Numbers {
  served_version: number
  last_seq: number
  filter_fields: string[]
}

/**
 * Stages and merges one batch inside the caller's transaction: COPY first, then the resource's lock, so
 * that others wait for the merge alone. Refuses with `state-conflict` when the resource was republished
 * meanwhile (the caller compiles anew and tries again) or withdrawn.
 */
export async function landBatch(
  client: ClientBase,
  context: LandingContext,
  batch: Batch,
): Promise<Landing> {
  const { merge } = context
  const isFreshTried = maybeFresh(context, batch)
  if (!isFreshTried) await copyStaged(client, merge, batch.layers[0] ?? [])
  await lockResource(client, merge.table.number)
  const numbers = await readNumbers(client, context)
  const counts = emptyCounts(batch)
  const fresh = isFreshTried ? await landFresh(client, context, { batch, numbers, counts }) : null
  if (isFreshTried && fresh === null) await copyStaged(client, merge, batch.layers[0] ?? [])
  const merged = fresh ?? (await landLayers(client, context, { batch, numbers, counts }))
  const lastSeq = await markRefused(client, merge, batch, merged)
  if (lastSeq > numbers.last_seq) {
    await client.query('update hub.change_numbers set last_seq = $2 where resource_number = $1', [
      merge.table.number,
      lastSeq,
    ])
  }
  return { counts, lastSeq }
}

/** The caller compiles the resource anew and tries again. */
export class Republished extends Refusal {
  constructor() {
    super(
      'state-conflict',
      '资源在写入期间发布了新版本或已下架,请重试 / The resource was republished or withdrawn meanwhile; try again',
    )
  }
}

interface Landed {
  batch: Batch
  numbers: Numbers
  counts: LandingCounts
}

/** Whether it is worth trying to copy the batch straight into the records. */
const maybeFresh = (context: LandingContext, { layers }: Batch): boolean =>
  context.expectAllNew &&
  !context.joins &&
  context.merge.table.versionField === null &&
  layers.length === 1 &&
  layers.every((rows) => rows.every((row) => !row.isDeletion))

/** Answers the last change number, or null when a key was there already and nothing was done. */
async function landFresh(
  client: ClientBase,
  { merge, runId, receivedAt }: LandingContext,
  { batch, numbers, counts }: Landed,
): Promise<number | null> {
  const rows = batch.layers[0] ?? []
  const lastSeq = numbers.last_seq
  if (!(await copyFresh(client, merge, { rows, runId, receivedAt, lastSeq }))) return null
  const request = { lastSeq, stagedCount: rows.length }
  const merged = await merge.settleFresh(client, request, () => rows.map(({ key }) => key))
  addMerged(counts, merged)
  counts.flagged += countFlagged(rows) + merged.crossFlagged
  return merged.lastSeq
}

/** Merges layer after layer, the first of which is staged; answers the last change number. */
async function landLayers(
  client: ClientBase,
  context: LandingContext,
  { batch, numbers, counts }: Landed,
): Promise<number> {
  const { merge } = context
  let lastSeq = numbers.last_seq
  for (const [index, layer] of batch.layers.entries()) {
    if (index > 0) {
      await client.query(`truncate ${stageName(merge.table)}, ${fateName(merge.table)}`)
      await copyStaged(client, merge, layer)
    }
    if (context.joins) await refuseScattered(client, context)
    const merged = await merge.run(client, {
      runId: context.runId,
      receivedAt: context.receivedAt,
      lastSeq,
      stagedCount: layer.length,
      filterFields: numbers.filter_fields,
      notAfter: context.notAfter,
      expectNew: context.expectNew && index === 0,
    })
    addMerged(counts, merged)
    counts.flagged += countFlagged(layer) + merged.crossFlagged
    lastSeq = merged.lastSeq
  }
  return lastSeq
}

const countFlagged = (rows: readonly StagedRow[]): number =>
  rows.filter(({ isFlagged }) => isFlagged).length

const emptyCounts = (batch: Batch): LandingCounts => ({
  read: batch.readCount,
  inserted: 0,
  updated: 0,
  unchanged: batch.unchangedCount,
  stale: 0,
  superseded: batch.supersededCount,
  deleted: 0,
  rejected: batch.rejects.length,
  flagged: 0,
})

function addMerged(counts: LandingCounts, merged: MergeCounts): void {
  counts.inserted += merged.inserted
  counts.updated += merged.updated
  counts.unchanged += merged.unchanged
  counts.stale += merged.stale
  counts.superseded += merged.superseded
  counts.deleted += merged.deleted
}

async function readNumbers(client: ClientBase, context: LandingContext): Promise<Numbers> {
  const { rows } = await client.query<Numbers>({
    name: 'read-change-numbers',
    text: `select served_version, last_seq, filter_fields from hub.change_numbers where resource_number = $1`,
    values: [context.merge.table.number],
  })
  const [numbers] = rows
  if (numbers === undefined || numbers.served_version !== context.servedVersion) {
    throw new Republished()
  }
  return numbers
}

/** Joined rows must stand together in the source: this run has already written one of these keys. */
async function refuseScattered(
  client: ClientBase,
  { merge, runId }: LandingContext,
): Promise<void> {
  const { rows } = await client.query(
    `select 1 from ${stageName(merge.table)} s join ${recordsName(merge.table.number)} t on t._key = s._key where t._run = $1 limit 1`,
    [runId],
  )
  if (rows.length > 0) {
    throw new Refusal(
      'request-invalid',
      '同一主键的多行必须相邻,请按主键排序后重新推送 / Rows of one key must stand together: sort by the key and push again',
    )
  }
}

/** A refused newer version leaves its mark on the live record, until repaired (`records`). */
function markRefused(
  client: ClientBase,
  merge: Merge,
  batch: Batch,
  base: number,
): Promise<number> {
  const standing = [...batch.rejects, ...(batch.refusedBefore ?? [])].filter(
    ({ standing: isStanding, key }) => isStanding && key !== null,
  )
  return merge.markRefused(client, {
    keys: standing.map(({ key }) => key ?? ''),
    sourceTimes: standing.map(({ sourceUpdatedAt }) => sourceUpdatedAt),
    base,
  })
}
