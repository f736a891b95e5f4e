/** A cursor's value as text; null where the row has none. */
export function cursorText(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  return typeof value === 'number' ? String(value) : null
}

const numeric = /^-?\d+(?:\.\d+)?$/

/**
 * Which of two values is newer: numbers by size, everything else by its text, as times in one form sort.
 * Only ever used on values of one interface, which writes them all alike.
 */
export function isNewer(value: string, than: string | null): boolean {
  if (than === null) return true
  if (!numeric.test(value) || !numeric.test(than)) return value > than
  const [digits, thanDigits] = [value, than].map((one) => one.split('.')[1]?.length ?? 0)
  const scale = Math.max(digits ?? 0, thanDigits ?? 0)
  return scaled(value, scale) > scaled(than, scale)
}

function scaled(value: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = value.split('.')
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

const time = /^(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(?:\.\d+)?(.*)$/

/**
 * The value so many seconds earlier where it is a time (in its own form, without a fraction: earlier rather
 * than later), so much smaller where it is a whole number; other values stay.
 */
export function before(value: string, overlap: number): string {
  if (overlap === 0) return value
  if (/^-?\d+$/.test(value)) return String(BigInt(value) - BigInt(Math.ceil(overlap)))
  const [, day, separator = 'T', clock, zone = ''] = time.exec(value) ?? []
  const at = Date.parse(`${day}T${clock}Z`)
  if (Number.isNaN(at)) return value
  const earlier = new Date(at - Math.ceil(overlap) * 1000).toISOString().slice(0, 19)
  return earlier.replace('T', separator) + zone
}
