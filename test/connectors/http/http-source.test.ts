import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import type { ProbeStage, Source } from '../../../src/connectors/contract.ts'
import { http } from '../../../src/connectors/http/connector.ts'
import { before, isNewer } from '../../../src/connectors/http/cursor-values.ts'
import {
  type Answering,
  sendJson,
  startHttpServer,
  type TestServer,
} from '../../support/servers/http.ts'
import { blocksOf, cellsOf, positionOf, rowsOf } from '../file/folder.ts'

let server: TestServer
let answering: Answering
const sources: Source[] = []

beforeEach(async () => {
  server = await startHttpServer((asked, response) => answering(asked, response))
})
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close()
  await server.close()
})
const open = (settings: Partial<HttpSettings> = {}): Source => {
  const source = http.openSource?.(
    { url: `${server.url}/rows`, retry: { attempts: 1 }, ...settings },
    { filesDirs: [] },
  )
  if (source === undefined) throw new Error('no source')
  sources.push(source)
  return source
}
const ids = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => ({ id: from + at }))
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

describe('pages', () => {
  test('a body without pages gives its rows once, faulty items as faults, digits exact', async () => {
    answering = (_, response) =>
      sendJson(
        response,
        '{"data":{"a/b":[{"n":1234567890123456789012.34,"m":0.1,"s":"甲"},5,["x"],{"n":9007199254740993}]}}',
      )
    const rows = rowsOf(await blocksOf(open({ items: '/data/a~1b' })))
    expect(rows).toEqual([
      { line: 1, row: { n: '1234567890123456789012.34', m: 0.1, s: '甲' } },
      { line: 2, fault: 'not-json', raw: '5' },
      { line: 3, fault: 'not-json', raw: '["x"]' },
      { line: 4, row: { n: '9007199254740993' } },
    ])
  })

  test('page numbers and offsets are counted until a page is empty, short pages in between lose nothing', async () => {
    const all = ids(25)
    answering = ({ query }, response) => {
      const from = query.has('page')
        ? (Number(query.get('page')) - 1) * 4
        : Number(query.get('skip'))
      sendJson(response, { items: all.slice(from, from + 4) })
    }
    const page = open({
      items: '/items',
      paging: { kind: 'page', parameter: 'page', sizeParameter: 'size', size: 10 },
    })
    expect(cellsOf(await blocksOf(page), 'id')).toEqual(numbers(25))
    expect(server.asked[0]?.query.get('size')).toBe('10')
    const offset = open({
      items: '/items',
      paging: { kind: 'offset', parameter: 'skip', limit: 10 },
    })
    expect(cellsOf(await blocksOf(offset), 'id')).toEqual(numbers(25))
  })

  test('a total ends the read without another call, and fewer rows than it says are no end', async () => {
    answering = ({ query }, response) =>
      sendJson(response, {
        total: 6,
        items: ids(9).slice(Number(query.get('o')), Number(query.get('o')) + 3),
      })
    const settings = {
      items: '/items',
      total: '/total',
      paging: { kind: 'offset', parameter: 'o', limit: 3 },
    } as const
    const source = open(settings)
    expect(
      await source.count({ cursor: null, after: null, upTo: null, overlap: 0, range: null }),
    ).toBe(6)
    server.asked.length = 0
    expect(cellsOf(await blocksOf(source), 'id')).toEqual(numbers(6))
    expect(server.asked).toHaveLength(2)
    answering = ({ query }, response) =>
      sendJson(response, { total: 6, items: query.get('o') === '0' ? ids(3) : [] })
    await expect(blocksOf(open(settings))).rejects.toMatchObject({ code: 'source-unreachable' })
  })

  test('cursors and links are followed; parameters of a POST go into its body', async () => {
    answering = ({ body }, response) => {
      const { after = 0 } = JSON.parse(body)
      const from = Number(after)
      sendJson(response, { rows: ids(2, from), next: from < 4 ? from + 2 : null })
    }
    const cursor = open({
      method: 'POST',
      body: { table: 't' },
      items: '/rows',
      paging: { kind: 'cursor', parameter: 'after', next: '/next' },
    })
    expect(cellsOf(await blocksOf(cursor), 'id')).toEqual(numbers(6))
    expect(JSON.parse(server.asked[1]?.body ?? '')).toEqual({ table: 't', after: '2' })
    answering = ({ query }, response) => {
      const at = Number(query.get('p') ?? 0)
      const link =
        at < 2
          ? `<rows?x=",">; rel="first", <rows?p=${at + 1}>; title="a, b"; rel="last next"`
          : '<x>; rel=prev'
      sendJson(response, ids(2, at * 2), { headers: { link } })
    }
    expect(cellsOf(await blocksOf(open({ paging: { kind: 'link' } })), 'id')).toEqual(numbers(6))
  })

  test.each([
    [
      { kind: 'cursor', parameter: 'c', next: '/next' },
      { items: [{ id: 1 }], next: 'same' },
    ],
    [
      { kind: 'link', next: '/next' },
      { items: [{ id: 1 }], next: '/rows?again=1' },
    ],
    [{ kind: 'page', parameter: 'p', size: 1 }, { items: [{ id: 1 }] }],
  ] as const)('a server that gives the same page for ever is refused: %j', async (paging, body) => {
    answering = (_, response) => sendJson(response, body)
    await expect(blocksOf(open({ items: '/items', paging }))).rejects.toMatchObject({
      code: 'state-conflict',
    })
    expect(server.asked.length).toBeLessThan(5)
  })

  test('a server that repeats its short last page has ended', async () => {
    answering = ({ query }, response) =>
      sendJson(response, query.get('p') === '1' ? ids(3) : ids(1, 3))
    const source = open({ paging: { kind: 'page', parameter: 'p', size: 3 } })
    expect(cellsOf(await blocksOf(source), 'id')).toEqual(numbers(4))
  })
})

