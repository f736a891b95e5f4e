import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { identifierKinds } from '../../../schemas/field.ts'
import {
  divisionWithin,
  featuresOfPropertyUnit,
  identifierChecks,
  parseLicenceId,
  parsePropertyCertificate,
  widenDivision,
} from '../../../src/shared/identifiers/index.ts'
import { letters36, licenceIds, replaceAt, today } from './numbers.ts'

test('a masked value is an identifier of no kind', () => {
  for (const kind of identifierKinds) {
    for (const value of ['330203************', '浙(2024)＊＊市不动产权第0012345号']) {
      expect(identifierChecks[kind](value, today)).toEqual({ code: 'identifier-masked', value })
    }
  }
})

test('no text at all makes a check throw', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...identifierKinds),
      (text, kind) => {
        identifierChecks[kind](text, today)
      },
    ),
  )
})

test('what a check stores is sound as it is: checking it again changes nothing', () => {
  const texts = [
    '11010519491231002x',
    '110105491231002',
    'd2143569-x',
    '浙（2024）杭州市不动产权第1号',
  ]
  for (const text of texts) {
    for (const kind of identifierKinds) {
      const first = identifierChecks[kind](text, today)
      if (first.code !== undefined || first.value === null) continue
      expect(identifierChecks[kind](first.value, today)).toEqual(first)
    }
  }
})

describe('an electronic licence identifier', () => {
  const check = (value: string) => identifierChecks['licence-id'](value, today)

  test('of a made-up example fails its check character', () => {
    const value =
      '1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M'
    expect(check(value)).toEqual({ code: 'identifier-check-digit', value })
    expect(check(value.replace(/M$/u, 'D'))).toEqual({ value: value.replace(/M$/u, 'D') })
  })

  test.each([
    '1.2.156.3005.2.11100000MB03271699022.340100.000000016.000.9',
    '1.2.156.3005.2.11100000MB03271699022.340100.000000016.01.9',
    '1.2.156.3005.2.11100000MB03271699022.340100.0000.0016.001.9',
    '1.2.156.3005.2.11100000MB03271699022.340100..001.9',
    '1.2.156.3005.2.11100000MB03271699022.34010.000000016.001.9',
    '1.2.156.3005.2.11100000MB0327169902.340100.000000016.001.9',
    '1.2.156.3005.3.11100000MB03271699022.340100.000000016.001.9',
    '1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.',
    '1.2.156.3005.2.11100000MB03271699022.340100.00000-016.001.9',
    '1.2.156.3005.2',
  ])('%s has the wrong form', (value) => {
    expect(check(value).code).toBe('identifier-form')
    expect(parseLicenceId(value)).toBeUndefined()
  })

  test.each([
    '1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9',
    '1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U',
    '1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0',
    '1.2.156.3005.2.11100000MB03271699001.11330100002490007K.202500000001.001.A',
  ])('%s is sound', (value) => {
    expect(check(value)).toEqual({ value })
  })

  test('made by the rules is accepted and parsed into its parts, and refused after one change', () => {
    const change = fc.tuple(fc.nat(100), fc.constantFrom(...Array.from(letters36)))
    fc.assert(
      fc.property(licenceIds, change, ({ id, ...parts }, [place, character]) => {
        expect(check(id)).toEqual({ value: id })
        expect(parseLicenceId(id)).toEqual(parts)
        const at = 15 + (place % (id.length - 15))
        if (id[at] === character || id[at] === '.') return
        expect(check(replaceAt(id, at, character)).code).toBeDefined()
      }),
    )
  })
})

