import { describe, expect, test } from 'vitest'
import type { MappedRow } from '../../../src/exchange/types.ts'
import {
  checkFields,
  checkStandard,
  company,
  house,
  judgePerson,
  masked,
  permit,
  person,
  said,
  today,
  upsert,
  wrongDigit,
} from './checking.ts'

describe('rows without a fault', () => {
  test.each([
    ['population', person, 'P1'],
    ['legal-person', company, 'E1'],
    ['property', house, 'R1'],
    ['licence', permit, 'F1'],
  ])('a good %s row lands under the key of its source, with nothing said', (id, values, key) => {
    expect(checkStandard(id)(upsert(values), today)).toEqual({
      verdict: 'land',
      key,
      operation: 'upsert',
      values,
      quality: [],
      status: 'current',
      sourceUpdatedAt: null,
    })
  })
})

describe('the merge key', () => {
  const judge = checkFields([])

  test('none refuses the row, and nothing stands', () => {
    const judged = checkFields([], 'lenient')(upsert({}), today)
    expect(judged).toEqual({
      verdict: 'reject',
      key: null,
      reasons: [{ field: null, code: 'key-missing' }],
      standing: false,
    })
  })

  test('a blank is none, composed or not: all such rows would be one record', () => {
    for (const row of [upsert({ id: ' ' }), upsert({ id: '1' }, { key: ' \u3000' })]) {
      expect(judge(row, today)).toMatchObject({
        verdict: 'reject',
        key: null,
        reasons: [{ code: 'key-missing' }],
      })
    }
  })

  test('256 code points are a key, 257 are not', () => {
    expect(judge(upsert({ id: '𠮷'.repeat(256) }), today).verdict).toBe('land')
    expect(said(judge(upsert({ id: 'a'.repeat(257) }), today))).toEqual(['key-too-long'])
  })

  test('the first key whose fields all have values is taken', () => {
    const { sourcePersonId: _, ...anonymous } = person
    expect(checkStandard('population')(upsert(anonymous), today)).toMatchObject({
      key: person.idNumber,
    })
    const { rightId: __, ...composed } = house
    const row = upsert({ ...composed, businessNo: 'B|1' })
    expect(checkStandard('property')(row, today)).toMatchObject({
      key: String.raw`B\|1|330102001002GB00013F00010012|4`,
    })
  })

  test('a key that came but cannot be read is not replaced by a later one', () => {
    const judged = judgePerson({ sourcePersonId: 'P'.repeat(31) }, 'lenient')
    expect(judged).toMatchObject({ verdict: 'reject', key: null, standing: false })
    expect(said(judged)).toEqual(['length sourcePersonId'])
    const { sourcePersonId: _, ...anonymous } = person
    const hidden = checkStandard('population', 'lenient')(
      upsert({ ...anonymous, idNumber: masked }),
      today,
    )
    expect(hidden).toMatchObject({ verdict: 'reject', key: null, standing: false })
  })

  test('the key that the mapping composed goes before the resource’s own', () => {
    expect(judge(upsert({ id: '1' }, { key: 'A|2' }), today)).toMatchObject({ key: 'A|2' })
    const faults = [{ field: null, code: 'key-missing' as const }]
    expect(judge(upsert({ id: '1' }, { faults }), today)).toMatchObject({
      key: null,
      reasons: [{ code: 'key-missing' }],
      standing: false,
    })
    expect(judge(upsert({}, { key: 'a\u0000' }), today)).toMatchObject({
      verdict: 'reject',
      key: null,
    })
  })

  test('a company whose only code has a bad check digit lands under it where that is allowed', () => {
    const { entityId: _, ...bare } = company
    const row = () => upsert({ ...bare, uscc: '91350203M0001QAY9B' })
    expect(checkStandard('legal-person', 'lenient')(row(), today)).toMatchObject({
      verdict: 'land',
      key: '91350203M0001QAY9B',
    })
    expect(checkStandard('legal-person')(row(), today)).toMatchObject({
      verdict: 'reject',
      key: '91350203M0001QAY9B',
      standing: true,
    })
  })
})