describe('answers that are none', () => {
  test.each([
    ['<html>sign in</html>', 200, 'source-unreachable'],
    ['{"items":{}}', 200, 'state-conflict'],
    ['{"code":500,"message":"x"}', 200, 'state-conflict'],
    ['{"items":[]', 200, 'source-unreachable'],
    ['{"items":[]}', 500, 'source-unreachable'],
    ['{"items":[]}', 503, 'source-unreachable'],
    ['{"items":[]}', 403, 'request-invalid'],
    ['', 204, 'source-unreachable'],
  ])('%s with %i is %s, never an empty source', async (body, status, code) => {
    answering = (_, response) => sendJson(response, body, { status })
    await expect(blocksOf(open({ items: '/items' }))).rejects.toMatchObject({ code })
  })

  test('a fault on a later page ends the read, the rows before it stay with their position', async () => {
    answering = ({ query }, response) =>
      query.get('c') === null
        ? sendJson(response, { items: ids(3), next: 'x' })
        : sendJson(response, 'gateway', { status: 502 })
    const source = open({
      items: '/items',
      paging: { kind: 'cursor', parameter: 'c', next: '/next' },
    })
    await expect(blocksOf(source)).rejects.toMatchObject({ code: 'source-unreachable' })
  })

  test('rows too deep or too large are faults', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`)
    answering = (_, response) => sendJson(response, [deep, { id: 1 }, { x: 'y'.repeat(1_100_000) }])
    const rows = rowsOf(await blocksOf(open()))
    expect(rows.map(({ fault }) => fault)).toEqual(['row-too-deep', undefined, 'row-too-large'])
  })
})

describe('what is new', () => {
  const at = (minute: number) => `2026-11-22 08:${String(minute).padStart(2, '0')}:00`
  const settings = {
    since: 'from',
    items: '/items',
    paging: { kind: 'cursor', parameter: 'c', next: '/next' },
  } as const
  const cursor = ['at'] as const

  test('the next read asks with the newest value, however the rows are sorted, less the overlap', async () => {
    answering = (_, response) =>
      sendJson(response, { items: [1, 9, 5].map((minute) => ({ at: at(minute) })) })
    const source = open(settings)
    const [block] = await blocksOf(source, { cursor })
    expect(server.asked[0]?.query.get('from')).toBeNull()
    const after = positionOf(block)
    expect(source.inWords(after)).toBe(at(9))
    await blocksOf(source, { cursor, after, overlap: 0 })
    await blocksOf(source, { cursor, after, overlap: 600 })
    expect(server.asked.slice(1).map(({ query }) => query.get('from'))).toEqual([
      at(9),
      '2026-11-22 07:59:00',
    ])
  })

  test('a read without new rows leaves the position where it is', async () => {
    answering = (_, response) => sendJson(response, { items: [{ at: at(3) }] })
    const source = open(settings)
    const after = positionOf((await blocksOf(source, { cursor }))[0])
    answering = (_, response) => sendJson(response, { items: [{ at: at(1) }] })
    const later = positionOf((await blocksOf(source, { cursor, after, overlap: 600 }))[0])
    expect(later.newest).toBe(at(3))
  })

  test('a read that broke off goes on at its row, and each row comes once', async () => {
    const pages = [ids(1500), ids(1500, 1500), ids(10, 3000)]
    answering = ({ query }, response) => {
      const page = Number(query.get('c') ?? 0)
      sendJson(response, { items: pages[page], next: page < 2 ? page + 1 : null })
    }
    const source = open(settings)
    const blocks = await blocksOf(source)
    expect(cellsOf(blocks, 'id')).toEqual(numbers(3010))
    for (const [block, count] of [
      [0, 1],
      [1, 500],
      [2, 7],
      [4, 9],
    ] as const) {
      const read = blocks.slice(0, block).flatMap(({ rows }) => [...rows]).length + count
      const rest = await blocksOf(source, { after: positionOf(blocks[block], count) })
      expect(cellsOf(rest, 'id')).toEqual(numbers(3010).slice(read))
    }
    expect(await blocksOf(source, { after: positionOf(blocks.at(-1)) })).toEqual([])
  })

  test('marks that have died make the read begin anew', async () => {
    answering = ({ query }, response) =>
      query.get('c') === null
        ? sendJson(response, { items: ids(2), next: null })
        : sendJson(response, {}, { status: 410 })
    const after = { since: null, newest: null, token: 'old', index: 1, isWithin: true }
    expect(cellsOf(await blocksOf(open(settings), { after }), 'id')).toEqual([0, 1])
  })

  test('where pages are counted a position within the read is none', async () => {
    answering = ({ query }, response) =>
      sendJson(response, query.get('p') === '1' ? [{ at: at(2) }, { at: at(4) }] : [])
    const source = open({ since: 'from', paging: { kind: 'page', parameter: 'p', size: 2 } })
    const [block] = await blocksOf(source, { cursor })
    expect(positionOf(block, 1)).toBeNull()
    expect(positionOf(block)).toMatchObject({ newest: at(4), isWithin: false })
  })

  test('a range asks from its beginning and drops what lies behind its end', async () => {
    answering = (_, response) =>
      sendJson(response, { items: numbers(6).map((minute) => ({ at: at(minute) })) })
    const blocks = await blocksOf(open(settings), { cursor, range: { from: at(2), to: at(4) } })
    expect(cellsOf(blocks, 'at')).toEqual([at(2), at(3)])
    expect(server.asked[0]?.query.get('from')).toBe(at(2))
  })

  test('without the parameter that takes the value an incremental read is refused', async () => {
    await expect(blocksOf(open({}), { cursor })).rejects.toMatchObject({ code: 'request-invalid' })
  })

  test('values are compared as numbers where they are numbers, and times keep their form', () => {
    expect(isNewer('10', '9')).toBe(true)
    expect(isNewer('9007199254740993', '9007199254740992')).toBe(true)
    expect(isNewer('1.10', '1.1')).toBe(false)
    expect(isNewer('2026-01-01T00:00:00Z', null)).toBe(true)
    expect(before('2026-01-01T00:00:00.123456+08:00', 1)).toBe('2025-12-31T23:59:59+08:00')
    expect(before('12345678901234567890', 5)).toBe('12345678901234567885')
    expect(before('v7', 5)).toBe('v7')
  })
})

describe('probing', () => {
  const probe = async (more: Partial<HttpSettings> = {}): Promise<ProbeStage[]> => {
    const stages = []
    const settings = { url: `${server.url}/rows`, ...more }
    for await (const stage of http.probe(settings, { filesDirs: [] })) stages.push(stage)
    return stages
  }

  test('tells all stages, the columns, and no values', async () => {
    answering = (_, response) => sendJson(response, { items: [{ 姓名: '张三丰', n: 1 }], total: 1 })
    const stages = await probe({ items: '/items', total: '/total' })
    expect(stages.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
    expect(stages[4]?.columns?.map(({ name, type }) => [name, type])).toEqual([
      ['姓名', 'text'],
      ['n', 'decimal'],
    ])
    expect(JSON.stringify(stages)).not.toContain('张三丰')
  })

  test('stops at the stage that fails', async () => {
    answering = (_, response) => sendJson(response, {}, { status: 401 })
    expect((await probe()).at(-1)).toMatchObject({ stage: 'sign-in', ok: false })
    answering = (_, response) => sendJson(response, {}, { status: 403 })
    expect((await probe()).at(-1)).toMatchObject({ stage: 'privilege', ok: false })
    answering = (_, response) => sendJson(response, {})
    expect((await probe()).at(-1)).toMatchObject({ stage: 'sample', ok: false })
    expect((await probe({ url: 'http://nowhere.invalid/x' })).at(-1)).toMatchObject({
      stage: 'resolve',
      ok: false,
    })
    await server.close()
    expect((await probe()).at(-1)).toMatchObject({ stage: 'connect', ok: false })
  })
})
