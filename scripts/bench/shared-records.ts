import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type City, grant, publishPopulation } from './city.ts'
import { pieces } from './feed.ts'
import { type Program, startProgram } from './hub-process.ts'
import { type HubStatements, hubStatements } from './hub-statements.ts'
import { demandCounts, load } from './load.ts'
import { ndjsonLine, personAt } from './population-rows.ts'

export const sharedResource = 'population-shared'

export const readFields = [
  'name',
  'idNumber',
  'sex',
  'birthDate',
  'hukouDivision',
  'hukouAddress',
] as const
export const claimFields = ['name', 'sex'] as const

export interface SharedRecords {
  statements: HubStatements
  bare: Program
}

/** Records that the consumer may read with the usual masks, and verify; and a bare server beside the hub. */
export async function shareRecords(city: City): Promise<SharedRecords> {
  const { recordCount } = city.options
  const table = await publishPopulation(city, sharedResource)
  const lines = function* (): Generator<string> {
    for (let index = 0; index < recordCount; index++) yield ndjsonLine(personAt(index))
  }
  const body = (): Readable => Readable.from(pieces(lines()), { highWaterMark: 2 })
  const loaded = await load(city, sharedResource, { mediaType: 'application/x-ndjson', body })
  demandCounts(loaded, { inserted: recordCount })
  await city.database.query(`vacuum analyze ${table}`)
  await grant(city, {
    resource: sharedResource,
    operations: ['read', 'list', 'changes'],
    fields: readFields,
  })
  await grant(city, {
    resource: sharedResource,
    operations: ['verify'],
    fields: claimFields,
    masks: Object.fromEntries(claimFields.map((field) => [field, 'none'])),
  })
  const statements = hubStatements(Number(table.slice('records.r_'.length)), {
    read: readFields,
    claims: claimFields,
  })
  const bare = await startProgram({
    script: join(import.meta.dirname, 'bare-server.ts'),
    environment: {
      BENCH_DATABASE_URL: city.appUrl,
      BENCH_STATEMENTS: JSON.stringify(statements),
    },
    logPath: join(city.folder, 'bare.log'),
  })
  return { statements, bare }
}
