import { describe, expect, test } from 'vitest'
import type { Mapping, MappingStep } from '../../../schemas/api/mapping.ts'
import { compileMapping } from '../../../src/exchange/mapping/index.ts'
import { Refusal } from '../../../src/shared/refusal.ts'
import { compile, fields, target } from './fixtures.ts'

const faultsOf = (mapping: unknown) => {
  try {
    compile(mapping as Mapping)
  } catch (error) {
    if (error instanceof Refusal)
      return error.errors.map(({ pointer, code }) => `${pointer} ${code}`)
    throw error
  }
  return []
}

const mapOne = (field: string, steps: MappingStep[], cell: unknown) =>
  compile({ fields: { [field]: { from: 'A', steps } } }).map({ A: cell })

describe('a mapping with faults', () => {
  test('is refused with every fault at once, each with its place', () => {
    expect(
      faultsOf({
        fields: {
          nobody: 'A',
          name: { from: 'A', steps: ['shout'] },
          birthDate: { from: 'A', steps: [{ date: ['yyyy-MM-dd'] }] },
          sex: { from: 'A', steps: [{ codeTable: 'GB/T 0' }] },
          count: { const: 'seven' },
          capital: { from: 'A', steps: [{ amount: { unit: '角' } }] },
          currency: { from: 'A', steps: [{ match: '(a' }, { replace: ['a', '$1'] }] },
          cancelled: { from: 'A', steps: [{ date: ['YYYYMMDD'] }] },
          seenAt: { from: 'A', steps: [{ datetime: { formats: ['rfc3339'], zone: 'Mars/Base' } }] },
          ethnicity: { from: ['A', 'B'] },
          validTo: {
            from: 'A',
            steps: [{ date: { formats: ['YYYYMMDD'], longTerm: ['x'], flag: 'name' } }],
          },
        },
        children: { name: { rows: { name: 'A' } }, holders: { rows: { none: 'A' } } },
      }).toSorted(),
    ).toEqual(
      [
        '/fields/nobody field-unknown',
        '/fields/name/steps/0 step-unknown',
        '/fields/birthDate/steps/0/date format-invalid',
        '/fields/sex/steps/0/codeTable code-table-unknown',
        '/fields/count/const type',
        '/fields/capital/steps/0/amount/unit shape',
        '/fields/currency/steps/0/match pattern-invalid',
        '/fields/currency/steps/1/replace replacement-invalid',
        '/fields/cancelled type',
        '/fields/seenAt/steps/0/datetime zone-unknown',
        '/fields/ethnicity type',
        '/fields/validTo/steps/0/date field-unknown',
        '/children/name shape',
        '/children/name type',
        '/children/holders/rows/none field-unknown',
      ].toSorted(),
    )
  })

  test.each([
    [{}, ' shape'],
    [{ fields: {}, fieldz: {} }, '/fieldz shape'],
    [{ fields: { name: { from: 'A', stepz: [] } } }, '/fields/name/stepz shape'],
    [{ fields: { name: { from: 'A', const: 'x' } } }, '/fields/name shape'],
    [{ fields: { name: {} } }, '/fields/name shape'],
    [{ fields: { sex: { const: '3' } } }, '/fields/sex/const code-unknown'],
    [
      { fields: { count: { from: 'A', steps: ['integer', { default: 'none' }] } } },
      '/fields/count/steps/0 type',
    ],
    [
      { fields: {}, operation: { from: 'A', values: { I: 'insert' } } },
      '/operation/values/I shape',
    ],
    [{ fields: {}, children: { holders: { zip: { name: 'A' } } } }, '/children/holders shape'],
  ])('is refused when it is %j', (mapping, expected) => {
    const faults = faultsOf(mapping)
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.map((fault) => fault.replace('/steps/1/default', '/steps/0'))).toContain(expected)
  })
})

