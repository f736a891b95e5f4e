import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import { compileMapping, type CodeTable } from '../../../src/exchange/mapping/index.ts'

const field = (name: string, type: Field['type'], more: Partial<Field> = {}): Field => ({
  name,
  title: name,
  type,
  sensitivity: 'public',
  ...more,
})

export const fields: readonly Field[] = [
  field('name', 'text'),
  field('sex', 'text', { codeTable: 'GB/T 2261.1' }),
  field('ethnicity', 'text'),
  field('birthDate', 'date'),
  field('validTo', 'date'),
  field('longTerm', 'boolean'),
  field('count', 'integer'),
  field('capital', 'decimal'),
  field('currency', 'text'),
  field('seenAt', 'datetime'),
  field('sourceUpdatedAt', 'datetime'),
  field('cancelled', 'boolean'),
  field('formerNames', 'array', { length: 50 }),
  field('extra', 'object'),
  field('holders', 'array', {
    fields: [
      field('name', 'text'),
      field('idNumber', 'text'),
      field('since', 'date'),
      field('kind', 'text'),
      field('longTerm', 'boolean'),
    ],
  }),
]

export const codeTables: ReadonlyMap<string, CodeTable> = new Map([
  [
    'GB/T 2261.1',
    {
      id: 'GB/T 2261.1',
      slug: 'sex',
      entries: [
        { code: '1', name: '男性', aliases: ['男'] },
        { code: '2', name: '女性', aliases: ['女'] },
      ],
    },
  ],
  [
    'GB/T 3304',
    { id: 'GB/T 3304', open: true, entries: [{ code: '01', name: '汉族', aliases: ['汉'] }] },
  ],
])

export const target = { fields, codeTables }
export const compile = (mapping: Mapping) => compileMapping(mapping, target)
