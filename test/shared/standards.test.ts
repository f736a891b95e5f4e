import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Field } from '../../schemas/field.ts'
import {
  crossRules,
  fieldsToJsonSchema,
  standardOf,
  standards,
} from '../../src/shared/standards.ts'

const text = { title: '名称', type: 'string', maxLength: 10, 'x-sensitivity': 'public' }
const document = (more: object = {}, properties: object = { name: text }) => ({
  $id: 'urn:test:standard:sample',
  title: '样例',
  'x-title-en': 'Sample',
  'x-source': 'none',
  'x-keys': [['name']],
  properties,
  ...more,
})

describe('a faulty document is refused', () => {
  test('with all its faults at once', () => {
    const read = () =>
      standardOf(
        document(
          {
            'x-keys': [['nobody']],
            'x-rules': [{ rule: 'no-such-rule', fields: ['name'] }],
            'x-always-lands': [{ field: 'nowhere', present: true }],
          },
          { name: { ...text, 'x-code-table': 'GB/T 0' }, limit: text },
        ),
      )
    expect(read).toThrow(/nobody is no field.*/)
    for (const fault of ['no-such-rule', 'nowhere', 'GB/T 0', 'limit: this name is reserved']) {
      expect(read).toThrow(fault)
    }
  })

  test.each([
    ['a text without a limit', { ...text, maxLength: undefined }, 'maxLength'],
    ['a personal value without a mask', { ...text, 'x-sensitivity': 'personal' }, 'x-mask'],
    ['an unknown sensitivity', { ...text, 'x-sensitivity': 'secret' }, 'x-sensitivity'],
    ['an unknown type', { ...text, type: 'number' }, 'type'],
    ['an unknown format', { ...text, format: 'time' }, 'type'],
    ['an unknown identifier', { ...text, 'x-identifier': 'passport' }, 'x-identifier'],
    ['no title', { ...text, title: '' }, 'title'],
    ['an unsized decimal', { ...text, format: 'decimal' }, 'x-digits'],
    ['a missing sibling', { ...text, 'x-identifier-when': { field: 'x', in: [] } }, 'sibling'],
  ])('for %s', (_, field, fault) =>
    expect(() => standardOf(document({}, { name: field }))).toThrow(fault),
  )

  test('for a condition that says nothing or is misspelt', () => {
    for (const condition of [{ field: 'name' }, { field: 'name', is: 1 }, { present: true }]) {
      expect(() => standardOf(document({ 'x-always-lands': [condition] }))).toThrow('condition')
    }
  })

  test('for a status of the record that records do not have', () => {
    const status = [{ status: 'gone', when: [{ field: 'name', present: true }] }]
    expect(() => standardOf(document({ 'x-record-status': status }))).toThrow('gone')
  })

  test('for being no object', () => {
    for (const nothing of [null, [], 'standard', 1]) {
      expect(() => standardOf(nothing)).toThrow('object')
    }
  })
})

test('every rule that a shipped standard names is known, with its number of fields', () => {
  for (const { id, rules } of standards().values()) {
    expect(rules.length, id).toBeGreaterThan(0)
    for (const { rule, fields } of rules) expect(crossRules[rule]).toBe(fields.length)
  }
})

test('standards are read once and found by their file', () => {
  expect([...standards().keys()].sort()).toEqual([
    'legal-person',
    'licence',
    'population',
    'property',
  ])
  expect(standards()).toBe(standards())
})

const scalar = fc.constantFrom<Partial<Field> & Pick<Field, 'type'>>(
  { type: 'text', length: 12 },
  { type: 'integer' },
  { type: 'decimal', length: 16, precision: 2 },
  { type: 'decimal', length: 3, precision: 0 },
  { type: 'date' },
  { type: 'datetime' },
  { type: 'boolean' },
  { type: 'array', length: 50 },
)
const details = fc.record(
  {
    titleEn: fc.constant('Title'),
    required: fc.constant(true),
    codeTable: fc.constant('GB/T 2261.1'),
    identifier: fc.constantFrom('citizen-id', 'uscc'),
    mask: fc.constantFrom('none', 'partial', 'hash'),
    lookup: fc.constant(true),
    indexed: fc.constant(true),
    authority: fc.constant('public-security'),
    source: fc.constant('XM'),
  },
  { requiredKeys: [] },
)
const field = (name: string) =>
  fc.tuple(scalar, details).map(([shape, more]) => ({
    name,
    title: '标题',
    sensitivity: 'internal' as const,
    ...shape,
    ...more,
  }))
const fields = fc
  .uniqueArray(fc.stringMatching(/^[a-z][A-Za-z]{3,8}$/), { minLength: 1, maxLength: 6 })
  .chain((names) => fc.tuple(...names.map(field)))

test('fields written as JSON Schema are read back the same, children too', () => {
  fc.assert(
    fc.property(fields, fields, (top, below) => {
      const list = { name: 'kids', title: '子项', type: 'array', sensitivity: 'internal' }
      const given = [...top.filter(({ name }) => name !== 'kids'), { ...list, fields: below }]
      const schema = fieldsToJsonSchema(given as Field[], { title: '样例', id: 'urn:test:sample' })
      const read = standardOf({ ...document({ 'x-keys': [['kids']] }), ...schema })
      expect(read.fields).toEqual(given)
    }),
    { numRuns: 60 },
  )
})

test('decimals tell other readers their pattern', () => {
  const schema = fieldsToJsonSchema(
    [
      {
        name: 'area',
        title: '面积',
        type: 'decimal',
        length: 5,
        precision: 2,
        sensitivity: 'public',
      },
    ],
    { title: '样例', id: 'urn:test:sample' },
  )
  const { area } = schema.properties as { area: { pattern: string } }
  const pattern = new RegExp(area.pattern)
  expect(['120.08', '-1.5', '999'].every((value) => pattern.test(value))).toBe(true)
  expect(['1000', '1.234', '1e3', '', '.5'].some((value) => pattern.test(value))).toBe(false)
})
