import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { abandon, failOn } from '../intake/support.ts'
import { openPullHub, type PullHub } from './pulling-support.ts'

let hub: PullHub
let filesDir = ''
beforeAll(async () => {
  hub = await openPullHub()
  filesDir = hub.app.hub.config.filesDirs[0] ?? ''
  mkdirSync(filesDir, { recursive: true })
})
afterAll(() => hub.close())

const header = 'thing,amount\n'

function makeFolder(name: string, files: Record<string, string>): string {
  const folder = join(filesDir, name)
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  return folder
}

const folderSync = (folder: string) =>
  hub.makeSync({
    connector: 'file',
    cursor: null,
    mapping: null,
    settings: {
      glob: join(folder, '*.csv'),
      format: 'csv',
      settleSeconds: 0,
      archive: join(folder, 'taken'),
    },
  })

const archived = (folder: string): string[] =>
  readdirSync(join(folder, 'taken'), { recursive: true, encoding: 'utf8' }).toSorted()

describe('files of a drop folder', () => {
  test('are each landed, told what became of them, and taken once', async () => {
    const folder = makeFolder('drop', {
      'a.csv': `${header}a-1,1\na-2,many\na-3,3\n`,
      'b.csv': `${header}b-1,1\n`,
      'c.csv': header,
    })
    const sync = await folderSync(folder)
    const run = await hub.pulled(sync)
    expect(run).toMatchObject({ state: 'partial', counts: { read: 4, inserted: 3, rejected: 1 } })
    const units = await hub.sql(
      `select read_count, landed_count, rejected_count, acknowledged_at is not null as told
       from hub.run_units where run_id = $1 order by unit`,
      [run.id],
    )
    expect(units).toEqual([
      { read_count: 3, landed_count: 2, rejected_count: 1, told: true },
      { read_count: 1, landed_count: 1, rejected_count: 0, told: true },
      { read_count: 0, landed_count: 0, rejected_count: 0, told: true },
    ])
    const [reject] = await hub.sql(
      'select line, unit, unit_line from hub.rejects where run_id = $1',
      [run.id],
    )
    expect(reject).toMatchObject({ line: 2, unit: expect.stringContaining('a.csv'), unit_line: 3 })
    expect(archived(folder).filter((name) => name.endsWith('.csv'))).toHaveLength(4)
    const again = await hub.pulled(sync)
    expect(again.counts.read).toBe(0)
  })

  test('that have landed but could not be told of are told by whoever takes the run up, and never land twice', async () => {
    const folder = makeFolder('untold', { 'a.csv': `${header}u-1,1\nu-2,2\n` })
    const sync = await folderSync(folder)
    // A file where the archive's folder should be: nothing can be moved there.
    writeFileSync(join(folder, 'taken'), '')
    const runId = await hub.queue(sync)
    await expect(hub.work(runId)).rejects.toThrow()
    const broken = await hub.findRun(runId)
    expect(broken.counts).toMatchObject({ read: 2, inserted: 2 })
    const { unlinkSync } = await import('node:fs')
    unlinkSync(join(folder, 'taken'))
    await abandon(hub, runId)
    const outcome = await hub.work(runId)
    expect(outcome).toMatchObject({ run: { state: 'succeeded', counts: { read: 2, inserted: 2 } } })
    expect(archived(folder).some((name) => name.endsWith('a.csv'))).toBe(true)
  })

  test('killed before a file’s end go on without losing or doubling a row', async () => {
    const rows = (name: string) =>
      Array.from({ length: 3000 }, (_, at) => `${name}-${at},${at}\n`).join('')
    const folder = makeFolder('killed', {
      'a.csv': header + rows('a'),
      'b.csv': header + rows('b'),
    })
    const sync = await folderSync(folder)
    const runId = await hub.queue(sync)
    const mend = await failOn(hub, 'hub.batches', `new.run_id = '${runId}' and new.number >= 2`)
    await expect(hub.work(runId)).rejects.toThrow('made to fail')
    await mend()
    await abandon(hub, runId)
    const outcome = await hub.work(runId)
    expect(outcome).toMatchObject({
      run: { state: 'succeeded', counts: { read: 6000, inserted: 6000 } },
    })
  })
})

describe('batches of an exchange table', () => {
  test('are taken in order with their operations; receipt and rejected rows are written back', async () => {
    await hub.source.query(
      `create table front (id serial primary key, op text, batch_no text, at timestamptz, taken text, thing text, amount text);
       insert into front (op, batch_no, at, thing, amount) values
         ('I', 'B1', now() - interval '2 hours', 'x-1', '1'), ('I', 'B1', now() - interval '2 hours', 'x-2', '2'),
         ('I', 'B1', now() - interval '2 hours', 'x-3', 'many'),
         ('U', 'B2', now() - interval '1 hour', 'x-1', '10'), ('D', 'B2', now() - interval '1 hour', 'x-2', null)`,
    )
    const sync = await hub.makeSync({
      cursor: null,
      settings: {
        url: hub.source.url,
        table: 'front',
        exchange: {
          operation: 'op',
          batch: 'batch_no',
          time: 'at',
          mark: 'taken',
          receipts: 'receipts',
          rejects: 'rejects',
        },
      },
      mapping: {
        fields: { thing: 'thing', amount: 'amount' },
        operation: { from: 'op', values: { I: 'upsert', U: 'upsert', D: 'delete' } },
        ignore: ['id', 'batch_no', 'at', 'taken'],
      },
    })
    const run = await hub.pulled(sync)
    expect(run.counts).toMatchObject({ read: 5, inserted: 2, updated: 1, deleted: 1, rejected: 1 })
    expect(run.reconciliation).toMatchObject({ sourceCount: 5, readCount: 5, agrees: true })
    const { resource } = await hub.sync(sync)
    expect(await hub.records(resource, ['thing', 'amount::int as amount'])).toEqual([
      { thing: 'x-1', amount: 10 },
    ])
    expect(
      await hub.source.query(
        'select batch, read_count::int as read, landed_count::int as landed, rejected_count::int as rejected from receipts order by batch',
      ),
    ).toEqual([
      { batch: 'B1', read: 3, landed: 2, rejected: 1 },
      { batch: 'B2', read: 2, landed: 2, rejected: 0 },
    ])
    expect(await hub.source.query(`select batch, code, field from rejects`)).toEqual([
      { batch: 'B1', code: 'type', field: 'amount' },
    ])
    expect(await hub.source.query(`select 1 from front where taken is null`)).toEqual([])
    expect((await hub.pulled(sync)).counts.read).toBe(0)
  })
})
