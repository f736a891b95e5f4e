import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline } from 'node:stream/promises'
import { Client } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { type City, publishPopulation } from './city.ts'
import { pieces } from './feed.ts'
import { demandCounts, load } from './load.ts'
import { ndjsonLine, personAt } from './population-rows.ts'
import { atLeast, type Results } from './results.ts'

/** A million rows out of a department's PostgreSQL by a sync, against COPY out piped into COPY in. */
export async function measurePull(city: City): Promise<Results> {
  const { rowCount } = city.options
  await makeSource(city)
  const table = await publishPopulation(city, 'population-pulled')
  await city.call('POST', '/v1/syncs', {
    id: 'population-pull',
    resource: 'population-pulled',
    direction: 'pull',
    source: {
      connector: 'postgres',
      settings: { url: city.databaseUrl, table: 'bench.people' },
    },
    mode: 'full',
  })
  await city.database.query('checkpoint')
  const { id } = await city.call<{ id: string }>('POST', '/v1/syncs/population-pull/runs', {})
  const seconds = await untilEnded(city, id)
  const piped = await pipedSeconds(city, table)
  return {
    pull: atLeast(0.4, {
      value: rowCount / seconds,
      unit: 'rows/s',
      baseline: rowCount / piped,
    }),
  }
}

/** A table of people in the standard's columns, made by a push so that its rows are right. */
async function makeSource(city: City): Promise<void> {
  const { rowCount } = city.options
  const table = await publishPopulation(city, 'population-origin')
  function* lines(): Generator<string> {
    for (let index = 0; index < rowCount; index++) yield ndjsonLine(personAt(index))
  }
  const body = (): Readable => Readable.from(pieces(lines()), { highWaterMark: 2 })
  const all = await load(city, 'population-origin', { mediaType: 'application/x-ndjson', body })
  demandCounts(all, { inserted: rowCount })
  const columns = await filledColumns(city, table)
  await city.database.query(
    `create table bench.people as select ${columns.map((name) => `"${name}"`).join()} from ${table}`,
  )
  await city.database.query('alter table bench.people add primary key ("idNumber")')
  await city.database.query('vacuum analyze bench.people')
}

/** The columns that the rows fill: a department's table has no hundred empty ones. */
async function filledColumns(city: City, table: string): Promise<string[]> {
  const { rows } = await city.database.query<{ key: string }>(
    `select key from (select * from ${table} limit 1000) r, jsonb_each(to_jsonb(r)) e
     where key not like '\\_%' and value <> 'null'::jsonb group by key order by key`,
  )
  return rows.map(({ key }) => key)
}

interface Run {
  state: string
  counts: Record<string, number>
  error: unknown
  startedAt: string
  endedAt: string | null
}

async function untilEnded(city: City, id: string): Promise<number> {
  for (;;) {
    const run = await city.call<Run>('GET', `/v1/runs/${id}`)
    if (run.endedAt !== null) {
      const inserted = run.counts['inserted'] ?? 0
      if (run.state !== 'succeeded' || inserted !== city.options.rowCount) {
        throw new Error(`the pull ended as ${JSON.stringify(run)}`)
      }
      return (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1000
    }
    await sleep(200)
  }
}

/** The finished rows out of one table and into another of the same definition, on two connections. */
async function pipedSeconds(city: City, table: string): Promise<number> {
  const { database } = city
  await database.query(`vacuum analyze ${table}`)
  await database.query(`create table bench.piped (like ${table} including all)`)
  const second = new Client({ connectionString: city.databaseUrl })
  await second.connect()
  try {
    await database.query('checkpoint')
    const begun = performance.now()
    await pipeline(
      second.query(copyTo(`copy (select * from ${table} order by _seq) to stdout`)),
      database.query(copyFrom('copy bench.piped from stdin')),
    )
    return (performance.now() - begun) / 1000
  } finally {
    await second.end()
    await database.query('drop table bench.piped')
  }
}
