import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Stop } from '../../../src/exchange/mapping/cells.ts'
import {
  dateStep,
  datetimeStep,
  isoDate,
  isoInstant,
} from '../../../src/exchange/mapping/date-steps.ts'
import { compileFormat, type FormatReader } from '../../../src/exchange/mapping/formats.ts'

const readersOf = (formats: string[], kind: 'date' | 'datetime'): FormatReader[] =>
  formats.map((format) => {
    const reader = compileFormat(format, kind)
    if (typeof reader !== 'function') throw new Error(reader.fault)
    return reader
  })
const date = (...formats: string[]) => dateStep(formats, readersOf(formats, 'date'), null)
const instant = (zone: string, ...formats: string[]) =>
  datetimeStep(readersOf(formats, 'datetime'), zone, null)
const codeOf = (value: unknown) => (value instanceof Stop ? value.code : value)

describe('dates', () => {
  test.each([
    ['YYYY-MM-DD', '2024-02-29', '2024-02-29'],
    ['YYYYMMDD', '19900101', '1990-01-01'],
    ['YYYY/MM/DD', '2099/12/31', '2099-12-31'],
    ['YYYY/M/D', '2024/1/9', '2024-01-09'],
    ['YYYY年M月D日', '2024年1月9日', '2024-01-09'],
    ['YYYY年MM月DD日', '2024年01月09日', '2024-01-09'],
    ['DD.MM.YYYY', '09.01.2024', '2024-01-09'],
    ['YYYY-MM-DD HH:mm:ss', '2024-01-09 23:59:59', '2024-01-09'],
    ['YYYYMMDD', ' 20240109  ', '2024-01-09'],
    ['中文', '二〇二四年十二月三十一日', '2024-12-31'],
    ['中文', '二零零四年十月廿一日', '2004-10-21'],
    ['中文', '2024年1月9日', '2024-01-09'],
    ['excel', '1', '1900-01-01'],
    ['excel', '59', '1900-02-28'],
    ['excel', '61', '1900-03-01'],
    ['excel', '45292', '2024-01-01'],
    ['excel', '45292.75', '2024-01-01'],
  ])('reads %s from %s', (format, text, expected) => {
    expect(date(format)(text)).toBe(expected)
  })

  test.each([
    ['YYYY-MM-DD', '2023-02-29'],
    ['YYYY-MM-DD', '1900-02-29'],
    ['YYYY-MM-DD', '2024-13-01'],
    ['YYYY-MM-DD', '0000-01-01'],
    ['YYYY-MM-DD', '2024-00-10'],
    ['YYYY-MM-DD', '2024-1-1'],
    ['YYYYMMDD', '2024010'],
    ['YYYYMMDD', '２０２４０１０９'],
    ['YYYY.MM.DD', '2024x01x09'],
    ['YYYY-MM-DD HH:mm:ss', '2024-01-09 24:00:00'],
    ['中文', '二〇二四年十三月一日'],
    ['中文', '二〇二四年二月三十日'],
    ['excel', '60'],
    ['excel', '0'],
    ['excel', '2958466'],
  ])('refuses in %s the text %s', (format, text) => {
    expect(codeOf(date(format)(text))).toBe('date-invalid')
  })

  test('agrees with the calendar on every year, month and day, in every format', () => {
    const parts = fc.tuple(
      fc.integer({ min: 0, max: 9999 }),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
    )
    const formats = ['YYYY-MM-DD', 'YYYYMMDD', 'DD/MM/YYYY', 'YYYY年M月D日']
    const steps = formats.map((format) => date(format))
    fc.assert(
      fc.property(parts, ([year, month, day]) => {
        const [y, m, d] = [
          String(year).padStart(4, '0'),
          String(month).padStart(2, '0'),
          String(day).padStart(2, '0'),
        ]
        const real = new Date(2000, 0, 1)
        real.setFullYear(year, month - 1, day)
        const exists =
          year > 0 &&
          real.getFullYear() === year &&
          real.getMonth() === month - 1 &&
          real.getDate() === day
        const texts = [
          `${y}-${m}-${d}`,
          `${y}${m}${d}`,
          `${d}/${m}/${y}`,
          `${y}年${month}月${day}日`,
        ]
        for (const [index, text] of texts.entries()) {
          expect(codeOf(steps[index]?.(text))).toBe(exists ? `${y}-${m}-${d}` : 'date-invalid')
        }
        expect(codeOf(isoDate(`${y}-${m}-${d}`))).toBe(exists ? `${y}-${m}-${d}` : 'date-invalid')
      }),
    )
  })

  test.each(['yyyy-MM-dd', 'YYYY-MM', 'YYYY-MM-DD-DD', 'MM-DD', 'YYYY-MM-DD a', 'YYYY-MM-DD HH:m'])(
    'refuses the format %s when it is compiled',
    (format) => {
      expect(compileFormat(format, 'date')).toHaveProperty('fault')
    },
  )

  test('recognises 长期 as it is written and as the date that it denotes', () => {
    const formats = ['YYYY-MM-DD', 'YYYY/MM/DD', 'YYYYMMDD']
    const longTerm = { values: ['2099-12-31', '9999-09-09', '长期'], flag: 'forever' }
    const step = dateStep(formats, readersOf(formats, 'date'), longTerm)
    for (const text of ['2099-12-31', '2099/12/31', '99990909', '长期', ' 长期 ']) {
      expect(step(text)).toMatchObject({ code: null, flag: 'forever' })
    }
    expect(step('2099-12-30')).toBe('2099-12-30')
    expect(codeOf(step('永久'))).toBe('date-invalid')
  })
})

