import { Readable } from 'node:stream'
import { type City, publishPopulation } from './city.ts'
import { pieces } from './feed.ts'
import { demandCounts, load } from './load.ts'
import { ndjsonLine, personAt } from './population-rows.ts'
import { atMost, type Results } from './results.ts'

/** How many times the ordinary rows the resource holds when the last load begins. */
const factor = 10

/** Seconds per million new rows into a resource that holds ten times as many, against an empty one. */
export async function measureIngestScale(city: City): Promise<Results> {
  const { rowCount } = city.options
  const table = await publishPopulation(city, 'population-scale')
  const loadFrom = async (first: number, count: number): Promise<number> => {
    function* lines(): Generator<string> {
      for (let index = first; index < first + count; index++) yield ndjsonLine(personAt(index))
    }
    const body = (): Readable => Readable.from(pieces(lines()), { highWaterMark: 2 })
    const all = await load(city, 'population-scale', { mediaType: 'application/x-ndjson', body })
    demandCounts(all, { inserted: count })
    return (all.seconds * 1_000_000) / count
  }
  const baseline = await loadFrom(0, rowCount)
  await loadFrom(rowCount, (factor - 1) * rowCount)
  await city.database.query(`vacuum analyze ${table}`)
  const value = await loadFrom(factor * rowCount, rowCount)
  return { 'ingest-scale': atMost(1.5, { value, unit: 's per million', baseline }) }
}
