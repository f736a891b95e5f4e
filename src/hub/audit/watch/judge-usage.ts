import { type FoundHint, shanghaiDay, shanghaiHour } from './hint.ts'
import { watchLimits } from './limits.ts'
import type { Usage } from './usage-store.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

const isNight = (hour: number): boolean => {
  const { nightBeginsAtHour, nightEndsAtHour } = watchLimits
  const clock = shanghaiHour(hour)
  return clock >= nightBeginsAtHour || clock < nightEndsAtHour
}

/** What of the hours since `usualDays` is unlike what was usual, looked at from `now`. */
export function judgeUsage(usages: readonly Usage[], now: Date): FoundHint[] {
  const bySystem = new Map<string, Usage[]>()
  for (const usage of usages) {
    const own = bySystem.get(usage.system)
    if (own) own.push(usage)
    else bySystem.set(usage.system, [usage])
  }
  return [...bySystem].flatMap(([system, own]) =>
    [...nightOf(own, now), ...dayOf(own, now)].map((found) => ({
      ...found,
      system,
      department: undefined,
      at: now,
    })),
  )
}

type Finding = Pick<FoundHint, 'kind' | 'evidence'>

/** The hour that ended last and the running one, each against the same system's hours of other nights. */
function nightOf(own: readonly Usage[], now: Date): Finding[] {
  const { nightCallsMin, nightFactor, usualDays } = watchLimits
  const running = Math.floor(now.getTime() / hourMs) * hourMs
  const recent = own.filter(({ hour }) => isNight(hour) && hour >= running - hourMs)
  const before = own.filter(({ hour }) => isNight(hour) && hour < running - hourMs)
  const nightHours = 24 - watchLimits.nightBeginsAtHour + watchLimits.nightEndsAtHour
  const hoursKnown = Math.max(1, daysKnown(own, now)) * nightHours
  const total = before.reduce((sum, { callCount }) => sum + callCount, 0)
  const usual = total / Math.min(hoursKnown, usualDays * nightHours)
  const burst = recent.find(
    ({ callCount }) => callCount >= nightCallsMin && callCount >= usual * nightFactor,
  )
  if (!burst) return []
  const hour = new Date(burst.hour).toISOString()
  return [
    { kind: 'night-burst', evidence: { hour, calls: burst.callCount, usual: Math.round(usual) } },
  ]
}

/** Today's records so far against the mean of the days on which the system took any. */
function dayOf(own: readonly Usage[], now: Date): Finding[] {
  const { dayRecordsMin, dayFactor, daysKnownMin } = watchLimits
  const today = shanghaiDay(now.getTime())
  const days = new Map<number, number>()
  for (const { hour, recordCount } of own) {
    const day = shanghaiDay(hour)
    days.set(day, (days.get(day) ?? 0) + recordCount)
  }
  const records = days.get(today) ?? 0
  const others = [...days].filter(([day, count]) => day < today && count > 0)
  if (records < dayRecordsMin || others.length < daysKnownMin) return []
  const usual = others.reduce((sum, [, count]) => sum + count, 0) / others.length
  if (records < usual * dayFactor) return []
  return [{ kind: 'quota-jump', evidence: { records, usual: Math.round(usual) } }]
}

function daysKnown(own: readonly Usage[], now: Date): number {
  const first = own.reduce((least, { hour }) => Math.min(least, hour), now.getTime())
  return Math.ceil((now.getTime() - first) / dayMs)
}
