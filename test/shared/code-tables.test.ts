import { describe, expect, test } from 'vitest'
import {
  acceptsCode,
  codeOf,
  codeTable,
  crossCode,
  hasCode,
  nameOfCode,
} from '../../src/shared/code-tables.ts'

describe('a code read from a source', () => {
  test('is not made up for a text that no table knows', () => {
    expect(codeOf('GB/T 2261.1', '3', 'code')).toBeUndefined()
    expect(codeOf('GB/T 2261.1', '1', 'name')).toBeUndefined()
    expect(codeOf('GB/T 2261.1', '', 'name')).toBeUndefined()
    expect(codeOf('GB/T 2261.1', '男女', 'name')).toBeUndefined()
    expect(codeOf('GB/T 2261.1', 'constructor', 'name')).toBeUndefined()
  })

  test('is found through short forms, old names, width, case and spaces', () => {
    expect(codeOf('GB/T 2261.1', ' 男 ', 'name')).toBe('1')
    expect(codeOf('GB/T 3304', '毛难族', 'name')).toBe('36')
    expect(codeOf('GB/T 3304', '崩龙 族', 'name')).toBe('46')
    expect(codeOf('GB/T 3304', 'ｈａ', 'code')).toBe('01')
    expect(codeOf('GB/T 3304', '０１', 'code')).toBe('01')
    expect(codeOf('GB/T 2659', 'chn', 'code')).toBe('156')
    expect(codeOf('gbt-3304', '汉', 'name')).toBe('01')
    expect(codeOf('GB/T 12402', '有限责任（公司）', 'name')).toBe('150')
  })

  test('of an own name wins over an alias of another entry', () => {
    expect(codeOf('GB/T 3304', '土家族', 'name')).toBe('15')
    expect(codeOf('GB/T 3304', '土族', 'name')).toBe('30')
    expect(codeOf('licence-status', '注销', 'name')).toBe('04')
  })

  test('from a table that is not there is a fault of the configuration', () => {
    expect(() => codeOf('GB/T 0', '1', 'code')).toThrow('GB/T 0')
    expect(() => hasCode('GB/T 0', '1')).toThrow(RangeError)
  })
})

describe('membership', () => {
  test('takes the code as it stands and nothing like it', () => {
    expect(hasCode('GB/T 2261.1', '1')).toBe(true)
    for (const near of [' 1', '１', '01', '男', '']) {
      expect(hasCode('GB/T 2261.1', near), near).toBe(false)
    }
  })

  test('lets unknown codes of incomplete tables pass, of complete ones not', () => {
    expect(hasCode('GS 14 CA16', '1219')).toBe(false)
    expect(acceptsCode('GS 14 CA16', '1219')).toBe(true)
    expect(acceptsCode('entity-status', '8')).toBe(false)
  })
})

describe('the tables themselves', () => {
  test('hold all 56 ethnic groups, 97 and 98, each with one letter code', () => {
    const numbers = Array.from({ length: 56 }, (_, i) => String(i + 1).padStart(2, '0'))
    for (const code of [...numbers, '97', '98']) expect(hasCode('GB/T 3304', code), code).toBe(true)
    const letters = codeTable('GB/T 3304').entries.flatMap(({ letter }) => letter ?? [])
    expect(new Set(letters).size).toBe(56)
  })

  test('are not scrambled where public copies are', () => {
    expect(nameOfCode('GB/T 3304', '15')).toBe('土家族')
    expect(nameOfCode('GB/T 3304', '16')).toBe('哈尼族')
    expect(nameOfCode('GB/T 3304', '32')).toBe('仫佬族')
    expect(nameOfCode('GB/T 3304', '33')).toBe('羌族')
  })

  test('call education 62 completed, not graduated, and 90 something else, not illiterate', () => {
    expect(nameOfCode('GB/T 4658', '62')).toBe('普通高中结业')
    expect(nameOfCode('GB/T 4658', '61')).toBe('普通高中毕业')
    expect(nameOfCode('GB/T 4658', '90')).toBe('其他')
    expect(hasCode('GB/T 4658', '72')).toBe(false)
  })

  test('know the first two characters of a credit code', () => {
    expect(nameOfCode('GB 32100 kind', '91')).toBe('企业')
    expect(nameOfCode('GB 32100 kind', '93')).toBe('农民专业合作社')
    expect(hasCode('GB 32100 kind', 'Y9')).toBe(false)
  })
})

describe('the cross-walk of identity documents', () => {
  test('leads from each set to each other', () => {
    expect(crossCode('GA/T 2000.156', '511', 'GS 14 CB16')).toBe('57')
    expect(crossCode('GS 14 CB16', '10', 'GA/T 2000.156')).toBe('111')
    expect(crossCode('GS 14 CB16', '10', 'ZJZL')).toBe('1')
    expect(crossCode('permit-id-type', '身份证', 'GB/T 36903 CZZTDMLXDM')).toBe('111')
  })

  test('says nothing where a set has no such document', () => {
    expect(crossCode('GS 14 CB16', '58', 'GA/T 2000.156')).toBeUndefined()
    expect(crossCode('GB/T 2261.1', '1', 'GB/T 2261.2')).toBeUndefined()
  })
})
