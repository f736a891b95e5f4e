import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import { intakeLimits } from '../../../src/hub/intake/limits.ts'
import { openPace } from '../../../src/hub/syncs/pull-pace.ts'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { abandon, failOn } from '../intake/support.ts'
import {
  createThings,
  openPullHub,
  type PullHub,
  recordThings,
  sourceThings,
} from './pulling-support.ts'

let hub: PullHub
beforeAll(async () => {
  hub = await openPullHub()
})
afterAll(() => hub.close())

describe('an incremental pull', () => {
  test('lands everything first, then only what is new, and knows where it stands', async () => {
    const { source } = hub
    await createThings(source, 'basic', { rows: 2500 })
    const sync = await hub.makeSync({ table: 'basic' })
    const first = await hub.pulled(sync)
    expect(first).toMatchObject({ state: 'succeeded', counts: { read: 2500, inserted: 2500 } })
    expect(first.reconciliation).toMatchObject({ sourceCount: 2500, readCount: 2500, agrees: true })
    const { resource, position, lastSuccessAt, sourceColumns } = await hub.sync(sync)
    expect(position).not.toBeNull()
    expect(lastSuccessAt).not.toBeNull()
    expect(sourceColumns?.map(({ name }) => name)).toEqual(['id', 'thing', 'amount', 'updated_at'])
    await source.query(
      `update basic set amount = '7', updated_at = '2026-02-01' where id in (3, 4);
       insert into basic values (9001, 'new', '2', '2026-02-02')`,
    )
    const second = await hub.pulled(sync)
    expect(second.counts).toMatchObject({ read: 3, inserted: 1, updated: 2 })
    expect(await recordThings(hub, resource)).toEqual(await sourceThings(source, 'basic'))
  })
})

describe('a full pull', () => {
  test('lands everything, then deletes what the source has no longer', async () => {
    const { source } = hub
    await createThings(source, 'whole', { rows: 2500 })
    const sync = await hub.makeSync({ table: 'whole', mode: 'full' })
    const first = await hub.pulled(sync)
    expect(first).toMatchObject({ state: 'succeeded', counts: { read: 2500, inserted: 2500 } })
    await source.query(
      `delete from whole where id % 100 = 0; update whole set amount = '5' where id = 1`,
    )
    const second = await hub.pulled(sync)
    expect(second.counts).toMatchObject({ read: 2475, updated: 1, unchanged: 2474, deleted: 25 })
    const { resource, lastFullCount } = await hub.sync(sync)
    expect(lastFullCount).toBe(2475)
    expect(await recordThings(hub, resource)).toEqual(await sourceThings(source, 'whole'))
    expect(await hub.sql('select 1 from hub.snapshot_rows')).toEqual([])
  })
})

describe('rows without a time of writing', () => {
  test('are read by every run, and never move the position', async () => {
    await createThings(hub.source, 'timeless', { rows: 10 })
    await hub.source.query('update timeless set updated_at = null where id in (2, 3)')
    const sync = await hub.makeSync({ table: 'timeless' })
    expect((await hub.pulled(sync)).counts).toMatchObject({ read: 10, inserted: 10 })
    const { position } = await hub.sync(sync)
    const second = await hub.pulled(sync)
    expect(second.counts).toMatchObject({ read: 2, unchanged: 2 })
    expect((await hub.sync(sync)).position).toEqual(position)
  })
})

describe('a backfill', () => {
  test('reads its range alone and leaves the position where it is', async () => {
    await createThings(hub.source, 'ranged', { rows: 100 })
    const sync = await hub.makeSync({ table: 'ranged' })
    const run = await hub.pulled(sync, {
      isAside: true,
      plan: { from: '2026-01-01 00:00:11+00', to: '2026-01-01 00:00:21+00' },
    })
    expect(run.counts).toMatchObject({ read: 10, inserted: 10 })
    expect(await hub.sync(sync)).toMatchObject({ position: null, lastSuccessAt: null })
  })
})

describe('a full pull of an incremental sync', () => {
  test('lets the next incremental run go on from where it began', async () => {
    await createThings(hub.source, 'mixed_modes', { rows: 100 })
    const sync = await hub.makeSync({ table: 'mixed_modes' })
    await hub.pulled(sync, { mode: 'snapshot' })
    expect((await hub.pulled(sync)).counts.read).toBe(0)
  })
})

const withOwners = (id: string) => {
  const plain = plainDraft(id, 'provider')
  const fields = [{ name: 'name', title: '姓名', type: 'text', length: 20, sensitivity: 'public' }]
  const owners = { name: 'owners', title: '权利人', type: 'array', sensitivity: 'public', fields }
  return { ...plain, fields: [...plain.fields, owners] }
}

