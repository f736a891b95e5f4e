const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * How far before its position a source is read again: `10m` as seconds, a bare number as a count of
 * values of a numeric cursor. Expects what the schema `Overlap` has accepted.
 */
export function readOverlap(text: string): { seconds?: number; count?: number } {
  const amount = Number.parseInt(text, 10)
  const unit = secondsOf[text.at(-1) ?? '']
  return unit === undefined ? { count: amount } : { seconds: amount * unit }
}
