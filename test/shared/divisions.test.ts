import { describe, expect, test } from 'vitest'
import { divisionAt, divisionEver, divisionName } from '../../src/shared/divisions.ts'

describe('whether a code ever was a division', () => {
  test.each(['990000', '000000', '991234', '660100', '330199', '110150', '830001', '101000'])(
    '%s never was one',
    (code) => expect(divisionEver(code)).toBe('never-existed'),
  )

  test.each(['', '1101', '1101011', '11010A', '330102 ', '１１０１０１', '3301020010021'])(
    '"%s" is no code at all',
    (text) => expect(divisionEver(text)).toBe('never-existed'),
  )

  test.each([
    ['110103', '崇文区, merged in 2010'],
    ['110221', '昌平县, a district since 1999'],
    ['132101', 'a county-level city of a former prefecture'],
    ['460021', '琼山县 of Hainan before its renumbering'],
    ['110200', 'the counties of Beijing together'],
  ])('%s is retired: %s', (code) => expect(divisionEver(code)).toBe('retired'))

  test.each(['110101', '110000', '330100', '500000', '441900', '659001', '460321'])(
    '%s is current',
    (code) => expect(divisionEver(code)).toBe('current'),
  )

  test.each([
    ['330101', 'all districts of a prefecture together'],
    ['320594', 'a zone that a registration authority numbers itself'],
    ['100000', 'the national registration authorities'],
    ['810000', 'residence permits of Hong Kong people'],
    ['830000', 'residence permits of Taiwan people'],
    ['710101', 'below Taiwan, which the lists do not divide'],
    ['820001', 'below Macao'],
  ])('%s is known although no list of counties has it: %s', (code) =>
    expect(divisionEver(code)).toBe('current'),
  )

  test('the first six digits decide on townships and villages', () => {
    expect(divisionEver('110101001')).toBe('current')
    expect(divisionEver('110103001002')).toBe('retired')
    expect(divisionEver('990000001')).toBe('never-existed')
  })
})

describe('what a code stood for on a date', () => {
  test('follows the renaming of one code', () => {
    expect(divisionAt('120110', '1985-06-01')?.name).toBe('东郊区')
    expect(divisionAt('120110', '2020-06-01')?.name).toBe('东丽区')
    expect(divisionAt('469003', '2010-01-01')?.name).toBe('儋州市')
  })

  test('is nothing once the division is gone, and before it came', () => {
    expect(divisionAt('110103', '2009-06-30')?.name).toBe('崇文区')
    expect(divisionAt('110103', '2015-01-01')).toBeUndefined()
    expect(divisionAt('460202', '2005-01-01')).toBeUndefined()
    expect(divisionAt('990000', '2005-01-01')).toBeUndefined()
  })

  test('is in doubt the division: lists are a year apart and begin with 1980', () => {
    expect(divisionAt('110103', '2010-07-01')?.name).toBe('崇文区')
    expect(divisionAt('110111', '1986-03-01')?.name).toBe('房山区')
    expect(divisionAt('110101', '1965-10-01')?.name).toBe('东城区')
    expect(divisionAt('110100', '1990-01-01')?.name).toBe('市辖区')
  })
})

test('a name is the newest one of a code, and of provinces in any case', () => {
  expect(divisionName('120110')).toBe('东丽区')
  expect(divisionName('110103')).toBe('崇文区')
  expect(divisionName('330106003')).toBe('西湖区')
  expect(divisionName('820000')).toBe('澳门特别行政区')
  expect(divisionName('990000')).toBeUndefined()
})
