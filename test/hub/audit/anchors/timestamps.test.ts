import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TimestampList } from '../../../../schemas/api/anchors.ts'
import { OpensslFault } from '../../../../src/hub/audit/anchors/openssl.ts'
import {
  startTimestamps,
  type TimestampParts,
} from '../../../../src/hub/audit/anchors/start-timestamps.ts'
import { timestampCheckpoint } from '../../../../src/hub/audit/anchors/timestamp-checkpoint.ts'
import { timestampWarnings } from '../../../../src/hub/audit/anchors/timestamp-warnings.ts'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { silentLog } from '../../../../src/hub/database/log.ts'
import { buildTestHub, type TestHub } from '../../../support/hub.ts'
import { appendPlain, sealBeside, untilSealed } from '../sealed/support.ts'
import { startAuthority, type TestAuthority } from './authority.ts'

let hub: TestHub
let sealer: Sealer
let authority: TestAuthority
const folder = mkdtempSync(join(tmpdir(), 'shuqiao-stamped-'))

beforeAll(async () => {
  authority = await startAuthority()
  hub = await buildTestHub()
  sealer = await sealBeside(hub)
})
afterAll(async () => {
  await sealer.close()
  await hub.close()
  await authority.close()
  rmSync(folder, { recursive: true, force: true })
})

const pool = () => hub.app.hub.database.pool

/** Has some entries sealed; answers how many the checkpoint covers. */
async function grow(): Promise<number> {
  await appendPlain(pool(), 3)
  return untilSealed(pool())
}

const open = (more: Partial<TimestampParts> = {}) =>
  startTimestamps({
    config: { roles: ['sealer'] },
    authority,
    sealerUrl: hub.testDatabase.urls.sealer,
    log: silentLog,
    ...more,
  })

const list = async (query = ''): Promise<TimestampList> =>
  (await hub.call('GET', `/v1/audit/timestamps${query}`)).json()

/** As anyone would with the two files, knowing nothing of the hub. */
function verify(note: string, token: Buffer): string {
  const [data, reply] = [join(folder, 'checkpoint.txt'), join(folder, 'checkpoint.tsr')]
  writeFileSync(data, note)
  writeFileSync(reply, token)
  const files = ['-data', data, '-in', reply, '-CAfile', authority.caPath]
  return execFileSync('openssl', ['ts', '-verify', ...files], { encoding: 'utf8', stdio: 'pipe' })
}

describe('the last checkpoint', () => {
  test('is stamped once an hour, and anyone can verify the timestamp with openssl alone', async () => {
    const size = await grow()
    const timestamps = await open()
    await timestamps.close()
    const answer = await hub.call('GET', `/v1/audit/timestamps/${size}`)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('application/timestamp-reply')
    const [stamped] = (await list()).items
    const { body: note } = await hub.call('GET', '/v1/audit/checkpoint')
    expect(stamped).toMatchObject({ size, checkpoint: note })
    expect(verify(note, answer.rawPayload)).toContain('Verification: OK')
    expect(() => verify(`${note} `, answer.rawPayload)).toThrow()
    expect(authority.asked).toEqual(['application/timestamp-query'])

    await grow()
    expect(await timestamps.stampIfDue()).toBe(false)
    expect((await list()).items).toHaveLength(1)
  })

  test('is stamped when the hour is over, but never twice at one size', async () => {
    const often = await open({ everySeconds: 0 })
    await often.close()
    const size = await grow()
    expect(await often.stampIfDue()).toBe(true)
    expect(await often.stampIfDue()).toBe(false)
    const { items, below } = await list('?limit=1')
    expect(items.map((item) => item.size)).toEqual([size])
    expect((await list(`?below=${below}`)).items.every((item) => item.size < size)).toBe(true)
  })

  test('is asked for by one process, however many may', async () => {
    const two = await Promise.all([open({ everySeconds: 0 }), open({ everySeconds: 0 })])
    await Promise.all(two.map((one) => one.close()))
    await grow()
    const before = authority.asked.length
    const made = await Promise.all(two.map((one) => one.stampIfDue()))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(authority.asked).toHaveLength(before + 1)
  })

  test('has no timestamp where the authority refuses, lies or is another', async () => {
    const often = await open({ everySeconds: 0 })
    await often.close()
    const size = await grow()
    const { answer } = authority
    answer.bend = (token) =>
      Buffer.from(token.map((byte, at) => (at === token.length - 1 ? byte ^ 1 : byte)))
    await expect(often.stampIfDue()).rejects.toThrow(OpensslFault)
    answer.bend = () => Buffer.from('<html>')
    await expect(often.stampIfDue()).rejects.toThrow(OpensslFault)
    answer.bend = (token) => token
    answer.status = 503
    await expect(often.stampIfDue()).rejects.toThrow('503')
    answer.status = 200
    const other = await startAuthority()
    await expect(
      timestampCheckpoint({ url: authority.url, caPath: other.caPath }, 'note'),
    ).rejects.toThrow(OpensslFault)
    await other.close()
    expect((await hub.call('GET', `/v1/audit/timestamps/${size}`)).statusCode).toBe(404)
    expect(await often.stampIfDue()).toBe(true)
    expect((await hub.call('GET', `/v1/audit/timestamps/${size}`)).statusCode).toBe(200)
  })

  test('is given a token for its own request only: one from before is refused', async () => {
    const old = await timestampCheckpoint(authority, 'the same note')
    const { answer } = authority
    answer.bend = () => old
    await expect(timestampCheckpoint(authority, 'the same note')).rejects.toThrow(OpensslFault)
    answer.bend = (token) => token
  })
})

describe('timestamps', () => {
  test('are not made without an authority, nor where nothing is sealed', async () => {
    const before = authority.asked.length
    for (const none of [
      await open({ authority: undefined, everySeconds: 0 }),
      await open({ config: { roles: ['api', 'worker'] }, everySeconds: 0 }),
    ]) {
      await grow()
      expect(await none.stampIfDue()).toBe(false)
      await none.close()
    }
    expect(authority.asked).toHaveLength(before)
  })

  test('cannot be changed or removed, and the application cannot add any', async () => {
    for (const sql of [
      'update audit.timestamps set at = now()',
      'delete from audit.timestamps',
      `insert into audit.timestamps (size, token) values (0, 'x')`,
    ]) {
      await expect(pool().query(sql)).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('make no entry when they are looked at, by anyone', async () => {
    const before = hub.entries.length
    await list()
    expect((await hub.call('GET', '/v1/audit/timestamps/999999')).statusCode).toBe(404)
    expect(hub.entries).toHaveLength(before)
  })

  test('that are overdue are warned of, where there is an authority', async () => {
    const often = await open({ everySeconds: 0 })
    await often.close()
    await grow()
    expect(await timestampWarnings(pool(), authority)()).toEqual([])
    expect(await timestampWarnings(pool(), undefined, 0)()).toEqual([])
    expect(await timestampWarnings(pool(), authority, 0)()).toHaveLength(1)
    await often.stampIfDue()
    expect(await timestampWarnings(pool(), authority, 0)()).toEqual([])
  })

  test('are not made where openssl is missing, which is said at the start', async () => {
    const path = process.env['PATH']
    const warned: string[] = []
    process.env['PATH'] = folder
    try {
      const none = await open({
        everySeconds: 0,
        log: { ...silentLog, warn: (_details, words) => warned.push(words) },
      })
      expect(await none.stampIfDue()).toBe(false)
      await none.close()
    } finally {
      process.env['PATH'] = path
    }
    expect(warned).toHaveLength(1)
    expect(warned[0]).toContain('openssl')
  })
})
