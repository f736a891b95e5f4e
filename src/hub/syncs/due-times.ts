import { createTask, validateDetailed } from 'node-cron'
import type { Schedule } from '../../../schemas/api/syncs.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { syncLimits } from './limits.ts'
import { isTimezone, localParts, localToInstants } from './schedule-zones.ts'

/**
 * The faults of a schedule, as they are answered: an expression that cannot be read or never comes, a zone
 * that is unknown. Empty: it is sound.
 */
export function checkSchedule(schedule: Schedule): RequestFault[] {
  const faults: RequestFault[] = []
  const { timezone = syncLimits.timezone } = schedule
  if (!isTimezone(timezone)) {
    faults.push({
      pointer: '/schedule/timezone',
      code: 'timezone-unknown',
      message: `未知时区“${timezone}”,如 Asia/Shanghai / Unknown time zone`,
    })
  }
  const reason = cronFault(schedule.cron)
  if (reason !== null) {
    faults.push({
      pointer: '/schedule/cron',
      code: 'cron-invalid',
      message: `无法识别的执行时间“${schedule.cron}”(${reason}),如 0 2 * * * / Not a cron expression that ever comes`,
    })
  }
  return faults
}

function cronFault(cron: string): string | null {
  try {
    const { valid, errors } = validateDetailed(cron)
    return valid ? null : (errors[0]?.message ?? 'invalid')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * The first time after `after` that the expression names in that zone; null when it cannot be read or does
 * not come within `scheduleDaysMax` days.
 *
 * A time of day that a day skips (clocks go forward) comes once, moved by as much as the clocks are; one that
 * a day has twice comes at the first. Only an expression for every hour counts instants rather than times of
 * day, and comes in both.
 */
export function nextDue(cron: string, timezone: string | null, after: Date): Date | null {
  const zone = timezone ?? syncLimits.timezone
  const plan = isTimezone(zone) ? planOf(cron) : null
  if (plan === null) return null
  const first = localParts(zone, after)
  // A day earlier too: a time moved over midnight belongs to the day before.
  for (let day = -1; day < syncLimits.scheduleDaysMax; day += 1) {
    const date = new Date(Date.UTC(first.year, first.month - 1, first.day + day))
    if (!plan.isOnDay(date)) continue
    const passes: readonly Pass[] = plan.isEveryHour ? ['first', 'second'] : ['first']
    const times = passes.map((pass) =>
      firstOnDay(plan, { zone, date, pass, afterMs: after.getTime() }),
    )
    const found = Math.min(...times)
    if (Number.isFinite(found)) return new Date(found)
  }
  return null
}

interface CronPlan {
  seconds: readonly number[]
  minutes: readonly number[]
  hours: readonly number[]
  isEveryHour: boolean
  /** Whether a day, given as its midnight in UTC, is one of the expression's. */
  isOnDay(day: Date): boolean
}

const plans = new Map<string, CronPlan | null>()
const plansMax = 5000

function planOf(cron: string): CronPlan | null {
  const known = plans.get(cron)
  if (known !== undefined) return known
  if (plans.size >= plansMax) plans.clear()
  const plan = readPlan(cron)
  plans.set(cron, plan)
  return plan
}

function readPlan(cron: string): CronPlan | null {
  if (cronFault(cron) !== null) return null
  const { fields } = validateDetailed(cron)
  const words = cron.trim().split(/\s+/)
  if (!fields || words.length < 5) return null
  // Which days, with all their forms (names, L, W, #), is the library's to say; in UTC no day is odd.
  const task = createTask(`0 0 0 ${words.slice(-3).join(' ')}`, () => undefined, {
    timezone: 'UTC',
  })
  // Out of the library's list of tasks, which would keep every one; what it knows of days stays.
  void task.destroy()
  const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
  return {
    seconds: sorted(fields.second),
    minutes: sorted(fields.minute),
    hours: sorted(fields.hour),
    isEveryHour: fields.hour.length === 24,
    isOnDay: (day) => task.match(day),
  }
}

/** A day's times of day in their order: those it has twice at their first coming, or at their second. */
type Pass = 'first' | 'second'

interface DayOfZone {
  zone: string
  date: Date
  pass: Pass
  afterMs: number
}

/** The first instant of the day that is later, else infinity; hours and minutes that are over are passed over. */
function firstOnDay(plan: CronPlan, day: DayOfZone): number {
  const at = (hour: number, minute: number, second: number): number => {
    const local = day.date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
    const { first, second: again } = localToInstants(day.zone, local)
    return day.pass === 'first' ? first : again
  }
  for (const hour of plan.hours) {
    if (at(hour, 59, 59) <= day.afterMs) continue
    for (const minute of plan.minutes) {
      if (at(hour, minute, 59) <= day.afterMs) continue
      const second = plan.seconds.find((second) => at(hour, minute, second) > day.afterMs)
      if (second !== undefined) return at(hour, minute, second)
    }
  }
  return Number.POSITIVE_INFINITY
}
