import { describe, expect, test } from 'vitest'
import type { Field } from '../../../schemas/field.ts'
import { checkFields, field, said, today, upsert } from './checking.ts'

const rareName = '𠮷'.repeat(5)
const children = field('holders', {
  type: 'array',
  fields: [
    field('name', { length: 5, required: true }),
    field('age', { type: 'integer', length: 3 }),
    field('sex', { codeTable: 'GB/T 2261.1' }),
  ],
})

const check = (spec: Field, value: unknown, strictness: 'strict' | 'lenient' = 'strict') =>
  checkFields([spec], strictness)(upsert({ id: '1', [spec.name]: value }), today)

describe('values that no column can hold', () => {
  test.each<[string, Partial<Field>, unknown, string]>([
    ['a number where a text is due', { type: 'text' }, 5, 'type'],
    ['an object where a text is due', { type: 'text' }, { a: 1 }, 'type'],
    ['six code points where five fit', { type: 'text', length: 5 }, `${rareName}a`, 'length'],
    ['a text where a whole number is due', { type: 'integer' }, '5', 'type'],
    ['a fraction where a whole number is due', { type: 'integer' }, 5.5, 'type'],
    ['a number that a double cannot hold exactly', { type: 'integer' }, 2 ** 53, 'precision'],
    ['more digits than the field has', { type: 'integer', length: 3 }, 1000, 'precision'],
    ['a float where a decimal text is due', { type: 'decimal' }, 1.5, 'type'],
    ['an exponent', { type: 'decimal' }, '1e5', 'type'],
    ['too many decimals', { type: 'decimal', length: 5, precision: 2 }, '1.005', 'precision'],
    ['too many digits', { type: 'decimal', length: 5, precision: 2 }, '1000.00', 'precision'],
    ['decimals in a whole number', { type: 'decimal', length: 3 }, '1.5', 'precision'],
    [
      'a one where all digits are decimals',
      { type: 'decimal', length: 2, precision: 2 },
      '1.5',
      'precision',
    ],
    ['the 29th of February 1900', { type: 'date' }, '1900-02-29', 'date-invalid'],
    ['the year 0', { type: 'date' }, '0000-01-01', 'date-invalid'],
    ['a date in another form', { type: 'date' }, '20260101', 'date-invalid'],
    ['an instant without a zone', { type: 'datetime' }, '2026-01-01T00:00:00', 'date-invalid'],
    [
      'an instant on the 31st of June',
      { type: 'datetime' },
      '2026-06-31T00:00:00Z',
      'date-invalid',
    ],
    ['a yes where a boolean is due', { type: 'boolean' }, 'true', 'type'],
    ['a text where an object is due', { type: 'object' }, 'a', 'type'],
    [
      'an object of endless depth',
      { type: 'object' },
      JSON.parse('[{"a":'.repeat(40) + '1' + '}]'.repeat(40))[0],
      'row-too-deep',
    ],
    ['a text where a list is due', { type: 'array' }, 'a,b', 'type'],
    ['a number within a list of texts', { type: 'array' }, ['a', 1], 'type'],
    [
      '1,001 entries',
      { type: 'array' },
      Array.from({ length: 1001 }, () => 'a'),
      'children-too-many',
    ],
    ['NUL', { type: 'text' }, 'a\u0000b', 'char-not-storable'],
    ['half a surrogate pair', { type: 'text' }, 'a\uD842', 'char-not-storable'],
    [
      'NUL deep within an object',
      { type: 'object' },
      { a: [{ b: '\u0000' }] },
      'char-not-storable',
    ],
  ])('%s is told and refused', (_name, spec, value, code) => {
    const judged = check(field('f', spec), value)
    expect(judged.verdict).toBe('reject')
    expect(said(judged)).toEqual([`${code} f`])
  })

  test('a lenient resource stores them as null, with the raw value in the quality entry', () => {
    const judged = check(field('f', { type: 'date' }), '1900-02-29', 'lenient')
    expect(judged).toMatchObject({
      verdict: 'land',
      values: { id: '1' },
      quality: [{ code: 'date-invalid', field: 'f', value: '1900-02-29' }],
    })
    expect(judged.verdict === 'land' && 'f' in judged.values).toBe(false)
  })

  test('text that PostgreSQL cannot store refuses the row in a lenient resource too', () => {
    const judged = check(field('f'), 'a\u0000b', 'lenient')
    expect(judged).toMatchObject({ verdict: 'reject', key: '1', standing: true })
    expect(JSON.stringify(judged)).not.toContain(String.raw`\u0000`)
  })

  test('the raw value kept is cut to 200 whole code points and can itself be stored', () => {
    const judged = check(field('f', { type: 'date' }), '𠮷'.repeat(300) + '\u0000', 'lenient')
    if (judged.verdict !== 'land') throw new Error('refused')
    expect(judged.quality[0]?.value).toBe('𠮷'.repeat(200))
    const nul = check(field('f', { type: 'date' }), '\uD842\u0000', 'lenient')
    expect(nul).toMatchObject({ quality: [{ value: '\uFFFD\uFFFD' }] })
  })
})

