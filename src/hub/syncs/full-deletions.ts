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
    const counted = await countMissing(intake, reading, served)
    guard(parts, planned, { ...counted, readCount })
    if (counted.missing > 0 && !plan.force) await refuseBesideOthers(parts)
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

/** What another source feeds is missing from this one, and not for being gone. */
async function refuseBesideOthers({ intake, sync }: PullParts): Promise<void> {
  const { rows } = await intake.pool.query<{ id: string }>(
    `select other.id from hub.syncs other join hub.syncs own on own.id = $1
     where other.resource = own.resource and other.direction = 'pull' and other.state = 'active'
       and other.last_success_at is not null
       and (other.origin, other.settings - 'columns') is distinct from (own.origin, own.settings - 'columns')
     order by other.id limit 1`,
    [sync.id],
  )
  const [other] = rows
  if (other === undefined) return
  throw new Refusal(
    'state-conflict',
    `同步任务 ${other.id} 也从另一来源写入本资源,全量同步会删除它的记录;未删除任何记录;确认无误请加 force=true ` +
      `/ ${other.id} feeds this resource from another source, whose records a full run would delete; nothing was deleted. Use force=true if that is right`,
  )
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
