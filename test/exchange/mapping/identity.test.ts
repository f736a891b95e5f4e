import { describe, expect, test } from 'vitest'
import { compileIdentity } from '../../../src/exchange/mapping/index.ts'
import { fields } from './fixtures.ts'

const json = compileIdentity(fields, { cells: 'json' })
const text = compileIdentity(fields, { cells: 'text' })

describe('rows in the standard’s own shape', () => {
  test('are taken as they are from JSON', () => {
    const row = {
      name: ' 张三 ',
      count: 3,
      capital: 12.5,
      cancelled: false,
      birthDate: '1990-01-02',
      seenAt: '2024-01-01T08:00:00+08:00',
      formerNames: ['甲', ''],
      extra: { a: [1] },
      holders: [{ name: '乙', idNumber: null }, {}],
      sex: null,
      ethnicity: '',
    }
    expect(json.map(row)).toEqual({
      values: {
        name: ' 张三 ',
        count: 3,
        capital: '12.5',
        cancelled: false,
        birthDate: '1990-01-02',
        seenAt: '2024-01-01T00:00:00.000Z',
        formerNames: ['甲'],
        extra: { a: [1] },
        holders: [{ name: '乙' }],
      },
      operation: 'upsert',
      faults: [],
    })
  })

  test.each([
    ['name', 12, 'type'],
    ['count', '3', 'type'],
    ['count', 1.5, 'type'],
    ['count', 2 ** 53, 'precision'],
    ['capital', 1e21, 'precision'],
    ['capital', '1,000', 'type'],
    ['cancelled', 'true', 'type'],
    ['cancelled', 1, 'type'],
    ['birthDate', '19900102', 'date-invalid'],
    ['birthDate', '2023-02-29', 'date-invalid'],
    ['seenAt', '2024-01-01 00:00:00', 'date-invalid'],
    ['formerNames', '甲', 'type'],
    ['formerNames', [1], 'type'],
    ['holders', [1], 'type'],
    ['holders', {}, 'type'],
    ['extra', [], 'type'],
  ])('fault in JSON when %s is %j', (name, cell, code) => {
    expect(json.map({ [name]: cell })).toMatchObject({
      values: {},
      faults: [{ field: name, code }],
    })
  })

  test('fault by the child’s field, and name unknown keys', () => {
    const { values, faults } = json.map({
      holders: [{ name: 1, since: '2024-01-01', x: 1 }],
      nobody: 'a',
      __a: null,
    })
    expect(values).toEqual({ holders: [{ since: '2024-01-01' }] })
    expect(faults).toEqual([
      { field: 'holders.name', code: 'type', value: '1' },
      { field: 'holders.x', code: 'field-unknown', value: '1' },
      { field: 'nobody', code: 'field-unknown', value: 'a' },
      { field: '__a', code: 'field-unknown' },
    ])
  })

  test('name at most ten unknown keys of a row that is full of them', () => {
    const row = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, 1]))
    expect(json.map(row).faults).toHaveLength(10)
  })

  test('are read by the field’s type from the text cells of a CSV', () => {
    const row = {
      name: '张三',
      count: '3',
      capital: '0012.50',
      cancelled: '1',
      birthDate: '1990-01-02',
      seenAt: '2024-01-01T08:00:00+08:00',
      sourceUpdatedAt: '2024-01-01T00:00:00Z',
      formerNames: '["甲"]',
      holders: '[{"name":"乙"}]',
      sex: '',
    }
    expect(text.map(row)).toMatchObject({
      values: {
        count: 3,
        capital: '12.5',
        cancelled: true,
        formerNames: ['甲'],
        holders: [{ name: '乙' }],
      },
      sourceUpdatedAt: '2024-01-01T00:00:00.000Z',
      faults: [],
    })
  })

  test.each([
    ['count', '3.5', 'type'],
    ['count', '1,000', 'type'],
    ['cancelled', '是', 'type'],
    ['holders', '甲', 'type'],
    ['birthDate', '1990/01/02', 'date-invalid'],
  ])('fault in a CSV when %s is %s', (name, cell, code) => {
    expect(text.map({ [name]: cell })).toMatchObject({
      values: {},
      faults: [{ field: name, code }],
    })
  })

  test('may leave columns out, and say which ones nobody knows', () => {
    expect(text.checkColumns(['name', '备注'])).toEqual({ missing: [], drift: ['备注'] })
  })
})
