import { describe, expect, test } from 'vitest'
import { crossRules } from '../../../src/exchange/checks/cross-rules.ts'
import { usccFault } from '../../../src/shared/identifiers/uscc.ts'
import {
  checkFields,
  checkStandard,
  company,
  field,
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

import { crossRules as namedRules } from '../../../src/shared/standards.ts'

describe('codes', () => {
  test('a code that its table lacks refuses the row, and is null in a lenient resource', () => {
    expect(said(judgePerson({ ethnicity: '77' }))).toEqual(['code-unknown ethnicity'])
    const judged = judgePerson({ ethnicity: '77' }, 'lenient')
    expect(judged).toMatchObject({
      quality: [{ code: 'code-unknown', field: 'ethnicity', value: '77' }],
    })
    expect(judged.verdict === 'land' && 'ethnicity' in judged.values).toBe(false)
  })

  test('a table that is known to be incomplete faults nothing', () => {
    expect(judgePerson({ birthCountry: '999' })).toMatchObject({ verdict: 'land', quality: [] })
  })
})

describe('identifiers', () => {
  test.each([
    [wrongDigit, 'identifier-check-digit'],
    ['440306189002290047', 'identifier-date'],
    ['12345', 'identifier-form'],
  ])('%s is refused, and stored as it came by a lenient resource', (idNumber, code) => {
    const more = { idNumber, sex: '1', birthDate: '1890-02-28' }
    expect(said(judgePerson(more))).toEqual([`${code} idNumber`])
    const judged = judgePerson(more, 'lenient')
    expect(judged).toMatchObject({ verdict: 'land', values: { idNumber } })
    expect(said(judged)).toEqual([`${code} idNumber`])
  })

  test('a masked number is never stored as one, while what came stays in the quality entry', () => {
    expect(judgePerson({ idNumber: masked })).toMatchObject({ verdict: 'reject', standing: true })
    const judged = judgePerson({ idNumber: masked }, 'lenient')
    expect(judged).toMatchObject({
      verdict: 'land',
      key: 'P1',
      quality: [{ code: 'identifier-masked', field: 'idNumber', value: masked }],
    })
    expect(judged.verdict === 'land' && judged.values['idNumber']).toBe(undefined)
    const passport = judgePerson({ idNumber: 'E12****78', idType: '414' }, 'lenient')
    expect(said(passport)).toEqual(['identifier-masked idNumber'])
  })

  test('a number is stored in its own form', () => {
    expect(judgePerson({ idNumber: '11010519491231002x' })).toMatchObject({
      values: { idNumber: '11010519491231002X' },
      quality: [],
    })
    const spaced = '330102 001002 GB00013 F00010012'
    expect(checkStandard('property')(upsert({ ...house, unitNo: spaced }), today)).toMatchObject({
      values: { unitNo: house.unitNo },
      quality: [],
    })
  })

  test('a passport number is not checked as a citizen number', () => {
    const judged = judgePerson({ idNumber: 'E12345678', idType: '414' })
    expect(judged).toMatchObject({ verdict: 'land', quality: [] })
  })

  test('an unknown division is a flag, an abolished one nothing at all', () => {
    const unknown = judgePerson({ hukouDivision: '990000' })
    expect(unknown.verdict).toBe('land')
    expect(said(unknown)).toEqual(['division-unknown hukouDivision'])
    // Yin County (330227) became a district in 2002.
    expect(judgePerson({ birthDivision: '330227' })).toMatchObject({ verdict: 'land', quality: [] })
  })

  test('an early code whose embedded organisation code fails is flagged, not refused', () => {
    const judge = checkFields([field('uscc', { length: 18, identifier: 'uscc' })])
    const judged = judge(upsert({ id: '1', uscc: '91350100M000100Y43' }), today)
    expect(judged).toMatchObject({ verdict: 'land', quality: [] })
    // The organisation code 00000001 has the check digit 9, not 1; the code as a whole is sound.
    const early = '0123456789ABCDEFGHJKLMNPQRTUWXY'
      .split('')
      .map((check) => `91330100000000011${check}`)
      .find((code) => usccFault(code) === undefined)
    const flagged = judge(upsert({ id: '1', uscc: early }), today)
    expect(flagged).toMatchObject({ verdict: 'land', values: { uscc: early } })
    expect(said(flagged)).toEqual(['identifier-organisation uscc'])
  })

  test('the placeholder for “no code” is no value', () => {
    const row = upsert({ ...company, uscc: '00000000000000000X', regNo: '330681000242199' })
    const judged = checkStandard('legal-person')(row, today)
    expect(judged).toMatchObject({ verdict: 'land', quality: [] })
    expect(judged.verdict === 'land' && 'uscc' in judged.values).toBe(false)
  })
})

describe('cross-field rules', () => {
  test('are those that standards may name', () => {
    expect(Object.keys(crossRules).sort()).toEqual(Object.keys(namedRules).sort())
  })

  test('sex and birth date are held against the number', () => {
    const more = { sex: '1', birthDate: '1949-12-30' }
    expect(said(judgePerson(more))).toEqual(['cross-sex sex', 'cross-birth-date birthDate'])
    expect(judgePerson(more, 'lenient')).toMatchObject({ verdict: 'land', values: more })
  })

  test('a number that fails its own check says nothing about sex or birth date', () => {
    const more = { idNumber: wrongDigit, sex: '1', birthDate: '1980-01-01' }
    expect(said(judgePerson(more))).toEqual(['identifier-check-digit idNumber'])
  })

  test('a date after today is told, and today is not', () => {
    const judge = checkStandard('legal-person')
    expect(judge(upsert({ ...company, regDate: today }), today).verdict).toBe('land')
    expect(said(judge(upsert({ ...company, regDate: '2026-06-02' }), today))).toEqual([
      'date-future regDate',
    ])
  })

  test('a period that starts after it ends is told', () => {
    const judged = checkStandard('licence')(upsert({ ...permit, validTo: '2026-01-04' }), today)
    expect(said(judged)).toEqual(['cross-period validFrom'])
  })

  test.each([
    ['a body without any code', { kind: '法人及非法人组织', legalRep: '李示例' }],
    [
      'a person with a company code',
      {
        kind: '自然人',
        idType: '身份证',
        idNumber: '11010519491231002X',
        uscc: '91350100M000100Y43',
      },
    ],
    ['a person without a number', { kind: '自然人', idType: '身份证' }],
    ['a trader without any code', { kind: '个体工商户' }],
  ])('%s does not fit its kind', (_name, holder) => {
    const row = upsert({ ...permit, holders: [{ name: '示例', ...holder }] })
    expect(said(checkStandard('licence')(row, today))).toEqual(['cross-holder holders.kind'])
  })

  test('bare land cannot carry the right to a house, nor a house a right to land alone', () => {
    const judge = checkStandard('property')
    const bare = upsert({ ...house, unitNo: '330102001002GB00013W00000000' })
    expect(said(judge(bare, today))).toEqual(['cross-unit-right unitNo'])
    expect(said(judge(upsert({ ...house, rightKind: '3' }), today))).toEqual([
      'cross-unit-right unitNo',
    ])
    expect(judge(upsert({ ...house, rightKind: '23' }), today).verdict).toBe('land')
  })

  test('a standard that names a rule which does not exist is told when it is compiled', () => {
    const standard = { ...checkableStandard(), rules: [{ rule: 'no-such-rule', fields: ['id'] }] }
    expect(() =>
      checkStandard('population', 'strict', { standard, fields: [field('id')] }),
    ).toThrow('no-such-rule')
  })
})

const checkableStandard = () => ({
  id: 'own',
  title: '',
  titleEn: '',
  source: '',
  fields: [],
  keys: [],
  requireAny: [],
  expected: [],
  rules: [],
  subjectStatus: [],
  alwaysLands: [],
  recordStatus: [],
  history: false,
})

describe('what must be there', () => {
  test('one of several fields is required: its set is named by the first', () => {
    const { idNumber: _, ...without } = person
    const judge = checkStandard('population', 'lenient')
    expect(said(judge(upsert(without), today))).toEqual(['required idNumber'])
    expect(judge(upsert({ ...without, noIdReason: '新生儿' }), today).verdict).toBe('land')
  })

  test('what is expected and missing is flagged', () => {
    const { ethnicity: _, ...without } = person
    expect(said(checkStandard('population')(upsert(without), today))).toEqual([
      'field-missing ethnicity',
    ])
    const { unitNo: __, ...unplaced } = house
    const judged = checkStandard('property')(upsert(unplaced), today)
    expect(judged.verdict).toBe('land')
    expect(said(judged)).toEqual(['unit-not-placed unitNo'])
    const anonymous = {
      ...permit,
      kind: 'licence',
      holders: [{ name: '甲', code: 'A1' }, { name: '乙' }],
    }
    expect(
      said(
        checkStandard('licence')(
          upsert({ ...anonymous, name: '示例证', issueDate: '2026-01-05' }),
          today,
        ),
      ),
    ).toEqual(['field-missing holders.code'])
  })
})
