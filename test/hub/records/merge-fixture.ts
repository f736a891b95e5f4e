import type { PoolClient } from 'pg'
import type { Field } from '../../../schemas/field.ts'
import { landBatch, type Landing } from '../../../src/hub/intake/land-batch.ts'
import type { RejectedRow, StagedRow } from '../../../src/hub/intake/batch.ts'
import { compileEncoder, type LandingRow } from '../../../src/hub/records/encode.ts'
import { compileMerge } from '../../../src/hub/records/merge.ts'
import { createStatements, type RecordTable } from '../../../src/hub/records/record-table.ts'
import { inTransaction } from '../../../src/hub/database/connect.ts'
import type { TestDatabase } from '../../support/database.ts'

export interface LandOptions {
  runId?: string
  notAfter?: string | null
  expectNew?: boolean
  expectAllNew?: boolean
  rejects?: RejectedRow[]
}

export interface TestResource {
  table: RecordTable
  land(rows: readonly Partial<LandingRow>[], options?: LandOptions): Promise<Landing>
  /** Lands each layer after the other in one batch. */
  landLayers(
    layers: readonly (readonly Partial<LandingRow>[])[],
    options?: LandOptions,
  ): Promise<Landing>
  query(sql: string): Promise<Record<string, unknown>[]>
  record(key: string): Promise<Record<string, unknown> | undefined>
}

const field = (name: string, more: Partial<Field> = {}): Field => ({
  name,
  title: name,
  titleEn: name,
  type: 'text',
  required: false,
  sensitivity: 'internal',
  ...more,
})

export const personFields: readonly Field[] = [
  field('id'),
  field('idNumber', { lookup: true }),
  field('name'),
  field('division'),
  field('sourceUpdatedAt', { type: 'datetime' }),
]

/** With a list of former numbers that records are found by, and children that they are found by too. */
export const listedFields: readonly Field[] = [
  ...personFields,
  field('formerNumbers', { type: 'array', lookup: true }),
  field('homes', { type: 'array', fields: [field('unit', { lookup: true })] }),
]

export const licenceFields: readonly Field[] = [
  field('serial'),
  field('version'),
  field('name'),
  field('sourceUpdatedAt', { type: 'datetime' }),
]

const runs = {
  first: '00000000-0000-7000-8000-000000000001',
}

const landingRow = (row: Partial<LandingRow>): LandingRow => ({
  key: '',
  operation: 'upsert',
  values: {},
  status: 'current',
  sourceUpdatedAt: null,
  quality: [],
  ...row,
})

/** A table of its own in the test's database, with all that a merge needs to know of it. */
export async function makeResource(
  testDatabase: TestDatabase,
  id: string,
  shape: Partial<RecordTable> & Pick<RecordTable, 'fields'>,
): Promise<TestResource> {
  const { pool } = testDatabase.database
  await pool.query(
    `insert into hub.departments (id, name, division, kind)
     values ('public-security', '公安局', '430182', 'government-department') on conflict do nothing`,
  )
  const { rows } = await pool.query<{ number: number }>(
    `insert into hub.resources (id, code, provider, title, share_type, state, draft, fields, keys)
     values ($1, $1, 'public-security', $1, 'conditional', 'published', '{}', '[]', '[]') returning number`,
    [id],
  )
  const number = rows[0]?.number ?? 0
  await pool.query(
    `insert into hub.change_numbers (resource_number, resource, served_version, filter_fields)
     values ($1, $2, 1, '{division}')`,
    [number, id],
  )
  const table: RecordTable = {
    history: true,
    versionField: null,
    overlap: null,
    identityFields: [],
    ...shape,
    number,
  }
  for (const statement of createStatements(table)) await pool.query(statement)
  return testResource(testDatabase, table)
}

function testResource(testDatabase: TestDatabase, table: RecordTable): TestResource {
  const { pool, bulkPool } = testDatabase.database
  const merge = compileMerge(table)
  const encode = compileEncoder(table.fields)
  const staged = (given: Partial<LandingRow>, ordinal: number): StagedRow => {
    const row = landingRow(given)
    return {
      ...encode(row, ordinal),
      key: row.key,
      sourceUpdatedAt: row.sourceUpdatedAt,
      isDeletion: row.operation === 'delete',
      isFlagged: row.quality.length > 0,
    }
  }
  const landLayers: TestResource['landLayers'] = (layers, options = {}) =>
    inTransaction(bulkPool, async (client: PoolClient) => {
      await merge.prepare(client)
      const { rejects = [], ...context } = options
      const batch = {
        readCount: layers.flat().length + rejects.length,
        layers: layers.map((rows) => rows.map(staged)),
        rejects,
        supersededCount: 0,
        unchangedCount: 0,
      }
      const defaults = { notAfter: null, expectNew: false, expectAllNew: false, joins: false }
      const receivedAt = new Date().toISOString()
      return landBatch(
        client,
        { merge, servedVersion: 1, runId: runs.first, receivedAt, ...defaults, ...context },
        batch,
      )
    })
  const query = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await pool.query(sql.replaceAll('$records', `records.r_${table.number}`))).rows
  return {
    table,
    landLayers,
    land: (rows, options) => landLayers([rows], options),
    query,
    record: async (key) => (await query(`select * from $records where _key = '${key}'`))[0],
  }
}
