import { appendFile, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { writeXlsx } from 'hucre/xlsx'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FileSettings } from '../../../schemas/api/connectors.ts'
import type { Source, UnitReceipt } from '../../../src/connectors/contract.ts'
import { file } from '../../../src/connectors/file/connector.ts'
import { bindConnector } from '../../../src/connectors/index.ts'
import { rowMessage } from '../../../schemas/api/row-codes.ts'
import {
  blocksOf,
  cellsOf,
  openFolder,
  positionOf,
  receiptOf,
  rowsOf,
  type TestFolder,
} from './folder.ts'

let folder: TestFolder
let others: TestFolder

beforeEach(async () => {
  folder = await openFolder()
  others = await openFolder()
})
afterEach(async () => {
  await folder.remove()
  await others.remove()
})

const open = (settings: Partial<FileSettings>, filesDirs = [folder.dir]): Source => {
  if (file.openSource === undefined) throw new Error('no source')
  return file.openSource({ format: 'csv', ...settings }, { filesDirs })
}
const csv = (count: number, from = 0): string =>
  `id,name\n${Array.from({ length: count }, (_, at) => `${from + at},名${from + at}\n`).join('')}`
/** Lets a file grow for as long as it is looked at, from the first moment on; answers the ids that came in. */
async function growWhile(name: string, looking: Promise<unknown>): Promise<string[]> {
  const state = { isLooking: true }
  const end = (): void => {
    state.isLooking = false
  }
  looking.then(end, end)
  const added: string[] = []
  while (state.isLooking) {
    const id = `${added.length + 100}`
    await appendFile(join(folder.dir, name), `${id},x\n`)
    added.push(id)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return added
}
const refusal = (code: string, told = '') => ({ code, message: expect.stringContaining(told) })

describe('where files may lie', () => {
  test('without an open folder nothing may be read, and the setting that opens one is named', async () => {
    await expect(blocksOf(open({ path: 'a.csv' }, []))).rejects.toMatchObject(
      refusal('request-invalid', 'SHUQIAO_FILES_DIR'),
    )
  })

  test.each(['../other/a.csv', '/etc/passwd', 'in/../../x.csv', 'link/a.csv', 'linked.csv'])(
    'a path that leads out is refused: %s',
    async (path) => {
      await others.put('a.csv', csv(1))
      await folder.put('in/b.csv', csv(1))
      await symlink(others.dir, join(folder.dir, 'link'))
      await symlink(join(others.dir, 'a.csv'), join(folder.dir, 'linked.csv'))
      await expect(blocksOf(open({ path }))).rejects.toMatchObject(refusal('request-invalid'))
    },
  )

  test.each(['../*/a.csv', '*/../../*.csv', '/*/*.csv', 'link/*.csv', '*.csv'])(
    'a pattern that leads out is refused: %s',
    async (glob) => {
      await others.put('a.csv', csv(1))
      await symlink(others.dir, join(folder.dir, 'link'))
      await symlink(join(others.dir, 'a.csv'), join(folder.dir, 'linked.csv'))
      await expect(blocksOf(open({ glob }))).rejects.toMatchObject(refusal('request-invalid'))
    },
  )

  test('a folder whose name begins like an open one is another folder', async () => {
    const path = `${folder.dir}-beside/a.csv`
    await expect(blocksOf(open({ path }))).rejects.toMatchObject(refusal('request-invalid'))
  })

  test('an archive outside is refused before anything is taken', async () => {
    await folder.put('a.csv', csv(1))
    await expect(blocksOf(open({ glob: '*.csv', archive: others.dir }))).rejects.toMatchObject(
      refusal('request-invalid'),
    )
  })
})

describe('a single file', () => {
  test('is one unit, its last block ends it, and faulty rows are faults in their place', async () => {
    await folder.put('a.csv', 'id,name\n1,甲\n2,乙,多\n3,丙\n')
    const blocks = await blocksOf(open({ path: 'a.csv' }))
    expect(rowsOf(blocks)).toEqual([
      { line: 2, row: { id: '1', name: '甲' } },
      { line: 3, fault: 'not-csv', raw: '2,乙,多' },
      { line: 4, row: { id: '3', name: '丙' } },
    ])
    expect(blocks.map(({ isUnitEnd }) => isUnitEnd)).toEqual([true])
    expect(blocks[0]?.unit).toContain('a.csv')
  })

  test('GB18030, gzip, zstd, NDJSON, JSON and xlsx give the same row', async () => {
    const gb18030 = Buffer.from([0x69, 0x64, 0x0a, 0xbc, 0xd7, 0x0a])
    const xlsx = await writeXlsx({ sheets: [{ name: 's', rows: [['id'], ['甲']] }] })
    const files: [string, Uint8Array | string, FileSettings['format']][] = [
      ['a.csv', gb18030, 'csv'],
      ['a.csv.gz', gzipSync('id\n甲\n'), 'csv'],
      ['a.csv.zst', zstdCompressSync('id\n甲\n'), 'csv'],
      ['a.ndjson', '{"id":"甲"}\n', 'ndjson'],
      ['a.json', '[{"id":"甲"}]', 'json'],
      ['a.xlsx', xlsx, 'xlsx'],
    ]
    for (const [path, content, format] of files) {
      await folder.put(path, content)
      expect([path, cellsOf(await blocksOf(open({ path, format })), 'id')]).toEqual([path, ['甲']])
    }
  })

  test('that is not there is unreachable, never an empty source', async () => {
    await expect(blocksOf(open({ path: 'a.csv' }))).rejects.toMatchObject(
      refusal('source-unreachable', 'a.csv'),
    )
    await expect(blocksOf(open({ glob: 'in/*.csv' }))).rejects.toMatchObject(
      refusal('source-unreachable'),
    )
  })

  test('is gone on with after any row, and gives every row once', async () => {
    await folder.put('a.csv', csv(1200))
    const source = open({ path: 'a.csv' })
    const blocks = await blocksOf(source)
    expect(blocks.length).toBeGreaterThan(3)
    const all = cellsOf(blocks, 'id')
    for (const [at, count] of [
      [0, 1],
      [0, 250],
      [1, 249],
      [2, 0],
      [4, 199],
    ] as const) {
      const after = positionOf(blocks[at], count)
      const before = blocks.slice(0, at).flatMap((block) => [...block.rows]).length + count
      expect(cellsOf(await blocksOf(source, { after }), 'id')).toEqual(all.slice(before))
    }
    expect(source.inWords(positionOf(blocks[0], 7))).toContain('a.csv 第 7 行')
    expect(await blocksOf(source, { after: positionOf(blocks.at(-1)) })).toEqual([])
  })

  test('whose last rows had landed before its end was told still ends its unit', async () => {
    await folder.put('a.csv', csv(3))
    const source = open({ path: 'a.csv' })
    const [block] = await blocksOf(source)
    const nearly = { ...positionOf(block), isWhole: false, taken: [] }
    const again = await blocksOf(source, { after: nearly })
    expect(again.map(({ rows, isUnitEnd }) => [rows.length, isUnitEnd])).toEqual([[0, true]])
    expect(positionOf(again[0])).toEqual(positionOf(block))
  })

  test('that is another one by now is read from its beginning', async () => {
    await folder.put('a.csv', csv(600))
    const source = open({ path: 'a.csv' })
    const after = positionOf((await blocksOf(source))[0])
    await folder.put('a.csv', csv(600), 50)
    expect(cellsOf(await blocksOf(source, { after }), 'id')).toHaveLength(600)
    // Same size and time, other content: only the digest tells.
    await folder.put('a.csv', csv(600))
    const [restored] = await blocksOf(source)
    const current = positionOf(restored, 250)
    const forged = {
      ...after,
      digest: 'x'.repeat(22),
      size: current.size,
      modifiedAtMs: current.modifiedAtMs,
    }
    expect(cellsOf(await blocksOf(source, { after: forged }), 'id')).toHaveLength(600)
    expect(cellsOf(await blocksOf(source, { after: current }), 'id')).toHaveLength(350)
  })

  test('that changes while it is read is refused, its last block not given', async () => {
    await folder.put('a.csv', csv(600))
    const rows: unknown[] = []
    const reading = async () => {
      for await (const block of open({ path: 'a.csv' }).read({
        cursor: null,
        after: null,
        upTo: null,
        overlap: 0,
        range: null,
      })) {
        rows.push(...block.rows)
        expect(block.isUnitEnd).toBe(false)
        await appendFile(join(folder.dir, 'a.csv'), '9999,late\n')
      }
    }
    await expect(reading()).rejects.toMatchObject(refusal('source-unreachable', 'a.csv'))
    expect(rows.length).toBeLessThan(600)
  })

  test('that is still being written is tried again later', async () => {
    await folder.put('a.csv', csv(1), 0)
    await expect(blocksOf(open({ path: 'a.csv', marker: '.ok' }))).rejects.toMatchObject(
      refusal('source-unreachable', '尚未写完'),
    )
    const growing = blocksOf(open({ path: 'a.csv', settleSeconds: 2 }))
    const told = expect(growing).rejects.toMatchObject(refusal('source-unreachable'))
    await growWhile('a.csv', growing)
    await told
  })

  test('a broken compression gives no rows for whole', async () => {
    await folder.put('a.csv.gz', gzipSync(csv(2000)).subarray(0, -20))
    await expect(blocksOf(open({ path: 'a.csv.gz' }))).rejects.toMatchObject(
      refusal('request-invalid'),
    )
  })

  test('a range to fill in is refused, since it would be ignored', async () => {
    await folder.put('a.csv', csv(1))
    await expect(blocksOf(open({ path: 'a.csv' }), { range: { from: '1' } })).rejects.toMatchObject(
      refusal('request-invalid'),
    )
  })
})

describe('a drop folder', () => {
  test('files come in name order, each a unit; temporary names, markers and the archive are none', async () => {
    await folder.put('in/b.csv', csv(1, 2))
    await folder.put('in/a.csv', csv(1, 1))
    for (const name of ['.a.csv', '~$a.csv', 'c.csv.tmp', 'd.csv.part', 'archive/old.csv']) {
      await folder.put(`in/${name}`, csv(1, 9))
    }
    await folder.put('in/empty.csv', 'id,name\n')
    const settings = { glob: 'in/**/*', archive: 'in/archive' }
    const blocks = await blocksOf(open(settings))
    expect(blocks.map(({ unit, isUnitEnd }) => [unit?.split(' ')[0], isUnitEnd])).toEqual([
      ['a.csv', true],
      ['b.csv', true],
      ['empty.csv', true],
    ])
    expect(cellsOf(blocks, 'id')).toEqual(['1', '2'])
  })

  test('with a marker only files beside which it lies are taken', async () => {
    await folder.put('a.csv', csv(1, 1), 0)
    await folder.put('b.csv', csv(1, 2), 0)
    await folder.put('c.csv.gz', gzipSync(csv(1, 3)), 0)
    for (const name of ['a.csv.ok', 'c.ok']) await folder.put(name, '')
    const blocks = await blocksOf(open({ glob: '*', marker: '.ok' }))
    expect(cellsOf(blocks, 'id')).toEqual(['1', '3'])
  })

  test('without a marker a file that is still growing is left for the next run', async () => {
    await folder.put('a.csv', csv(1, 1))
    await folder.put('b.csv', csv(1, 2), 0)
    const settings = { glob: '*.csv', settleSeconds: 2 }
    const reading = blocksOf(open(settings))
    const added = await growWhile('b.csv', reading)
    expect(cellsOf(await reading, 'id')).toEqual(['1'])
    expect(cellsOf(await blocksOf(open(settings)), 'id')).toEqual(['1', '2', ...added])
  })

  test('a file whose time lies ahead is watched, not waited for', async () => {
    await folder.put('a.csv', csv(1), -86_400)
    expect(cellsOf(await blocksOf(open({ glob: '*.csv', settleSeconds: 1 })), 'id')).toEqual(['0'])
  })

  test('taken files are not taken twice, however they were touched; new content is', async () => {
    await folder.put('a.csv', csv(2))
    await folder.put('b.csv', csv(1, 5))
    const source = open({ glob: '*.csv' })
    const after = positionOf((await blocksOf(source)).at(-1))
    expect(await blocksOf(source, { after })).toEqual([])
    await folder.put('a.csv', csv(2), 20)
    expect(await blocksOf(source, { after })).toEqual([])
    await folder.put('b.csv', csv(1, 6), 30)
    await folder.put('0.csv', csv(1, 7))
    const next = await blocksOf(source, { after })
    expect(cellsOf(next, 'id')).toEqual(['7', '6'])
    expect(await blocksOf(source, { after: positionOf(next.at(-1)) })).toEqual([])
  })

  test('a run that broke off within a file goes on there and takes the files behind it', async () => {
    await folder.put('a.csv', csv(300))
    await folder.put('b.csv', csv(600, 1000))
    await folder.put('c.csv', csv(1, 5000))
    const source = open({ glob: '*.csv' })
    const blocks = await blocksOf(source)
    const at = blocks.findIndex(({ unit }) => unit?.startsWith('b.csv'))
    const rest = await blocksOf(source, { after: positionOf(blocks[at], 100) })
    expect(cellsOf(rest, 'id')).toEqual(cellsOf(blocks, 'id').slice(400))
  })

  test('a file that was landed and not yet moved is not read again', async () => {
    await folder.put('a.csv', csv(1))
    const source = open({ glob: '*.csv', archive: 'archive' })
    const after = positionOf((await blocksOf(source)).at(-1))
    expect(await blocksOf(source, { after })).toEqual([])
    await folder.put('a.csv', csv(1), 10)
    expect(cellsOf(await blocksOf(source, { after }), 'id')).toEqual(['0'])
  })
})

describe('the archive', () => {
  const settings = { glob: 'in/*.csv', archive: 'archive', marker: '.ok' } as const
  const rejected = (
    rejects: { source: Record<string, unknown> | string }[],
  ): Partial<UnitReceipt> => ({
    readCount: 3,
    rejectedCount: rejects.length,
    rejects: (async function* () {
      for (const { source } of rejects) {
        yield { source, reasons: [{ field: 'name', code: 'type', message: rowMessage('type') }] }
      }
    })(),
  })
  const archived = async () =>
    (await folder.list()).map((name) => name.replace(/\d{4}-\d\d-\d\d/, 'DAY'))

  test('takes the file, its marker, its receipt and its rejected rows', async () => {
    await folder.put('in/a.csv', csv(3))
    await folder.put('in/a.csv.ok', '')
    const source = open(settings)
    const [block] = await blocksOf(source)
    await source.acknowledge?.(
      receiptOf(
        block?.unit ?? null,
        rejected([{ source: { id: '1', name: '=x' } }, { source: 'raw' }]),
      ),
    )
    expect(await archived()).toEqual([
      'archive/DAY/a.csv',
      'archive/DAY/a.csv.ok',
      'archive/DAY/a.csv.receipt.json',
      'archive/DAY/a.csv.rejects.csv',
    ])
    const names = await folder.list()
    const rejects = await readFile(join(folder.dir, names[3] ?? ''), 'utf8')
    expect(rejects.split('\r\n')[0]).toBe('\uFEFFid,name,error')
    expect(rejects.split('\r\n')[1]).toMatch(/^1,'=x,"name /)
    expect(rejects.split('\r\n')[2]).toMatch(/^,,.*\[raw\]"$/)
    const receipt = JSON.parse(await readFile(join(folder.dir, names[2] ?? ''), 'utf8'))
    expect(receipt).toMatchObject({ runId: 'run-1', readCount: 3, rejectedCount: 2 })
  })

  test('being told again changes nothing, also when it broke off half-way', async () => {
    await folder.put('in/a.csv', csv(3))
    await folder.put('in/a.csv.ok', '')
    const source = open(settings)
    const [block] = await blocksOf(source)
    const receipt = () => receiptOf(block?.unit ?? null, rejected([{ source: { id: '1' } }]))
    await source.acknowledge?.(receipt())
    const once = await folder.list()
    await source.acknowledge?.(receipt())
    expect(await folder.list()).toEqual(once)
    // The receipt is written, the file not yet moved.
    await folder.put('in/a.csv', csv(3))
    const again = (await folder.list()).find((name) => /archive.*a\.csv$/.test(name)) ?? ''
    await rm(join(folder.dir, again))
    await source.acknowledge?.(receiptOf(block?.unit ?? null, rejected([{ source: { id: '1' } }])))
    expect(await folder.list()).toEqual(once)
  })

  test('nothing is ever overwritten: a second file of the name stands beside the first', async () => {
    const source = open({ glob: 'in/*.csv', archive: 'archive' })
    for (const age of [100, 50]) {
      await folder.put('in/a.csv', csv(age), age)
      const [block] = await blocksOf(source)
      await source.acknowledge?.(receiptOf(block?.unit ?? null, { runId: `run-${age}` }))
    }
    expect(await archived()).toEqual([
      'archive/DAY/a-2.csv',
      'archive/DAY/a-2.csv.receipt.json',
      'archive/DAY/a.csv',
      'archive/DAY/a.csv.receipt.json',
    ])
  })

  test('a file that took the place of the taken one is left alone', async () => {
    await folder.put('in/a.csv', csv(3))
    const source = open({ glob: 'in/*.csv', archive: 'archive' })
    const [block] = await blocksOf(source)
    await folder.put('in/a.csv', csv(4), 10)
    await source.acknowledge?.(receiptOf(block?.unit ?? null))
    expect(await folder.list()).toEqual(['in/a.csv'])
  })

  test('of JSON rows no key gets lost in the rejects', async () => {
    await folder.put('in/a.ndjson', '{"id":1}\n')
    const source = open({ glob: 'in/*', format: 'ndjson', archive: 'archive' })
    const [block] = await blocksOf(source)
    const rows = Array.from({ length: 1001 }, (_, at) => ({
      source: at === 1000 ? { id: at, late: 'x' } : { id: at, a: { b: 1 } },
    }))
    await source.acknowledge?.(receiptOf(block?.unit ?? null, rejected(rows)))
    const name = (await folder.list()).find((one) => one.endsWith('rejects.csv')) ?? ''
    const lines = (await readFile(join(folder.dir, name), 'utf8')).trim().split('\r\n')
    expect(lines[0]).toBe('id,a,error')
    expect(lines[1]).toMatch(/^0,"{""b"":1}",/)
    expect(lines[1001]).toContain('""late"":""x""')
  })
})

describe('probing', () => {
  const probe = async (settings: Record<string, unknown>, filesDirs = [folder.dir]) => {
    const stages = []
    const bound = await bindConnector('file', settings)
    for await (const stage of bound.probe({ filesDirs })) stages.push(stage)
    return stages
  }

  test('tells stage by stage what works, with the columns and no values', async () => {
    await folder.put('in/a.csv', 'id,姓名\n1,张三丰\n')
    const stages = await probe({ glob: 'in/*.csv', format: 'csv', archive: 'archive' })
    expect(stages.map(({ stage, ok }) => [stage, ok])).toEqual([
      ['resolve', true],
      ['connect', true],
      ['sign-in', true],
      ['privilege', true],
      ['sample', true],
    ])
    expect(stages[4]?.columns?.map(({ name }) => name)).toEqual(['id', '姓名'])
    expect(JSON.stringify(stages)).not.toContain('张三丰')
    expect(await folder.list()).toEqual(['in/a.csv'])
  })

  test('stops at the first stage that fails, and says why', async () => {
    expect(await probe({ path: '../x.csv', format: 'csv' })).toMatchObject([
      { stage: 'resolve', ok: false, message: expect.stringContaining('SHUQIAO_FILES_DIR') },
    ])
    expect((await probe({ path: 'x.csv', format: 'csv' })).at(-1)).toMatchObject({
      stage: 'privilege',
      ok: false,
    })
    await folder.put('bad.xlsx', 'no zip')
    expect((await probe({ path: 'bad.xlsx', format: 'xlsx' })).at(-1)).toMatchObject({
      stage: 'sample',
      ok: false,
    })
  })

  test('the describe of a folder without files knows no columns', async () => {
    await folder.put('in/x.txt', '')
    expect((await open({ glob: 'in/*.csv' }).describe()).columns).toBeNull()
  })
})
