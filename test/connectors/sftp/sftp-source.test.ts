import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { writeXlsx } from 'hucre/xlsx'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SftpSettings } from '../../../schemas/api/connectors.ts'
import type { ProbeStage, Source } from '../../../src/connectors/contract.ts'
import { bindConnector, secretsOf } from '../../../src/connectors/index.ts'
import { sftp } from '../../../src/connectors/sftp/connector.ts'
import { type SftpServer, startSftpServer } from '../../support/servers/sftp.ts'
import {
  blocksOf,
  cellsOf,
  openFolder,
  positionOf,
  receiptOf,
  type TestFolder,
} from '../file/folder.ts'

const clientKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
}).privateKey

const longAgo = 200_000
let folder: TestFolder
let server: SftpServer
const sources: Source[] = []

beforeEach(async () => {
  folder = await openFolder()
  server = await startSftpServer(folder.dir, clientKey)
})
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close()
  await server.close()
  await folder.remove()
})

const settingsOf = (more: Partial<SftpSettings>): SftpSettings => ({
  url: server.url,
  hostKey: server.hostKey,
  format: 'csv',
  ...more,
})
const open = (more: Partial<SftpSettings>): Source => {
  const source = sftp.openSource?.(settingsOf(more), { filesDirs: [] })
  if (source === undefined) throw new Error('no source')
  sources.push(source)
  return source
}
const csv = (count: number, from = 0): string =>
  `id,name\n${Array.from({ length: count }, (_, at) => `${from + at},名${from + at}\n`).join('')}`

describe('signing in', () => {
  test('another host key than the one of the settings is refused, naming both', async () => {
    const hostKey = `SHA256:${'A'.repeat(43)}`
    const reading = blocksOf(open({ path: 'a.csv', hostKey }))
    await expect(reading).rejects.toMatchObject({ code: 'request-invalid' })
    await expect(blocksOf(open({ path: 'a.csv', hostKey }))).rejects.toThrow(server.hostKey)
    await expect(blocksOf(open({ path: 'a.csv', hostKey }))).rejects.toThrow(hostKey)
  })

  test('a wrong password is refused and not told', async () => {
    const url = server.url.replace(/:[^:@]+@/, ':other-geheim@')
    const error = await blocksOf(open({ path: 'a.csv', url })).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(String(error)).not.toContain('other-geheim')
  })

  test('a private key does instead of a password', async () => {
    await folder.put('a.csv', csv(1), longAgo)
    const url = `sftp://${encodeURIComponent(server.user)}@127.0.0.1:${server.port}`
    const source = open({ url, path: 'a.csv', privateKey: clientKey })
    expect(cellsOf(await blocksOf(source), 'id')).toEqual(['0'])
  })

  test('a server that is not there is unreachable', async () => {
    const { url, hostKey } = server
    await server.close()
    await expect(blocksOf(open({ url, hostKey, path: 'a.csv' }))).rejects.toMatchObject({
      code: 'source-unreachable',
    })
  })

  test('where it leads is told without secrets, and the whole URL is one', async () => {
    const bound = await bindConnector('sftp', settingsOf({ path: 'a.csv' }))
    expect(bound.origin).toBe(`sftp://127.0.0.1:${server.port}`)
    expect(await secretsOf('sftp')).toContain('url')
  })
})

