import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { personAt } from '../../../scripts/bench/population-rows.ts'
import { publishDraft, standardDraft } from '../../support/resources.ts'
import { openPullHub } from './pulling-support.ts'

test('speed', { timeout: 600_000 }, async () => {
  const rowsMax = Number(process.env['ROWS'] ?? 300000)
  const hub = await openPullHub()
  const { source } = hub
  const names = Object.keys(personAt(0))
  await source.query(`create table people (${names.map((n) => `"${n}" ${n === 'cancelled' ? 'boolean' : n === 'birthDate' ? 'date' : n === 'sourceUpdatedAt' ? 'timestamptz' : 'text'}`).join()})`)
  function* lines() {
    for (let i = 0; i < rowsMax; i++) yield Object.values(personAt(i)).map(String).join('\t') + '\n'
  }
  const client = await source.connect()
  await pipeline(Readable.from(lines()), client.query(copyFrom('copy people from stdin')))
  await source.query('alter table people add primary key ("idNumber")')
  await source.query('vacuum analyze people')
  const resource = await publishDraft(hub, standardDraft('population', 'provider', 'population'))
  const sync = await hub.makeSync({ resource, table: 'people', mode: 'full', mapping: null })
  const runId = await hub.queue(sync, { lane: 'large' })
  await source.query('checkpoint')
  const samples: number[] = []
  const timer = setInterval(() => { samples.push(Math.round(process.memoryUsage().rss / 2 ** 20)) }, 100)
  const at = performance.now(); const cpu = process.cpuUsage()
  const outcome = await hub.work(runId)
  const seconds = (performance.now() - at) / 1000
  const used = process.cpuUsage(cpu)
  clearInterval(timer)
  expect(outcome).toMatchObject({ run: { counts: { inserted: rowsMax } } })
  const { rows: [{ number }] } = await hub.testDatabase.database.pool.query(`select number from hub.resources where id = 'population'`)
  const a = new Client({ connectionString: hub.testDatabase.urls.superuser }); const b = new Client({ connectionString: hub.testDatabase.urls.superuser })
  await a.connect(); await b.connect()
  await a.query(`vacuum analyze records.r_${number}`)
  await a.query(`create table records.piped (like records.r_${number} including all)`)
  await a.query('checkpoint')
  const at2 = performance.now()
  await pipeline(b.query(copyTo(`copy (select * from records.r_${number} order by _seq) to stdout`)), a.query(copyFrom('copy records.piped from stdin')))
  const base = (performance.now() - at2) / 1000
  console.log({ rowsMax, seconds, perS: rowsMax / seconds, base, ratio: base / seconds, peak: Math.max(...samples), cpuS: (used.user + used.system) / 1e6, samples: samples.filter((_, i) => i % Math.ceil(samples.length / 20) === 0).join() })
  await a.query('drop table records.piped')
  const at3 = performance.now()
  const again = await hub.work(await hub.queue(sync, { lane: 'large' }))
  console.log('again', (performance.now() - at3) / 1000, JSON.stringify(again).slice(0, 600))
  await a.end(); await b.end()
  await hub.close()
})
