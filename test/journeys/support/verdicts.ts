import { expect } from 'vitest'
import type { JourneyResource, Pushed, Row } from './journey.ts'

/** What must become of one line: it lands with exactly these flags, or it is refused for this reason. */
export type Verdict =
  | { flags: readonly string[]; values?: Record<string, unknown> }
  | { rejected: string; field: string | null }
  /** It stands for nothing of its own: it repeats another line, or is older than one. */
  | 'unchanged'
  | 'superseded'

/** One line of a test table: what the source wrote, and what must become of it. */
export interface TableLine {
  what: string
  row: Row
  /** The merge key under which it lands. */
  key?: string
  strict: Verdict
  /** Where it differs from `strict`. */
  lenient?: Verdict
}

export type Strictness = 'strict' | 'lenient'

const verdictOf = (line: TableLine, strictness: Strictness): Verdict =>
  strictness === 'lenient' ? (line.lenient ?? line.strict) : line.strict

const isReject = (verdict: Verdict): verdict is { rejected: string; field: string | null } =>
  typeof verdict === 'object' && 'rejected' in verdict

const isLanding = (verdict: Verdict): verdict is Exclude<Verdict, string | { rejected: string }> =>
  typeof verdict === 'object' && 'flags' in verdict

/** The counts that the table's verdicts add up to, in a resource that held nothing before. */
export function expectedCounts(table: readonly TableLine[], strictness: Strictness) {
  const verdicts = table.map((line) => verdictOf(line, strictness))
  const count = (holds: (verdict: Verdict) => boolean) => verdicts.filter(holds).length
  return {
    read: table.length,
    inserted: count(isLanding),
    updated: 0,
    unchanged: count((verdict) => verdict === 'unchanged'),
    stale: 0,
    superseded: count((verdict) => verdict === 'superseded'),
    deleted: 0,
    rejected: count(isReject),
    flagged: count((verdict) => isLanding(verdict) && verdict.flags.length > 0),
  }
}

/** Line numbers of rejects as they are answered; a CSV's header is line 1. */
export function expectedRejects(
  table: readonly TableLine[],
  { strictness, firstLine }: { strictness: Strictness; firstLine: number },
) {
  return table.flatMap((line, at) => {
    const verdict = verdictOf(line, strictness)
    if (!isReject(verdict)) return []
    return [{ line: at + firstLine, code: verdict.rejected, field: verdict.field, what: line.what }]
  })
}

/** The answered rejects beside what each line is, so that a failure tells which line it is about. */
export const toldRejects = ({ rejects }: Pushed, table: readonly TableLine[], firstLine: number) =>
  rejects.map(({ line, code, field }) => ({
    line,
    code,
    field,
    what: table[line - firstLine]?.what,
  }))

/** Every line that must land has landed with exactly its flags and values; nothing else is there. */
export async function expectLanded(
  resource: JourneyResource,
  table: readonly TableLine[],
  strictness: Strictness,
): Promise<void> {
  const expected: unknown[] = []
  const found: unknown[] = []
  for (const line of table) {
    const verdict = verdictOf(line, strictness)
    if (!isLanding(verdict)) continue
    const record = await resource.record(line.key ?? '')
    const values = verdict.values ?? {}
    const shown = Object.keys(values).map((name) => [name, record?.values[name]])
    expected.push({ what: line.what, flags: [...verdict.flags].sort(), values })
    found.push({ what: line.what, flags: record?.flags, values: Object.fromEntries(shown) })
  }
  expect(found).toEqual(expected)
  expect((await resource.keys()).length).toBe(expected.length)
}
