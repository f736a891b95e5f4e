import {
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  existsSync,
  mkdirSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFolder } from '../../../../src/hub/audit/export/read-folder.ts'
import { parseManifest } from '../../../../src/shared/proofs/export-manifest.ts'
import { isGoodReport } from '../../../../src/shared/proofs/findings.ts'
import { parseVerifierKey } from '../../../../src/shared/proofs.ts'
import { verifyExport } from '../../../../src/shared/verify-export.ts'
import { openTestSealedLog, minutesFrom, redactIn, type TestLog } from './exported-log.ts'

let log: TestLog

beforeAll(async () => {
  log = await openTestSealedLog()
})
afterAll(() => log.close())

const manifestOf = (folder: string) => {
  const manifest = parseManifest(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  if (manifest === null) throw new Error('no manifest')
  return manifest
}

const verify = (folder: string) =>
  verifyExport(readFolder(folder), {
    keys: [parseVerifierKey(log.signer.verifierKey)].filter((key) => key !== null),
  })

describe('the export of a month', () => {
  test('names the month’s positions to the entry, where months interleave and where one comes late', async () => {
    await log.add(minutesFrom('2026-10-30T00:00:00Z', 300))
    await log.seal()
    // Both sides of midnight in one batch, the newer ones first.
    await log.add(['2026-11-01T00:00:00.000Z', '2026-10-31T23:59:59.999Z'])
    await log.add(minutesFrom('2026-11-02T00:00:00Z', 600))
    await log.seal()
    await log.add(['2026-12-01T00:00:00.000Z'])
    await log.seal()
    await log.add(['2026-11-30T23:59:59.999Z'])
    await log.seal()
    await log.add(minutesFrom('2026-12-01T00:01:00Z', 500))
    await log.seal()
    const folder = await log.export('2026-11')
    const { ranges, entryCount, size, checkpointSizes } = manifestOf(folder)
    expect(ranges).toEqual([
      [301, 902],
      [903, 904],
    ])
    expect({ entryCount, size }).toEqual({ entryCount: 602, size: 1404 })
    expect(checkpointSizes).toEqual([300, 904])
    expect(isGoodReport(await verify(folder))).toBe(true)
    expect(manifestOf(await log.export('2026-10')).ranges).toEqual([[0, 301]])
    expect(manifestOf(await log.export('2026-12')).ranges).toEqual([
      [902, 903],
      [904, 1404],
    ])
  })

  test('is readable by its owner alone, and holds nothing of anybody', async () => {
    const folder = await log.export('2026-11')
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const found = statSync(join(folder, path))
      expect(found.mode & 0o777, path).toBe(found.isDirectory() ? 0o700 : 0o600)
      if (found.isFile()) {
        expect(readFileSync(join(folder, path)).includes('王芳'), path).toBe(false)
      }
    }
  })

  test('shows what each entry says where that is asked for, and every word of it is proved', async () => {
    const folder = await log.export('2026-11', true)
    const path = join(folder, 'facts.jsonl')
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(602)
    expect(lines.every((line) => line.includes('王芳'))).toBe(true)
    expect(isGoodReport(await verify(folder))).toBe(true)
    writeFileSync(path, `${lines.join('\n').replace('王芳', '王方')}\n`)
    const { checks } = await verify(folder)
    const fault = checks.flatMap(({ faults }) => faults)
    expect(fault).toMatchObject([{ position: 301, en: expect.stringContaining('facts') }])
    writeFileSync(path, `${lines.slice(1).join('\n')}\n`)
    expect(isGoodReport(await verify(folder))).toBe(false)
  })

  test('shows of a redacted entry the digests of what is gone, by which its leaf is still proved', async () => {
    const position = 400
    const names = ['operator', 'subjects', 'caseNumber']
    await redactIn(log, position, names.slice(0, 1))
    await redactIn(log, position, names.slice(1))
    const folder = await log.export('2026-11', true)
    const path = join(folder, 'facts.jsonl')
    const text = readFileSync(path, 'utf8')
    const line = text.split('\n').find((one) => one.includes(`"position":${position},`)) ?? ''
    expect(line).not.toContain('王芳')
    const { digests, facts, salts } = JSON.parse(line)
    expect(Object.keys(digests).toSorted()).toEqual(names.toSorted())
    const report = await verify(folder)
    expect(isGoodReport(report)).toBe(true)
    expect(report.notices.map(({ en }) => en)).toContainEqual(
      expect.stringContaining('of 1 entries some facts were redacted'),
    )
    const other = { ...digests, operator: 'A'.repeat(43) }
    const { operator: _, ...fewer } = digests
    const wrong: [string, object][] = [
      ['a digest that is another', { digests: other }],
      ['a digest that is missing', { digests: fewer }],
      ['no digests', { digests: undefined }],
      ['one for a fact that never was', { digests: { ...digests, recordHash: other.operator } }],
      ['a false one beside what is shown', { digests: { ...digests, address: other.operator } }],
      ['one for all that is shown', { digests: { ...digests, open: other.operator } }],
      ['a value put back', { facts: { ...facts, operator: '王方' } }],
      ['a word of the rest changed', { facts: { ...facts, system: 'another' } }],
      ['digests alone', { facts: {}, salts: {} }],
      ['facts without their salts', { salts: {}, digests: undefined }],
      ['salts without their facts', { facts: {}, salts, digests: undefined }],
    ]
    for (const [what, change] of wrong) {
      const changed = JSON.stringify({ ...JSON.parse(line), ...change })
      writeFileSync(
        path,
        text.replace(line, () => changed),
      )
      const faults = (await verify(folder)).checks.flatMap((check) => check.faults)
      expect(faults, what).toMatchObject([{ position, en: expect.stringContaining('facts') }])
    }
  })

  test('refuses a month without entries, a folder that is there, and one that another export writes', async () => {
    await expect(log.export('2024-02')).rejects.toThrow(/2024-02/)
    const { exportMonth } = await import('../../../../src/hub/audit/export/export-month.ts')
    const call = { url: log.own.urls.app, month: '2026-11' }
    const taken = join(log.folder, 'taken')
    mkdirSync(taken)
    await expect(exportMonth({ ...call, folder: taken })).rejects.toThrow(/not overwritten/)
    const other = join(log.folder, 'other')
    mkdirSync(`${other}.part`)
    await expect(exportMonth({ ...call, folder: other })).rejects.toThrow(/another export/)
    expect(existsSync(other)).toBe(false)
  })

  test('leaves nothing behind where the log itself was changed', async () => {
    const superuser = await log.own.database.openClient('general').then(async (client) => {
      await client.end()
      const { connectClient } = await import('../../../../src/hub/database/clients.ts')
      return connectClient({ url: log.own.urls.superuser, purpose: 'general' })
    })
    const change = `update audit.entries set leaf_bytes = set_byte(leaf_bytes, 12, get_byte(leaf_bytes, 12) # 1)
      where id = (select entry from audit.leaves where position = 400)`
    await superuser.query('set session_replication_role = replica')
    await superuser.query(change)
    await expect(log.export('2026-11')).rejects.toThrow(/400/)
    await superuser.query(change)
    await superuser.end()
    expect(readdirSync(log.folder).filter((name) => /^2026-11-\d+\.part$/.test(name))).toEqual([])
    const folder = await log.export('2026-11')
    rmSync(folder, { recursive: true })
  })
})
