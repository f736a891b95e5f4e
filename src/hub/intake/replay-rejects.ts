import type { Mapping } from '../../../schemas/api/mapping.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { SourceRow } from '../../exchange/types.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import { intakeResource } from './intake-resource.ts'
import { landingSession } from './landing-session.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { answerOf, endRun, failRun, type PushAnswer } from './push-batch.ts'
import { batcherFor } from './push-rows.ts'
import { answeredReject, rejectStore, type KeptReject } from './reject-store.ts'
import { mappingOfSync, type SyncMappingFacts } from './sync-mapping.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'

/** A row put right by the provider's operator, in the source's own columns. */
export interface CorrectedRow {
  line: number
  source: SourceRow
}

export interface Replay {
  run: RunRow
  served: ServedResource
  /** Empty: all open rejects go through again as they came, since mapping or codes may have changed. */
  corrected: readonly CorrectedRow[]
  /** What the corrected rows' cells are, where they are not of the run's own media type. */
  cells?: 'text' | 'json'
  system: string | null
  staff: string | null
}

/**
 * Puts rejects through the pipeline again, as a run of its own. What lands now is marked repaired. A row
 * without a source time does not overwrite a record that changed since the reject was made.
 */
export async function replayRejects(parts: IntakeParts, replay: Replay): Promise<PushAnswer> {
  const { run, served } = replay
  if (run.isDry || run.replayOf !== null) throw notReplayable(run)
  const rows = await rowsToReplay(parts, replay)
  const opened = await runStore(parts.pool).open(
    {
      resource: run.resource,
      kind: 'replay',
      mode: run.mode === 'snapshot' ? 'upsert' : run.mode,
      state: 'running',
      department: run.department,
      system: replay.system,
      staff: replay.staff,
      replayOf: run.id,
      mediaType: run.mediaType,
    },
    parts.holder,
  )
  try {
    return await land(parts, { opened, served, of: run, cells: replay.cells }, rows)
  } catch (error) {
    await failRun(parts, opened.id, error)
    throw error
  }
}

interface ReplayedRow extends CorrectedRow {
  rejectedAt: string
}

/** Rows that were refused in one transaction: each such slice has its own moment of which later changes win. */
function* slices(rows: readonly ReplayedRow[]): Generator<ReplayedRow[]> {
  let slice: ReplayedRow[] = []
  for (const row of rows) {
    const isOther = slice.length > 0 && slice[0]?.rejectedAt !== row.rejectedAt
    if (isOther || slice.length >= intakeLimits.batchRowsMax) {
      yield slice
      slice = []
    }
    slice.push(row)
  }
  if (slice.length > 0) yield slice
}

interface Landed {
  opened: RunRow
  served: ServedResource
  of: RunRow
  cells: Replay['cells']
}

async function land(
  parts: IntakeParts,
  { opened, served, of, cells: told }: Landed,
  rows: readonly ReplayedRow[],
): Promise<PushAnswer> {
  const resource = intakeResource(served)
  const cells = told ?? (of.mediaType?.startsWith('text/csv') ? 'text' : 'json')
  const pipeline = resource.pipeline(cells, await mappingOf(parts, of, served))
  const batcher = batcherFor(resource, pipeline, opened.mode)
  const refused: ReturnType<typeof answeredReject>[] = []
  let number = 0
  for (const slice of slices(rows)) {
    const session = landingSession(parts, {
      runId: opened.id,
      rejectsOf: of.id,
      resource,
      isDry: false,
      isSnapshot: false,
      joins: false,
      notAfter: slice[0]?.rejectedAt ?? of.createdAt,
      expectNew: false,
    })
    for (const { line, source } of slice) batcher.add({ line, row: source })
    const batch = batcher.take()
    refused.push(...batch.rejects.map(answeredReject))
    const stillOpen = new Set(batch.rejects.map(({ line }) => line))
    const repaired = slice.map(({ line }) => line).filter((line) => !stillOpen.has(line))
    number += 1
    await session.land({
      number,
      batch,
      endByte: null,
      prefixDigest: null,
      alongside: (client) =>
        rejectStore(client, parts.vault).markRepaired(of.id, repaired, opened.id),
    })
  }
  const rejects = refused.slice(0, intakeLimits.answeredRejectsMax)
  const ended = await endRun(parts, opened.id, async (row) => row)
  return answerOf(ended, rejects)
}

/** Rows of a sync go through its own mapping again, where it has one: by now it may be another. */
async function mappingOf(
  { pool, mappingOfAdapter }: IntakeParts,
  { sync }: RunRow,
  served: ServedResource,
): Promise<Mapping | null> {
  if (sync === null) return served.mapping
  const { rows } = await pool.query<SyncMappingFacts>(
    'select mapping, adapter, source from hub.syncs where id = $1',
    [sync],
  )
  const [facts] = rows
  return facts === undefined ? served.mapping : mappingOfSync(facts, served, mappingOfAdapter)
}

async function rowsToReplay(
  parts: IntakeParts,
  { run, corrected }: Replay,
): Promise<ReplayedRow[]> {
  const open = await allOpen(parts, run.id)
  if (corrected.length === 0) return open.flatMap(readable)
  const known = new Map(open.map(({ line, createdAt }) => [line, createdAt]))
  const rows = corrected.flatMap((row) => {
    const rejectedAt = known.get(row.line)
    return rejectedAt === undefined ? [] : [{ ...row, rejectedAt }]
  })
  const foreign = corrected.findIndex(({ line }) => !known.has(line))
  if (foreign < 0) return rows.toSorted((a, b) => a.line - b.line)
  throw new Refusal(
    'request-invalid',
    `第 ${corrected[foreign]?.line} 行不是该次运行的未修复问题数据 / Not an open reject of this run`,
    {
      errors: [
        {
          pointer: `/rows/${foreign}/line`,
          code: 'unknown-reject',
          message: '不是未修复的问题数据 / not an open reject of this run',
        },
      ],
    },
  )
}

/** A row that could not even be read has no columns: it can only be replayed corrected. */
const readable = ({ line, source, createdAt }: KeptReject): ReplayedRow[] =>
  typeof source === 'string' ? [] : [{ line, source, rejectedAt: createdAt }]

const notReplayable = ({ replayOf }: RunRow): Refusal =>
  new Refusal(
    'state-conflict',
    replayOf === null
      ? '试运行没有写入任何记录,不能重放 / A dry run wrote nothing; its rejects cannot be replayed'
      : `请重放原运行 ${replayOf} / Replay the run that the rows came from: ${replayOf}`,
  )

const pageRows = 5000

async function allOpen(parts: IntakeParts, runId: string): Promise<KeptReject[]> {
  const store = rejectStore(parts.pool, parts.vault)
  if ((await store.countOpen(runId)) > intakeLimits.replayRowsMax) throw tooMany()
  const open: KeptReject[] = []
  for (;;) {
    const after = open.at(-1)?.line ?? 0
    const page = await store.page(runId, { after, limit: pageRows, onlyOpen: true })
    open.push(...page)
    if (page.length < pageRows) return open
  }
}

const tooMany = (): Refusal =>
  new Refusal(
    'payload-too-large',
    `一次最多重放 ${intakeLimits.replayRowsMax} 行,请修正来源后重新推送 / At most ${intakeLimits.replayRowsMax} rejects can be replayed at once; mend the source and push again`,
  )
