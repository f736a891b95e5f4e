import type { HintKind } from '../../../../schemas/api/audit-search.ts'

/** Something that may be worth a look: counts and times, never a key or an address. */
export interface FoundHint {
  kind: HintKind
  system: string
  department: string | undefined
  evidence: Record<string, number | string>
  at: Date
}

export const hintOperation = 'audit.hint'

const hourMs = 60 * 60 * 1000
export const hourOf = (at: Date): number => Math.floor(at.getTime() / hourMs) * hourMs

/** Shanghai keeps UTC+8 all year (it has had no summer time since 1991). */
const shanghaiMs = 8 * hourMs
export const shanghaiHour = (at: number): number => new Date(at + shanghaiMs).getUTCHours()
export const shanghaiDay = (at: number): number => {
  const dayMs = 24 * hourMs
  return Math.floor((at + shanghaiMs) / dayMs) * dayMs - shanghaiMs
}