describe('a property unit number', () => {
  const check = (value: string) => identifierChecks['property-unit'](value, today)

  test.each([
    ['330102001002GA00013F00010012', 'land in collective ownership is not the State’s'],
    ['330109005003GC00007F00010001', 'a homestead stands on collective land'],
    ['330109005003ZC00007F00010001', 'and not on land not yet settled'],
    ['330102001002GB00013W00000001', 'land only has no unit'],
    ['330102001002GB00013X00000000', 'X is no fixture'],
    ['330102001002KB00013F00010012', 'K is no ownership'],
    ['330102001002GP00013F00010012', 'P is no use'],
    ['330102001002GB0001F00010012', 'too short'],
    ['33010200100?GB00013F00010012', 'not digits'],
  ])('%s is refused: %s', (value) => {
    expect(check(value)).toEqual({ code: 'identifier-form', value })
  })

  test.each([
    '330102001002GB00013F00010012',
    '330102001002GB00013W00000000',
    '330109005003JC00007F00010001',
  ])('%s is sound', (value) => {
    expect(check(value)).toEqual({ value })
  })

  test('printed in groups is stored without spaces', () => {
    expect(check('330102 001002 GB00013 F00010012')).toEqual({
      value: '330102001002GB00013F00010012',
    })
    expect(check('330102　001002　gb00013　f00010012 ')).toEqual({
      value: '330102001002GB00013F00010012',
    })
  })

  test('tells its features', () => {
    expect(featuresOfPropertyUnit('330109005003JC00007F00010001')).toEqual({
      ownership: 'J',
      use: 'C',
      fixture: 'F',
    })
    expect(featuresOfPropertyUnit('')).toBeUndefined()
  })
})

describe('a property certificate number', () => {
  const check = (value: string) => identifierChecks['property-certificate'](value, today)

  test.each(['杭房权证上移字第0012345号', '杭上国用(2003)第000123号', '浙(24)杭州市不动产权第1号'])(
    '%s is of an older form and stays as it is',
    (value) => {
      expect(check(` ${value} `)).toEqual({ value })
      expect(parsePropertyCertificate(value)).toBeUndefined()
    },
  )

  test('has one form whatever its brackets, width and spaces', () => {
    const value = '浙(2024)杭州市不动产权第0012345号'
    for (const text of [
      value,
      '浙（2024）杭州市不动产权第0012345号',
      '浙（２０２４）杭州市 不动产权第0012345号',
    ]) {
      expect(check(text)).toEqual({ value })
    }
  })

  test('falls into its building blocks', () => {
    expect(parsePropertyCertificate('浙（2024）杭州市不动产证明第0012345号')).toEqual({
      province: '浙',
      year: '2024',
      place: '杭州市',
      kind: '不动产证明',
      serial: '0012345',
    })
    expect(parsePropertyCertificate('浙(2024)不动产权第0012345号')).toBeUndefined()
    expect(parsePropertyCertificate('浙(2024)杭州市不动产权第号')).toBeUndefined()
    expect(parsePropertyCertificate('浙(2024)杭州市不动产权第12345678901号')).toBeUndefined()
  })
})

describe('a division code', () => {
  const check = (value: string) => identifierChecks.division(value, today)

  test('has 6, 9 or 12 digits', () => {
    for (const value of ['33', '3301', '33010', '3301020010', '33010A']) {
      expect(check(value)).toEqual({ code: 'identifier-form', value })
    }
    for (const value of ['330102', '330102001', '330102001002'])
      expect(check(value)).toEqual({ value })
  })

  test('of no province is warned about', () => {
    expect(check('990000')).toEqual({ value: '990000', warning: 'division-unknown' })
  })

  test('is widened with zeros on the right', () => {
    expect(widenDivision('330102')).toBe('330102000000')
    expect(widenDivision('330102001')).toBe('330102001000')
  })

  test('is found within the identifiers that carry one', () => {
    expect(divisionWithin('citizen-id', '11010519491231002X')).toBe('110105')
    expect(divisionWithin('uscc', '91350100M000100Y43')).toBe('350100')
    expect(divisionWithin('property-unit', '330102001002GB00013F00010012')).toBe('330102')
    expect(divisionWithin('division', '330102001002')).toBe('330102')
  })

  test('is not looked for where the prefix is no place', () => {
    expect(divisionWithin('uscc', '11100000000013338W')).toBeUndefined()
    expect(divisionWithin('citizen-id', '810000199001010017')).toBeUndefined()
    expect(divisionWithin('citizen-id', '911840199001010017')).toBeUndefined()
    expect(divisionWithin('licence-id', '330102')).toBeUndefined()
    expect(divisionWithin('citizen-id', '')).toBeUndefined()
  })
})
