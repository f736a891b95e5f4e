import { describe, expect, test } from 'vitest'
import { rawBytesMax } from '../../../src/exchange/decode/limits.ts'
import { decode, json, ndjson } from './support.ts'

describe('an NDJSON body', () => {
  test('says of each line what it cannot be read for, and reads the others', async () => {
    const body = Buffer.concat([
      Buffer.from('{"a":1}\r\n\n[1]\n"x"\nnull\n{"a":1}{"b":2}\n{"b":"'),
      Buffer.from([0xd0, 0xd5]),
      Buffer.from('"}\n{"a":\n{"a":2}'),
    ])
    const { rows } = await decode(body, ndjson)
    expect(rows).toEqual([
      { line: 1, row: { a: 1 } },
      { line: 3, fault: 'not-json', raw: '[1]' },
      { line: 4, fault: 'not-json', raw: '"x"' },
      { line: 5, fault: 'not-json', raw: 'null' },
      { line: 6, fault: 'not-json', raw: '{"a":1}{"b":2}' },
      { line: 7, fault: 'encoding', raw: '{"b":"\uFFFD\uFFFD"}' },
      { line: 8, fault: 'not-json', raw: '{"a":' },
      { line: 9, row: { a: 2 } },
    ])
  })

  test('keeps the digits of numbers that a double would change, and only of those', async () => {
    const body =
      '{"money":1000000000000000.01,"minus":-90071992547409931,"plain":1234567.89,"id":"430182199001011234"}\n' +
      '{"nested":[{"x":0.30000000000000001}],"text":"at 12345678901234567","long":10000000000000000}\n' +
      '{"zero":0.0000000000000001,"small":12.500000000000000}\n'
    const { rows } = await decode(body, ndjson)
    expect(rows.map(({ row }) => row)).toEqual([
      {
        money: '1000000000000000.01',
        minus: '-90071992547409931',
        plain: 1234567.89,
        id: '430182199001011234',
      },
      {
        nested: [{ x: '0.30000000000000001' }],
        text: 'at 12345678901234567',
        long: '10000000000000000',
      },
      { zero: 1e-16, small: '12.500000000000000' },
    ])
  })

  test('finds a long number wherever it begins in the line', async () => {
    for (let pad = 0; pad < 40; pad++) {
      const { rows } = await decode(`{"${'k'.repeat(pad)}":9007199254740993}`, ndjson)
      expect(Object.values(rows[0]?.row ?? {})).toEqual(['9007199254740993'])
    }
  })

  test('cannot reach a prototype by the name of a key', async () => {
    const body =
      '{"__proto__":{"isAdmin":true},"a":1}\n{"constructor":{"prototype":{"isAdmin":true}}}\n' +
      '{"__proto__":{"isAdmin":true},"n":12345678901234567890}\n'
    const { rows } = await decode(body, ndjson)
    for (const { row } of rows) expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
    expect('isAdmin' in {}).toBe(false)
    expect(rows[0]?.row && 'isAdmin' in rows[0].row).toBe(false)
  })

  test('refuses nesting beyond the limit, but not brackets in text', async () => {
    const nest = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    const body = `${nest(16)}\n${nest(17)}\n{"a":"\\"${'['.repeat(50)}"}\n{"a":${'['.repeat(100_000)}\n`
    const { rows } = await decode(body, ndjson)
    expect(rows.map(({ fault }) => fault)).toEqual([
      undefined,
      'row-too-deep',
      undefined,
      'row-too-deep',
    ])
  })

  test('gives at most 64 KiB of a faulty line', async () => {
    const { rows } = await decode(`${'长'.repeat(200_000)}\n${'[王'.repeat(100_000)}x\n`, {
      ...ndjson,
      limits: { rowBytesMax: 500_000 },
    })
    expect(rows.map(({ fault }) => fault)).toEqual(['row-too-large', 'row-too-deep'])
    for (const row of rows) {
      const raw = row.fault && row.raw
      expect(Buffer.byteLength(raw ?? '')).toBeLessThanOrEqual(rawBytesMax)
      expect(raw?.length).toBeGreaterThan(20_000)
      expect(raw).not.toContain('\uFFFD')
    }
  })

  test('is empty when there is nothing in it', async () => {
    expect(await decode('', ndjson)).toMatchObject({ rows: [], endBytes: [], refusal: undefined })
    expect((await decode('\uFEFF\n \r\n', ndjson)).rows).toEqual([])
  })

  test('is refused in another encoding than UTF-8', async () => {
    const utf16 = await decode(Buffer.from('\uFEFF{"a":1}\n', 'utf16le'), ndjson)
    expect(utf16.refusal?.message).toContain('UTF-8')
    await expect(decode('{}', { ...ndjson, charset: 'gbk' })).rejects.toMatchObject({
      code: 'media-type-unsupported',
    })
  })

  test('closes a block at the row limit and at the byte limit', async () => {
    const body = '{"a":1}\n'.repeat(10)
    const byRows = await decode(body, { ...ndjson, limits: { blockRowsMax: 4 } })
    expect(byRows.endBytes).toEqual([32, 64, 80])
    const byBytes = await decode(body, { ...ndjson, limits: { blockBytesMax: 20 } })
    expect(byBytes.endBytes).toEqual([24, 48, 72, 80])
  })
})

describe('a JSON array', () => {
  test('numbers its elements from 1 and judges each by itself', async () => {
    const { rows, refusal } = await decode('[{"a":1}, 5, [{}], {"b":1]}, ,{"c":"],"}\n]\n', json)
    expect(refusal).toBeUndefined()
    expect(rows).toEqual([
      { line: 1, row: { a: 1 } },
      { line: 2, fault: 'not-json', raw: '5' },
      { line: 3, fault: 'not-json', raw: '[{}]' },
      { line: 4, fault: 'not-json', raw: '{"b":1]}' },
      { line: 5, fault: 'not-json', raw: '' },
      { line: 6, row: { c: '],' } },
    ])
  })

  test('ends right behind its last element', async () => {
    const decoded = await decode(' [ {"a":1} , {"a":2} ] ', {
      ...json,
      limits: { blockRowsMax: 1 },
    })
    expect(decoded.endBytes).toEqual([11, 21])
  })

  test('is empty as []', async () => {
    expect(await decode(' [ ] ', json)).toMatchObject({ rows: [], refusal: undefined })
  })

  test.each([
    ['', 0, '['],
    ['{"a":1}', 0, '['],
    ['[{"a":1},{"a":2}', 1, '没有结束'],
    ['[{"a":1},{"a":', 1, '没有结束'],
    ['[{"a":1},"unclosed}]', 1, '没有结束'],
    ['[{"a":1}] x', 1, '其他内容'],
    ['[{"a":1}][]', 1, '其他内容'],
    ['[', 0, '没有结束'],
  ])('that is broken (%s) gives its %i rows, then the refusal', async (body, count, words) => {
    const { rows, refusal } = await decode(body, json)
    expect(rows).toHaveLength(count)
    expect(refusal?.code).toBe('request-invalid')
    expect(refusal?.message).toContain(words)
  })

  test('passes an element that is too large and reads on', async () => {
    const body = `[{"a":1},{"b":"${'],\\"'.repeat(100_000)}"},{"c":1}]`
    const { rows } = await decode(body, { ...json, limits: { rowBytesMax: 1000 } })
    expect(rows.map(({ line, fault }) => [line, fault])).toEqual([
      [1, undefined],
      [2, 'row-too-large'],
      [3, undefined],
    ])
  })
})