describe('records of several rows', () => {
  const rowsMapping: Mapping = {
    fields: { thing: 'house' },
    children: { owners: { rows: { name: 'owner' } } },
    ignore: ['n', 'updated_at'],
  }
  const createHouses = () =>
    hub.source.query(
      `create table if not exists houses as select 'h-' || lpad((n / 3)::text, 5, '0') as house, n % 3 as n, 'o-' || n as owner,
         now() as updated_at from generate_series(0, 29999) n;
       alter table houses drop constraint if exists houses_pkey; alter table houses add primary key (house, n)`,
    )

  test('lose none of them at the end of a batch, nor when the run is killed there', async () => {
    await createHouses()
    const { batchRowsMax } = intakeLimits
    Object.assign(intakeLimits, { batchRowsMax: 1000 })
    const resource = await publishDraft(hub, withOwners('joined'))
    const sync = await hub.makeSync({
      resource,
      table: 'houses',
      mode: 'full',
      mapping: rowsMapping,
    })
    const runId = await hub.queue(sync)
    const mend = await failOn(hub, 'hub.batches', `new.run_id = '${runId}' and new.number >= 3`)
    await expect(hub.work(runId)).rejects.toThrow('made to fail')
    await mend()
    await abandon(hub, runId)
    const outcome = await hub.work(runId)
    Object.assign(intakeLimits, { batchRowsMax })
    expect(outcome).toMatchObject({
      run: { state: 'succeeded', counts: { read: 30_000, inserted: 10_000, superseded: 20_000 } },
    })
    const lengths = await hub.records(resource, [
      'distinct jsonb_array_length(owners) as count, _key',
    ])
    expect(new Set(lengths.map(({ count }) => count))).toEqual(new Set([3]))
  })

  test('cannot be pulled by what changed: the other rows of the record would be lost', async () => {
    await createHouses()
    const resource = await publishDraft(hub, withOwners('joined-changes'))
    const sync = await hub.makeSync({
      resource,
      table: 'houses',
      cursor: ['updated_at'],
      mapping: rowsMapping,
    })
    await expect(hub.pulled(sync)).rejects.toMatchObject({ code: 'state-conflict' })
  })

  test('take the children of a second table by their keys', async () => {
    await hub.source.query(
      `create table parents (id bigint primary key, thing text, updated_at timestamptz);
       create table children (parent bigint, place integer, name text, primary key (parent, place));
       insert into parents select n, 'p-' || lpad(n::text, 5, '0'), now() from generate_series(1, 3000) n;
       insert into children select n, place, 'c-' || n || '-' || place from generate_series(1, 3000, 2) n, generate_series(1, 2) place`,
    )
    const resource = await publishDraft(hub, withOwners('nested'))
    const mapping: Mapping = {
      fields: { thing: 'thing' },
      children: { owners: { source: 'children', on: { parent: 'id' }, fields: { name: 'name' } } },
      ignore: ['updated_at'],
    }
    const sync = await hub.makeSync({ resource, table: 'parents', mapping })
    expect((await hub.pulled(sync)).counts).toMatchObject({ inserted: 3000 })
    const rows = await hub.records(resource, ['thing', 'owners'])
    expect(rows.slice(0, 2)).toEqual([
      { thing: 'p-00001', owners: [{ name: 'c-1-1' }, { name: 'c-1-2' }] },
      { thing: 'p-00002', owners: null },
    ])
  })
})

test('a SQLite file is pulled as any other store', async () => {
  const [folder = ''] = hub.app.hub.config.filesDirs
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'things.db')
  const database = new DatabaseSync(path)
  database.exec(
    `create table things (id integer primary key, thing text, amount text, updated_at text);
     insert into things values (1, '一', '1.5', '2026-01-01 08:00:00'), (2, '二', null, '2026-01-01 08:00:01')`,
  )
  const sync = await hub.makeSync({ connector: 'sqlite', settings: { path, table: 'things' } })
  expect((await hub.pulled(sync)).counts).toMatchObject({ read: 2, inserted: 2 })
  database.exec(`update things set amount = '3', updated_at = '2026-01-02 08:00:00' where id = 1`)
  expect((await hub.pulled(sync)).counts).toMatchObject({ read: 1, updated: 1 })
  database.close()
})

test('rejects of a sync go through its own mapping again', async () => {
  await createThings(hub.source, 'replayed', { rows: 3 })
  await hub.source.query(
    `alter table replayed rename thing to "编号"; update replayed set amount = 'x' where id = 2`,
  )
  const mapping: Mapping = {
    fields: { thing: '编号', amount: 'amount' },
    ignore: ['id', 'updated_at'],
  }
  const sync = await hub.makeSync({ table: 'replayed', mapping })
  const run = await hub.pulled(sync)
  const [reject] = await hub.sql<{ line: number }>(
    'select line from hub.rejects where run_id = $1',
    [run.id],
  )
  const answer = await hub.call('POST', `/v1/runs/${run.id}/replay`, {
    token: hub.operator,
    body: { rows: [{ line: reject?.line, source: { 编号: 't-0000002', amount: '5' } }] },
  })
  expect(answer.json()).toMatchObject({ counts: { inserted: 1, rejected: 0 } })
})

test('a pace lets a second’s worth of rows through at once, and then as many as it says', () => {
  let nowMs = 0
  const pace = openPace(100, () => nowMs)
  expect(pace.owed(100)).toBe(0)
  expect(pace.owed(50)).toBe(500)
  nowMs = 500
  expect(pace.owed(100)).toBe(1000)
  nowMs = 60_000
  expect(pace.owed(100)).toBe(0)
  expect(openPace(undefined, () => 0).owed(1_000_000)).toBe(0)
})
