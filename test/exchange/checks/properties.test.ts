import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Field } from '../../../schemas/field.ts'
import { rowCodes, type RowCode } from '../../../schemas/api/row-codes.ts'
import { isDate, isInstant } from '../../../src/exchange/checks/forms.ts'
import type { MappedRow } from '../../../src/exchange/types.ts'
import { codePointLength, hasUnstorable } from '../../../src/shared/names.ts'
import { checkStandard, house, permit, person, standardNamed, today } from './checking.ts'

const codes = Object.keys(rowCodes) as RowCode[]
const samples: Record<string, Record<string, unknown>> = {
  population: person,
  property: house,
  licence: permit,
}

const odd = fc.oneof(
  fc.anything(),
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '\u0000',
    '\uD800',
    '1',
    '2',
    '07',
    '2026-01-01',
    '330102********',
    -0,
    true,
    null,
    [{}],
  ),
)

/** A good row of which some values are replaced by anything at all. */
const rowsOf = (id: string): fc.Arbitrary<MappedRow> => {
  const names = standardNamed(id).fields.map(({ name }) => name)
  const spoilt = fc.dictionary(fc.constantFrom(...names, '__proto__', 'other'), odd, { maxKeys: 5 })
  const fault = fc.record({
    field: fc.constantFrom(null, ...names),
    code: fc.constantFrom(...codes),
  })
  return fc.record(
    {
      values: spoilt.map((more) => ({ ...samples[id], ...more })),
      operation: fc.constantFrom('upsert' as const, 'upsert' as const, 'delete' as const),
      faults: fc.array(fault, { maxLength: 2 }),
      key: fc.string(),
      sourceUpdatedAt: fc.string(),
      status: fc.constantFrom('current' as const, 'cancelled' as const),
    },
    { requiredKeys: ['values', 'operation', 'faults'] },
  )
}

const fitsText = (value: unknown, length = Number.POSITIVE_INFINITY): boolean =>
  typeof value === 'string' && !hasUnstorable(value) && codePointLength(value) <= length

const storable: Record<Field['type'], (value: unknown, field: Field) => boolean> = {
  text: (value, { length }) => fitsText(value, length),
  integer: (value) => Number.isSafeInteger(value),
  decimal: (value, { length = 1000, precision = 0 }) => {
    const [whole = '', fraction = ''] = String(value).replace('-', '').split('.')
    return /^\d+$/.test(whole) && fraction.length <= precision && whole.length <= length - precision
  },
  date: (value) => typeof value === 'string' && isDate(value),
  datetime: (value) => typeof value === 'string' && isInstant(value),
  boolean: (value) => typeof value === 'boolean',
  object: (value) => !hasUnstorable(JSON.stringify(value)),
  array: (value, field) =>
    Array.isArray(value) &&
    value.every((entry) =>
      field.fields ? storableRecord(entry, field.fields) : fitsText(entry, field.length),
    ),
}

const storableRecord = (values: unknown, fields: readonly Field[]): boolean =>
  typeof values === 'object' &&
  values !== null &&
  Object.entries(values).every(([name, value]) => {
    const field = fields.find((other) => other.name === name)
    return value === undefined || (field !== undefined && storable[field.type](value, field))
  })

const copied = (row: MappedRow): MappedRow => ({ ...row, values: { ...row.values } })

describe.each(Object.keys(samples))('any %s row', (id) => {
  const strict = checkStandard(id, 'strict')
  const lenient = checkStandard(id, 'lenient')
  const { fields } = standardNamed(id)

  test('is judged, never thrown at, and told in words that can be stored', () => {
    fc.assert(
      fc.property(rowsOf(id), (row) => {
        const judged = strict(row, today)
        const entries = judged.verdict === 'land' ? judged.quality : judged.reasons
        if (judged.verdict === 'reject') {
          expect(entries.length).toBeGreaterThan(0)
          expect(entries.length).toBeLessThanOrEqual(10)
          expect(judged.standing).toBe(judged.key !== null)
        }
        for (const { field, value = '' } of entries) {
          expect(hasUnstorable(`${field}${value}`)).toBe(false)
          expect(codePointLength(value)).toBeLessThanOrEqual(200)
        }
      }),
      { numRuns: 1500 },
    )
  })

  test('that lands holds only what its fields can store, under a key that can be stored', () => {
    fc.assert(
      fc.property(rowsOf(id), (row) => {
        const judged = lenient(row, today)
        if (judged.verdict === 'reject') return
        expect(storableRecord(judged.values, fields)).toBe(true)
        expect(fitsText(judged.key, 256) && judged.key !== '').toBe(true)
        expect(judged.sourceUpdatedAt === null || isInstant(judged.sourceUpdatedAt)).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })

  test('that a strict resource takes is taken by a lenient one, under the same key', () => {
    fc.assert(
      fc.property(rowsOf(id), (row) => {
        const one = strict(copied(row), today)
        const other = lenient(copied(row), today)
        if (one.verdict === 'land') expect(other).toMatchObject({ verdict: 'land', key: one.key })
      }),
      { numRuns: 1500 },
    )
  })

  test('that has landed lands again as it is', () => {
    fc.assert(
      fc.property(rowsOf(id), (row) => {
        const judged = lenient({ ...row, operation: 'upsert' }, today)
        if (judged.verdict === 'reject' || judged.quality.length > 0) return
        const again = strict(
          { values: { ...judged.values }, key: judged.key, operation: 'upsert', faults: [] },
          today,
        )
        expect(again).toMatchObject({ verdict: 'land', values: judged.values, quality: [] })
      }),
      { numRuns: 500 },
    )
  })
})
