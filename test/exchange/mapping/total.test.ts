import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileIdentity, composeKey, joinRows } from '../../../src/exchange/mapping/index.ts'
import { compile, fields } from './fixtures.ts'

const everything = compile({
  fields: {
    name: { from: ['A', 'B'], steps: ['nfkc', 'trim', 'collapse', 'halfwidth', { join: '-' }] },
    sex: { from: 'A', steps: [{ codeTable: 'GB/T 2261.1' }] },
    ethnicity: {
      from: 'A',
      steps: [{ substring: [-3] }, { match: '(.+)' }, { replace: ['a|b', ''] }],
    },
    birthDate: { from: 'A', steps: [{ date: ['YYYY-MM-DD', 'YYYY年M月D日', '中文', 'excel'] }] },
    validTo: { from: 'B', steps: [{ date: { formats: ['YYYYMMDD'], longTerm: ['99990909'] } }] },
    count: { from: 'A', steps: ['integer'] },
    capital: { from: 'A', steps: [{ amount: { unit: '万' } }] },
    currency: { from: 'A', steps: [{ currency: { default: '156' } }] },
    seenAt: {
      from: 'A',
      steps: [{ datetime: { formats: ['rfc3339', 'epochMilliseconds', 'excel'] } }],
    },
    cancelled: { from: 'A', steps: ['boolean'] },
    formerNames: { from: 'A', steps: [{ split: ',' }] },
    extra: 'A',
  },
  children: {
    holders: {
      zip: { name: 'A', since: { from: 'B', steps: [{ date: ['YYYYMMDD'] }] } },
      split: '[,;]',
    },
  },
  key: ['A', 'B'],
  operation: { from: 'B', values: { I: 'upsert', D: 'delete' } },
  updatedAt: { from: 'A' },
  status: { from: 'B', values: { '1': 'current' } },
})
const nested = compile({
  fields: {},
  children: {
    holders: {
      source: 'A',
      on: { X: 'B' },
      fields: { name: 'A', since: { from: 'B', steps: [{ date: ['YYYYMMDD'] }] } },
    },
  },
})
const rows = compile({ fields: {}, children: { holders: { rows: { name: 'A', idNumber: 'B' } } } })
const identities = (['text', 'json'] as const).map((cells) => compileIdentity(fields, { cells }))

const texts = fc.constantFrom(
  '100(万)',
  '2024-02-30',
  '[{"name":1}]',
  '1,2;3',
  '-',
  '1e400',
  '￥',
  '二年',
  'D',
  '99999999',
  '\ud800',
  '８',
)
const cell = fc.oneof(fc.jsonValue(), texts, fc.double(), fc.constant(undefined), fc.string())
const names = fields.map(({ name }) => name)

describe('mapping', () => {
  test('never throws and never changes its input, whatever JSON values the cells hold', () => {
    const named = fc.dictionary(fc.constantFrom(...names, 'x', '__proto__'), cell)
    fc.assert(
      fc.property(cell, cell, named, (A, B, own) => {
        const row = { A, B, ...own }
        const before = structuredClone(row)
        for (const { map } of [everything, nested, rows, ...identities]) {
          const mapped = map(row)
          joinRows(mapped, map(row))
          for (const [name, value] of Object.entries(mapped.values)) {
            expect(names).toContain(name)
            expect(value).not.toBeNull()
          }
          for (const fault of mapped.faults)
            expect(Array.from(fault.value ?? '').length).toBeLessThanOrEqual(200)
        }
        expect(row).toEqual(before)
      }),
      { numRuns: 1000 },
    )
  })

  test('survives cells nested beyond the stack', () => {
    let deep: unknown = 'x'
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep]
    expect(everything.map({ A: deep, B: deep }).faults.length).toBeGreaterThan(0)
    expect(identities[1]?.map({ holders: deep, name: deep }).faults.length).toBeGreaterThan(0)
  })

  test('composes keys of which no two different tuples get the same', () => {
    const part = fc.string({
      unit: fc.constantFrom('|', '\\', 'a', '1'),
      minLength: 1,
      maxLength: 4,
    })
    const tuple = fc.array(part, { minLength: 2, maxLength: 3 })
    fc.assert(
      fc.property(tuple, tuple, (first, second) => {
        const isSame = JSON.stringify(first) === JSON.stringify(second)
        expect(composeKey(first) === composeKey(second)).toBe(isSame)
      }),
      { numRuns: 5000 },
    )
  })
})
