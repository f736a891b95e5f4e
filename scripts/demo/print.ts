/** What the demo says on the terminal. */
export const say = (line = ''): void => {
  process.stdout.write(`${line}\n`)
}

export const heading = (chinese: string, english: string): void => {
  say(`\n== ${chinese} / ${english}`)
}

/** Chinese characters are two columns wide on a terminal. */
const width = (text: string): number =>
  Array.from(text).reduce(
    (sum, character) => sum + (/[\u1100-\uFFEF\u{20000}-\u{3FFFF}]/u.test(character) ? 2 : 1),
    0,
  )

const padded = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - width(text)))

/** Prints rows under a header, columns aligned. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const texts = [header, ...rows].map((row) => row.map(String))
  const widths = header.map((_, column) =>
    Math.max(...texts.map((row) => width(row[column] ?? ''))),
  )
  for (const row of texts) {
    say(`  ${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join('  ')}`.trimEnd())
  }
}
