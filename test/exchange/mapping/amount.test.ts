import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountStep, currencyStep } from '../../../src/exchange/mapping/amount.ts'
import { Stop } from '../../../src/exchange/mapping/cells.ts'
import {
  exactDecimal,
  integerStep,
  looseDecimal,
  numberStep,
  scaledText,
} from '../../../src/exchange/mapping/decimal.ts'

const inWan = amountStep({ unit: '万' })
const inYuan = amountStep({ unit: '元' })
const currency = currencyStep({ default: '156' })
const codeOf = (value: unknown) => (value instanceof Stop ? value.code : value)

describe('amount', () => {
  test.each([
    ['100(万)', '100', '1000000'],
    ['50(万元人民币)', '50', '500000'],
    ['50(万元人民币)', '50', '500000'],
    ['10,000(万元人民币)', '10000', '100000000'],
    ['123,456.7890(万元人民币)', '123456.789', '1234567890'],
    ['24.7000(万元人民币)', '24.7', '247000'],
    ['45万人民币', '45', '450000'],
    ['4200万元人民币', '4200', '42000000'],
    ['2,439(万美元)', '2439', '24390000'],
    ['30万美元', '30', '300000'],
    ['128(万港币)', '128', '1280000'],
    ['1,000,000元', '100', '1000000'],
    ['1,000,000.05 元', '100.000005', '1000000.05'],
    ['人民币 100 万元整', '100', '1000000'],
    ['1.5亿', '15000', '150000000'],
    ['3亿2000万元', '32000', '320000000'],
    ['2千万', '2000', '20000000'],
    ['100美元', '0.01', '100'],
    ['US$ 30万', '30', '300000'],
    ['¥1000', '0.1', '1000'],
    ['.5万', '0.5', '5000'],
    ['-3万', '-3', '-30000'],
    ['0', '0', '0'],
    ['1.5E7元', undefined, undefined],
  ])('reads %s exactly in either unit', (text, wan, yuan) => {
    expect(codeOf(inWan(text))).toBe(wan ?? 'amount-invalid')
    expect(codeOf(inYuan(text))).toBe(yuan ?? 'amount-invalid')
  })

  test.each([
    '',
    '约100万',
    '1,00',
    '1234,567万',
    '1,234567',
    '(100)',
    '3万5',
    '2000万3亿',
    '十万',
    '壹佰万元',
    '1.2.3',
    '100万港币50万美元',
    '100万日',
    '--1',
    '元',
    '9'.repeat(90),
  ])('refuses %j rather than guess', (text) => {
    expect(codeOf(inWan(text))).toBe('amount-invalid')
  })

  test('takes a number without a unit in the column’s own unit', () => {
    expect(inWan('5000')).toBe('5000')
    expect(amountStep({ unit: '万', plain: '元' })('5000')).toBe('0.5')
    expect(amountStep({ unit: '元', plain: '万' })('5000')).toBe('50000000')
  })

  test('agrees with integer arithmetic for any amount, in every way of writing it', () => {
    const forms = [
      { suffix: '元', power: 0n },
      { suffix: '(万)', power: 4n },
      { suffix: '万元人民币', power: 4n },
      { suffix: '(亿元)', power: 8n },
    ]
    const written = fc.tuple(fc.bigInt(0n, 10n ** 24n), fc.integer({ min: 0, max: 6 }))
    fc.assert(
      fc.property(
        written,
        fc.constantFrom(...forms),
        fc.boolean(),
        ([units, scale], form, isGrouped) => {
          const digits = units.toString().padStart(scale + 1, '0')
          const whole = digits.slice(0, digits.length - scale)
          const fraction = scale === 0 ? '' : `.${digits.slice(-scale)}`
          const shown = isGrouped ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole
          const result = inYuan(`${shown}${fraction}${form.suffix}`)
          const [resultWhole = '', resultFraction = ''] = (
            typeof result === 'string' ? result : ''
          ).split('.')
          const resultUnits =
            BigInt(resultWhole + resultFraction) * 10n ** BigInt(20 - resultFraction.length)
          expect(resultUnits).toBe(units * 10n ** form.power * 10n ** BigInt(20 - scale))
          expect(resultFraction).not.toMatch(/0$/)
        },
      ),
    )
  })
})

describe('currency', () => {
  test.each([
    ['100(万)', '156'],
    ['50(万元人民币)', '156'],
    ['30万美元', '840'],
    ['42(万美元)', '840'],
    ['128(万港币)', '344'],
    ['10万港元', '344'],
    ['10万欧元', '978'],
    ['10万日元', '392'],
    ['10万英镑', '826'],
    ['10万澳元', '036'],
    ['10万加元', '124'],
    ['10万新加坡元', '702'],
    ['10万瑞士法郎', '756'],
    ['10万德国马克', '276'],
    ['10万新台币', '901'],
    ['10万韩元', '410'],
    ['usd 10', '840'],
    ['156', '156'],
    ['100', '156'],
  ])('reads %s as %s', (text, code) => {
    expect(currency(text)).toBe(code)
  })

  test('does not take a word it does not know for the default currency', () => {
    expect(codeOf(currency('10万贝壳'))).toBe('code-unknown')
    expect(codeOf(currency('10万美元5万欧元'))).toBe('code-unknown')
  })

  test('takes three digits for a code only where no default makes them an amount', () => {
    expect(currency('840')).toBe('156')
    expect(currencyStep({})('840')).toBe('840')
    expect(codeOf(currencyStep({})('999'))).toBe('code-unknown')
    expect(codeOf(currencyStep({})('100万'))).toBe('code-unknown')
  })
})

describe('numbers', () => {
  test.each([
    ['0012.500', '12.5'],
    ['+7', '7'],
    ['-0.00', '0'],
    ['.25', '0.25'],
    ['1,234.50', '1234.5'],
    [' 12 ', '12'],
    ['1.234567E+06', '1234567'],
    ['1E-7', '0.0000001'],
    ['1.5E7', '15000000'],
    ['0E+00', '0'],
  ])('reads %s as %s', (text, decimal) => {
    expect(looseDecimal(text)).toBe(decimal)
  })

  test.each([
    '1.23457E+11',
    '1E+11',
    '1.2E-05',
    '5.',
    '1,23',
    '0x10',
    'NaN',
    '',
    '-',
    '1e9999',
    '١٢',
  ])('refuses %j', (text) => {
    expect(codeOf(numberStep(text))).toBe('type')
  })

  test('an integer has no fraction, though zeros behind the point are none', () => {
    expect(integerStep('12.00')).toBe('12')
    expect(codeOf(integerStep('12.5'))).toBe('type')
  })

  test('keeps every digit of any decimal', () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(10n ** 40n), 10n ** 40n),
        fc.integer({ min: -5, max: 30 }),
        (units, scale) => {
          const text = scaledText(units, scale)
          expect(exactDecimal(text)).toBe(text)
          const [whole = '', fraction = ''] = text.split('.')
          const places = BigInt(fraction.length)
          const back = BigInt(whole + fraction)
          expect(back * 10n ** BigInt(Math.max(scale, 0)) * 10n ** 0n).toBe(
            units * 10n ** places * 10n ** BigInt(Math.max(-scale, 0)),
          )
        },
      ),
    )
  })
})
