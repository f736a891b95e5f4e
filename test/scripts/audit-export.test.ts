import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { minutesFrom, openTestSealedLog, type TestLog } from '../hub/audit/export/exported-log.ts'

let log: TestLog
beforeAll(async () => {
  log = await openTestSealedLog()
  await log.add(minutesFrom('2026-10-31T23:50:00Z', 320))
  await log.seal()
})
afterAll(() => log.close())

const script = join(import.meta.dirname, '../../scripts/audit.ts')

interface Told {
  code: number
  out: string
}

/** The command as a person gives it; with no settings at all unless told. */
const audit = (given: string[], settings: Record<string, string> = {}): Promise<Told> =>
  promisify(execFile)(process.execPath, [script, ...given], {
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...settings },
  }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  )

test('a month is exported by one command, and verified by another that reaches no database', async () => {
  const { urls } = log.own
  const settings = {
    SHUQIAO_DATABASE_URL: urls.app,
    SHUQIAO_MIGRATION_URL: urls.owner,
    SHUQIAO_SEALER_URL: urls.sealer,
    SHUQIAO_DATA_DIR: join(log.folder, 'data'),
  }
  const folder = join(log.folder, 'november')
  const exported = await audit(['export', '--month', '2026-11', '--to', folder], settings)
  expect(exported.out).toContain('2026-11:310 条')
  expect(exported.code).toBe(0)
  const verified = await audit(['verify', folder, '--key', log.signer.verifierKey])
  expect(verified.out).toContain('✓')
  expect(verified.out).not.toContain('✗')
  expect(verified.code).toBe(0)
  const again = await audit(['export', '--month', '2026-11', '--to', folder], settings)
  expect(again.out).toContain('not overwritten')
  expect(again.code).toBe(1)
  const empty = join(log.folder, 'december')
  const none = await audit(['export', '--month', '2026-12', '--to', empty], settings)
  expect([none.code, none.out.includes('2026-12')]).toEqual([1, true])
})
