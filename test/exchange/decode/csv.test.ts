import { describe, expect, test } from 'vitest'
import { csv, decode, inGb18030 } from './support.ts'

const faults = (decoded: Awaited<ReturnType<typeof decode>>) =>
  decoded.rows.map(({ line, fault }) => [line, fault])

describe('a CSV body', () => {
  test('counts physical lines, blank ones and those within quotes too', async () => {
    const decoded = await decode('a,b\r\n\r\n1,"x\r\ny"\r\n2,z\n\n3,w', csv)
    expect(decoded.rows).toEqual([
      { line: 3, row: { a: '1', b: 'x\r\ny' } },
      { line: 5, row: { a: '2', b: 'z' } },
      { line: 7, row: { a: '3', b: 'w' } },
    ])
  })

  test('keeps empty cells, formulas and spaces as they are', async () => {
    const decoded = await decode('a,b,c\n, x ,"=cmd|\' /C calc\'!A0"\n"",-1,""""\n', csv)
    expect(decoded.rows.map(({ row }) => row)).toEqual([
      { a: '', b: ' x ', c: "=cmd|' /C calc'!A0" },
      { a: '', b: '-1', c: '"' },
    ])
  })

  test('says which rows have too few or too many cells, and keeps their neighbours', async () => {
    const body =
      'a,b,c\n1,2,3\n1,2\n1,2,3,4\n"1",2\n"1",2,3,4\n1,2,"3",4\n1,2,"3",\n1,2,"3,4"\n1,2,\n'
    const decoded = await decode(body, csv)
    expect(faults(decoded)).toEqual([
      [2, undefined],
      [3, 'not-csv'],
      [4, 'not-csv'],
      [5, 'not-csv'],
      [6, 'not-csv'],
      [7, 'not-csv'],
      [8, 'not-csv'],
      [9, undefined],
      [10, undefined],
    ])
    expect(decoded.rows[1]).toEqual({ line: 3, fault: 'not-csv', raw: '1,2' })
    expect(decoded.rows[7]?.row).toEqual({ a: '1', b: '2', c: '3,4' })
  })

  test('loses one line to a lost quote, not the file behind it', async () => {
    const good = Array.from({ length: 500 }, (_, at) => `${at},x`).join('\n')
    const decoded = await decode(`a,b\n1,"lost\n${good}\n`, csv)
    expect(decoded.rows[0]).toEqual({ line: 2, fault: 'not-csv', raw: '1,"lost' })
    expect(decoded.rows).toHaveLength(501)
    expect(decoded.rows.slice(1).every(({ row }) => row)).toBe(true)
  })

  test('loses one line to a lost quote also when the file goes on beyond the row limit', async () => {
    const good = Array.from({ length: 50_000 }, (_, at) => `${at},x,y`).join('\n')
    const body = `a,b,c\n1,"lost,2\n${good}\n`
    const decoded = await decode(body, { ...csv, limits: { rowBytesMax: 4096 } })
    expect(decoded.rows).toHaveLength(50_001)
    expect(decoded.rows.filter(({ fault }) => fault)).toHaveLength(1)
  })

  test('refuses a quote inside an unquoted cell or behind a closing one, without touching the next line', async () => {
    const decoded = await decode('a,b\n5" pipe,x\n"s"t,u\n"s" ,u\n1,"2\n3"x\n4,5\n', csv)
    expect(faults(decoded)).toEqual([
      [2, 'not-csv'],
      [3, 'not-csv'],
      [4, 'not-csv'],
      [5, 'not-csv'],
      [6, 'not-csv'],
      [7, undefined],
    ])
  })

  test('takes quotes between a lost quote and its false partner for what they are', async () => {
    const decoded = await decode('a,b\n1,"lost\n2,"""fine"""\n3,"x"\n', csv)
    expect(decoded.rows.map(({ row, fault }) => row ?? fault)).toEqual([
      'not-csv',
      { a: '2', b: '"fine"' },
      { a: '3', b: 'x' },
    ])
  })

  test('leaves an oversized record without a word lost behind it', async () => {
    const body = `a,b\n1,${'x'.repeat(300)}\n2,y\n`
    const decoded = await decode(body, { ...csv, limits: { rowBytesMax: 100 } })
    expect(faults(decoded)).toEqual([
      [2, 'row-too-large'],
      [3, undefined],
    ])
    expect(decoded.endBytes).toEqual([4 + 303, body.length])
  })

  test('accepts a record of exactly the allowed size, with CRLF and without', async () => {
    for (const end of ['\n', '\r\n', '']) {
      const limits = { rowBytesMax: 20 + end.length - (end === '' ? 0 : 1) }
      const decoded = await decode(`a,b\n1,${'x'.repeat(18)}${end}`, { ...csv, limits })
      expect(faults(decoded)).toEqual([[2, undefined]])
    }
  })

  test('is tab- or semicolon-separated when its header has no comma but those', async () => {
    expect((await decode('姓名\t"x;,y"\n王\t1,2\n', csv)).rows[0]?.row).toEqual({
      姓名: '王',
      'x;,y': '1,2',
    })
    expect((await decode('a;b\n1,5;2\n', csv)).rows[0]?.row).toEqual({ a: '1,5', b: '2' })
    expect((await decode('a,b;c\n1,2\n', csv)).columns).toEqual(['a', 'b;c'])
  })

  test('gives the trimmed header as columns, even when there are no rows', async () => {
    const decoded = await decode('\uFEFF"名 称" , 证件号码\u3000\r\n', csv)
    expect(decoded).toMatchObject({ rows: [], endBytes: [] })
    const quoted = await decode('\uFEFF"名 称", 证件号码\u3000\r\n', csv)
    expect(quoted.columns).toEqual(['名 称', '证件号码'])
  })

  test('cannot reach a prototype by the name of a column', async () => {
    const decoded = await decode('__proto__,constructor,a\nx,y,z\n', csv)
    const row = decoded.rows[0]?.row ?? {}
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
    expect(Object.entries(row)).toContainEqual(['constructor', 'y'])
    expect({}.constructor).toBe(Object)
  })
})

