import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { City } from './city.ts'
import { readFeed } from './feed.ts'

/**
 * Seconds that one `COPY` takes for the finished rows of a record table, read from a file as `psql` would,
 * into an empty table of the same definition with the same indexes.
 */
export async function copySeconds(city: City, table: string): Promise<number> {
  const { database, folder } = city
  const path = join(folder, 'finished-rows.copy')
  await pipeline(
    database.query(copyTo(`copy (select * from ${table} order by _seq) to stdout`)),
    createWriteStream(path),
  )
  await database.query(`create table bench.copied (like ${table} including all)`)
  try {
    await database.query('checkpoint')
    const begun = performance.now()
    await pipeline(readFeed(path), database.query(copyFrom('copy bench.copied from stdin')))
    return (performance.now() - begun) / 1000
  } finally {
    await database.query('drop table bench.copied')
    await rm(path)
  }
}
