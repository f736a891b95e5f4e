import { createHash } from 'node:crypto'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import ExcelJS from 'exceljs'
import { readXlsx } from 'hucre/xlsx'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FileSettings } from '../../../schemas/api/connectors.ts'
import type { Target } from '../../../src/connectors/contract.ts'
import type { Manifest } from '../../../src/connectors/file/manifest.ts'
import { openFileTarget } from '../../../src/connectors/file/target.ts'
import {
  batchOf,
  columns,
  emptyValues,
  endOf,
  fullValues,
  removal,
  shape,
  upsert,
} from './target-rows.ts'

let folder = ''
let open: Target[] = []

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'target-files-')))
})
afterEach(async () => {
  for (const target of open) await target.close()
  open = []
  await rm(folder, { recursive: true, force: true })
})

const openTarget = async (settings: Partial<FileSettings> = {}): Promise<Target> => {
  const target = openFileTarget(
    { format: 'csv', path: 'out/', ...settings },
    { filesDirs: [folder] },
  )
  open.push(target)
  await target.prepare(shape)
  return target
}

const listed = async (path = 'out'): Promise<string[]> =>
  (await readdir(join(folder, path))).toSorted()

const readManifest = async (path: string): Promise<Manifest> => {
  const manifest: Manifest = JSON.parse(
    await readFile(join(folder, `${path}.manifest.json`), 'utf8'),
  )
  const bytes = await readFile(join(folder, path))
  expect(manifest.bytes).toBe(bytes.byteLength)
  expect(manifest.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
  return manifest
}

const onlyFile = async (): Promise<string> => {
  const [name, manifest, ...others] = await listed()
  expect(others).toEqual([])
  expect(manifest).toBe(`${name}.manifest.json`)
  return `out/${name}`
}

const csvOf = async (path: string): Promise<Record<string, string>[]> =>
  parse(await readFile(join(folder, path), 'utf8'), { columns: true })

describe('files as a target', () => {
  test('nothing can be seen before the run ends, then the whole file and its manifest', async () => {
    const target = await openTarget()
    await target.write(batchOf(1, [upsert('a', 3, fullValues)]))
    await target.write(batchOf(2, [upsert('b', 5)]))
    expect((await listed()).filter((name) => !name.endsWith('.partial'))).toEqual([])
    await target.finish(endOf(1))
    const path = await onlyFile()
    expect(path).toBe('out/population-to-tax-20261122T083100Z-run-1.csv')
    expect(await readManifest(path)).toMatchObject({
      delivery: 'population-to-tax',
      runId: 'run-1',
      file: 'population-to-tax-20261122T083100Z-run-1.csv',
      format: 'csv',
      content: 'full',
      rowCount: 2,
      deletedCount: 0,
      fromSeq: 3,
      throughSeq: 5,
      createdAt: '2026-11-22T08:31:00.000Z',
    })
  })

  test('CSV keeps Chinese, quotes and line breaks, has no byte order mark, and disarms formulas', async () => {
    const target = await openTarget()
    await target.write(batchOf(1, [upsert('a', 1, { ...fullValues, name: '@张三', count: -5 })]))
    await target.finish(endOf(1))
    const path = await onlyFile()
    const [row] = await csvOf(path)
    expect((await readFile(join(folder, path)))[0]).toBe('i'.charCodeAt(0))
    expect(row).toEqual({
      ...fullValues,
      name: "'@张三",
      note: `'${fullValues.note}`,
      count: '-5',
      isAlive: 'true',
      holders: JSON.stringify(fullValues.holders),
      more: JSON.stringify(fullValues.more),
    })
  })

  test('NDJSON gives back exactly what was delivered, NULLs too', async () => {
    const target = await openTarget({ format: 'ndjson' })
    await target.write(batchOf(1, [upsert('a', 1, fullValues), upsert('b', 2)]))
    await target.finish(endOf(1))
    const text = await readFile(join(folder, await onlyFile()), 'utf8')
    const rows: unknown[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows).toEqual([fullValues, emptyValues])
  })

  test('a workbook is re-read by another library: text stays text, nothing is a formula', async () => {
    const target = await openTarget({ format: 'xlsx', sheet: '人口/库' })
    const odd = { idNumber: '000123456789012345', name: '  =1+1 ', note: '+86 138 & <b>\n末' }
    await target.write(batchOf(1, [upsert('a', 1, fullValues)]))
    await target.write(batchOf(2, [upsert('b', 2, { ...odd, count: 42, isAlive: false })]))
    await target.finish(endOf(1))
    const book = new ExcelJS.Workbook()
    await book.xlsx.readFile(join(folder, await onlyFile()))
    const sheet = book.worksheets[0]
    expect(book.worksheets).toHaveLength(1)
    expect(sheet?.name).toBe('人口_库')
    const cells = (number: number): unknown[] =>
      columns.map((_, index) => sheet?.getRow(number).getCell(index + 1).value)
    expect(cells(1)).toEqual(columns.map(({ name }) => name))
    expect(cells(2)).toEqual([
      fullValues.idNumber,
      fullValues.name,
      fullValues.note,
      String(fullValues.count),
      fullValues.capital,
      fullValues.bornOn,
      fullValues.seenAt,
      true,
      JSON.stringify(fullValues.holders),
      JSON.stringify(fullValues.more),
    ])
    expect(cells(3).slice(0, 4)).toEqual([odd.idNumber, odd.name, odd.note, 42])
    expect(cells(3).slice(4)).toEqual([null, null, null, false, null, null])
  })

  test('a workbook keeps texts that Excel would take for an escaped character', async () => {
    const target = await openTarget({ format: 'xlsx', path: 'odd.xlsx' })
    await target.write(batchOf(1, [upsert('a', 1, { name: '_x0041_', note: '一\r\n二' })]))
    await target.finish(endOf(1))
    const { sheets } = await readXlsx(await readFile(join(folder, 'odd.xlsx')))
    expect(sheets[0]?.rows[1]?.slice(1, 3)).toEqual(['_x0041_', '一\n二'])
  })

  test('more rows than an Excel sheet holds are refused, and so is a text longer than its cell', async () => {
    const target = await openTarget({ format: 'xlsx' })
    const row = upsert('a', 1)
    const rows = Array.from({ length: 1_048_576 }, () => row)
    await expect(target.write(batchOf(1, rows))).rejects.toMatchObject({ code: 'state-conflict' })
    const long = upsert('a', 1, { note: '长'.repeat(32_768) })
    const next = batchOf(1, [long], { runId: 'run-2' })
    await expect(target.write(next)).rejects.toMatchObject({ code: 'state-conflict' })
    await expect(target.finish(endOf(1, { runId: 'run-2' }))).rejects.toMatchObject({
      code: 'state-conflict',
    })
    await target.close()
    expect(await listed()).toEqual([])
  })

  test('a file of changes says operation, key and number of each', async () => {
    const target = await openTarget({ content: 'changes' })
    await target.write(batchOf(1, [upsert('a', 7, fullValues), removal('b', 8)]))
    await target.finish(endOf(1, { isFull: false }))
    const path = await onlyFile()
    const rows = await csvOf(path)
    expect(
      rows.map(({ operation, key, seq, idNumber }) => [operation, key, seq, idNumber]),
    ).toEqual([
      ['upsert', 'a', '7', fullValues.idNumber],
      ['delete', 'b', '8', ''],
    ])
    expect(await readManifest(path)).toMatchObject({ rowCount: 2, deletedCount: 1 })
  })

  test('no changes give no file, no records give a file with its header', async () => {
    const changes = await openTarget({ content: 'changes' })
    await changes.finish(endOf(1, { isFull: false }))
    expect(await readdir(folder)).toEqual([])
    for (const format of ['csv', 'ndjson', 'xlsx'] as const) {
      const full = await openTarget({ format, path: `empty.${format}` })
      await full.finish(endOf(1))
      expect(await readManifest(`empty.${format}`)).toMatchObject({ rowCount: 0, fromSeq: null })
    }
    expect(await readFile(join(folder, 'empty.csv'), 'utf8')).toBe(
      'idNumber,name,note,count,capital,bornOn,seenAt,isAlive,holders,more\r\n',
    )
  })

  test('a full file shows present records only, and never stands for a run of changes', async () => {
    const target = await openTarget()
    await target.write(batchOf(1, [upsert('a', 1), removal('b', 2)]))
    await expect(target.finish(endOf(1, { isFull: false }))).rejects.toMatchObject({
      code: 'state-conflict',
    })
    await target.finish(endOf(1))
    expect(await readManifest(await onlyFile())).toMatchObject({ rowCount: 1, deletedCount: 0 })
  })

  test('a broken run leaves nothing in place, and its rest is gone once the run begins anew', async () => {
    const broken = await openTarget()
    await broken.write(batchOf(1, [upsert('a', 1)]))
    const overtaken = await openTarget()
    await overtaken.write(batchOf(1, [upsert('a', 1)]))
    const anew = await openTarget()
    await anew.write(batchOf(1, [upsert('a', 1), upsert('b', 2)]))
    expect(await listed()).toHaveLength(1)
    await expect(broken.finish(endOf(1))).rejects.toMatchObject({ code: 'state-conflict' })
    await anew.finish(endOf(1))
    await expect(overtaken.finish(endOf(1))).rejects.toMatchObject({ code: 'state-conflict' })
    expect(await csvOf(await onlyFile())).toHaveLength(2)
  })

  test('a batch that comes twice is written once, an older one is refused', async () => {
    const target = await openTarget()
    await target.write(batchOf(4, [upsert('a', 1)]))
    await target.write(batchOf(5, [upsert('b', 2)]))
    await target.write(batchOf(5, [upsert('b', 2)]))
    await expect(target.write(batchOf(4, [upsert('a', 1)]))).rejects.toMatchObject({
      code: 'state-conflict',
    })
    await target.finish(endOf(1))
    expect(await csvOf(await onlyFile())).toHaveLength(2)
  })

  test('finishing again changes nothing, also by another process that wrote nothing', async () => {
    const target = await openTarget()
    await target.write(batchOf(1, [upsert('a', 1)]))
    await target.finish(endOf(1))
    const before = await readFile(join(folder, await onlyFile()))
    await target.finish(endOf(1))
    await (await openTarget()).finish({ ...endOf(1), at: new Date('2026-11-22T09:00:00Z') })
    expect(await readFile(join(folder, await onlyFile()))).toEqual(before)
  })

  test('a run that is taken up again after its file was in place writes it under the same name', async () => {
    const first = await openTarget()
    await first.write(batchOf(1, [upsert('a', 1)]))
    await first.finish(endOf(1))
    const again = await openTarget()
    await again.write(batchOf(1, [upsert('a', 1), upsert('b', 2)]))
    await again.finish({ ...endOf(1), at: new Date('2026-11-22T09:00:00Z') })
    expect(await csvOf(await onlyFile())).toHaveLength(2)
  })

  test('a path may say the day and the run', async () => {
    const target = await openTarget({ path: 'days/{date}/人口-{run}.csv' })
    await target.write(batchOf(1, [upsert('a', 1)], { runId: '../run' }))
    await target.finish({ ...endOf(1, { runId: '../run' }), at: new Date('2026-11-22T17:00:00Z') })
    expect(await listed('days/2026-11-23')).toEqual([
      '人口-___run.csv',
      '人口-___run.csv.manifest.json',
    ])
  })

  test('a file that is replaced has no manifest of the one before', async () => {
    const settings = { path: 'latest.csv' }
    const first = await openTarget(settings)
    await first.write(batchOf(1, [upsert('a', 1)]))
    await first.finish(endOf(1))
    const second = await openTarget(settings)
    await second.write(batchOf(2, [upsert('a', 1), upsert('b', 2)], { runId: 'run-2' }))
    await second.finish(endOf(2, { runId: 'run-2' }))
    expect(await readManifest('latest.csv')).toMatchObject({ runId: 'run-2', rowCount: 2 })
  })
})

describe('where files may go', () => {
  const refusedAt = async (settings: Partial<FileSettings>, pointer: string): Promise<void> => {
    await expect(openTarget(settings)).rejects.toMatchObject({
      code: 'request-invalid',
      errors: [{ pointer }],
    })
  }

  test('nothing outside the allowed folders, by dots, absolute paths or links', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'target-outside-'))
    await symlink(outside, join(folder, 'link'))
    await symlink(join(outside, 'later'), join(folder, 'dangling'))
    await mkdir(join(folder, 'days'))
    for (const path of ['../x.csv', join(outside, 'x.csv'), 'link/x.csv', 'link/', 'dangling/'])
      await refusedAt({ path }, '/settings/path')
    await refusedAt({ path: `${folder}-beside/x.csv` }, '/settings/path')
    await symlink(outside, join(folder, 'days/2026-11-22'))
    const target = await openTarget({ path: 'days/{date}/x.csv' })
    await target.write(batchOf(1, [upsert('a', 1)]))
    await expect(target.finish(endOf(1))).rejects.toMatchObject({ code: 'request-invalid' })
    expect(await readdir(outside)).toEqual([])
    await rm(outside, { recursive: true })
  })

  test('settings without a path, of other formats or encodings are refused', async () => {
    const none = openFileTarget({ format: 'csv' }, { filesDirs: [folder] })
    await expect(none.prepare(shape)).rejects.toMatchObject({ code: 'request-invalid' })
    await refusedAt({ format: 'xls' }, '/settings/format')
    await refusedAt({ format: 'json' }, '/settings/format')
    await refusedAt({ encoding: 'gb18030' }, '/settings/encoding')
  })

  test('changes are not written where each run would overwrite the one before', async () => {
    await refusedAt({ content: 'changes', path: 'changes.csv' }, '/settings/path')
    await refusedAt({ content: 'changes', path: '{date}.csv' }, '/settings/path')
    await openTarget({ content: 'changes', path: '{run}.csv' })
  })

  test('a column that is called like one of the file’s own is refused', async () => {
    const target = openFileTarget(
      { format: 'csv', path: 'out/', content: 'changes' },
      { filesDirs: [folder] },
    )
    const odd = { ...shape, columns: [{ name: 'seq', title: '序号', type: 'integer' as const }] }
    await expect(target.prepare(odd)).rejects.toMatchObject({ code: 'state-conflict' })
  })

  test('a folder in whose place a file lies is a conflict, not a fault of the hub', async () => {
    await writeFile(join(folder, 'out'), '')
    const target = await openTarget({ path: 'out/x.csv' })
    await expect(target.write(batchOf(1, [upsert('a', 1)]))).rejects.toMatchObject({
      code: 'state-conflict',
    })
  })
})
