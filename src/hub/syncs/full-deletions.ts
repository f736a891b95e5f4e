import { Refusal } from '../../shared/refusal.ts'
import { countMissing, deleteMissing, hasBegun } from '../intake/commit-snapshot.ts'
import { intakeResource } from '../intake/intake-resource.ts'
import { landingSession } from '../intake/landing-session.ts'
import { intakeLimits } from '../intake/limits.ts'
import type { PullParts } from './pull-parts.ts'
import type { Planned } from './pull-plan.ts'

/**
 * Deletes what a full read did not meet, guards first. Upserts have landed by then and stay; a run that
 * breaks off in the midst of deleting goes on with it.
 */
export async function deleteUnmet(
  parts: PullParts,
  planned: Planned,
  readCount: number,
): Promise<void> {
  const { intake, resource } = parts
  const { plan, run } = planned
  const { served } = resource
  const reading = { id: run.id, startSeq: plan.startSeq }
  if (!plan.keepsKeys) return
  if (!(await hasBegun(intake, run.id))) {
    guard(parts, planned, { ...(await countMissing(intake, reading, served)), readCount })
  }
  const session = landingSession(intake, {
    runId: run.id,
    resource: intakeResource(served),
    isDry: false,
    isSnapshot: false,
    joins: false,
    notAfter: null,
    expectNew: false,
  })
  await deleteMissing(intake, reading, served, session)
}

interface Answered {
  missing: number
  live: number
  readCount: number
}

/** No source is believed to be empty; one that gives far less than it did only by force. */
function guard({ sync }: PullParts, { plan }: Planned, seen: Answered): void {
  const { missing, live, readCount } = seen
  if (readCount === 0 && live > 0) throw emptySource(live)
  if (missing === 0 || plan.force) return
  const expected = sync.lastFullCount
  if (expected !== null && readCount < expected * sync.fewerThanShareMin) {
    throw fewerRows({ readCount, expected })
  }
  if (missing / live > intakeLimits.snapshotDeletedShareMax) throw tooManyMissing(seen)
}

const emptySource = (live: number): Refusal =>
  new Refusal(
    'state-conflict',
    `来源没有给出任何行,而库中有 ${live} 条在用记录;未删除任何记录 ` +
      `/ The source answered no rows while there are ${live} live records; nothing was deleted`,
  )

const fewerRows = ({ readCount, expected }: { readCount: number; expected: number }): Refusal =>
  new Refusal(
    'state-conflict',
    `来源只给出 ${readCount} 行,上次全量为 ${expected} 行;未删除任何记录;确认无误请加 force=true ` +
      `/ The source answered ${readCount} rows, last time ${expected}; nothing was deleted. Use force=true if that is right`,
  )

const tooManyMissing = ({ missing, live }: Answered): Refusal =>
  new Refusal(
    'state-conflict',
    `将删除 ${missing} 条在用记录(共 ${live} 条),超过 20% 上限,未删除任何记录;确认无误请加 force=true ` +
      `/ ${missing} of ${live} live records would be deleted, more than 20 %; nothing was deleted. Use force=true if that is right`,
  )
