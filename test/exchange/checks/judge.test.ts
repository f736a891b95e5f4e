import { describe, expect, test } from 'vitest'
import { rowCodes, type RowCode } from '../../../schemas/api/row-codes.ts'
import { judgements, losesValue } from '../../../src/exchange/checks/judge.ts'

/** `records`, Reject or flag, as one table: strict, lenient, and a row that always lands. */
const expected: Record<RowCode, string> = {
  'not-json': 'reject reject reject',
  'not-csv': 'reject reject reject',
  encoding: 'reject reject reject',
  'row-too-large': 'reject reject reject',
  'row-too-deep': 'reject reject reject',
  'cell-too-large': 'reject reject reject',
  'char-not-storable': 'reject reject reject',
  'key-missing': 'reject reject reject',
  'key-too-long': 'reject reject reject',
  'provider-mismatch': 'reject reject reject',
  'operation-unknown': 'reject reject reject',
  required: 'reject reject keep',
  'field-unknown': 'reject null null',
  type: 'reject null null',
  length: 'reject null null',
  precision: 'reject null null',
  'date-invalid': 'reject null null',
  'code-unknown': 'reject null null',
  'amount-invalid': 'reject null null',
  'identifier-masked': 'reject null null',
  'children-length': 'reject null null',
  'children-too-many': 'reject null null',
  'date-future': 'reject keep keep',
  'identifier-form': 'reject keep keep',
  'identifier-check-digit': 'reject keep keep',
  'identifier-date': 'reject keep keep',
  'cross-sex': 'reject keep keep',
  'cross-birth-date': 'reject keep keep',
  'cross-period': 'reject keep keep',
  'cross-holder': 'reject keep keep',
  'cross-unit-right': 'reject keep keep',
  'identifier-organisation': 'keep keep keep',
  'division-unknown': 'keep keep keep',
  'char-private-use': 'keep keep keep',
  'char-lossy': 'keep keep keep',
  'field-missing': 'keep keep keep',
  'unit-not-placed': 'keep keep keep',
  'current-rights-overlap': 'keep keep keep',
  'key-shared': 'keep keep keep',
  'newer-version-refused': 'keep keep keep',
}

const codes = Object.keys(rowCodes) as RowCode[]

describe('what becomes of a fault', () => {
  test.each(codes)('%s has the consequences that the rules of records name', (code) => {
    const { strict, lenient, alwaysLands } = judgements[code]
    expect(`${strict} ${lenient} ${alwaysLands}`).toBe(expected[code])
  })

  test('nothing that a strict resource takes is refused by a lenient one, or where the row always lands', () => {
    for (const code of codes) {
      const { strict, lenient, alwaysLands } = judgements[code]
      if (strict !== 'reject') expect(lenient).not.toBe('reject')
      if (lenient !== 'reject') expect(alwaysLands).not.toBe('reject')
    }
  })

  test('a value is lost by the same codes however the row is judged, and an absent one is no loss', () => {
    expect(losesValue('required')).toBe(false)
    for (const code of codes) {
      const { lenient, alwaysLands } = judgements[code]
      if (lenient === 'null' || alwaysLands === 'null') expect(lenient).toBe(alwaysLands)
      if (code !== 'required') expect(losesValue(code)).toBe(lenient !== 'keep')
    }
  })
})