describe('steps', () => {
  test.each<[string, MappingStep[], unknown, unknown]>([
    ['name', ['trim'], '　张三  ', '张三'],
    ['name', ['trim', 'upper'], ' ab ', 'AB'],
    ['name', ['nfkc'], 'Ａ１（㎏）', 'A1(kg)'],
    ['name', ['halfwidth'], 'Ａ１（㎏）', 'A1(㎏)'],
    ['name', ['digits'], '电话:０73-1234', '0731234'],
    ['name', ['collapse'], ' 长  沙\t市 ', '长 沙 市'],
    ['name', [{ null: ['N/A', '\\N'] }], 'N/A', undefined],
    ['name', [{ null: ['N/A'] }, { default: '无名' }], 'N/A', '无名'],
    ['name', [{ default: '无名' }], null, '无名'],
    ['name', [{ substring: [0, 2] }], '𠮷田长', '𠮷田'],
    ['name', [{ substring: [-4] }], '330203199001010011', '0011'],
    ['name', [{ match: '^([^省]+)省' }], '湖南省长沙市', '湖南'],
    ['name', [{ match: '(\\d+)' }], '没有', undefined],
    ['name', [{ match: '(\\d+)', otherwise: 'keep' }], '没有', '没有'],
    ['name', [{ replace: ['(\\d+)号', '$1#'] }], '3号4号', '3#4#'],
    ['name', [], 12, '12'],
    ['name', [], true, 'true'],
    ['name', [{ join: '/' }], ['a', null, 'b'], 'a/b'],
    ['count', ['integer'], '1,200', 1200],
    ['count', [], '12', 12],
    ['count', ['integer', { default: '0' }], '', 0],
    ['capital', ['number'], '0012.50', '12.5'],
    ['capital', [], 12.5, '12.5'],
    ['cancelled', ['boolean'], '是', true],
    ['cancelled', [{ boolean: { true: ['注销'], false: ['存续'] } }], '存续', false],
    ['cancelled', ['boolean', { default: '0' }], '', false],
    ['birthDate', ['trim', { date: ['YYYYMMDD'] }], '19900102', '1990-01-02'],
    ['name', [{ date: ['YYYYMMDD'] }], '19900102', '1990-01-02'],
    ['sex', [{ code: { 男: '1', 女: '2' } }], '男 ', '1'],
    ['sex', [{ code: { M: '1' }, otherwise: '9' }], 'X', '9'],
    ['sex', [{ code: { M: '1' }, otherwise: 'keep' }], 'X', 'X'],
    ['sex', [{ codeTable: 'GB/T 2261.1', by: 'name' }], '男', '1'],
    ['sex', [{ codeTable: 'sex', by: 'code' }], '２', '2'],
    ['ethnicity', [{ codeTable: 'GB/T 3304', by: 'code' }], '77', '77'],
    ['formerNames', [{ split: '[,、]' }], '甲, 乙、,丙', ['甲', '乙', '丙']],
    ['formerNames', [], '甲', ['甲']],
    [
      'seenAt',
      [{ datetime: { formats: ['YYYYMMDDHHmmss'] } }],
      '20240101000000',
      '2023-12-31T16:00:00.000Z',
    ],
  ])('fill %s by %j from %j', (field, steps, cell, expected) => {
    const { values, faults } = mapOne(field, steps, cell)
    expect(faults).toEqual([])
    expect(values[field]).toEqual(expected)
    expect(Object.hasOwn(values, field)).toBe(expected !== undefined)
  })

  test.each<[string, MappingStep[], unknown, string]>([
    ['birthDate', [{ date: ['YYYYMMDD'] }, { default: '2000-01-01' }], '19900230', 'date-invalid'],
    ['capital', [{ amount: { unit: '万' } }], '若干', 'amount-invalid'],
    ['sex', [{ code: { 男: '1' } }], '雄', 'code-unknown'],
    ['sex', [{ codeTable: 'GB/T 2261.1' }], '雄', 'code-unknown'],
    ['count', ['integer'], '9007199254740993', 'precision'],
    ['count', [], '1.5', 'type'],
    ['name', [{ match: '(\\d+)', otherwise: 'reject' }], '没有', 'type'],
    ['name', ['trim'], { a: 1 }, 'type'],
    ['name', ['trim'], ['a'], 'type'],
    ['name', ['trim'], 2 ** 60, 'type'],
    ['seenAt', [], '2024-01-01', 'date-invalid'],
  ])('fault %s by %j from %j', (field, steps, cell, code) => {
    const { values, faults } = mapOne(field, steps, cell)
    expect(faults).toMatchObject([{ field, code }])
    expect(values).toEqual({})
  })

  test('put several columns together, leaving out the empty ones', () => {
    const mapping = compile({
      fields: { name: { from: ['省', '市', '路'], steps: ['trim', { join: '' }] } },
    })
    expect(mapping.map({ 省: ' 湖南', 市: '', 路: '五一路 ' }).values).toEqual({
      name: '湖南五一路',
    })
  })

  test('turn a sentinel of 长期 into no date and the flag beside it', () => {
    const steps: MappingStep[] = [{ date: { formats: ['YYYY/MM/DD'], longTerm: ['2099-12-31'] } }]
    expect(mapOne('validTo', steps, '2099/12/31')).toMatchObject({
      values: { longTerm: true },
      faults: [],
    })
    expect(mapOne('validTo', steps, '2030/12/31').values).toEqual({ validTo: '2030-12-31' })
  })

  test('report the value as it came, cut to 200 code points', () => {
    const [fault] = mapOne(
      'birthDate',
      ['trim', { date: ['YYYYMMDD'] }],
      ` ${'𠮷'.repeat(300)}`,
    ).faults
    expect(Array.from(fault?.value ?? '')).toHaveLength(200)
    expect(fault?.value?.startsWith(' 𠮷')).toBe(true)
  })

  test('count values without translation, at most 1,000 distinct ones', () => {
    const mapping = compile({ fields: { sex: { from: 'A', steps: [{ code: { 男: '1' } }] } } })
    for (let index = 0; index < 1500; index += 1) mapping.map({ A: `v${index}` })
    mapping.map({ A: 'v7' })
    expect(mapping.unmapped()).toHaveLength(1000)
    expect(mapping.unmapped()[0]).toEqual({ field: 'sex', value: 'v7', count: 2 })
  })

  test('leave columns named like object methods alone unless the row has them', () => {
    const mapping = compile({ fields: { name: 'constructor', sex: '__proto__' } })
    expect(mapping.map({})).toMatchObject({ values: {}, faults: [] })
    const row = JSON.parse('{"constructor":"甲","__proto__":"1"}') as Record<string, unknown>
    expect(mapping.map(row).values).toEqual({ name: '甲', sex: '1' })
  })
})

