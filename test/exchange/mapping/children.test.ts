import { describe, expect, test } from 'vitest'
import { joinRows } from '../../../src/exchange/mapping/index.ts'
import { compile } from './fixtures.ts'

describe('parallel lists', () => {
  const mapping = compile({
    fields: {},
    children: {
      holders: {
        zip: {
          name: 'QLR',
          idNumber: { from: 'ZJH', steps: ['upper'] },
          since: {
            from: 'RQ',
            steps: [{ date: { formats: ['YYYYMMDD'], longTerm: ['99990909'] } }],
          },
        },
        split: '[,，、;；]',
      },
    },
  })

  test('are paired by place, over several separators, with gaps kept', () => {
    expect(mapping.map({ QLR: '甲，乙、丙', ZJH: 'x1;;x3', RQ: '' })).toEqual({
      values: {
        holders: [{ name: '甲', idNumber: 'X1' }, { name: '乙' }, { name: '丙', idNumber: 'X3' }],
      },
      operation: 'upsert',
      faults: [],
    })
  })

  test('of unequal length give no children: nobody gets another’s number', () => {
    const { values, faults } = mapping.map({ QLR: '甲,乙', ZJH: 'x1,x2,x3' })
    expect(values).toEqual({})
    expect(faults).toMatchObject([{ field: 'holders', code: 'children-length' }])
  })

  test('may come as JSON arrays, may be empty, and fault by the child’s field', () => {
    expect(mapping.map({ QLR: ['甲', null], ZJH: ['x1', 'x2'] }).values).toEqual({
      holders: [{ name: '甲', idNumber: 'X1' }, { idNumber: 'X2' }],
    })
    expect(mapping.map({ QLR: ' ,,', ZJH: null })).toMatchObject({ values: {}, faults: [] })
    const { values, faults } = mapping.map({ QLR: '甲,乙', RQ: '20240231,99990909' })
    expect(values).toEqual({ holders: [{ name: '甲' }, { name: '乙', longTerm: true }] })
    expect(faults).toEqual([{ field: 'holders.since', code: 'date-invalid', value: '20240231' }])
    expect(mapping.map({ QLR: { a: 1 } }).faults).toMatchObject([
      { field: 'holders', code: 'type' },
    ])
  })
})

describe('a child out of the row itself', () => {
  const mapping = compile({
    fields: { name: 'N' },
    children: {
      holders: { row: { name: 'QLR', idNumber: { from: ['TYDM', 'ZCH'], steps: [{ join: '' }] } } },
    },
    key: ['ID'],
  })

  test('may be read from several columns and joins no rows', () => {
    expect(mapping.joins).toBe(false)
    const { values, joins } = mapping.map({ ID: '1', N: '证', QLR: '甲', TYDM: '', ZCH: '330' })
    expect(values).toEqual({ name: '证', holders: [{ name: '甲', idNumber: '330' }] })
    expect(joins).not.toBe(true)
  })

  test('is none where its columns are empty', () => {
    expect(mapping.map({ ID: '1', N: '证', QLR: '', TYDM: '', ZCH: '' }).values).toEqual({
      name: '证',
    })
  })
})

describe('repeated rows of one key', () => {
  const mapping = compile({
    fields: { name: 'N', count: { from: 'C', steps: ['integer'] } },
    children: { holders: { rows: { name: 'QLR', idNumber: 'ZJH', kind: { const: '1' } } } },
    key: ['ID'],
    updatedAt: { from: 'T' },
  })
  const row = (holder: string, more: object = {}) =>
    mapping.map({ ID: '1', N: '房', QLR: holder, ...more })

  test('give one child each, and none where only constants are left', () => {
    expect(mapping.joins).toBe(true)
    expect(row('甲')).toMatchObject({
      joins: true,
      values: { holders: [{ name: '甲', kind: '1' }] },
    })
    expect(row('').values).toEqual({ name: '房' })
  })

  test('are joined in order without duplicates, the newer row’s values counting', () => {
    const late = { T: '2024-02-01T00:00:00Z', C: '2' }
    const early = { T: '2024-01-01T00:00:00Z', C: '1' }
    const joined = [row('甲', late), row('乙', early), row('甲', early), row('', early)].reduce(
      joinRows,
    )
    expect(joined.values).toEqual({
      name: '房',
      count: 2,
      holders: [
        { name: '甲', kind: '1' },
        { name: '乙', kind: '1' },
      ],
    })
    expect(joined.sourceUpdatedAt).toBe('2024-02-01T00:00:00.000Z')
    expect(joined.joins).toBe(true)
  })

  test('leave the rows that were joined as they were', () => {
    const [first, second] = [row('甲'), row('乙')]
    const before = structuredClone([first, second])
    const once = joinRows(first, second)
    expect([first, second]).toEqual(before)
    expect(joinRows(first, second)).toEqual(once)
    expect(joinRows(first, row('丙')).values['holders']).toHaveLength(2)
  })

  test('are not joined with a deletion', () => {
    const gone = { ...row('甲'), operation: 'delete' as const }
    expect(joinRows(gone, row('乙')).values['holders']).toEqual([{ name: '乙', kind: '1' }])
    expect(joinRows(row('乙'), gone)).toBe(gone)
  })
})

describe('a second table', () => {
  const mapping = compile({
    fields: {},
    children: {
      holders: {
        source: 'QLR',
        on: { QLID: 'QLID' },
        fields: {
          name: { from: 'MC', steps: ['trim'] },
          since: { from: 'RQ', steps: [{ date: ['YYYYMMDD'] }] },
        },
      },
    },
  })

  test('comes nested under its name, every row mapped', () => {
    const row = { QLID: 1, QLR: [{ QLID: 1, MC: ' 甲 ' }, { MC: '乙', RQ: '2024' }, {}] }
    expect(mapping.map(row)).toEqual({
      values: { holders: [{ name: '甲' }, { name: '乙' }] },
      operation: 'upsert',
      faults: [{ field: 'holders.since', code: 'date-invalid', value: '2024' }],
    })
    expect(mapping.map({ QLR: { MC: '甲' } }).values).toEqual({ holders: [{ name: '甲' }] })
  })

  test('is a fault when it is not a list of objects, and nothing when it is not there', () => {
    expect(mapping.map({ QLR: ['甲'] })).toMatchObject({
      values: {},
      faults: [{ field: 'holders', code: 'type' }],
    })
    expect(mapping.map({})).toMatchObject({ values: {}, faults: [] })
  })
})
