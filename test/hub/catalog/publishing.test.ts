import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lockResource } from '../../../src/hub/records/lock-resource.ts'
import { inTransaction } from '../../../src/hub/database/connect.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import {
  callerOf,
  move,
  notShared,
  ownDraft,
  personField,
  populationDraft,
  staffed,
  type Staffed,
} from './support.ts'

let hub: TestHub
let people: Staffed
let hasLiveGrants = false
beforeAll(async () => {
  hub = await buildTestHub({ catalog: { hasLiveGrants: async () => hasLiveGrants } })
  people = await staffed(hub)
})
afterAll(() => hub.close())

const query = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await hub.app.hub.database.pool.query(text, values)).rows as Row[]

const numberOf = async (id: string): Promise<number> =>
  (await query<{ number: number }>('select number from hub.resources where id = $1', [id]))[0]!
    .number

const columnsOf = async (id: string): Promise<string[]> =>
  (
    await query<{ column_name: string }>(
      `select column_name from information_schema.columns
       where table_schema = 'records' and table_name = $1 order by ordinal_position`,
      [`r_${await numberOf(id)}`],
    )
  ).map(({ column_name: name }) => name)

const indexedColumnsOf = async (id: string): Promise<string[]> =>
  (
    await query<{ name: string }>(
      `select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indexrelid
       where i.indrelid = $1::regclass and indisvalid`,
      [`records.r_${await numberOf(id)}`],
    )
  ).map(({ name }) => name)

const published = async (id: string, more: Record<string, unknown> = {}) => {
  await people.admin('POST', '/resources', ownDraft(id, more))
  return move(people.admin, id, 'publish')
}

const revised = async (id: string, more: Record<string, unknown>) => {
  await move(people.admin, id, 'revise')
  return people.admin('PUT', `/resources/${id}`, ownDraft(id, more))
}

const wider = {
  fields: [
    { ...personField, length: 30 },
    {
      name: 'plate',
      title: '车牌',
      type: 'text',
      length: 10,
      sensitivity: 'internal',
      lookup: true,
    },
    {
      name: 'fee',
      title: '费用',
      type: 'decimal',
      length: 10,
      precision: 3,
      sensitivity: 'public',
    },
    { name: 'spaces', title: '车位数', type: 'integer', sensitivity: 'public', indexed: true },
  ],
}