describe('values that fit', () => {
  test.each<[string, Partial<Field>, unknown, unknown]>([
    ['five rare characters in a field of five', { type: 'text', length: 5 }, rareName, rareName],
    ['a negative whole number', { type: 'integer', length: 3 }, -999, -999],
    [
      'idle zeros beyond the precision',
      { type: 'decimal', length: 5, precision: 2 },
      '007.5000',
      '7.5',
    ],
    ['the 29th of February 2000', { type: 'date' }, '2000-02-29', '2000-02-29'],
    [
      'an instant with an offset',
      { type: 'datetime' },
      '2026-01-01T07:00:00+08:00',
      '2025-12-31T23:00:00.000Z',
    ],
    ['a free object', { type: 'object' }, { a: [1, null, '文'] }, { a: [1, null, '文'] }],
    ['a list of texts', { type: 'array', length: 3 }, ['甲', '乙'], ['甲', '乙']],
  ])('%s is stored', (_name, spec, value, stored) => {
    expect(check(field('f', spec), value)).toMatchObject({
      verdict: 'land',
      values: { f: stored },
      quality: [],
    })
  })

  test.each([null, undefined, '', []])('%j is no value and no fault', (value) => {
    const judged = check(field('f'), value)
    expect(judged).toMatchObject({ verdict: 'land', values: { id: '1' }, quality: [] })
  })
})

describe('what is there and what is not', () => {
  test('an absent required field refuses the row, in a lenient resource too', () => {
    for (const strictness of ['strict', 'lenient'] as const) {
      const judged = checkFields([field('f', { required: true })], strictness)(
        upsert({ id: '1' }),
        today,
      )
      expect(said(judged)).toEqual(['required f'])
      expect(judged).toMatchObject({ verdict: 'reject', standing: true })
    }
  })

  test('a required value that the mapping could not read is one fault, not two', () => {
    const row = upsert(
      { id: '1' },
      { faults: [{ field: 'f', code: 'date-invalid', value: '昨天' }] },
    )
    const judged = checkFields([field('f', { type: 'date', required: true })])(row, today)
    expect(said(judged)).toEqual(['date-invalid f'])
  })

  test('a field that the resource does not have is told, never dropped in silence', () => {
    const row = upsert({ id: '1', extra: 'x' })
    expect(said(checkFields([])(row, today))).toEqual(['field-unknown extra'])
    const landed = checkFields([], 'lenient')(upsert({ id: '1', extra: 'x' }), today)
    expect(landed).toMatchObject({ verdict: 'land', values: { id: '1' } })
    expect(said(landed)).toEqual(['field-unknown extra'])
  })

  test('only the first ten reasons are told, in the order of the fields', () => {
    const fields = Array.from({ length: 12 }, (_, index) => field(`f${index}`, { required: true }))
    const judged = checkFields(fields)(upsert({ id: '1' }), today)
    expect(said(judged)).toEqual(fields.slice(0, 10).map(({ name }) => `required ${name}`))
  })
})

describe('children', () => {
  test('a bad value is nulled in its own child only', () => {
    const judged = check(
      children,
      [
        { name: '甲', age: 'x', sex: '7' },
        { name: '乙', age: 5, sex: '1' },
      ],
      'lenient',
    )
    expect(judged).toMatchObject({
      verdict: 'land',
      values: { holders: [{ name: '甲' }, { name: '乙', age: 5, sex: '1' }] },
    })
    expect(said(judged)).toEqual(['type holders.age', 'code-unknown holders.sex'])
  })

  test('a child without its required value refuses the row, named by its path', () => {
    expect(said(check(children, [{ name: '甲' }, { age: 1 }], 'lenient'))).toEqual([
      'required holders.name',
    ])
  })

  test('a remark on one child hides nothing about the next', () => {
    const judged = check(children, [{ name: '甲?' }, { age: 1 }])
    expect(said(judged)).toEqual(['required holders.name'])
  })

  test('what is no child is taken out of the list', () => {
    const judged = check(children, ['甲', { name: '乙' }], 'lenient')
    expect(judged).toMatchObject({ verdict: 'land', values: { holders: [{ name: '乙' }] } })
  })

  test('lists of unequal length, found by the mapping, are stored as null by a lenient resource', () => {
    const faults = [{ field: 'holders', code: 'children-length' as const, value: '甲,乙 / 1' }]
    const row = () => upsert({ id: '1', holders: [{ name: '甲' }] }, { faults })
    expect(checkFields([children])(row(), today).verdict).toBe('reject')
    const judged = checkFields([children], 'lenient')(row(), today)
    expect(judged).toMatchObject({ verdict: 'land', values: { id: '1' } })
    expect(judged.verdict === 'land' && judged.values['holders']).toBe(undefined)
  })
})

describe('damage in names', () => {
  test('private-use characters and lost ones are flagged, never refused', () => {
    const fields = [field('name'), field('hukouAddress'), field('scope')]
    const values = { id: '1', name: '王\uE000', hukouAddress: '示例?路', scope: '是否?' }
    const judged = checkFields(fields)(upsert(values), today)
    expect(judged).toMatchObject({ verdict: 'land', values })
    expect(said(judged)).toEqual(['char-private-use name', 'char-lossy hukouAddress'])
  })
})
