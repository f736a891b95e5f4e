import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { identifierChecks } from '../../../src/shared/identifiers/index.ts'
import {
  letters31,
  organisationCodes,
  registrationNumbers,
  replaceAt,
  today,
  transposeAt,
  usccs,
} from './numbers.ts'

describe('a unified social credit code', () => {
  const check = (value: string) => identifierChecks.uscc(value, today)

  test('is masked when it holds an asterisk', () => {
    expect(check('91350100********43').code).toBe('identifier-masked')
  })

  test.each([
    '91350100M000100Y4',
    '91350100M000100Y433',
    '9135010AM000100Y43',
    '91350100M00010IY43',
  ])('%s has the wrong form', (value) => {
    expect(check(value)).toEqual({ code: 'identifier-form', value })
  })

  test('with the letter O is a fault of form, with a wrong check of the check digit', () => {
    expect(check('91350100M000100Y4O')).toEqual({
      code: 'identifier-form',
      value: '91350100M000100Y4O',
    })
    expect(check('91350203M0001QAY9B')).toEqual({
      code: 'identifier-check-digit',
      value: '91350203M0001QAY9B',
    })
  })

  test('that is the placeholder for bodies without one is no value and no fault', () => {
    expect(check('00000000000000000X')).toEqual({ value: null })
    expect(check('00000000000000000x')).toEqual({ value: null })
  })

  test.each([
    '91350100M000100Y43',
    '11100000000013338W',
    '113300000024800014',
    '12330100470000013L',
    '5133010050001234XB',
    '91330100MA2TERT1XB',
    '92330102MA2ABCDEXA',
    '93330109MF0000013W',
    'N2330102MF3000027D',
  ])('%s is sound within and without', (value) => {
    expect(check(value)).toEqual({ value })
  })

  test('is stored in capitals', () => {
    expect(check(' 91350100m000100y43')).toEqual({ value: '91350100M000100Y43' })
  })

  test('whose organisation code fails its own check is warned about, not refused', () => {
    const body = '91350100M000100Y5'
    const sound = Array.from(letters31)
      .map((c) => body + c)
      .find((code) => check(code).code === undefined)
    expect(check(sound ?? '')).toEqual({ value: sound, warning: 'identifier-organisation' })
  })

  test('is accepted when made by the rules, and refused after one change or swap', () => {
    const change = fc.tuple(fc.nat(17), fc.constantFrom(...Array.from(letters31)))
    fc.assert(
      fc.property(usccs, change, (code, [at, character]) => {
        expect(check(code)).toEqual({ value: code })
        if (code[at] !== character) expect(check(replaceAt(code, at, character)).code).toBeDefined()
        if (at < 16 && code[at] !== code[at + 1]) {
          expect(check(transposeAt(code, at)).code).toBeDefined()
        }
      }),
    )
  })
})

describe('an organisation code', () => {
  const check = (value: string) => identifierChecks['organisation-code'](value, today)

  test('is masked, ill-formed or wrong', () => {
    expect(check('D214****-X').code).toBe('identifier-masked')
    expect(check('D21435690X').code).toBe('identifier-form')
    expect(check('D2143569--X').code).toBe('identifier-form')
    expect(check('D21435-69X').code).toBe('identifier-form')
    expect(check('D2143569-A').code).toBe('identifier-form')
    expect(check('D2143569-9').code).toBe('identifier-check-digit')
  })

  test.each(['D2143569-X', '75591846-9', '00001333-8', 'M000100Y-4'])(
    '%s is sound with and without its dash, and stored without',
    (value) => {
      const stored = value.replace('-', '')
      expect(check(value)).toEqual({ value: stored })
      expect(check(stored.toLowerCase())).toEqual({ value: stored })
    },
  )

  test('is accepted when made by the rules, and refused after a change of one digit', () => {
    const change = fc.tuple(fc.nat(8), fc.constantFrom(...Array.from('0123456789')))
    fc.assert(
      fc.property(organisationCodes, change, (code, [at, digit]) => {
        expect(check(code)).toEqual({ value: code })
        // Letters eleven apart have one weight mod 11: the scheme promises digits only.
        if (/\d/u.test(code.charAt(at)) && code[at] !== digit) {
          expect(check(replaceAt(code, at, digit)).code).toBe('identifier-check-digit')
        }
      }),
    )
  })
})

describe('a registration number of 15 digits', () => {
  const check = (value: string) => identifierChecks['registration-number'](value, today)

  test('is masked, ill-formed or wrong', () => {
    expect(check('33068100024****').code).toBe('identifier-masked')
    expect(check('3306810002421').code).toBe('identifier-form')
    expect(check('33068100024219X').code).toBe('identifier-form')
    expect(check('330681000242198').code).toBe('identifier-check-digit')
  })

  test.each(['330681000242199', '330203000030639'])('%s is sound', (value) => {
    expect(check(value)).toEqual({ value })
  })

  test('is accepted when made by the rules, and refused after any change of one digit', () => {
    const change = fc.tuple(fc.nat(14), fc.constantFrom(...Array.from('0123456789')))
    fc.assert(
      fc.property(registrationNumbers, change, (number, [at, digit]) => {
        expect(check(number)).toEqual({ value: number })
        if (number[at] !== digit) {
          expect(check(replaceAt(number, at, digit)).code).toBe('identifier-check-digit')
        }
      }),
    )
  })
})
