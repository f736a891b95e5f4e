import { describe, expect, test } from 'vitest'
import { csvLines, disarm } from '../../../src/exchange/decode/write-csv.ts'
import { csv, decode } from './support.ts'

const written = async (...parameters: Parameters<typeof csvLines>) =>
  (await Array.fromAsync(csvLines(...parameters))).join('')

describe('CSV that we write', () => {
  test.each(['=cmd', '+a', '@x', '\tx', '\rx', '-1+2', '-a', '--1', '+86 139', '=1', '-'])(
    'takes the sting out of %j',
    (cell) => {
      expect(disarm(cell)).toBe(`'${cell}`)
    },
  )

  test.each(['-1', '+1.5', '-.5', '-1e5', '1=2', '', 'a-b', "'=x"])('leaves %j alone', (cell) => {
    expect(disarm(cell)).toBe(cell)
  })

  test('has a header, CRLF, quotes where needed, and a byte order mark when asked', async () => {
    const rows = [{ a: 'x,"y"', b: null }, { a: '一\n二', b: { c: 1 } }, { b: -5 }]
    const text = 'a,b\r\n"x,""y""",\r\n"一\n二","{""c"":1}"\r\n,-5\r\n'
    expect(await written(['a', 'b'], rows, { hasBom: false })).toBe(text)
    expect(await written(['a', 'b'], rows)).toBe(`\uFEFF${text}`)
  })

  test('takes no inherited property for a cell', async () => {
    expect(await written(['constructor', '=a'], [{}], { hasBom: false })).toBe(
      "constructor,'=a\r\n,\r\n",
    )
  })

  test('is read again by our own decoder, however many rows', async () => {
    const rows = Array.from({ length: 1201 }, (_, at) => ({ 序号: String(at), 值: `"${at}",\r\n` }))
    const decoded = await decode(await written(['序号', '值'], rows), csv)
    expect(decoded.rows.map(({ row }) => row)).toEqual(rows)
  })
})
