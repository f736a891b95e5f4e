import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSettings } from '../../../src/hub/syncs/settings-seal.ts'
import { type Answer, faultsOf, openSyncHub, pullDraft, type SyncHub } from './route-support.ts'

/** Every secret of this file carries this word, as it is or percent-encoded. */
const word = /Geheim|%47eheim/i
const password = 'Geheim-9$f'
const url = `postgres://reader:${encodeURIComponent(password)}@127.0.0.1:1/rk`

let world: SyncHub
let server: Server
let base: string
const answers: Answer[] = []
beforeAll(async () => {
  world = await openSyncHub()
  // A store that tells what it was sent, as careless ones do.
  server = createServer((request, response) => {
    response.statusCode = 401
    response.end(JSON.stringify({ error: `bad token ${request.headers['authorization']}` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await world.close()
})

const ask: SyncHub['operator'] = async (...asked) => {
  const answer = await world.operator(...asked)
  answers.push(answer)
  return answer
}

async function kept(id: string): Promise<Record<string, unknown>> {
  const sync = await world.hub.app.hub.database.syncs.find(id)
  if (!sync) throw new Error(`no sync ${id}`)
  return openSettings(sync, world.hub.app.hub.keys)
}

const httpSettings = () => ({
  url: `${base}/rows`,
  headers: { 'X-Api-Key': 'Geheim-header', 'X-Plain': 'Geheim-too' },
  auth: {
    kind: 'oauth',
    tokenUrl: `${base}/token`,
    clientId: 'me',
    clientSecret: 'Geheim-client',
  },
})
const httpDraft = (id: string) => ({
  ...pullDraft(id, ''),
  source: { connector: 'http', settings: httpSettings() },
  cursor: undefined,
})

describe('secrets of settings', () => {
  test('are kept, shown as *** and given back to nobody', async () => {
    await ask('POST', '/syncs', pullDraft('whole-url', url))
    expect((await ask('GET', '/syncs/whole-url')).body).toMatchObject({
      settings: { url: '***', table: 'public.things' },
      origin: 'postgres://127.0.0.1:1/rk',
    })
    expect(await kept('whole-url')).toEqual({ url, table: 'public.things' })
    const made = await ask('POST', '/syncs', httpDraft('nested'))
    expect(made.body.settings, made.text).toMatchObject({
      headers: { 'X-Api-Key': '***', 'X-Plain': '***' },
      auth: { kind: 'oauth', clientId: 'me', clientSecret: '***' },
    })
    expect(await kept('nested')).toEqual(httpSettings())
  })

  test('stay when they are left out or given back as ***', async () => {
    const put = (settings: unknown) =>
      ask('PUT', '/syncs/whole-url', { source: { connector: 'postgres', settings } })
    expect((await put({ url: '***', table: 'public.other' })).status).toBe(200)
    expect(await kept('whole-url')).toEqual({ url, table: 'public.other' })
    expect((await put({ table: 'public.third' })).status).toBe(200)
    expect(await kept('whole-url')).toEqual({ url, table: 'public.third' })
    await ask('PUT', '/syncs/whole-url', { priority: 1 })
    expect(await kept('whole-url')).toEqual({ url, table: 'public.third' })
    const other = url.replace('/rk', '/other')
    expect((await put({ url: other, table: 'public.third' })).status).toBe(200)
    expect(await kept('whole-url')).toEqual({ url: other, table: 'public.third' })
  })

  test('go with what they are entries of: a header that is left out is gone, the others stay', async () => {
    const settings = { ...httpSettings(), headers: { 'X-Api-Key': '***' } }
    const changed = await ask('PUT', '/syncs/nested', { source: { connector: 'http', settings } })
    expect(changed.status, changed.text).toBe(200)
    expect(await kept('nested')).toMatchObject({ headers: { 'X-Api-Key': 'Geheim-header' } })
    expect((await kept('nested'))['headers']).not.toHaveProperty('X-Plain')
  })

  test('are never sent to another store than they were given for', async () => {
    await ask('POST', '/syncs', httpDraft('moved'))
    const put = (more: object) => {
      const { auth: _auth, headers: _headers, ...settings } = httpSettings()
      const source = { connector: 'http', settings: { ...settings, ...more } }
      return ask('PUT', '/syncs/moved', { source })
    }
    const elsewhere = await put({ url: 'http://thief.example/rows' })
    expect(faultsOf(elsewhere)).toEqual(['/source/settings secret-needed'])
    const { auth } = httpSettings()
    const stolen = await put({
      auth: { ...auth, tokenUrl: 'http://thief.example/token', clientSecret: '***' },
    })
    expect(faultsOf(stolen)).toEqual(['/source/settings/auth/clientSecret secret-needed'])
    const leftOut = { kind: 'oauth', tokenUrl: 'http://thief.example/token', clientId: 'me' }
    expect((await put({ auth: leftOut })).body.code).toBe('request-invalid')
    expect(await kept('moved')).toEqual(httpSettings())
  })

  test('are demanded where there is none to keep', async () => {
    const draft = pullDraft('asterisks', 'postgres://***', {})
    const settings = { url: '***', table: 't' }
    const bare = { ...draft, source: { connector: 'postgres', settings } }
    expect(faultsOf(await ask('POST', '/syncs', bare))).toContain(
      '/source/settings/url secret-needed',
    )
  })

  test('may not stand in the address of an interface, which is shown', async () => {
    const of = (url: string) =>
      ask('POST', '/syncs', {
        ...httpDraft('in-url'),
        source: { connector: 'http', settings: { url } },
      })
    expect(faultsOf(await of('http://me:Geheim@a.example/rows'))).toEqual([
      '/source/settings/url secret-in-url',
    ])
    expect(faultsOf(await of('http://:Geheim'))).toEqual(['/source/settings/url url'])
  })

  test('sealed for one sync, they do not open for another', async () => {
    await ask('POST', '/syncs', pullDraft('thief', url))
    await world.sql(
      `update hub.syncs set secrets = (select secrets from hub.syncs where id = 'nested') where id = 'thief'`,
    )
    await expect(kept('thief')).rejects.toThrow()
    await world.sql(`delete from hub.syncs where id = 'thief'`)
  })
})

/** Every text, JSON and byte column of every table, as text. */
async function everythingStored(): Promise<string> {
  const client = new Client({ connectionString: world.hub.testDatabase.urls.superuser })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_schema in ('hub', 'audit', 'records', 'bullmq') and table_type = 'BASE TABLE'`,
  )
  const texts: string[] = []
  for (const { name } of rows) {
    const { rows: stored } = await client.query<{ line: string }>(
      `select to_jsonb(t)::text as line from ${name} t`,
    )
    texts.push(...stored.map(({ line }) => line.replaceAll(/\\\\x((?:[0-9a-f]{2})+)/g, readable)))
  }
  await client.end()
  return texts.join('\n')
}

const readable = (_all: string, hex: string): string => Buffer.from(hex, 'hex').toString('latin1')

test('a secret is in no answer, no log line, no audit entry, no table, no metric and no document', async () => {
  const probes = [
    await ask('POST', '/connectors/postgres/probe', { settings: { url, table: 't' } }),
    await ask('POST', '/connectors/http/probe', { settings: httpSettings() }),
    await ask('POST', '/connectors/http/probe', {
      settings: { url: `${base}/rows`, auth: { kind: 'bearer', token: 'Geheim-bearer' } },
    }),
    await ask('POST', '/syncs/whole-url/probe'),
    await ask('POST', '/syncs/nested/probe'),
  ]
  expect(probes.map(({ status, body }) => [status, body.ok])).toEqual(
    probes.map(() => [200, false]),
  )
  // Faults of settings tell where, never what.
  await ask('POST', '/connectors/postgres/probe', { settings: { url: 'Geheim-no-url' } })
  await ask('POST', '/connectors/sftp/probe', {
    settings: { url: 'sftp://u:Geheim@127.0.0.1:1', hostKey: 'Geheim' },
  })
  await ask('POST', '/syncs', { ...pullDraft('x', url), mode: 'Geheim' })
  await ask('PUT', '/resources/things/mount', {
    connector: 'postgres',
    settings: { url, table: 'things' },
  })
  await ask('GET', '/resources/things/mount')
  await ask('GET', '/syncs')
  await ask('GET', '/adapters')
  expect(answers.map(({ text }) => text).join('\n')).not.toMatch(word)
  expect(world.hub.logLines.join('\n')).not.toMatch(word)
  expect(JSON.stringify(world.hub.entries)).not.toMatch(word)
  const stored = await everythingStored()
  expect(stored).toContain('whole-url')
  expect(stored).not.toMatch(word)
  const others = await Promise.all(
    ['/metrics', '/openapi.json'].map((path) =>
      world.hub.call('GET', path, { token: world.hub.adminToken }),
    ),
  )
  expect(others.map(({ body }) => body).join('\n')).not.toMatch(word)
})
