import { instantIn } from '../../exchange/mapping/zone.ts'

const clock = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?$/

/**
 * Texts of a zone's wall clock as RFC 3339 instants in UTC, the fraction as it was. For stores that have no
 * zones of their own, or whose zone tables are often missing (MySQL). What is no time stays as it is.
 */
export function zoneReader(zone: string): (text: string) => string {
  const instantOf = instantIn(zone)
  return (text) => {
    const match = clock.exec(text)
    if (!match) return text
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match
    const milliseconds = instantOf({
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      millisecond: 0,
      offsetMinutes: null,
    })
    if (!Number.isFinite(milliseconds)) return text
    return `${new Date(milliseconds).toISOString().slice(0, 19)}${fraction}Z`
  }
}
