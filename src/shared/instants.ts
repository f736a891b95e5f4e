/** Calls of one second name it again and again: to write it out anew costs several times the rest. */
let lastSecond = { second: 0, text: '1970-01-01T00:00:00.' }

/** RFC 3339 in UTC of whole milliseconds since 1970, as `toISOString` writes it. RangeError beyond the calendar. */
export function instantText(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastSecond.second) {
    lastSecond = { second, text: new Date(second * 1000).toISOString().slice(0, -4) }
  }
  return `${lastSecond.text}${String(ms - second * 1000).padStart(3, '0')}Z`
}
