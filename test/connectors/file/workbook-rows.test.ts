import ExcelJs from 'exceljs'
import { writeXlsx, writeXlsxStream } from 'hucre/xlsx'
import { describe, expect, test } from 'vitest'
import { bytesOf, type StoredBytes } from '../../../src/connectors/file/stored-zip.ts'
import { workbookRows } from '../../../src/connectors/file/workbook-rows.ts'
import type { DecodedRow } from '../../../src/exchange/types.ts'
import { legacyWorkbook } from './legacy-workbook.ts'

type Fill = (sheet: ExcelJs.Worksheet, book: ExcelJs.Workbook) => void

async function workbook(fill: Fill, name = '人员'): Promise<Buffer> {
  const book = new ExcelJs.Workbook()
  fill(book.addWorksheet(name), book)
  return Buffer.from(await book.xlsx.writeBuffer())
}

async function allRows(
  source: Uint8Array | StoredBytes,
  options: { format?: 'xlsx' | 'xls'; sheet?: string } = {},
): Promise<DecodedRow[]> {
  const bytes = source instanceof Uint8Array ? bytesOf(source) : source
  const rows: DecodedRow[] = []
  for await (const block of workbookRows(bytes, { format: 'xlsx', ...options })) rows.push(...block)
  return rows
}

const values = (rows: readonly DecodedRow[]) => rows.map(({ row }) => row)

describe('cells of a workbook', () => {
  test('identity numbers and codes that are texts stay as they are written', async () => {
    const file = await workbook((sheet) => {
      sheet.addRow(['身份证', '邮编'])
      sheet.addRow(['430102199001011234', '010020'])
      sheet.addRow(['43010219900101123X', ' 0 '])
    })
    expect(values(await allRows(file))).toEqual([
      { 身份证: '430102199001011234', 邮编: '010020' },
      { 身份证: '43010219900101123X', 邮编: ' 0 ' },
    ])
  })

  test('numbers have no exponent and no noise, and one that has lost digits is a fault', async () => {
    const numbers = [0.1 + 0.2, 1e-7, -0, 123456789012, 9007199254740991, -12.5, 99.99999999999999]
    const file = await workbook((sheet) => {
      sheet.addRow(['n'])
      for (const number of numbers) sheet.addRow([number])
      sheet.addRow([Number('430102199001011234')])
      sheet.addRow([1.5e20])
    })
    const rows = await allRows(file)
    expect(rows.slice(0, 7).map(({ row }) => row?.['n'])).toEqual([
      '0.3',
      '0.0000001',
      '0',
      '123456789012',
      '9007199254740991',
      '-12.5',
      '100',
    ])
    expect(rows.slice(7)).toMatchObject([
      { line: 9, fault: 'precision' },
      { line: 10, fault: 'precision' },
    ])
  })

  test.each([false, true])(
    'dates, times and moments are what the workbook shows (1904: %s)',
    async (date1904) => {
      const file = await workbook((sheet, book) => {
        book.properties.date1904 = date1904
        sheet.addRow(['d'])
        for (const day of [
          '2024-02-29T00:00:00Z',
          '1999-12-31T23:59:59Z',
          '2026-11-22T08:05:00Z',
        ]) {
          sheet.addRow([new Date(day)]).getCell(1).numFmt = 'yyyy-mm-dd hh:mm:ss'
        }
      })
      expect(values(await allRows(file))).toEqual([
        { d: '2024-02-29' },
        { d: '1999-12-31 23:59:59' },
        { d: '2026-11-22 08:05:00' },
      ])
    },
  )

  test('a time of day without a date is a time', async () => {
    const file = await workbook((sheet) => {
      sheet.addRow(['t'])
      const cell = sheet.addRow([0.5]).getCell(1)
      cell.numFmt = 'hh:mm:ss'
    })
    expect(values(await allRows(file))).toEqual([{ t: '12:00:00' }])
  })

  test('formulas give their kept values, errors of formulas a fault, booleans true and false', async () => {
    const file = await workbook((sheet) => {
      sheet.addRow(['a', 'b', 'c'])
      sheet.addRow([{ formula: '1+1', result: 2 }, { formula: '"x"', result: '文' }, true])
      sheet.addRow(['ok', { error: '#N/A' }, false])
      sheet.addRow([{ richText: [{ text: '张' }, { text: '三' }] }, null, null])
    })
    expect(await allRows(file)).toEqual([
      { line: 2, row: { a: '2', b: '文', c: 'true' } },
      { line: 3, fault: 'type', raw: '{"a":"ok","b":"#N/A","c":"false"}' },
      { line: 4, row: { a: '张三', b: null, c: null } },
    ])
  })
})

