import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import ExcelJS from 'exceljs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'
import { publishDraft } from '../../support/resources.ts'
import { Crash, dyingDoors } from './crashes.ts'
import { defineDelivery, deliver, demandSync, failRun, queueRun, workRun } from './support.ts'

let world: World
let folder: string
let server: Server
let url: string
const received: {
  batch: number | null
  items?: { op: string; key: string }[]
  isFull?: boolean
}[] = []

beforeAll(async () => {
  world = await buildWorld()
  folder = world.hub.app.hub.config.filesDirs[0] ?? ''
  mkdirSync(folder, { recursive: true })
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(parts).toString()))
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}/in` : ''
})
afterAll(async () => {
  server.close()
  await world.hub.close()
})

const small = { batchRowsMax: 2 }
const people = (count: number) =>
  Array.from({ length: count }, (_, place) => person(`p${place + 1}`))

async function fresh(
  id: string,
  connector: 'file' | 'http' | 'sqlite',
  settings: Record<string, unknown>,
  mode: 'full' | 'incremental' = 'incremental',
) {
  await publishDraft(world.hub, peopleDraft(id))
  const asked = { resource: id, operations: ['deliver'], fields: ['personId', 'division'] }
  const grant = await world.grant({ ...asked, rows: { division: ['A'] } })
  await defineDelivery(world.hub, { id, resource: id, grant, connector, settings, mode })
  await world.push(id, people(5))
  return id
}

const files = (dir: string, end: string): string[] =>
  readdirSync(join(folder, dir))
    .filter((name) => name.endsWith(end))
    .toSorted()
const lines = (dir: string, name: string): unknown[] =>
  readFileSync(join(folder, dir, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a SQLite table ends as the grant shows the records', async () => {
  const path = join(folder, 'subscriber.db')
  const id = await fresh('into-sqlite', 'sqlite', { path, table: 'people' })
  await deliver(world.hub, id, small)
  await world.push(id, [person('p2', { division: 'B' })])
  await world.push(id, [{ personId: 'p3' }], 'delete')
  await deliver(world.hub, id, small)
  const database = new DatabaseSync(path)
  const rows = database.prepare('select "_key", "personId" from people order by "_key"').all()
  database.close()
  expect(rows.map((row) => row['personId'])).toEqual(['p1', 'p4', 'p5'])
})

test('an exchange table is given batch after batch, each once, however the run broke', async () => {
  const path = join(folder, 'exchange.db')
  const exchange = {
    operation: 'op',
    batch: 'batch_no',
    time: 'sent_at',
    receipts: 'receipts',
    rejects: 'rejects',
  }
  const id = await fresh('into-exchange', 'sqlite', { path, table: 'outbox', exchange })
  const runId = await queueRun(world.hub, id)
  await expect(workRun(world.hub, runId, dyingDoors('before-commit', 2))).rejects.toThrow(Crash)
  expect((await workRun(world.hub, runId, small)).run.state).toBe('succeeded')
  await world.push(id, [person('p2', { division: 'B' })])
  await deliver(world.hub, id, small)
  const database = new DatabaseSync(path)
  const rows = database
    .prepare('select batch_no, op, "_key" as key from outbox order by batch_no, "_key"')
    .all()
  database.close()
  expect(rows.filter(({ op }) => op === 'U').map(({ key }) => key)).toEqual([
    'p1',
    'p2',
    'p3',
    'p4',
    'p5',
  ])
  expect(rows.filter(({ op }) => op === 'D').map(({ key }) => key)).toEqual(['p2'])
  expect(new Set(rows.map((row) => row['batch_no'])).size).toBe(4)
})

test('CSV and xlsx files hold the granted fields of every record, under their names', async () => {
  for (const format of ['csv', 'xlsx'] as const) {
    mkdirSync(join(folder, format), { recursive: true })
    const path = join(folder, `${format}/`)
    const id = await fresh(`into-${format}`, 'file', { path, format })
    expect((await deliver(world.hub, id, small)).run.state).toBe('succeeded')
    const [name = ''] = files(format, `.${format}`)
    const file = join(folder, format, name)
    const rows: unknown[][] = []
    if (format === 'csv') {
      const text = readFileSync(file, 'utf8').trim().split(/\r?\n/)
      rows.push(...text.map((line) => line.split(',')))
    } else {
      const workbook = new ExcelJS.Workbook()
      await workbook.xlsx.readFile(file)
      workbook.worksheets[0]?.eachRow((row) =>
        rows.push([row.getCell(1).text, row.getCell(2).text]),
      )
    }
    expect(rows[0]).toEqual(['personId', 'division'])
    expect(rows.slice(1)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5'].map((key) => [key, 'A']))
  }
})

test('a full file holds every record once, each time, however the run before broke', async () => {
  mkdirSync(join(folder, 'whole'), { recursive: true })
  const id = await fresh('into-file', 'file', { path: join(folder, 'whole/'), format: 'ndjson' })
  const runId = await queueRun(world.hub, id)
  await expect(workRun(world.hub, runId, dyingDoors('after-commit', 2))).rejects.toThrow(Crash)
  expect(files('whole', '.ndjson')).toEqual([])
  const { run } = await workRun(world.hub, runId, small)
  expect(run).toMatchObject({ state: 'succeeded', batchCount: 3, counts: { read: 5, updated: 5 } })
  const [first = ''] = files('whole', '.ndjson')
  expect(lines('whole', first)).toHaveLength(5)
  expect((await demandSync(world.hub, id)).batchNumber).toBe(3)
  await world.push(id, [person('p2', { division: 'B' })])
  const second = await deliver(world.hub, id, small)
  const name = files('whole', '.ndjson').find((file) => file.includes(second.run.id)) ?? ''
  expect(lines('whole', name)).toHaveLength(4)
})

test('a record that changes while a full file is written stands in it once', async () => {
  mkdirSync(join(folder, 'moving'), { recursive: true })
  const id = await fresh('moving-file', 'file', { path: join(folder, 'moving/'), format: 'ndjson' })
  const doors = dyingDoors('before-plan')
  const { openTarget } = doors
  let writes = 0
  const { run } = await deliver(world.hub, id, {
    ...small,
    openTarget: async (hub, claimed) => {
      if (!openTarget) throw new Error('no door')
      const target = await openTarget(hub, claimed)
      return {
        ...target,
        write: async (batch) => {
          await target.write(batch)
          writes += 1
          if (writes === 1) await world.push(id, [{ personId: 'p1' }], 'delete')
          if (writes === 1) await world.push(id, [person('p2', { bornOn: '1991-01-01' })])
        },
      }
    },
  })
  expect(run.state).toBe('succeeded')
  const [name = ''] = files('moving', '.ndjson')
  expect(lines('moving', name)).toHaveLength(5)
  await deliver(world.hub, id, small)
  const [, later = ''] = files('moving', '.ndjson')
  expect(lines('moving', later)).toHaveLength(4)
})

test('files of changes follow one another without a gap, deletions included', async () => {
  mkdirSync(join(folder, 'parts'), { recursive: true })
  const path = join(folder, 'parts/')
  const id = await fresh('change-files', 'file', { path, format: 'ndjson', content: 'changes' })
  await deliver(world.hub, id, small)
  await world.push(id, [person('p2', { division: 'B' }), person('p6')])
  const runId = await queueRun(world.hub, id)
  await expect(workRun(world.hub, runId, dyingDoors('after-finish'))).rejects.toThrow(Crash)
  await workRun(world.hub, runId, small)
  const rows = files('parts', '.ndjson').flatMap((name) => lines('parts', name))
  expect(rows.slice(5)).toMatchObject([
    { operation: 'delete', key: 'p2' },
    { operation: 'upsert', key: 'p6' },
  ])
  expect(rows).toHaveLength(7)
})

test('an interface is given each batch under one number, also when it is sent again', async () => {
  const id = await fresh('into-http', 'http', { url, signingKey: '0123456789abcdef-key' })
  const runId = await queueRun(world.hub, id)
  await expect(workRun(world.hub, runId, dyingDoors('after-write', 2))).rejects.toThrow(Crash)
  // The number stays with its range although another run delivers it, and the feed has grown.
  await failRun(world.hub, runId)
  await world.push(id, [person('p6'), person('p3', { division: 'B' })])
  await deliver(world.hub, id, small)
  const batches = received.filter(({ items }) => items !== undefined)
  expect(batches.map(({ batch }) => batch)).toEqual([1, 2, 2, 3, 4])
  const keys = batches.map(({ items = [] }) => items.map(({ op, key }) => `${op} ${key}`))
  expect(keys).toEqual([
    ['upsert p1', 'upsert p2'],
    ['upsert p3', 'upsert p4'],
    ['upsert p4'],
    ['upsert p5', 'upsert p6'],
    ['delete p3'],
  ])
  expect(received.at(-1)).toMatchObject({ batch: null, end: true })
})
