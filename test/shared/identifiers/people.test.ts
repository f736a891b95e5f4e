import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  birthDateOfCitizenId,
  identifierChecks,
  sexOfCitizenId,
} from '../../../src/shared/identifiers/index.ts'
import { citizenIds, replaceAt, today, transposeAt } from './numbers.ts'

const check = (value: string, on = today) => identifierChecks['citizen-id'](value, on)

describe('a citizen identity number', () => {
  test('is masked when it holds an asterisk of either width, whatever else it is', () => {
    for (const value of ['330203************', '330102＊＊＊＊＊＊＊＊0017', '*']) {
      expect(check(value)).toEqual({ code: 'identifier-masked', value })
    }
  })

  test.each([
    ['440306189002290047', '1890 was no leap year, although the check digit holds'],
    ['330102190002290011', 'nor was 1900'],
    ['330102199013010017', 'there is no month 13'],
    ['330102199004310017', 'April has 30 days'],
    ['330102199000010017', 'there is no month 0'],
    ['330102199001000017', 'there is no day 0'],
    ['330102179901010017', 'nobody alive or recorded was born before 1800'],
  ])('%s has an invalid date: %s', (value) => {
    expect(check(value)).toEqual({ code: 'identifier-date', value })
  })

  test('may be of somebody born today, not tomorrow', () => {
    const value = '11010519491231002X'
    expect(check(value, '1949-12-31')).toEqual({ value })
    expect(check(value, '1949-12-30')).toEqual({ code: 'identifier-date', value })
  })

  test.each([
    '1101051949123100',
    '11010519491231002XX',
    '01010519491231002X',
    '1101051949123100AX',
  ])('%s has the wrong form and comes back as it was', (value) => {
    expect(check(value)).toEqual({ code: 'identifier-form', value })
  })

  test.each([
    '11010519491231002X',
    '440524188001010014',
    '110101188001010011',
    '330102189912310025',
    '65010118921109011X',
    '440306188802290040',
  ])('%s is sound (GB 11643 and older people)', (value) => {
    expect(check(value)).toEqual({ value })
  })

  test('is stored with a capital X, half-width and trimmed', () => {
    for (const value of [
      '11010519491231002x',
      ' 11010519491231002X　',
      '１１０１０５１９４９１２３１００２Ｘ',
    ]) {
      expect(check(value)).toEqual({ value: '11010519491231002X' })
    }
  })

  test('of 15 digits is stored with 18, if its date is real', () => {
    expect(check('110105491231002')).toEqual({ value: '11010519491231002X' })
    expect(check('110105491331002')).toEqual({
      code: 'identifier-date',
      value: '110105491331002',
    })
  })

  test('of an unknown division is warned about, not refused', () => {
    expect(check('990000199001010017')).toEqual({
      value: '990000199001010017',
      warning: 'division-unknown',
    })
  })

  test('has no value when it is empty', () => {
    expect(check(' ')).toEqual({ value: null })
  })

  test('is accepted whenever it is made by the rules, and tells birth date and sex', () => {
    fc.assert(
      fc.property(citizenIds, ({ id, birthDate, sequence }) => {
        expect(check(id)).toEqual({ value: id })
        expect(birthDateOfCitizenId(id)).toBe(birthDate)
        expect(sexOfCitizenId(id)).toBe(Number(sequence) % 2 === 1 ? '1' : '2')
      }),
    )
  })

  test('is refused after any change of one character and any swap of neighbours', () => {
    fc.assert(
      fc.property(
        citizenIds,
        fc.nat(17),
        fc.constantFrom(...Array.from('0123456789')),
        ({ id }, at, digit) => {
          if (id[at] !== digit) expect(check(replaceAt(id, at, digit)).code).toBeDefined()
          if (at < 16 && id[at] !== id[at + 1]) {
            expect(check(transposeAt(id, at)).code).toBeDefined()
          }
        },
      ),
    )
  })

  test('that is no number of 18 tells neither sex nor birth date', () => {
    for (const value of ['', '110105491231002', '3301021990****0017']) {
      expect(sexOfCitizenId(value)).toBeUndefined()
      expect(birthDateOfCitizenId(value)).toBeUndefined()
    }
  })
})

describe('residence permits share the check digit', () => {
  const withCheck = (digits: string): string =>
    Array.from('0123456789X')
      .map((c) => digits + c)
      .find((id) => check(id).code === undefined) ?? ''

  test.each(['810000', '820000', '830000', '911840', '933276'])(
    '%s is a prefix nobody is warned about',
    (prefix) => {
      const id = withCheck(`${prefix}19900101001`)
      expect(check(id)).toEqual({ value: id })
    },
  )

  test.each(['830101', '100000', '950276'])('%s is an unknown division', (prefix) => {
    const value = withCheck(`${prefix}19900101001`)
    const isForeign = prefix === '950276'
    expect(check(value)).toEqual(isForeign ? { value } : { value, warning: 'division-unknown' })
  })
})
