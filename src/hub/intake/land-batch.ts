import type { ClientBase } from 'pg'
import copyStreams from 'pg-copy-streams'
import { pipeline as pump } from 'node:stream/promises'
import { Refusal } from '../../shared/refusal.ts'
import { copyOptions } from '../records/encode.ts'
import type { Merge, MergeCounts } from '../records/merge.ts'
import { fateName, stageName } from '../records/merge-statements.ts'
import { recordsName, stageColumns } from '../records/record-table.ts'
import type { Batch, StagedRow } from './batcher.ts'

/** What a landing needs to know of its resource and run. */
export interface LandingContext {
  merge: Merge
  servedVersion: number
  runId: string
  receivedAt: string
  notAfter: string | null
  expectNew: boolean
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

/** Merges into one resource are serialised by this lock; its second key is the resource's number. */
const mergeLockClass = 0x5348

export const lockResource = (client: ClientBase, number: number): Promise<unknown> =>
  client.query('select pg_advisory_xact_lock($1, $2)', [mergeLockClass, number])

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
  const counts = emptyCounts(batch)
  const first = batch.layers[0] ?? []
  await copyIn(client, merge, first)
  await lockResource(client, merge.table.number)
  const numbers = await readNumbers(client, context)
  let lastSeq = numbers.last_seq
  for (const [index, layer] of batch.layers.entries()) {
    if (index > 0) {
      await client.query(`truncate ${stageName(merge.table)}, ${fateName(merge.table)}`)
      await copyIn(client, merge, layer)
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
    counts.flagged += layer.filter((row) => row.isFlagged).length + merged.crossFlagged
    lastSeq = merged.lastSeq
  }
  lastSeq = await markRefused(client, merge, batch, lastSeq)
  if (lastSeq > numbers.last_seq) {
    await client.query(
      'update hub.change_numbers set last_seq = $2 where resource_number = $1',
      [merge.table.number, lastSeq],
    )
  }
  return { counts, lastSeq }
}

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
    throw new Refusal(
      'state-conflict',
      '资源在写入期间发布了新版本或已下架,请重试 / The resource was republished or withdrawn meanwhile; try again',
    )
  }
  return numbers
}

/** Lines leave in pieces of about this many characters: few writes, little memory. */
const pieceLength = 64 * 1024

function* pieces(rows: readonly StagedRow[]): Generator<string> {
  let piece = ''
  for (const { line } of rows) {
    piece += line
    if (piece.length >= pieceLength) {
      yield piece
      piece = ''
    }
  }
  if (piece !== '') yield piece
}

async function copyIn(client: ClientBase, merge: Merge, rows: readonly StagedRow[]): Promise<void> {
  if (rows.length === 0) return
  const sql = `copy ${stageName(merge.table)} (${stageColumns(merge.table)}) from stdin ${copyOptions}`
  await pump(pieces(rows), client.query(copyStreams.from(sql)))
}

/** Joined rows must stand together in the source: this run has already written one of these keys. */
async function refuseScattered(client: ClientBase, { merge, runId }: LandingContext): Promise<void> {
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
  const standing = batch.rejects.filter((reject) => reject.standing && reject.key !== null)
  return merge.markRefused(client, {
    keys: standing.map(({ key }) => key as string),
    sourceTimes: standing.map(({ sourceUpdatedAt }) => sourceUpdatedAt),
    base,
  })
}