describe('columns', () => {
  test('are missing when the source lacks them, and drift when nobody named them', () => {
    const mapping = compile({
      fields: { name: 'A', sex: { from: ['B', 'C'], steps: [{ join: '' }] } },
      key: ['K'],
      operation: { from: 'OP', values: { I: 'upsert' } },
      children: { holders: { source: 'QLR', on: { QID: 'ID' }, fields: { name: 'N' } } },
      ignore: ['备注'],
    })
    expect([...mapping.columns].toSorted()).toEqual(['A', 'B', 'C', 'ID', 'K', 'OP'])
    expect(mapping.checkColumns(['A', 'B', 'K', 'OP', 'ID', '备注', 'QLR', '新列'])).toEqual({
      missing: ['C'],
      drift: ['新列'],
    })
    expect(mapping.tables).toEqual([
      { source: 'QLR', on: { QID: 'ID' }, columns: new Set(['QID', 'N']) },
    ])
  })
})

describe('what a row says about itself', () => {
  const mapping = compile({
    fields: { name: 'A' },
    key: ['GSDM', 'LSH'],
    operation: { from: 'OP', values: { I: 'upsert', U: 'upsert', D: 'delete' } },
    updatedAt: { from: 'T', steps: [{ datetime: { formats: ['YYYYMMDDHHmmss'] } }] },
    status: { from: 'S', values: { '1': 'current', '2': 'cancelled' } },
  })
  test('is its operation, key, time and status', () => {
    const row = { A: 'x', GSDM: 'a|b', LSH: 7, OP: ' d ', T: '20240101080000', S: 2 }
    expect(mapping.map(row)).toEqual({
      values: { name: 'x' },
      operation: 'delete',
      key: 'a\\|b|7',
      sourceUpdatedAt: '2024-01-01T00:00:00.000Z',
      status: 'cancelled',
      faults: [],
    })
  })

  test('is faulty where it cannot be read', () => {
    const { faults, key } = mapping.map({ A: 'x', GSDM: '1', LSH: '', OP: 'Z', T: 'x', S: '9' })
    expect(key).toBeUndefined()
    expect(faults.map(({ field, code }) => [field, code])).toEqual([
      [null, 'operation-unknown'],
      [null, 'key-missing'],
      ['sourceUpdatedAt', 'date-invalid'],
      ['recordStatus', 'code-unknown'],
    ])
    expect(mapping.map({ GSDM: '1', LSH: '2' }).faults).toMatchObject([
      { code: 'operation-unknown' },
    ])
  })

  test('takes its time from the field sourceUpdatedAt where nothing else gives one', () => {
    const steps: MappingStep[] = [{ datetime: { formats: ['YYYY-MM-DD HH:mm:ss'] } }]
    const own = compileMapping({ fields: { sourceUpdatedAt: { from: 'T', steps } } }, target)
    expect(own.map({ T: '2024-01-01 08:00:00' }).sourceUpdatedAt).toBe('2024-01-01T00:00:00.000Z')
    const short = compileMapping({ fields: {}, updatedAt: { from: 'T' } }, { ...target, fields })
    expect(short.map({ T: '2024-01-01 08:00:00' }).sourceUpdatedAt).toBe('2024-01-01T00:00:00.000Z')
  })
})
