import { Readable } from 'node:stream'
import { type City, publishPopulation } from './city.ts'
import { pieces } from './feed.ts'
import { forgetPeak, peakMebibytes } from './hub-process.ts'
import { demandCounts, load } from './load.ts'
import { ndjsonLine, personAt } from './population-rows.ts'
import type { Results } from './results.ts'

const mebibytesMax = 400
const growthMax = 1.1
/** How many times the ordinary rows: memory must not follow them. */
const factor = 5

/** The hub's highest memory while five times the rows go in, and what it was when the first fifth was in. */
export async function measureIngestMemory(city: City): Promise<Results> {
  const { rowCount } = city.options
  await publishPopulation(city, 'population-memory')
  let atFirst = 0
  function* lines(): Generator<string> {
    for (let index = 0; index < factor * rowCount; index++) {
      if (index === rowCount) atFirst = peakMebibytes(city.hub.pid)
      yield ndjsonLine(personAt(index))
    }
  }
  forgetPeak(city.hub.pid)
  const body = (): Readable => Readable.from(pieces(lines()), { highWaterMark: 2 })
  const all = await load(city, 'population-memory', { mediaType: 'application/x-ndjson', body })
  demandCounts(all, { inserted: factor * rowCount })
  const value = peakMebibytes(city.hub.pid)
  const ratio = value / atFirst
  return {
    'ingest-memory': {
      value,
      unit: 'MiB',
      baseline: atFirst,
      ratio,
      target: `< ${mebibytesMax} MiB, ratio ≤ ${growthMax}`,
      ok: value < mebibytesMax && ratio <= growthMax,
    },
  }
}