describe('instants', () => {
  const shanghai = instant('Asia/Shanghai', 'YYYY-MM-DD HH:mm:ss', 'YYYYMMDDHHmmss', 'rfc3339')
  test.each([
    ['2024-01-01 07:59:59', '2023-12-31T23:59:59.000Z'],
    ['20240101080000', '2024-01-01T00:00:00.000Z'],
    ['1992-01-01 00:00:00', '1991-12-31T16:00:00.000Z'],
    ['1988-07-01 12:00:00', '1988-07-01T03:00:00.000Z'],
    ['1988-12-01 12:00:00', '1988-12-01T04:00:00.000Z'],
    ['2024-01-01T00:00:00.123456+01:00', '2023-12-31T23:00:00.123Z'],
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000Z'],
  ])('reads %s in Shanghai as %s', (text, expected) => {
    expect(shanghai(text)).toBe(expected)
  })

  test('reads a time that occurs twice as the first, and one that never occurs by the offset before', () => {
    const berlin = instant('Europe/Berlin', 'YYYY-MM-DD HH:mm')
    expect(berlin('2024-10-27 02:30')).toBe('2024-10-27T00:30:00.000Z')
    expect(berlin('2024-03-31 02:30')).toBe('2024-03-31T01:30:00.000Z')
    expect(berlin('2024-07-01 12:00')).toBe('2024-07-01T10:00:00.000Z')
  })

  test('agrees with the zone’s own clock for any instant', () => {
    const zones = [
      'Asia/Shanghai',
      'America/New_York',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'UTC',
    ]
    const at = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2037, 0, 1) / 1000 })
    fc.assert(
      fc.property(at, fc.constantFrom(...zones), (seconds, zone) => {
        const options = { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' } as const
        const clock = new Intl.DateTimeFormat('sv-SE', options)
        const text = clock.format(seconds * 1000)
        const read = instant(zone, 'YYYY-MM-DD HH:mm:ss')(text)
        const result = typeof read === 'string' ? read : ''
        expect(clock.format(new Date(result))).toBe(text)
        expect(Date.parse(result)).toBeLessThanOrEqual(seconds * 1000)
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    '2024-01-01T00:00:00',
    '2024-01-01T24:00:00Z',
    '2024-02-30T00:00:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00+15:00',
    '0001-01-01T00:00:00+08:00',
  ])('refuses %s as an RFC 3339 instant', (text) => {
    expect(codeOf(isoInstant(text))).toBe('date-invalid')
  })

  test('reads epochs', () => {
    expect(instant('Asia/Shanghai', 'epochMilliseconds')('1704067200123')).toBe(
      '2024-01-01T00:00:00.123Z',
    )
    expect(instant('Asia/Shanghai', 'epochSeconds')('1704067200')).toBe('2024-01-01T00:00:00.000Z')
  })
})