describe('what always lands', () => {
  test('a dead person with a bad address, a bad number and no name lands in a strict resource', () => {
    const { name: _, ...nameless } = person
    const row = upsert({
      ...nameless,
      deathDate: '2026-05-01',
      idNumber: wrongDigit,
      ethnicity: '77',
      hukouAddress: 5,
    })
    const judged = checkStandard('population')(row, today)
    expect(judged).toMatchObject({
      verdict: 'land',
      key: 'P1',
      values: { deathDate: '2026-05-01' },
    })
    expect(said(judged)).toEqual([
      'required name',
      'type hukouAddress',
      'code-unknown ethnicity',
      'identifier-check-digit idNumber',
    ])
  })

  test('a masked number is not stored for a dead person either, and a death without a key is refused', () => {
    const judged = judgePerson({ deathDate: '2026-05-01', idNumber: masked })
    expect(judged.verdict === 'land' && judged.values['idNumber']).toBe(undefined)
    const lost = judgePerson({ deathDate: '2026-05-01', sourcePersonId: 7 })
    expect(lost).toMatchObject({ verdict: 'reject', standing: false })
  })

  test('a row that the mapping calls cancelled is a cancellation', () => {
    const judged = judgePerson({ ethnicity: '77' }, 'strict', { status: 'cancelled' })
    expect(judged).toMatchObject({ verdict: 'land', status: 'cancelled' })
  })

  test('a death date that is no date does not carry a bad row in', () => {
    expect(judgePerson({ deathDate: '去年', ethnicity: '77' }).verdict).toBe('reject')
  })
})

describe('the record’s status', () => {
  test('follows the standard where the mapping gives none', () => {
    expect(judgePerson({ cancelled: true })).toMatchObject({ status: 'cancelled' })
    expect(judgePerson({ cancelled: true }, 'strict', { status: 'historical' })).toMatchObject({
      status: 'historical',
    })
    expect(checkStandard('property')(upsert({ ...house, status: '2' }), today)).toMatchObject({
      status: 'historical',
    })
  })
})

describe('the time of the source', () => {
  test('is handed on in UTC, and told where it is none', () => {
    const judge = checkFields([], 'lenient')
    const at = (sourceUpdatedAt: string) => judge(upsert({ id: '1' }, { sourceUpdatedAt }), today)
    expect(at('2026-01-01T00:00:00Z')).toMatchObject({ sourceUpdatedAt: '2026-01-01T00:00:00Z' })
    expect(at('2026-01-01T08:00:00+08:00')).toMatchObject({
      sourceUpdatedAt: '2026-01-01T00:00:00.000Z',
    })
    expect(said(at('yesterday'))).toEqual(['date-invalid sourceUpdatedAt'])
  })
})

describe('deletes', () => {
  const remove = (values: Record<string, unknown>, more: Partial<MappedRow> = {}) =>
    checkStandard('population')(upsert(values, { operation: 'delete', ...more }), today)

  test('need nothing but the key', () => {
    expect(remove({ sourcePersonId: 'P1', ethnicity: 77, name: 'a\u0000' })).toEqual({
      verdict: 'land',
      key: 'P1',
      operation: 'delete',
      values: {},
      quality: [],
      status: 'deleted',
      sourceUpdatedAt: null,
    })
    expect(remove({ idNumber: '11010519491231002x' })).toMatchObject({ key: '11010519491231002X' })
  })

  test('are refused without a key, or of another provider', () => {
    expect(remove({ name: '王小明' })).toMatchObject({ verdict: 'reject', key: null })
    const faults = [{ field: null, code: 'provider-mismatch' as const }]
    expect(remove({ sourcePersonId: 'P1' }, { faults })).toMatchObject({ verdict: 'reject' })
    const about = [{ field: 'birthDate', code: 'date-invalid' as const }]
    expect(remove({ sourcePersonId: 'P1' }, { faults: about })).toMatchObject({ verdict: 'land' })
  })
})
