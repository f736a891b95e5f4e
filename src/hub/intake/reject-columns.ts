/**
 * The two columns that a file of rejects has beside the source's own: which reject a row is, and why it was
 * refused. A source that has such a column itself keeps it; then ours take their Chinese names.
 */
const lineNames = ['来源行号', 'line'] as const
const errorNames = ['错误原因', 'error'] as const

export interface RejectColumns {
  line: string
  error: string
}

/** The names for a file with these columns of the source. */
export const namedBeside = (columns: readonly string[]): RejectColumns => ({
  line: columns.includes('line') ? lineNames[0] : lineNames[1],
  error: columns.includes('error') ? errorNames[0] : errorNames[1],
})

/** The names in a file that came back; `error` may have been left out. */
export function namedWithin(columns: readonly string[]): RejectColumns | null {
  const line = lineNames.find((name) => columns.includes(name))
  const error = errorNames.find((name) => columns.includes(name)) ?? ''
  return line === undefined ? null : { line, error }
}