describe('a CSV header', () => {
  test.each([
    ['a,,b\n1,2,3\n', '没有名称'],
    ['a,b,a\n1,2,3\n', '重复'],
    ['a, a\n1,2\n', '重复'],
    ['a,"b\n1,2\n', '引号'],
    [`${Array.from({ length: 2001 }, (_, at) => `c${at}`).join()}\n`, '2001 列'],
    [`${'x'.repeat(1024 * 1024 + 1)},b\n1,2\n`, '过长'],
    [Buffer.from([0x61, 0x2c, 0xff, 0x0a]), '编码'],
    [Buffer.from('\uFEFFa,b\n', 'utf16le'), 'UTF-16'],
    ['', '没有表头'],
    ['\r\n\n', '没有表头'],
  ])('that cannot name the columns ends the body: %#', async (body, words) => {
    const { refusal, rows } = await decode(body, csv)
    expect(refusal?.code).toBe('request-invalid')
    expect(refusal?.message).toContain(words)
    expect(rows).toEqual([])
  })
})

describe('the encoding of a CSV body', () => {
  test('is seen as GB18030, four-byte characters and ASCII trail bytes included', async () => {
    const decoded = await decode(inGb18030('姓名,名\n王玕,畖\n\u3400,"玕""玕"\n'), csv)
    expect(decoded.columns).toEqual(['姓名', '名'])
    expect(decoded.rows.map(({ row }) => row)).toEqual([
      { 姓名: '王玕', 名: '畖' },
      { 姓名: '\u3400', 名: '玕"玕' },
    ])
  })

  test('is decided by the rows when the header is plain ASCII, and by most of them', async () => {
    const gb = await decode(inGb18030('a,b\n1,2\n王,姓\n名,玕\n'), csv)
    expect(gb.rows[1]?.row).toEqual({ a: '王', b: '姓' })
    const broken = Buffer.concat([Buffer.from('a\n'), inGb18030('王\n'), Buffer.from('王\n玕\n')])
    expect((await decode(broken, csv)).rows).toEqual([
      { line: 2, fault: 'encoding', raw: '\uFFFD\uFFFD' },
      { line: 3, row: { a: '王' } },
      { line: 4, row: { a: '玕' } },
    ])
  })

  test('is what the charset parameter says, whatever the bytes look like', async () => {
    const named = await decode('a\n王\n', { ...csv, charset: 'GBK' })
    expect(named.rows[0]?.row).not.toEqual({ a: '王' })
    const wrong = await decode(inGb18030('a\n王\n'), { ...csv, charset: 'utf-8' })
    expect(wrong.rows[0]?.fault).toBe('encoding')
  })

  test('makes a fault of a row with broken GB18030, its text shown', async () => {
    const body = Buffer.concat([
      inGb18030('姓名\n王'),
      Buffer.from([0xd0, 0x0a]),
      inGb18030('名\n'),
    ])
    expect((await decode(body, csv)).rows).toEqual([
      { line: 2, fault: 'encoding', raw: '王\uFFFD' },
      { line: 3, row: { 姓名: '名' } },
    ])
  })

  test('never hides a delimiter, quote or line end in a GB18030 character', () => {
    const decoder = new TextDecoder('gb18030', { fatal: true })
    for (const code of [0x09, 0x0a, 0x0d, 0x22, 0x2c, 0x3b]) {
      for (let lead = 0x81; lead <= 0xfe; lead++) {
        expect(() => decoder.decode(Uint8Array.of(lead, code))).toThrow(TypeError)
        expect(() => decoder.decode(Uint8Array.of(lead, 0x30, code, 0x30))).toThrow(TypeError)
        expect(() => decoder.decode(Uint8Array.of(lead, 0x30, 0x81, code))).toThrow(TypeError)
      }
    }
  })

  test('is refused when it is not one of the two', async () => {
    await expect(decode('a\n', { ...csv, charset: 'big5' })).rejects.toMatchObject({
      code: 'media-type-unsupported',
    })
  })
})
