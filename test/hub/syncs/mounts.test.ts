import { afterAll, beforeAll, expect, test } from 'vitest'
import { mountedStore } from '../../../src/hub/catalog/mount-resource.ts'
import { openSettings } from '../../../src/hub/syncs/settings-seal.ts'
import { plainDraft } from '../../support/resources.ts'
import { faultsOf, openSyncHub, pullDraft, type SyncHub } from './route-support.ts'

let world: SyncHub
beforeAll(async () => {
  world = await openSyncHub()
})
afterAll(() => world.close())

const mount = (body: unknown, id = 'things') =>
  world.operator('PUT', `/resources/${id}/mount`, body)
const store = () => ({
  connector: 'postgres',
  settings: { url: world.sourceUrl, table: 'public.things' },
})
const mapping = { fields: { thing: { from: 'thing' } } }

async function keptMount(id = 'things') {
  const { database, keys } = world.hub.app.hub
  return mountedStore(await database.mounts.find(id), keys)
}

test('a pull without a source uses the store of its resource’s mount, with its mapping', async () => {
  const bare = pullDraft('unmounted', '', { source: undefined })
  expect(faultsOf(await world.operator('POST', '/syncs', bare))).toEqual([
    '/source connector-needed',
  ])
  const mounted = await mount({ ...store(), mapping })
  expect(mounted.body, mounted.text).toMatchObject({
    connector: 'postgres',
    settings: { url: '***', table: 'public.things' },
    mapping,
    version: 1,
  })
  expect((await world.operator('GET', '/resources/things/mount')).body).toEqual(mounted.body)
  const made = await world.operator('POST', '/syncs', { ...bare, id: 'mounted' })
  expect(made.body, made.text).toMatchObject({ connector: 'postgres', settings: { url: '***' } })
  const sync = await world.hub.app.hub.database.syncs.find('mounted')
  expect(sync && openSettings(sync, world.hub.app.hub.keys)).toEqual(store().settings)
})

test('a sync may name an adapter’s source and leave the store to the mount', async () => {
  const draft = pullDraft('by-adapter', '', {
    source: { adapter: 'public-security', source: 'residents' },
  })
  const answer = await world.operator('POST', '/syncs', draft)
  // The adapter's mapping is for another standard, and is judged against these fields.
  expect(faultsOf(answer).join()).toMatch(/\/mapping\/fields\//)
})

test('secrets of a mount stay when they are left out, and are never sent to another store', async () => {
  expect(
    (await mount({ connector: 'postgres', settings: { table: 'public.others' } })).status,
  ).toBe(200)
  expect(await keptMount()).toEqual({
    connector: 'postgres',
    settings: { url: world.sourceUrl, table: 'public.others' },
  })
  const asterisks = { connector: 'postgres', settings: { url: '***', table: 'public.things' } }
  expect((await mount({ ...asterisks, mapping })).status).toBe(200)
  expect((await keptMount())?.settings).toEqual(store().settings)
  const http = { url: 'http://a.example/rows', headers: { 'X-Key': 'k' } }
  expect((await mount({ connector: 'http', settings: http })).status).toBe(200)
  const moved = { connector: 'http', settings: { url: 'http://b.example/rows' } }
  expect(faultsOf(await mount(moved))).toEqual(['/settings secret-needed'])
})

test('a mount that names no store keeps no secret of the former one', async () => {
  await mount({ ...store(), mapping })
  expect((await mount({ mapping })).body).not.toHaveProperty('settings')
  expect(await world.sql(`select secrets from hub.mounts where resource = 'things'`)).toEqual([
    { secrets: null },
  ])
  expect(await keptMount()).toBeNull()
})

test('tells all faults of store and mapping at once', async () => {
  const faulty = {
    connector: 'postgres',
    settings: { uri: 'x' },
    mapping: { fields: { x: { from: 'Y' } } },
  }
  const faults = faultsOf(await mount(faulty)).join()
  expect(faults).toMatch(/\/mapping\/fields\/x/)
  expect(faults).toMatch(/\/settings/)
  expect(faultsOf(await mount({ connector: 'postgres', mapping }))).toEqual(['/connector shape'])
  expect(faultsOf(await mount({ settings: {}, mapping }))).toEqual(['/connector shape'])
  const outside = { connector: 'sqlite', settings: { path: '/etc/passwd', table: 't' } }
  expect(faultsOf(await mount(outside))).toEqual(['/settings/path folder'])
  const rows = { connector: 'postgres', settings: store().settings }
  await world.admin('POST', '/resources', plainDraft('fresh', 'provider'))
  expect((await mount(rows, 'fresh')).body).toMatchObject({ connector: 'postgres', version: 1 })
})
