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
import { runStore, type RunRow } from './runs.ts'

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
  system: string | null
  staff: string | null
}

/**
 * Puts rejects through the pipeline again, as a run of its own. What lands now is marked repaired. A row
 * without a source time does not overwrite a record that changed since the reject was made.
 */
export async function replayRejects(parts: IntakeParts, replay: Replay): Promise<PushAnswer> {
  const { run, served } = replay
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
    },
    parts.holder,
  )
  try {
    return await land(parts, { opened, served, of: run }, rows)
  } catch (error) {
    await failRun(parts, opened.id, error)
    throw error
  }
}

interface Landed {
  opened: RunRow
  served: ServedResource
  of: RunRow
}

async function land(
  parts: IntakeParts,
  { opened, served, of }: Landed,
  rows: readonly { line: number; source: SourceRow }[],
): Promise<PushAnswer> {
  const resource = intakeResource(served)
  const pipeline = resource.pipeline(of.mediaType === 'text/csv' ? 'text' : 'json')
  const session = landingSession(parts, {
    runId: opened.id,
    resource,
    isDry: false,
    isSnapshot: false,
    joins: false,
    notAfter: of.endedAt ?? of.createdAt,
    expectNew: false,
  })
  const batcher = batcherFor(resource, pipeline, opened.mode)
  const refused: ReturnType<typeof answeredReject>[] = []
  let number = 0
  for (let start = 0; start < rows.length; start += intakeLimits.batchRowsMax) {
    const slice = rows.slice(start, start + intakeLimits.batchRowsMax)
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
  return endRun(parts, opened.id, async (ended) => answerOf(ended, rejects))
}

async function rowsToReplay(
  parts: IntakeParts,
  { run, corrected }: Replay,
): Promise<{ line: number; source: SourceRow }[]> {
  const open = await allOpen(parts, run.id)
  if (corrected.length === 0) return open.flatMap(readable)
  const known = new Set(open.map(({ line }) => line))
  const foreign = corrected.findIndex(({ line }) => !known.has(line))
  if (foreign < 0) return [...corrected]
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
const readable = ({ line, source }: KeptReject): { line: number; source: SourceRow }[] =>
  typeof source === 'string' ? [] : [{ line, source }]

async function allOpen(parts: IntakeParts, runId: string): Promise<KeptReject[]> {
  const store = rejectStore(parts.pool, parts.vault)
  const open: KeptReject[] = []
  for (;;) {
    const page = await store.page(runId, { after: open.at(-1)?.line ?? 0, limit: 5000, onlyOpen: true })
    open.push(...page)
    if (page.length < 5000) return open
    if (open.length >= intakeLimits.replayRowsMax) {
      throw new Refusal(
        'payload-too-large',
        `一次最多重放 ${intakeLimits.replayRowsMax} 行,请上传修正后的行 / At most ${intakeLimits.replayRowsMax} rows can be replayed at once`,
      )
    }
  }
}
