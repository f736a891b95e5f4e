import { describe, expect, test } from 'vitest'
import { leavesUnder, parseTilePath } from '../../../../src/hub/audit/sealed/tile-path.ts'

describe('the address of a tile', () => {
  test('is read as C2SP writes it', () => {
    expect(parseTilePath('0/000')).toEqual({ kind: 'hashes', level: 0, number: 0, width: 256 })
    expect(parseTilePath('0/x001/x234/067')).toMatchObject({ number: 1_234_067, width: 256 })
    expect(parseTilePath('63/255.p/255')).toMatchObject({ level: 63, number: 255, width: 255 })
    expect(parseTilePath('entries/x012/000.p/1')).toEqual({
      kind: 'entries',
      level: 0,
      number: 12_000,
      width: 1,
    })
    expect(parseTilePath('1/x035/x184/x372/x088/831')?.number).toBe(35_184_372_088_831)
  })

  test.each([
    '',
    '0',
    '0/',
    '0/0',
    '0/00',
    '0/0000',
    '0/001/002',
    '0/x001',
    '0/x000/001',
    '0/x001/x000',
    '0/X001/000',
    '0/-01',
    '0/+01',
    '0/ 01',
    '0/0x1',
    '0/1e2',
    '0/٠٠١',
    '00/000',
    '01/000',
    '64/000',
    '100/000',
    '-1/000',
    '0/000.p',
    '0/000.p/',
    '0/000.p/0',
    '0/000.p/01',
    '0/000.p/256',
    '0/000.p/999',
    '0/000.p/1/',
    '0/000.p/1.p/1',
    '0/000/',
    '/0/000',
    '0//000',
    'entries',
    'Entries/000',
    'entries/0',
    'data/000',
    '0/x035/x184/x372/x088/832',
    '0/x999/x999/x999/x999/x999/999',
    '0/000\n',
    '../key',
  ])('has one form only: %j is none', (path) => {
    expect(parseTilePath(path)).toBeNull()
  })

  test('says how many leaves the tree must have', () => {
    const under = (path: string): number => {
      const address = parseTilePath(path)
      if (address === null) throw new Error(path)
      return leavesUnder(address)
    }
    expect(under('0/000.p/1')).toBe(1)
    expect(under('0/001')).toBe(512)
    expect(under('1/000.p/2')).toBe(512)
    expect(under('2/000')).toBe(256 ** 3)
    expect(under('entries/002.p/7')).toBe(519)
  })
})
