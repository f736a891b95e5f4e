import { join } from 'node:path'
import publicSecurity from '../../adapters/public-security/mapping.json' with { type: 'json' }
import type { Mapping } from '../../schemas/api/mapping.ts'
import { type City, publishPopulation } from './city.ts'
import { copySeconds } from './copy-baseline.ts'
import { readFeed, writeFeed } from './feed.ts'
import { demandCounts, load, type Load } from './load.ts'
import { csvWriter, ndjsonLine, type Person, personAt } from './population-rows.ts'
import { atLeast, type Results } from './results.ts'

const ndjson = 'application/x-ndjson'

function* lines(
  count: number,
  write: (person: Person) => string,
  revisionOf: (index: number) => number = () => 0,
): Generator<string> {
  for (let index = 0; index < count; index++) yield write(personAt(index, revisionOf(index)))
}

export type IngestName = 'ingest' | 'ingest-unchanged' | 'ingest-changed'

/**
 * The first load against COPY, then the same rows again and rows of which one in a hundred has changed,
 * both against the first load. One family, for the two later ones need the first.
 */
export async function measureIngest(city: City, names: ReadonlySet<string>): Promise<Results> {
  const { rowCount } = city.options
  const feed = join(city.folder, 'population.ndjson')
  const table = await publishPopulation(city, 'population')
  await writeFeed(feed, lines(rowCount, ndjsonLine))
  const push = { mediaType: ndjson, body: () => readFeed(feed) }
  const first = await load(city, 'population', push)
  demandCounts(first, { inserted: rowCount, flagged: 0 })
  const rate = rowCount / first.seconds
  const results: Results = {}
  if (names.has('ingest')) {
    results['ingest'] = atLeast(0.5, await againstCopy(city, table, rate))
  }
  if (names.has('ingest-unchanged')) {
    const again = await load(city, 'population', push)
    demandCounts(again, { unchanged: rowCount })
    await demandUntouched(city, table, first)
    results['ingest-unchanged'] = atLeast(1.5, rates(rowCount, again, rate))
  }
  if (names.has('ingest-changed')) {
    const moved = (index: number): number => (index % 100 === 0 ? 1 : 0)
    await writeFeed(feed, lines(rowCount, ndjsonLine, moved))
    const changed = await load(city, 'population', push)
    const updated = Math.ceil(rowCount / 100)
    demandCounts(changed, { updated, unchanged: rowCount - updated })
    results['ingest-changed'] = atLeast(1.3, rates(rowCount, changed, rate))
  }
  return results
}

/** The same people as CSV in the source's own columns and codes, through a mapping. */
export async function measureIngestCsv(city: City): Promise<Results> {
  const { rowCount } = city.options
  const mapping = publicSecurity as Mapping
  const feed = join(city.folder, 'residents.csv')
  const table = await publishPopulation(city, 'population-csv', mapping)
  const { header, line } = csvWriter(mapping)
  await writeFeed(feed, withHeader(header, lines(rowCount, line)))
  const push = { mediaType: 'text/csv; charset=utf-8', body: () => readFeed(feed) }
  const first = await load(city, 'population-csv', push)
  demandCounts(first, { inserted: rowCount, flagged: 0 })
  return {
    'ingest-csv': atLeast(0.45, await againstCopy(city, table, rowCount / first.seconds)),
  }
}

function* withHeader(header: string, rows: Iterable<string>): Generator<string> {
  yield header
  yield* rows
}

const rates = (rowCount: number, { seconds }: Load, baseline: number) => ({
  value: rowCount / seconds,
  unit: 'rows/s',
  baseline,
})

async function againstCopy(city: City, table: string, value: number) {
  await city.database.query(`vacuum analyze ${table}`)
  return {
    value,
    unit: 'rows/s',
    baseline: city.options.rowCount / (await copySeconds(city, table)),
  }
}

/** Nothing of what was unchanged has been written: no record has a change number beyond the first load's. */
async function demandUntouched(city: City, table: string, { pushed }: Load): Promise<void> {
  const { rows } = await city.database.query<{ written: string }>(
    `select count(*) as written from ${table} where _seq > $1 or _run <> $2`,
    [pushed.lastSeq, pushed.runId],
  )
  if (rows[0]?.written !== '0')
    throw new Error(`${rows[0]?.written} unchanged records were written`)
}