describe('publishing', () => {
  test('makes the record tables, and the resource is served', async () => {
    await people.admin('POST', '/resources', populationDraft('population'))
    expect(await hub.app.hub.catalog.served('population')).toBeNull()
    await move(people.admin, 'population', 'publish')
    const served = await hub.app.hub.catalog.served('population')
    expect(served).toMatchObject({
      id: 'population',
      version: 1,
      strictness: 'strict',
      mapping: null,
    })
    expect(served?.table).toMatchObject({ history: true, identityFields: ['idNumber'] })
    expect(Object.isFrozen(served?.fields[0])).toBe(true)
    expect(await columnsOf('population')).toEqual(
      expect.arrayContaining(['_key', '_seq', 'idNumber', 'name']),
    )
    const [numbers] = await query('select * from hub.change_numbers where resource = $1', [
      'population',
    ])
    expect(numbers).toMatchObject({ served_version: 1, last_seq: 0 })
  })

  test('what is not shared is catalogued without a table, and never served or mounted', async () => {
    await people.admin('POST', '/resources', ownDraft('refused', notShared))
    const mapping = { fields: { personId: { from: 'ID' } } }
    const mounted = await people.admin('PUT', '/resources/refused/mount', { mapping })
    expect(mounted.body.code).toBe('state-conflict')
    expect((await move(people.admin, 'refused', 'publish')).body.state).toBe('published')
    expect(await columnsOf('refused')).toEqual([])
    expect(await hub.app.hub.catalog.served('refused')).toBeNull()
    const open = ownDraft('refused')
    await move(people.admin, 'refused', 'revise')
    await people.admin('PUT', '/resources/refused', open)
    await move(people.admin, 'refused', 'publish')
    expect(await columnsOf('refused')).toContain('personId')
  })

  test('nothing is kept of a publication whose audit entry cannot be written', async () => {
    const failing = await buildTestHub({
      auditLog: (log) => ({
        append: async (facts) => {
          if (facts.operation === 'resources.publish') throw new Error('the log is away')
          return log.append(facts)
        },
      }),
    })
    await failing.makeDepartment('public-security')
    const admin = callerOf(failing, failing.adminToken)
    await admin('POST', '/resources', ownDraft('unlogged'))
    expect((await move(admin, 'unlogged', 'publish')).status).toBeGreaterThanOrEqual(500)
    expect((await admin('GET', '/resources/unlogged')).body.state).toBe('draft')
    const { rows } = await failing.app.hub.database.pool.query(
      `select from information_schema.tables where table_schema = 'records'`,
    )
    expect(rows).toEqual([])
    await failing.close()
  })

  test('waits for a batch that is landing, which may still refer to the resource', async () => {
    await published('landing')
    const number = await numberOf('landing')
    await revised('landing', wider)
    let publication: Promise<unknown> = Promise.resolve()
    await inTransaction(hub.app.hub.database.bulkPool, async (client) => {
      await lockResource(client, number)
      publication = move(people.admin, 'landing', 'publish')
      await untilSomebodyWaits()
      await client.query(
        `insert into hub.runs (id, resource, kind, mode, state, department)
         values (gen_random_uuid(), 'landing', 'push', 'upsert', 'running', 'public-security')`,
      )
      expect(
        await query(`select served_version from hub.change_numbers where resource = 'landing'`),
      ).toEqual([{ served_version: 1 }])
    })
    expect(await publication).toMatchObject({ status: 200 })
  })

  const untilSomebodyWaits = async (): Promise<void> => {
    for (;;) {
      const waiting = await query(
        `select from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      )
      if (waiting.length > 0) return
    }
  }
})

describe('a revision', () => {
  test('is worked on while the old version is served, and adds and widens', async () => {
    await published('revised')
    const draft = await revised('revised', wider)
    expect(draft.body).toMatchObject({ state: 'draft', version: 2, publishedVersion: 1 })
    expect(draft.body.fields.map(({ name }: { name: string }) => name)).toEqual([
      'personId',
      'spaces',
      'fee',
      'plate',
    ])
    expect((await hub.app.hub.catalog.served('revised'))?.version).toBe(1)
    const outside = await people.stranger('GET', '/resources/revised')
    expect(outside.body).toMatchObject({ state: 'published', version: 1 })
    expect(outside.body.fields).toHaveLength(3)
    await move(people.admin, 'revised', 'publish')
    expect((await hub.app.hub.catalog.served('revised'))?.version).toBe(2)
    expect(await columnsOf('revised')).toContain('plate')
    await hub.app.hub.catalog.indexes.settled()
    expect(await indexedColumnsOf('revised')).toEqual(expect.arrayContaining(['plate', 'spaces']))
    const { body } = await people.stranger('GET', '/resources/revised/versions')
    expect(body.items).toMatchObject([
      { version: 2, isServed: true, fieldCount: 4 },
      { version: 1, isServed: false, fieldCount: 3 },
    ])
  })

  test('writes no row of the table anew', async () => {
    await published('not-rewritten')
    const table = `records.r_${await numberOf('not-rewritten')}`
    const file = async () => (await query('select pg_relation_filenode($1::regclass)', [table]))[0]
    const before = await file()
    await revised('not-rewritten', wider)
    await move(people.admin, 'not-rewritten', 'publish')
    await hub.app.hub.catalog.indexes.settled()
    expect(await file()).toEqual(before)
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a field removed', { fields: [personField] }, /spaces .*fee|spaces/],
    [
      'a field of another type',
      {
        fields: [personField, { name: 'spaces', title: '数', type: 'text', sensitivity: 'public' }],
      },
      /type/,
    ],
    ['a shorter text', { fields: [{ ...personField, length: 10 }] }, /length/],
    [
      'an added field that is required',
      {
        fields: [
          personField,
          { name: 'extra', title: '加', type: 'boolean', sensitivity: 'public', required: true },
        ],
      },
      /extra/,
    ],
    ['more secrecy', { fields: [{ ...personField, sensitivity: 'sensitive' }] }, /sensitivity/],
    [
      'a code table where none was',
      { fields: [{ ...personField, codeTable: 'GB/T 2261.1' }] },
      /codeTable/,
    ],
    ['another key', { key: ['spaces'] }, /主键/],
    [
      'narrower sharing',
      { share: { type: 'conditional', scope: '审批部门', use: '核验' } },
      /共享类型/,
    ],
    ['another category', { category: { class: '3', item: '08', topic: '011' } }, /分类/],
    ['another code', { code: '307011/999999' }, /代码/],
    ['another provider', { provider: 'housing' }, /提供部门/],
  ])('that would break readers is refused: %s', async (name, more, told) => {
    const id = `breaking-${name.replaceAll(/[^a-z]+/g, '-')}`
    await published(id)
    const before = (await people.admin('GET', `/resources/${id}`)).body
    const answer = await revised(id, more)
    expect(answer.body.code, JSON.stringify(answer.body)).toBe('state-conflict')
    expect(
      answer.body.errors.map(({ message }: { message: string }) => message).join('\n'),
    ).toMatch(told)
    const after = (await people.admin('GET', `/resources/${id}`)).body
    expect(after.fields).toEqual(before.fields)
  })

  test('indexes that a broken-off build left behind are built again', async () => {
    await published('broken-off')
    await revised('broken-off', wider)
    await move(people.admin, 'broken-off', 'publish')
    const { indexes } = hub.app.hub.catalog
    await indexes.settled()
    const number = await numberOf('broken-off')
    const { superuser } = hub.testDatabase.urls
    const pg = await import('pg')
    const client = new pg.default.Client({ connectionString: superuser })
    await client.connect()
    await client.query(
      `update pg_index set indisvalid = false where indexrelid = 'records.r_${number}_c3'::regclass`,
    )
    await client.end()
    await query('update hub.change_numbers set indexes_pending = true where resource_number = $1', [
      number,
    ])
    expect(await indexedColumnsOf('broken-off')).not.toContain('plate')
    indexes.begin()
    await indexes.settled()
    expect(await indexedColumnsOf('broken-off')).toContain('plate')
    expect(
      await query('select indexes_pending from hub.change_numbers where resource_number = $1', [
        number,
      ]),
    ).toEqual([{ indexes_pending: false }])
  })
})

describe('withdrawing', () => {
  test('ends serving at once, keeps the records, and a revision brings it back', async () => {
    await published('withdrawn')
    await hub.app.hub.catalog.served('withdrawn')
    const answer = await move(people.head, 'withdrawn', 'withdraw', '职责调整')
    expect(answer.body).toMatchObject({ state: 'withdrawn', publishedVersion: null })
    expect(await hub.app.hub.catalog.served('withdrawn')).toBeNull()
    expect((await people.stranger('GET', '/resources/withdrawn')).status).toBe(404)
    expect(await columnsOf('withdrawn')).toContain('personId')
    expect(
      await query(`select served_version from hub.change_numbers where resource = 'withdrawn'`),
    ).toEqual([{ served_version: 0 }])
    await move(people.admin, 'withdrawn', 'revise')
    const again = await move(people.admin, 'withdrawn', 'publish')
    expect(again.body).toMatchObject({ version: 2, publishedVersion: 2 })
    expect((await hub.app.hub.catalog.served('withdrawn'))?.version).toBe(2)
  })

  test('while grants live needs a filed change first', async () => {
    await published('granted')
    hasLiveGrants = true
    const answer = await move(people.admin, 'granted', 'withdraw', '停止服务')
    hasLiveGrants = false
    expect(answer.body.code).toBe('state-conflict')
    expect((await people.stranger('GET', '/resources/granted')).status).toBe(200)
  })
})
