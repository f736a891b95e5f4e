/**
 * Writes the adapters' samples: `node scripts/run.mjs scripts/make-samples.ts`. Everything in them is
 * invented, every run gives the same bytes, and the samples know each other: who holds a house or a
 * licence is a resident or a company of the other samples.
 */
import { writeFileSync } from 'node:fs'
import { stringify } from 'csv-stringify/sync'
import { adapters, type AdapterSource } from '../adapters/index.ts'
import { makeCompanies } from './make-samples/companies.ts'
import type { Cells, HardCase, Sample } from './make-samples/hard-case.ts'
import { makeLicences } from './make-samples/licences.ts'
import { makePermits } from './make-samples/permits.ts'
import { makeRegistry } from './make-samples/registry.ts'
import { makeResidents } from './make-samples/residents.ts'
import { makeRights } from './make-samples/rights.ts'

export type { HardCase } from './make-samples/hard-case.ts'
export { madeOn } from './make-samples/invented-numbers.ts'
export { registryLacks } from './make-samples/registry.ts'

function makeAll(): Readonly<Record<string, Sample>> {
  const residents = makeResidents()
  const companies = makeCompanies(residents.people)
  const { people } = residents
  return {
    'public-security/residents': residents,
    'market-regulation/companies': companies,
    'market-regulation/registry-csv': makeRegistry(people),
    'natural-resources/rights': makeRights(people, companies.companies),
    'administrative-approval/permits': makePermits(people, companies.companies),
    'administrative-approval/licences': makeLicences(people, companies.companies),
  }
}

const samples = makeAll()

/** The awkward lines of each sample, by `adapter/source`, with what mapping and checks say about them. */
export const hardCases: Readonly<Record<string, readonly HardCase[]>> = Object.fromEntries(
  Object.entries(samples).map(([name, sample]) => [name, sample.hardCases]),
)

const inColumns = (row: Cells, columns: readonly string[]): Cells =>
  Object.fromEntries(
    columns.filter((column) => row[column] !== undefined).map((column) => [column, row[column]]),
  )

/** A CSV without a mark, as databases export it; a spreadsheet's mark is the decoder's concern. */
const csvOf = (rows: readonly Cells[], columns: readonly string[]): string =>
  stringify([[...columns], ...rows.map((row) => columns.map((column) => row[column] ?? ''))])

const ndjsonOf = (rows: readonly Cells[], columns: readonly string[]): string =>
  rows.map((row) => `${JSON.stringify(inColumns(row, columns))}\n`).join('')

/** The text of one source's sample. Throws an Error when a row has a column that the source lacks. */
export function sampleText(name: string, source: AdapterSource): string {
  const { rows } = samples[name] ?? { rows: [] }
  const columns = Object.keys(source.columns)
  const strange = rows.flatMap(Object.keys).find((column) => !columns.includes(column))
  if (strange !== undefined) throw new Error(`${name} has no column ${strange}`)
  return source.mediaType === 'text/csv' ? csvOf(rows, columns) : ndjsonOf(rows, columns)
}

if (import.meta.main) {
  for (const [id, { sources }] of adapters) {
    for (const [name, source] of Object.entries(sources)) {
      writeFileSync(source.sample, sampleText(`${id}/${name}`, source))
    }
  }
}
