import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Field } from '../../schemas/field.ts'
import { compileMasks, defaultMasks, hashMask, partialMask } from '../../src/shared/masks.ts'
import { citizenIds } from './identifiers/numbers.ts'

const field = (name: string, more: Partial<Field> = {}): Field => ({
  name,
  title: name,
  type: 'text',
  sensitivity: 'personal',
  ...more,
})
const mask = (name: string, value: unknown, more: Partial<Field> = {}): unknown =>
  partialMask(value, field(name, more))

describe('an identity number', () => {
  test('hides digits 7 to 17 of 18, so that a known birth date does not give it back', () => {
    expect(mask('idNumber', '11010519491231002X')).toBe('110105***********X')
    expect(mask('code', '11010519491231002X', { identifier: 'citizen-id' })).toBe(
      '110105***********X',
    )
    expect(mask('zjh', '11010519491231002X', { title: '权利人证件号' })).toBe('110105***********X')
  })

  test('in a field that does not say so is hidden all the same', () => {
    expect(mask('remark', '11010519491231002X')).toBe('110105***********X')
    expect(mask('name', '110105491231002')).toBe('110105*********')
  })

  test('of another length shows no birth date either', () => {
    expect(mask('idNumber', '110105491231002')).toBe('110105*********')
    expect(mask('idNumber', '11010519491231002')).toBe('110105***********')
    expect(mask('idNumber', 'E12345678')).toBe('E1*****78')
  })

  test('never depends on what it hides', () => {
    fc.assert(
      fc.property(citizenIds, ({ id }) => {
        const masked = String(mask('idNumber', id))
        expect(masked).toBe(`${id.slice(0, 6)}***********${id.slice(17)}`)
        expect(partialMask(masked, field('idNumber'))).toBe(masked)
      }),
    )
  })
})

describe('a name', () => {
  test.each([
    ['张三', '张*'],
    ['欧阳娜娜', '欧***'],
    ['𠮷田茂', '𠮷**'],
    ['买买提·吐尔逊', '买**·***'],
    ['John Smith', 'J*** *****'],
    ['葛\u{E0100}城', '葛*'],
    ['龙', '*'],
    ['𠮷', '*'],
    ['', ''],
  ])('%s is shown as %s', (name, shown) => {
    expect(mask('name', name)).toBe(shown)
    expect(mask('xm', name, { title: '姓名' })).toBe(shown)
  })
})

describe('other kinds', () => {
  test.each([
    ['mobile', '13800001234', '138******34'],
    ['contactPhone', '87654321', '87****21'],
    ['phone', '12345', '1***5'],
    ['phone', '110', '***'],
    ['address', '浙江省杭州市西湖区文一路1号3幢501室', '浙江省杭州市西湖区***********'],
    ['address', '内蒙古自治区呼和浩特市新城区中山路7号', '内蒙古自治区呼和浩特市新城区*****'],
    ['hukouAddress', '北京市朝阳区建国路88号', '北京市朝阳区******'],
    ['location', '宁乡市玉潭街道一环路5号', '宁乡市玉潭街******'],
    ['location', '3幢2单元501室', '*********'],
    ['address', '文一路小区12幢', '文一路小****'],
    ['birthDate', '1949-12-31', '1949-**-**'],
    ['deathDate', 'unknown', '*'],
    ['uscc', '91350100M000100Y43', '9135**********0Y43'],
    ['code', 'abc', '***'],
  ])('%s %s is shown as %s', (name, value, shown) => {
    expect(mask(name, value, name.endsWith('Date') ? { type: 'date' } : {})).toBe(shown)
  })

  test('numbers, truths, lists and objects are hidden as text', () => {
    expect(mask('income', 12345678, { type: 'integer' })).toBe('12****78')
    expect(mask('disabled', true, { type: 'boolean' })).toBe('t**e')
    expect(mask('formerNames', ['张三', '李四'], { type: 'array' })).toEqual(['张*', '李*'])
    expect(mask('detail', { a: 1 }, { type: 'object' })).toBe('*')
    expect(mask('name', null)).toBeNull()
  })

  test('no shape shows more than half of a text without divisions', () => {
    const names = ['idNumber', 'phone', 'other', 'address']
    const texts = fc.stringMatching(/^[0-9a-z]{1,40}$/u)
    fc.assert(
      fc.property(texts, fc.constantFrom(...names), (text, name) => {
        const shown = String(mask(name, text)).replaceAll('*', '')
        expect(shown.length * 2).toBeLessThanOrEqual(text.length)
      }),
    )
  })
})

const key = Buffer.alloc(32, 7)

describe('a hash mask', () => {
  test('is HMAC-SHA-256 of scope, zero byte and value', () => {
    const bytes = Buffer.concat([Buffer.from('grant-1'), Buffer.of(0), Buffer.from('张三')])
    expect(hashMask('张三', key, 'grant-1')).toBe(
      createHmac('sha256', key).update(bytes).digest('base64url'),
    )
  })

  test('is stable within a scope and key, and different in any other', () => {
    const hash = hashMask('v', key, 'a')
    expect(hashMask('v', key, 'a')).toBe(hash)
    expect(hashMask('v', key, 'b')).not.toBe(hash)
    expect(hashMask('v', Buffer.alloc(32, 8), 'a')).not.toBe(hash)
    expect(hashMask('w', key, 'a')).not.toBe(hash)
    expect(hash).toHaveLength(43)
  })
})

describe('masks over records', () => {
  const fields: Field[] = [
    field('idNumber', { mask: 'partial' }),
    field('name'),
    field('formerNames', { type: 'array' }),
    field('holders', {
      type: 'array',
      fields: [
        field('name', { mask: 'partial' }),
        field('idNumber', { mask: 'hash' }),
        field('note'),
      ],
    }),
  ]
  const compile = (masks: Parameters<typeof compileMasks>[0]) =>
    compileMasks(masks, { fields, key, scope: 'g' })

  test('refuse a path that names no field, rather than hide nothing', () => {
    expect(() => compile({ 'holders.idNo': 'partial' })).toThrow('holders.idNo')
  })

  test('reach into children, and leave the record as it was', () => {
    const record = {
      idNumber: '11010519491231002X',
      name: '张三',
      holders: [
        { name: '李四', idNumber: 'X1' },
        { name: '王五', idNumber: null },
      ],
    }
    const before = structuredClone(record)
    expect(compile({ 'holders.name': 'partial', 'holders.idNumber': 'hash' })(record)).toEqual({
      ...before,
      holders: [
        { name: '李*', idNumber: hashMask('X1', key, 'g') },
        { name: '王*', idNumber: null },
      ],
    })
    expect(record).toEqual(before)
  })

  test('on a whole child list cover its fields, save those with a mask of their own', () => {
    const masked = compile({ holders: 'partial', 'holders.note': 'none' })({
      holders: [{ name: '李四', idNumber: '11010519491231002X', note: 'n' }, '李四'],
    })
    expect(masked).toEqual({
      holders: [{ name: '李*', idNumber: '110105***********X', note: 'n' }, '*'],
    })
  })

  test('hash each text of a list, and pass what has no mask', () => {
    expect(
      compile({ formerNames: 'hash', name: 'none' })({ formerNames: ['a'], name: 'b' }),
    ).toEqual({
      formerNames: [hashMask('a', key, 'g')],
      name: 'b',
    })
  })

  test('by default are those that the fields ask for', () => {
    expect(defaultMasks(fields)).toEqual({
      idNumber: 'partial',
      'holders.name': 'partial',
      'holders.idNumber': 'hash',
    })
  })
})
