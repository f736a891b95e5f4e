import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { archiveCommand } from '../../../scripts/audit/archive.ts'
import { openAuditKeys } from '../../../src/hub/audit/keys.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { idAt, makeMonth, writeEntries } from './archive-samples.ts'
import { connect } from './audit-samples.ts'
import { sealBeside, untilSealed } from './sealed/support.ts'

let hub: TestHub
let folder: string
beforeAll(async () => {
  hub = await buildTestHub()
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-archive-'))
  const { urls } = hub.testDatabase
  await makeMonth(hub.testDatabase, '2021-03')
  const app = await connect(urls.app)
  const id = idAt('2021-03-04T05:06:07Z')
  await writeEntries(app, openAuditKeys(hub.app.hub.keys), [{ id }])
  await app.end()
  const sealer = await sealBeside(hub)
  await untilSealed(hub.testDatabase.database.pool)
  await sealer.close()
  vi.stubEnv('SHUQIAO_DATABASE_URL', urls.app)
  vi.stubEnv('SHUQIAO_MIGRATION_URL', urls.owner)
  vi.stubEnv('SHUQIAO_SEALER_URL', urls.sealer)
  vi.stubEnv('SHUQIAO_DATA_DIR', hub.app.hub.config.dataDir)
  vi.stubEnv('SHUQIAO_KEYS_DIR', hub.app.hub.config.keysDir)
})
afterEach(() => vi.restoreAllMocks())
afterAll(async () => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
  await hub.close()
})

function listen(): string[] {
  const lines: string[] = []
  const keep = (line: unknown): boolean => lines.push(String(line)) > 0
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(console, 'error').mockImplementation((line) => void keep(line))
  return lines
}

test('says what it wants, and does nothing, where it is not told which month or where to', async () => {
  const lines = listen()
  for (const args of [[], ['--month', '2021-03'], ['--to', folder], ['--unknown']]) {
    expect(await archiveCommand(args)).toBe(2)
  }
  expect(lines[0]).toContain('用法')
})

test('archives a month, and drops it only when it is asked to', async () => {
  const lines = listen()
  const month = ['--month', '2021-03', '--to', folder]
  expect(await archiveCommand(month)).toBe(0)
  expect(lines.join('')).toContain('已核验')
  expect(lines.join('')).toContain('2024-04-01 起可移出')
  expect(existsSync(join(folder, '2021-03', 'details.sealed'))).toBe(true)
  expect(await archiveCommand([...month, '--drop'])).toBe(0)
  expect(await archiveCommand(['--list'])).toBe(0)
  expect(lines.at(-2)).toContain('已移出数据库')
  const { rows } = await hub.testDatabase.database.pool.query<{ operation: string }>(
    'select operation from audit.search',
  )
  expect(rows).toEqual([{ operation: 'audit.drop-month' }])
})

test('a refusal is one line and exit code 1', async () => {
  const lines = listen()
  expect(await archiveCommand(['--month', '2020-01', '--to', folder])).toBe(1)
  expect(lines).toEqual(['2020-01 没有条目 / 2020-01 has no entries'])
})