describe('files of a server', () => {
  test('a drop folder gives its whole files in name order, and moves what was taken', async () => {
    await folder.put('in/b.csv', csv(1, 2), longAgo)
    await folder.put('in/a.csv.gz', gzipSync(csv(1, 1)), longAgo)
    await folder.put('in/c.csv.part', csv(1, 3), longAgo)
    const source = open({ glob: 'in/*', archive: 'done' })
    const blocks = await blocksOf(source)
    expect(cellsOf(blocks, 'id')).toEqual(['1', '2'])
    for (const { unit } of blocks) {
      const rejects = (async function* () {
        yield { source: { id: '1', name: '坏' }, reasons: [] }
      })()
      await source.acknowledge?.(receiptOf(unit, { rejectedCount: 1, rejects }))
      await source.acknowledge?.(receiptOf(unit))
    }
    const names = (await folder.list()).map((name) => name.replace(/\d{4}-\d\d-\d\d/, 'DAY'))
    expect(names).toEqual([
      'done/DAY/a.csv.gz',
      'done/DAY/a.csv.gz.receipt.json',
      'done/DAY/a.csv.gz.rejects.csv',
      'done/DAY/b.csv',
      'done/DAY/b.csv.receipt.json',
      'done/DAY/b.csv.rejects.csv',
      'in/c.csv.part',
    ])
    const rejects = (await folder.list())[5] ?? ''
    expect(await readFile(join(folder.dir, rejects), 'utf8')).toContain('1,坏,')
    expect(await blocksOf(source, { after: positionOf(blocks.at(-1)) })).toEqual([])
  })

  test('patterns lead through folders, from the folder of the URL on', async () => {
    await folder.put('base/2026/11/a.csv', csv(1, 1), longAgo)
    await folder.put('base/2025/11/b.csv', csv(1, 2), longAgo)
    const source = open({ url: `${server.url}/base`, glob: '2026/*/*.csv' })
    expect(cellsOf(await blocksOf(source), 'id')).toEqual(['1'])
    await expect(blocksOf(open({ glob: 'base/**/*.csv' }))).rejects.toMatchObject({
      code: 'request-invalid',
    })
    await expect(blocksOf(open({ glob: 'nowhere/*.csv' }))).rejects.toMatchObject({
      code: 'source-unreachable',
    })
  })

  test('a young file is watched, since the server’s clock may be wrong', async () => {
    await folder.put('a.csv', csv(1), 3600)
    const source = open({ glob: '*.csv', settleSeconds: 1 })
    const state = { isReading: true }
    const reading = blocksOf(source).finally(() => {
      state.isReading = false
    })
    for (let count = 2; state.isReading; count++) {
      await folder.put('a.csv', csv(count), 3600)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(await reading).toEqual([])
    await folder.put('a.csv', csv(2), 3600)
    expect(cellsOf(await blocksOf(source), 'id')).toEqual(['0', '1'])
  })

  test('a workbook is read over the line', async () => {
    const file = await writeXlsx({ sheets: [{ name: 's', rows: [['id'], ['甲'], ['乙']] }] })
    await folder.put('a.xlsx', file, longAgo)
    expect(cellsOf(await blocksOf(open({ path: 'a.xlsx', format: 'xlsx' })), 'id')).toEqual([
      '甲',
      '乙',
    ])
  })

  test('a large file is streamed: no more of it is fetched than is being read', async () => {
    await folder.put('a.csv', csv(400_000), longAgo)
    const source = open({ path: 'a.csv' })
    const reading = source.read({ cursor: null, after: null, upTo: null, overlap: 0, range: null })
    let count = 0
    for await (const { rows } of reading) {
      count += rows.length
      if (count >= 500) break
    }
    expect(server.readBytes).toBeLessThan(2_000_000)
  })

  test('a line that breaks in the middle is unreachable, and the next read goes on', async () => {
    await folder.put('a.csv', csv(100_000), longAgo)
    server.cutAfterBytes(1_200_000)
    const source = open({ path: 'a.csv' })
    let last: unknown = null
    const ids: unknown[] = []
    const reading = async () => {
      const bounds = { cursor: null, after: null, upTo: null, overlap: 0, range: null }
      for await (const block of source.read(bounds)) {
        ids.push(...block.rows.map(({ row }) => row?.['id']))
        last = positionOf(block)
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'source-unreachable' })
    server.cutAfterBytes(null)
    expect(ids.length).toBeGreaterThan(0)
    const rest = await blocksOf(open({ path: 'a.csv' }), { after: last as never })
    ids.push(...cellsOf(rest, 'id'))
    expect(ids).toEqual(Array.from({ length: 100_000 }, (_, at) => String(at)))
  })

  test('a run that is cancelled ends the read', async () => {
    await folder.put('a.csv', csv(60_000), longAgo)
    const controller = new AbortController()
    const source = sftp.openSource?.(settingsOf({ path: 'a.csv' }), {
      filesDirs: [],
      signal: controller.signal,
    })
    const reading = async () => {
      const bounds = { cursor: null, after: null, upTo: null, overlap: 0, range: null }
      for await (const _ of source?.read(bounds) ?? []) controller.abort(new Error('cancelled'))
    }
    await expect(reading()).rejects.toThrow('cancelled')
  })
})

describe('probing', () => {
  const probe = async (more: Partial<SftpSettings>): Promise<ProbeStage[]> => {
    const stages = []
    for await (const stage of sftp.probe(settingsOf(more), { filesDirs: [] })) stages.push(stage)
    return stages
  }

  test('tells all stages, and the server’s key where it is another', async () => {
    await folder.put('a.csv', csv(2), longAgo)
    const stages = await probe({ path: 'a.csv' })
    expect(stages.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
    expect(stages.at(-1)?.columns?.map(({ name }) => name)).toEqual(['id', 'name'])
    const refused = await probe({ path: 'a.csv', hostKey: `SHA256:${'B'.repeat(43)}` })
    expect(refused.at(-1)).toMatchObject({ stage: 'sign-in', ok: false })
    expect(refused.at(-1)?.message).toContain(server.hostKey)
    expect(JSON.stringify([...stages, ...refused])).not.toContain('geheim')
  })
})