describe('sheets', () => {
  test('the header is the first row with anything in it, empty rows are left out', async () => {
    const file = await workbook((sheet) => {
      sheet.getCell('B3').value = '姓名'
      sheet.getCell('C3').value = ' 年龄 '
      sheet.getCell('B5').value = '李四'
      sheet.getCell('C7').value = 7
    })
    expect(await allRows(file)).toEqual([
      { line: 5, row: { 姓名: '李四', 年龄: null } },
      { line: 7, row: { 姓名: null, 年龄: '7' } },
    ])
  })

  test('a sheet is found by its name, and one that is not there is refused', async () => {
    const file = await workbook((sheet, book) => {
      sheet.addRow(['a'])
      sheet.addRow([1])
      const other = book.addWorksheet('二')
      other.addRow(['b'])
      other.addRow([2])
    })
    expect(values(await allRows(file, { sheet: '二' }))).toEqual([{ b: '2' }])
    await expect(allRows(file, { sheet: '三' })).rejects.toThrow('三')
  })

  test.each([
    [
      'a merged header',
      (sheet) => {
        sheet.addRow(['甲', '', '乙'])
        sheet.mergeCells('A1:B1')
      },
      'B 列',
    ],
    [
      'a title above the header',
      (sheet) => {
        sheet.addRow(['统计表'])
        sheet.addRow(['a', 'b'])
      },
      'B 列',
    ],
    [
      'a column that is there twice',
      (sheet) => {
        sheet.addRow(['a', 'b', 'a'])
      },
      '“a”',
    ],
    [
      'a cell beside the columns',
      (sheet) => {
        sheet.addRow(['a'])
        sheet.addRow([1, 2])
      },
      'B 列',
    ],
    ['nothing at all', () => undefined, '没有表头'],
  ] as [string, Fill, string][])('%s is refused, naming the column', async (_, fill, told) => {
    await expect(allRows(await workbook(fill))).rejects.toThrow(told)
    await expect(allRows(await workbook(fill))).rejects.toMatchObject({ code: 'request-invalid' })
  })

  test('a column named __proto__ is a column', async () => {
    const file = await workbook((sheet) => {
      sheet.addRow(['__proto__'])
      sheet.addRow(['x'])
    })
    const [row] = values(await allRows(file))
    expect(Object.entries(row ?? {})).toEqual([['__proto__', 'x']])
  })
})

describe('files', () => {
  test('one that is cut off, is no xlsx or is empty is refused and gives no rows', async () => {
    const file = await writeXlsx({ sheets: [{ name: 'a', rows: [['a'], [1]] }] })
    const damaged = Buffer.from(file)
    damaged.fill(7, 40, 200)
    for (const bad of [
      file.subarray(0, 300),
      Buffer.from('a,b\n1,2\n'),
      Buffer.alloc(0),
      damaged,
    ]) {
      await expect(allRows(bad)).rejects.toMatchObject({ code: 'request-invalid' })
    }
  })

  test('what the store says when it breaks off passes as it is', async () => {
    const file = Buffer.from(await writeXlsx({ sheets: [{ name: 'a', rows: [['a'], [1]] }] }))
    let reads = 0
    const source: StoredBytes = {
      size: file.length,
      async *stream(from, to) {
        if (reads++ > 4) throw new Error('line is down')
        yield file.subarray(from, to)
      },
    }
    await expect(allRows(source)).rejects.toThrow('line is down')
  })

  test('one that declares more text than may be held is refused before it is unpacked', async () => {
    const file = Buffer.from(await workbook((sheet) => sheet.addRow(['a'])))
    const name = file.lastIndexOf('xl/styles.xml')
    file.writeUInt32LE(0x20000000, name - 46 + 24)
    await expect(allRows(file)).rejects.toMatchObject({ code: 'payload-too-large' })
  })

  test('an old .xls is read in the same way', async () => {
    const file = legacyWorkbook('Sheet1', [
      ['身份证', '数', '日期', '错', '真'],
      ['430102199001011234', 12.5, { serial: 45_351 }, null, true],
      ['x', 0.1, { serial: 45_351.5 }, { error: 42 }, false],
    ])
    expect(await allRows(file, { format: 'xls' })).toEqual([
      {
        line: 2,
        row: { 身份证: '430102199001011234', 数: '12.5', 日期: '2024-02-29', 错: null, 真: 'true' },
      },
      {
        line: 3,
        fault: 'type',
        raw: '{"身份证":"x","数":"0.1","日期":"2024-02-29 12:00:00","错":"#N/A","真":"false"}',
      },
    ])
    await expect(allRows(Buffer.alloc(5000, 1), { format: 'xls' })).rejects.toMatchObject({
      code: 'request-invalid',
    })
  })

  test('a large sheet is read without holding it, however slow its reader is', async () => {
    const rowCount = 60_000
    const stream = writeXlsxStream(
      (function* () {
        yield ['a', 'b', 'c', 'd']
        for (let at = 0; at < rowCount; at++) yield [`行${at}`, at, at / 4, 'x'.repeat(40)]
      })(),
      { name: '大' },
    )
    const file = Buffer.from(await new Response(stream).arrayBuffer())
    let handedOut = 0
    const source: StoredBytes = {
      size: file.length,
      async *stream(from, to) {
        for (let at = from; at < to; at += 16_384) {
          const chunk = file.subarray(at, Math.min(to, at + 16_384))
          handedOut += chunk.length
          yield chunk
        }
      },
    }
    const rows = workbookRows(source, { format: 'xlsx' })
    const iterator = rows[Symbol.asyncIterator]()
    const first = await iterator.next()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(first.value?.[0]).toEqual({
      line: 2,
      row: { a: '行0', b: '0', c: '0', d: 'x'.repeat(40) },
    })
    expect(handedOut).toBeLessThan(file.length / 2)
    let count = first.value?.length ?? 0
    for await (const block of { [Symbol.asyncIterator]: () => iterator }) count += block.length
    expect(count).toBe(rowCount)
  })
})
