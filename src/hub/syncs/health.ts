import type { SyncHealth } from '../../../schemas/api/syncs.ts'
import type { ResourceDraft } from '../../../schemas/api/resources.ts'
import type { RunError, RunState } from '../intake/run-rows.ts'
import type { SyncRow } from './sync-rows.ts'

/** The run that is queued or running now, beside which there is no other of the live sync. */
export interface OpenRun {
  id: string
  state: 'queued' | 'running'
  scheduledAt: string | null
  createdAt: string
  notBefore: string | null
  attempt: number
  lastError: RunError | null
}

/** What is known of a sync beside its own row. */
export interface Standing {
  /** The last run of the live sync that ended by itself: no backfill, no check, none that was cancelled. */
  lastRun: { id: string; state: RunState; error: RunError | null; rejected: number } | null
  openRun: OpenRun | null
  /** The resource's last change number. */
  lastSeq: number
  updateCycle: ResourceDraft['updateCycle'] | null
  /** The checkpoint of its newest run, in words. */
  checkpoint: string | null
}

export interface Health {
  state: SyncHealth
  /** Chinese and English; null where there is nothing to say. */
  reason: string | null
  /** Of a delivery: change numbers not yet delivered. Of a pull: seconds since the last success. */
  lag: number | null
}

export type WatchedSync = Pick<
  SyncRow,
  | 'direction'
  | 'state'
  | 'pausedFor'
  | 'silentAfterHours'
  | 'cron'
  | 'position'
  | 'nextDueAt'
  | 'lastSuccessAt'
  | 'lastRowAt'
  | 'createdAt'
>

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** Hours after which a source that should be updated so often counts as silent: a little over two cycles. */
const silentHoursOf: Readonly<Partial<Record<ResourceDraft['updateCycle'], number>>> = {
  realtime: 24,
  daily: 48,
  weekly: 9 * 24,
  monthly: 35 * 24,
  quarterly: 100 * 24,
  'half-yearly': 200 * 24,
  yearly: 400 * 24,
}

interface Watching {
  now: Date
  /** How often the schedule comes, in milliseconds; asked only where it matters. */
  periodMs: () => number | null
}

/**
 * How a sync is. Pure. The first that holds counts: paused · failing · late (it should have run) · silent
 * (the source gives nothing new) · running · waiting (it has never run) · healthy.
 */
export function healthOf(sync: WatchedSync, standing: Standing, watching: Watching): Health {
  const lag = lagOf(sync, standing, watching.now)
  for (const judge of judges) {
    const verdict = judge(sync, standing, watching)
    if (verdict) return { ...verdict, lag }
  }
  return { state: 'healthy', reason: null, lag }
}

type Verdict = Omit<Health, 'lag'> | null
type Judge = (sync: WatchedSync, standing: Standing, watching: Watching) => Verdict

const judges: readonly Judge[] = [
  ({ state, pausedFor }) =>
    state === 'paused' ? { state: 'paused', reason: pausedFor ?? '已暂停 / paused' } : null,
  failing,
  late,
  silent,
  (_sync, { openRun }) =>
    openRun?.state === 'running' ? { state: 'running', reason: null } : null,
  (_sync, { lastRun }) => (lastRun === null ? { state: 'waiting', reason: null } : null),
]

/** A run that is tried again and again has not ended, and yet nothing comes. */
function failing(_sync: WatchedSync, { lastRun, openRun }: Standing): Verdict {
  if (openRun && openRun.attempt > 0 && openRun.lastError) {
    const reason = `已重试 ${openRun.attempt} 次:${openRun.lastError.message} / tried again ${openRun.attempt} times`
    return { state: 'failing', reason }
  }
  if (lastRun?.state !== 'failed') return null
  return {
    state: 'failing',
    reason: lastRun.error?.message ?? '上次运行失败 / the last run failed',
  }
}

/** Grace for a busy minute: two minutes, or a tenth of the period where that is longer. */
const graceMs = (periodMs: number | null): number => Math.max(2 * minuteMs, (periodMs ?? 0) / 10)

function late(sync: WatchedSync, { openRun }: Standing, { now, periodMs }: Watching): Verdict {
  const nowMs = now.getTime()
  if (
    openRun?.state === 'running' ||
    (openRun?.notBefore && Date.parse(openRun.notBefore) > nowMs)
  ) {
    return null
  }
  const due = openRun ? (openRun.scheduledAt ?? openRun.createdAt) : sync.nextDueAt
  if (due === null) return null
  const overdueMs = nowMs - Date.parse(due)
  if (overdueMs <= 2 * minuteMs || overdueMs <= graceMs(periodMs())) return null
  const minutes = Math.floor(overdueMs / minuteMs)
  return {
    state: 'late',
    reason: `应于 ${due} 执行,已晚 ${minutes} 分钟 / due at ${due}, ${minutes} minutes late`,
  }
}

/** Only what comes by itself can fall silent; counted from its first success where it never gave a row. */
function silent(sync: WatchedSync, { updateCycle }: Standing, { now }: Watching): Verdict {
  if (sync.direction !== 'pull' || sync.cron === null || sync.lastSuccessAt === null) return null
  const byCycle = updateCycle === null ? undefined : silentHoursOf[updateCycle]
  const hours = sync.silentAfterHours ?? byCycle
  if (hours === undefined) return null
  const since = sync.lastRowAt ?? sync.createdAt
  if (now.getTime() - Date.parse(since) <= hours * hourMs) return null
  return {
    state: 'silent',
    reason: `自 ${since} 起没有新数据,已超过 ${hours} 小时 / nothing new since ${since}, for more than ${hours} hours`,
  }
}

function lagOf(
  { direction, position, lastSuccessAt }: WatchedSync,
  { lastSeq }: Standing,
  now: Date,
): number | null {
  if (direction === 'deliver') {
    const delivered = position?.['seq']
    return Math.max(0, lastSeq - (typeof delivered === 'number' ? delivered : 0))
  }
  if (lastSuccessAt === null) return null
  return Math.max(0, Math.round((now.getTime() - Date.parse(lastSuccessAt)) / 1000))
}
