import { keysOfValue, keysOfValues } from '../../src/hub/records/find-keys.ts'
import { compileReading, type Reading } from '../../src/hub/records/reading.ts'
import { recordsName } from '../../src/hub/records/record-table.ts'
import { makeStatement } from '../../src/hub/records/statements.ts'
import type { ServedResource } from '../../src/hub/catalog/served-resource.ts'
import { standards } from '../../src/shared/standards.ts'

/** The SELECTs of the hub's calls, put together from its own parts, without the proof that the grant holds. */
export interface HubStatements {
  /** $1: the key. */
  read: string
  /** $1: the key; the columns that claims are compared with, and the person's status. */
  verify: string
  /** $1: places, $2: keys, $3: the field of each, or null. */
  query: string
  /** All records in the order of their change numbers. */
  changes: string
}

export interface SharedFields {
  read: readonly string[]
  claims: readonly string[]
}

/** For the population table of a number, every row of which may be seen. */
export function hubStatements(number: number, fields: SharedFields): HubStatements {
  const served = servedPopulation(number)
  const scope = { rows: null, unflaggedOnly: false }
  const statusFields = served.standard?.subjectStatus.flatMap(({ when }) =>
    when.map(({ field }) => field),
  )
  const reading = compileReading(served, { ...scope, columns: fields.read })
  const comparison = compileReading(served, {
    ...scope,
    columns: [...fields.claims, ...(statusFields ?? [])],
  })
  return {
    read: selectOne(reading),
    verify: selectOne(comparison),
    query: selectMany(reading),
    changes: `select ${reading.cells('t')} from ${recordsName(number)} t order by t._seq`,
  }
}

/** As `findOne` in `src/hub/records/find-one.ts` asks first. */
const selectOne = (reading: Reading): string =>
  makeStatement(1, (parameters) => {
    const keys = keysOfValue(reading.served, 'direct', { field: null, value: '$1::text' })
    return `select ${reading.cells('t')} from ${recordsName(reading.served.number)} t
      where t._key in (${keys}) and ${reading.visible(parameters, 't')}
      order by (t._status <> 'current') limit 2`
  }).text

/** As `findMany` asks first. */
const selectMany = (reading: Reading): string =>
  makeStatement(3, (parameters) => {
    const keys = keysOfValues(reading.served, 'direct', 'asked')
    return `with asked as materialized (select * from unnest($1::integer[], $2::text[], $3::text[]) a (place, value, field)),
        hits as (${keys})
      select hits.place, ${reading.cells('t')} from hits
      join ${recordsName(reading.served.number)} t on t._key = hits._key
      where ${reading.visible(parameters, 't')} order by hits.place, (t._status <> 'current')`
  }).text

function servedPopulation(number: number): ServedResource {
  const standard = standards().get('population')
  if (!standard) throw new Error('no standard population')
  const { fields, keys, history, title } = standard
  return {
    id: 'population',
    number,
    version: 1,
    title,
    provider: 'public-security',
    shareType: 'conditional',
    strictness: 'strict',
    fields,
    keys,
    standard,
    mapping: null,
    mountVersion: 0,
    table: {
      number,
      fields,
      history,
      versionField: null,
      overlap: null,
      identityFields: ['idNumber'],
    },
  }
}
