import type { ClientBase } from 'pg'
import { flagStatements, type FlagStatements } from './flags.ts'
import {
  fateStatement,
  mergeStatements,
  type MergeStatements,
  type Outcome,
} from './merge-statements.ts'
import { stageStatement, type RecordTable } from './record-table.ts'

/** What became of the staged rows of one batch. */
export interface MergeCounts {
  inserted: number
  updated: number
  unchanged: number
  stale: number
  superseded: number
  deleted: number
}

export interface MergeRequest {
  runId: string
  /** RFC 3339 instant at which the batch is received. */
  receivedAt: string
  /** The resource's last change number before this batch, read under its lock. */
  lastSeq: number
  stagedCount: number
  /** Fields that live grants filter rows by. */
  filterFields: readonly string[]
  /** A replayed reject without a source time must not overwrite what changed since: this instant. */
  notAfter: string | null
  /** Most rows of the last batch were new: insert first and compare only what collides. */
  expectNew: boolean
}

export interface MergeResult extends MergeCounts {
  lastSeq: number
  /** Staged rows without a flag of their own whose record carries one that the hub set. */
  crossFlagged: number
}

/** A resource's merge, compiled once per version. */
export interface Merge {
  table: RecordTable
  /** Creates this connection's temporary tables; they empty themselves at each commit. */
  prepare(client: ClientBase): Promise<void>
  run(client: ClientBase, request: MergeRequest): Promise<MergeResult>
  /** What is left to do when all rows of a batch were copied straight into the records. */
  settleFresh(
    client: ClientBase,
    request: Pick<MergeRequest, 'lastSeq' | 'stagedCount'>,
    keys: () => readonly string[],
  ): Promise<MergeResult>
  markRefused: FlagStatements['markRefused']
}

/**
 * Only nested loops over indexes keep a merge as quick with ten million records as with none, and stages
 * have no statistics that would tell the planner so.
 */
const indexedPlans =
  'set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_seqscan = off'

const farFuture = 'infinity'

export function compileMerge(table: RecordTable): Merge {
  const statements = mergeStatements(table)
  const flags = flagStatements(table)
  return {
    table,
    markRefused: (client, refused) => flags.markRefused(client, refused),
    prepare: async (client) => {
      await client.query(stageStatement(table, statements.stage))
      await client.query(fateStatement(table))
    },
    run: async (client, request) => {
      await client.query(indexedPlans)
      const fates = await decideFates(client, statements, request)
      await applyFates(client, statements, request, fates)
      const changed = changedCount(fates)
      const after = request.lastSeq + (changed > 0 ? request.stagedCount : 0)
      const promoted = changed > 0 ? await promote(client, statements, request, after) : 0
      const base = after + promoted
      const lastSeq =
        fates.get('fresh') === request.stagedCount
          ? await flags.refreshFresh(client, { base, before: request.lastSeq })
          : await flags.refresh(client, { base, changed })
      const crossFlagged = await flags.countFlagged(client)
      return { ...countsOf(fates), lastSeq, crossFlagged }
    },
    settleFresh: async (client, { lastSeq: before, stagedCount }, keys) => {
      await client.query(indexedPlans)
      const lastSeq = await flags.refreshFresh(client, { base: before + stagedCount, before })
      const crossFlagged = await flags.countFlaggedKeys(client, keys)
      return { ...countsOf(new Map([['fresh', stagedCount]])), lastSeq, crossFlagged }
    },
  }
}

type Fates = Map<Outcome, number>

/** Inserts what is new and decides the rest; the quick way is taken when all turn out to be new. */
async function decideFates(
  client: ClientBase,
  statements: MergeStatements,
  request: MergeRequest,
): Promise<Fates> {
  if (request.expectNew) {
    const inserted = await client.query(statements.insertFresh, [
      request.lastSeq,
      request.runId,
      request.receivedAt,
    ])
    if (inserted.rowCount === request.stagedCount) return new Map([['fresh', request.stagedCount]])
  }
  const { rows } = await client.query<{ outcome: Outcome; count: number }>(statements.compare, [
    request.lastSeq,
    request.notAfter ?? farFuture,
  ])
  return new Map(rows.map(({ outcome, count }) => [outcome, count]))
}

async function applyFates(
  client: ClientBase,
  statements: MergeStatements,
  request: MergeRequest,
  fates: Fates,
): Promise<void> {
  const { lastSeq, runId, receivedAt } = request
  const writing = [lastSeq, runId, receivedAt]
  const has = (...outcomes: Outcome[]) => outcomes.some((outcome) => (fates.get(outcome) ?? 0) > 0)
  const write = async (sql: string | null, values: unknown[]): Promise<void> => {
    if (sql !== null) await client.query(sql, values)
  }
  if (has('new')) await write(statements.insertNew, writing)
  if (has('overtaken', 'deleted')) await write(statements.keepOvertaken, writing)
  if (has('changed', 'deleted')) {
    await write(statements.keepHistory, [receivedAt])
    await write(statements.keepAliases, [])
    await write(statements.keepDepartures(request.filterFields), [lastSeq])
  }
  if (has('changed', 'revived')) await write(statements.applyChanged, writing)
  if (has('cleared')) await write(statements.applyCleared, [lastSeq])
  if (has('touched')) await write(statements.applyTouched, [])
  if (has('deleted')) await write(statements.applyDeleted, writing)
  if (has('absent')) await write(statements.keepTombstones, writing)
}

/** Gives cancelled licences their highest living version back; its change numbers follow the batch's own. */
async function promote(
  client: ClientBase,
  statements: MergeStatements,
  request: MergeRequest,
  base: number,
): Promise<number> {
  const promoting = statements.promoteVersions(request.filterFields)
  for (const sql of promoting) await client.query(sql, [base, request.receivedAt])
  return promoting.length > 0 ? request.stagedCount : 0
}

const counted = (fates: Fates, ...outcomes: Outcome[]): number =>
  outcomes.reduce((sum, outcome) => sum + (fates.get(outcome) ?? 0), 0)

const changedCount = (fates: Fates): number =>
  counted(fates, 'fresh', 'new', 'changed', 'revived', 'cleared', 'deleted', 'absent', 'overtaken')

const countsOf = (fates: Fates): MergeCounts => ({
  inserted: counted(fates, 'fresh', 'new', 'revived'),
  updated: counted(fates, 'changed'),
  unchanged: counted(fates, 'unchanged', 'touched', 'cleared', 'absent'),
  stale: counted(fates, 'stale'),
  superseded: counted(fates, 'overtaken'),
  deleted: counted(fates, 'deleted'),
})
