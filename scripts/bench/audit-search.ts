import { insertSearchRows, insertSubjectRows, makePastMonths } from './audit-rows.ts'
import type { City } from './city.ts'
import { percentile, type Results, within } from './results.ts'

/** Entries for each row of an ordinary load: ten million where that is a million. */
const factor = 10
const rowsPerStatement = 250_000
const roundCount = 5

const daysAgo = (days: number): string =>
  new Date(Date.now() - days * 24 * 60 * 60 * 1000).toISOString()

/** Single filters and combinations: common, rare, contradictory, and within a window of time. */
const searches = (): Record<string, string>[] => [
  {},
  { system: 'system-0' },
  { system: 'rare-system' },
  { department: 'rare-department' },
  { resource: 'rare-resource' },
  { purpose: 'rare-purpose' },
  { purpose: 'rare-purpose', outcome: 'allowed' },
  { outcome: 'failed' },
  { outcome: 'denied', department: 'department-59' },
  { system: 'system-949' },
  { system: 'system-949', outcome: 'failed' },
  { system: 'no-such-system' },
  { purpose: 'purpose-1500', from: daysAgo(150), to: daysAgo(149) },
  { purpose: 'purpose-1999', from: daysAgo(170), to: daysAgo(140) },
  { resource: 'resource-299', outcome: 'absent' },
  { resource: 'resource-299', system: 'system-949', purpose: 'purpose-1999' },
  { system: 'system-0', outcome: 'absent', purpose: 'purpose-1000' },
  { caseNumber: 'BJ-2026-1' },
]

/** Milliseconds of the first page of a search, 95 in 100, over a year's log of a large city. */
export async function measureAuditSearch(city: City): Promise<Results> {
  await fillLog(city, city.options.rowCount * factor)
  const found = await timesOf(searches(), (search) =>
    city.call('GET', `/v1/audit/entries?${new URLSearchParams(search).toString()}`),
  )
  const looks = await timesOf(lookedFor, (key) =>
    city.call('POST', '/v1/audit/subjects', { resource: 'population', key }),
  )
  return {
    'audit-search': within(1000, { value: percentile(found, 0.95), unit: 'ms p95' }),
    'audit-search-worst': within(2000, { value: Math.max(...found), unit: 'ms' }),
    'audit-looks': within(1000, { value: percentile(looks, 0.95), unit: 'ms p95' }),
  }
}

/** Nobody has looked at them: to know that takes as long as to find a few looks. */
const lookedFor = Array.from({ length: 10 }, (_, index) => `nobody-${index}`)

async function timesOf<Question>(
  questions: readonly Question[],
  ask: (question: Question) => Promise<unknown>,
): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < roundCount; round++) {
    for (const question of questions) {
      const begun = performance.now()
      await ask(question)
      // The first round warms up.
      if (round > 0) samples.push(performance.now() - begun)
    }
  }
  return samples
}

async function fillLog({ database }: City, total: number): Promise<void> {
  await makePastMonths(database)
  for (let first = 0; first < total; first += rowsPerStatement) {
    const last = Math.min(first + rowsPerStatement, total) - 1
    await insertSearchRows(database, { first, last, total })
    await insertSubjectRows(database, { first, last, total })
  }
  await database.query('vacuum analyze audit.search, audit.subjects')
}
