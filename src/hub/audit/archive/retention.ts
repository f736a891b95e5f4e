/**
 * Entries are kept so many years at least (Network Data Security Regulation, art. 12, asks for three of the
 * records of data handed to others). Not a setting: `audit.retention()` in the database says the same.
 */
export const retentionYearsMin = 3

const later = (instant: Date): Date => {
  const end = new Date(instant)
  end.setUTCFullYear(end.getUTCFullYear() + retentionYearsMin)
  return end
}

/** When an entry's retention ends. */
export const retentionEndsAt = (readyAt: number): Date => later(new Date(readyAt))

/** When the retention of a month's (`2026-01`) last entry ends, that is when the month may leave the database. */
export function monthRetentionEndsAt(month: string): Date {
  const [year, number] = month.split('-').map(Number)
  return later(new Date(Date.UTC(year ?? 0, number ?? 0, 1)))
}
