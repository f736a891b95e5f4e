import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compileEncoder,
  copyText,
  recordCells,
  type LandingRow,
} from '../../../src/hub/records/encode.ts'
import { personFields } from './merge-fixture.ts'

const row = (values: Record<string, unknown>, more: Partial<LandingRow> = {}): LandingRow => ({
  key: '1',
  operation: 'upsert',
  values,
  status: 'current',
  sourceUpdatedAt: null,
  quality: [],
  ...more,
})

const unescapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' }
const readBack = (cell: string): string =>
  cell.replace(/\\(.)/g, (_all, character: string) => unescapes[character] ?? '')

describe('a line of COPY', () => {
  test('holds any text in one cell, from which the same text is read', () => {
    const texts = fc.string({
      unit: fc.constantFrom('\\', '\t', '\n', '\r', 'N', '王', '𠮷', '\u000b'),
    })
    fc.assert(
      fc.property(texts, (text) => {
        const cell = copyText(text)
        expect(cell).not.toMatch(/[\t\n\r]/)
        expect(readBack(cell)).toBe(text)
      }),
    )
  })

  test('has as many cells whether fields are filled, empty or deleted', () => {
    const encode = compileEncoder(personFields)
    const full = row({
      id: '1',
      idNumber: 'X',
      name: '王\t伟',
      division: 'D',
      sourceUpdatedAt: 'T',
    })
    const count = encode(full, 7).line.toString().split('\t').length
    expect(encode(row({}), 7).line.toString().split('\t')).toHaveLength(count)
    expect(
      encode(row({ id: '1' }, { operation: 'delete' }), 7)
        .line.toString()
        .split('\t'),
    ).toHaveLength(count)
  })

  test('begins with ordinal and operation, behind which stands what the record has', () => {
    const { line } = compileEncoder(personFields)(row({ id: '1' }), 12_345)
    expect(line.toString()).toMatch(/^12345\tu\t1\tcurrent\t/)
    expect(recordCells(line).toString()).toBe(line.toString().slice('12345\tu\t'.length))
  })
})

describe('the hash that decides whether a row has changed', () => {
  const encode = compileEncoder(personFields)
  const hashOf = (values: Record<string, unknown>, more?: Partial<LandingRow>): string =>
    encode(row(values, more), 0).hash

  test('does not see the source’s clock, nor a field that a revision added and no row fills', () => {
    const facts = { id: '1', name: '王伟' }
    expect(hashOf({ ...facts, sourceUpdatedAt: '2026-01-01T00:00:00.000Z' })).toBe(hashOf(facts))
    const wider = compileEncoder(personFields.concat({ ...personFields[0]!, name: 'added' }))
    expect(wider(row(facts), 0).hash).toBe(hashOf(facts))
  })

  test('sees a value that moves to the next field, the status and the flags', () => {
    const hashes = [
      hashOf({ id: '1', idNumber: 'X' }),
      hashOf({ id: '1', name: 'X' }),
      hashOf({ id: '1\tX' }),
      hashOf({ id: '1', idNumber: 'X' }, { status: 'cancelled' }),
      hashOf({ id: '1', idNumber: 'X' }, { quality: [{ code: 'cross-sex', field: 'name' }] }),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})
