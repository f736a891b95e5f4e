import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { sourceOf } from '../../adapters/index.ts'
import { decodeRows } from '../../src/exchange/decode/decode-rows.ts'
import type { SourceRow } from '../../src/exchange/types.ts'
import { applyAndGrant, type City } from './city.ts'
import { heading, say, table } from './print.ts'
import { type PushAnswer, report } from './put-in.ts'

type Run = PushAnswer & { error: { message: string } | null; checkpoint: string | null }

/** A department's own table is pulled, once whole and once for what has changed; then a subscriber's is filled. */
export async function runSyncs(city: City, storeUrl: string): Promise<void> {
  const store = new Client({ connectionString: storeUrl })
  await store.connect()
  try {
    await fillSource(store)
    await pull(city, store, storeUrl)
    await deliver(city, store, storeUrl)
  } finally {
    await store.end()
  }
}

/** The residents as the department keeps them: every column text, in its own names and codes. */
async function fillSource(store: Client): Promise<void> {
  const source = sourceOf('public-security', 'residents')
  if (source === null) throw new Error('the adapter has no residents')
  const names = Object.keys(source.columns)
  const columns = names.map((name) => `"${name}" text`).join(', ')
  await store.query(`create table czrk (${columns}, primary key ("czrkrkid"))`)
  const rows: SourceRow[] = []
  for await (const block of decodeRows(createReadStream(source.sample), source)) {
    rows.push(...block.rows.flatMap(({ row }) => (row === undefined ? [] : [row])))
  }
  await store.query(
    `insert into czrk select r.* from jsonb_populate_recordset(null::czrk, $1) r
     on conflict do nothing`,
    [JSON.stringify(rows)],
  )
}

async function pull({ admin }: City, store: Client, url: string): Promise<void> {
  heading('同步:拉取部门的库表', "A department's table is pulled")
  await admin.post('/v1/syncs', {
    id: 'residents-in',
    resource: 'population',
    direction: 'pull',
    source: {
      adapter: 'public-security',
      source: 'residents',
      connector: 'postgres',
      settings: { url, table: 'czrk' },
    },
    mode: 'incremental',
    cursor: ['czrksjxgxsj', 'czrkrkid'],
    schedule: { cron: '0 2 * * *', timezone: 'Asia/Shanghai' },
  })
  const first = await runToEnd(admin, 'residents-in')
  await store.query(
    `update czrk set "czrkzz" = '湖南省宁乡市示例街道新居路1号', "czrksjxgxsj" = '20260901083000'
     where "czrkrkid" = (select min("czrkrkid") from czrk where "czrkrkid" <> '')`,
  )
  const second = await runToEnd(admin, 'residents-in')
  report([
    ['首次 first run', first],
    ['源表改了一行后 after one change', second],
  ])
  say(`  断点 / checkpoint: ${second.checkpoint ?? ''}`)
}

async function deliver({ admin }: City, store: Client, url: string): Promise<void> {
  heading('同步:向订阅方的库表投递', "A subscriber's table is filled, under a grant")
  const grant = await applyAndGrant(admin, {
    resource: 'population',
    operations: ['deliver'],
    fields: ['idNumber', 'name', 'sex', 'hukouDivision'],
  })
  await admin.post('/v1/syncs', {
    id: 'residents-out',
    resource: 'population',
    direction: 'deliver',
    target: { connector: 'postgres', settings: { url, table: 'received_residents' } },
    mode: 'incremental',
    grant,
    context: { purpose: 'XZSP-0001', operator: '投递演示' },
  })
  const { counts } = await runToEnd(admin, 'residents-out')
  say(`  投递 / delivered: ${counts['updated']} 条 records`)
  const { rows } = await store.query<Record<string, string>>(
    `select "idNumber", "name", "sex", "hukouDivision" from received_residents order by _seq limit 3`,
  )
  const names = ['idNumber', 'name', 'sex', 'hukouDivision']
  table(
    names,
    rows.map((row) => names.map((name) => row[name] ?? '')),
  )
}

async function runToEnd(admin: City['admin'], sync: string): Promise<Run> {
  const { id } = await admin.post<{ id: string }>(`/v1/syncs/${sync}/runs`, {})
  for (;;) {
    const run = await admin.get<Run>(`/v1/runs/${id}`)
    if (run.state === 'failed') throw new Error(`${sync}: ${run.error?.message}`)
    if (run.state === 'succeeded' || run.state === 'partial') return run
    await sleep(100)
  }
}
