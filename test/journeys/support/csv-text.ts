/** CSV as an export tool writes it: cells are texts, quoted where they must be; the header comes first. */
const cell = (value: unknown): string => {
  const text = typeof value === 'string' ? value : ''
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const line = (values: readonly unknown[]): string => `${values.map(cell).join(',')}\n`

/** A row that is a text under `brokenLine` is written as it stands, for lines that no tool should write. */
export const brokenLine = '(broken line)'

export const csvText = (
  columns: readonly string[],
  rows: readonly Record<string, unknown>[],
): string =>
  line(columns) +
  rows
    .map((row) =>
      typeof row[brokenLine] === 'string'
        ? `${row[brokenLine]}\n`
        : line(columns.map((column) => row[column])),
    )
    .join('')
