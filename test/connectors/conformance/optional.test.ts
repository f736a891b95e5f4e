import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bindConnector } from '../../../src/connectors/index.ts'
import { oracleDialect } from '../../../src/connectors/oracle/dialect.ts'
import { sqlserverDialect } from '../../../src/connectors/sqlserver/dialect.ts'
import type { SqlDialect, StoreColumn } from '../../../src/connectors/sql/dialect.ts'
import { phasesOf } from '../../../src/connectors/sql/phases.ts'
import { raw, rendered } from '../../../src/connectors/sql/sql-text.ts'
import { everything, take } from './reading.ts'

const optional = [
  { kind: 'sqlserver', url: 'sqlserver://u:secret@127.0.0.1:1/db', install: 'npm install mssql@' },
  { kind: 'oracle', url: 'oracle://u:secret@127.0.0.1:1/db', install: 'npm install oracledb@' },
  { kind: 'dm', url: 'dm://u:secret@127.0.0.1:1', install: 'npm install dmdb@' },
] as const

test.each(optional)(
  '$kind says which driver to install, and that it was not tried',
  async (store) => {
    const connector = await bindConnector(store.kind, { url: store.url, table: 't' })
    expect(connector.isTried).toBe(false)
    const source = connector.openSource?.({ filesDirs: [] })
    await expect(source?.describe()).rejects.toMatchObject({ code: 'state-conflict' })
    await expect(source?.describe()).rejects.toThrow(store.install)
    expect(connector.openTarget).toBeUndefined()
    const stages = await Array.fromAsync(connector.probe({ filesDirs: [] }))
    expect(stages[0]?.message).toMatch(/not been tried/)
    expect(stages.at(-1)).toMatchObject({ stage: 'connect', ok: false })
  },
)

test.each(['postgres', 'mysql', 'sqlserver', 'oracle', 'dm'] as const)(
  'a probe of %s that fails at the network shows neither URL nor password',
  async (kind) => {
    const connector = await bindConnector(kind, {
      url: `${kind}://u:s3cret@127.0.0.1:1/db`,
      table: 't',
    })
    expect(connector.origin).not.toContain('s3cret')
    const stages = await Array.fromAsync(connector.probe({ filesDirs: [] }))
    expect(stages.map(({ stage, ok }) => [stage, ok])).toEqual([
      ['resolve', true],
      ['connect', false],
    ])
    expect(JSON.stringify(stages)).not.toContain('s3cret')
  },
)

test('a store that nobody answers for is a source that cannot be reached', async () => {
  for (const kind of ['postgres', 'mysql'] as const) {
    const connector = await bindConnector(kind, { url: `${kind}://u:p@127.0.0.1:1/db`, table: 't' })
    const source = connector.openSource?.({ filesDirs: [] })
    await expect(source?.describe()).rejects.toMatchObject({ code: 'source-unreachable' })
  }
})

test('reads no SQLite file outside the folders, nor through a link that leads out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-inside-'))
  const outside = mkdtempSync(join(tmpdir(), 'shuqiao-outside-'))
  const path = join(outside, 'store.db')
  const database = new DatabaseSync(path)
  database.exec('create table t (id integer primary key); insert into t values (1)')
  database.close()
  symlinkSync(path, join(folder, 'link.db'))
  const open = async (path: string, filesDirs: string[]) => {
    const source = (await bindConnector('sqlite', { path, table: 't' })).openSource?.({ filesDirs })
    if (!source) throw new Error('SQLite is a source.')
    return source
  }
  for (const bad of [path, join(folder, 'link.db'), join(folder, '..', 'x.db'), '/etc/passwd']) {
    await expect((await open(bad, [folder])).describe()).rejects.toMatchObject({
      code: 'request-invalid',
    })
  }
  expect((await take(await open(path, [outside]), everything)).rows).toEqual([{ id: '1' }])
  writeFileSync(join(folder, 'text.db'), 'no database at all, but long enough to be looked into')
  for (const bad of ['missing.db', 'text.db']) {
    await expect((await open(join(folder, bad), [folder])).describe()).rejects.toMatchObject({
      code: 'source-unreachable',
    })
  }
  rmSync(folder, { recursive: true })
  rmSync(outside, { recursive: true })
})

const column = (name: string, sort: StoreColumn['sort'], nativeType: string): StoreColumn => ({
  name,
  sort,
  nativeType,
  type: 'text',
  isNullable: false,
})

const shown = (dialect: SqlDialect, types: [string, string]): string => {
  const columns = [column('t', 'time', types[0]), column('id', 'number', types[1])]
  const order = { dialect, columns, isUnique: true, isCursor: true }
  const after = ['2026-01-01 00:00:00', '7']
  const phases = phasesOf(
    order,
    { cursor: ['t', 'id'], after: null, upTo: null, overlap: 0, range: null },
    { after, upTo: null },
  )
  return rendered(phases[0]?.where ?? raw(''), dialect.placeholder)
}

test('stores without row values compare a cursor of two columns step by step', () => {
  expect(shown(sqlserverDialect, ['datetime2', 'bigint'])).toBe(
    '[t] >= convert(datetime2, @p1, 121) and ([t] > convert(datetime2, @p2, 121) or ([t] = convert(datetime2, @p3, 121) and [id] > convert(bigint, @p4)))',
  )
  expect(shown(oracleDialect, ['date', 'number'])).toBe(
    `"t" >= to_date(:1, 'YYYY-MM-DD HH24:MI:SS') and ("t" > to_date(:2, 'YYYY-MM-DD HH24:MI:SS') or ("t" = to_date(:3, 'YYYY-MM-DD HH24:MI:SS') and "id" > cast(:4 as number)))`,
  )
})
