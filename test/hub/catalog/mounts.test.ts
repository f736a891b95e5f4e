import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import { servedResources } from '../../../src/hub/catalog/served-resources.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { move, ownDraft, personField, pointersOf, staffed, type Staffed } from './support.ts'

const adapterMapping: Mapping = { fields: { personId: { from: 'RYBH', steps: ['trim'] } } }
const adapters = {
  mapping: (adapter: string, source: string) =>
    adapter === 'public-security' && source === 'residents' ? adapterMapping : null,
}

let hub: TestHub
let people: Staffed
beforeAll(async () => {
  hub = await buildTestHub({ catalog: { adapters } })
  people = await staffed(hub)
})
afterAll(() => hub.close())

const mount = (id: string, body: unknown, caller = people.operator) =>
  caller('PUT', `/resources/${id}/mount`, body)

const mapping = { fields: { personId: { from: 'ID' }, spaces: { from: 'N', steps: ['integer'] } } }

describe('mounting', () => {
  test('is possible from the draft on, by adapter or by mapping, and counts its versions', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('mounted'))
    const first = await mount('mounted', { adapter: 'public-security', source: 'residents' })
    expect(first.body).toMatchObject({
      resource: 'mounted',
      adapter: 'public-security',
      source: 'residents',
      version: 1,
      updatedBy: 'ps-operator',
    })
    const second = await mount('mounted', { mapping })
    expect(second.body).toMatchObject({ mapping, version: 2 })
    expect(second.body).not.toHaveProperty('adapter')
    expect(hub.entries.at(-1)).toMatchObject({ operation: 'resources.mount', resource: 'mounted' })
    expect((await people.head('GET', '/resources/mounted/mount')).body).toEqual(second.body)
    expect((await people.front('GET', '/resources/mounted/mount')).status).toBe(404)
    expect((await people.head('GET', '/resources/mounted')).body.isMounted).toBe(true)
  })

  test('tells every fault of a mapping at once, where it stands', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('mis-mapped'))
    const faulty = {
      fields: {
        personId: { from: 'ID', steps: ['explode'] },
        nothing: { from: 'X' },
        spaces: { from: 'N', steps: [{ codeTable: 'GB/T 0' }] },
      },
    }
    const answer = await mount('mis-mapped', { mapping: faulty })
    expect(answer.body.code).toBe('request-invalid')
    expect(pointersOf(answer)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\/mapping\/fields\/personId\/steps\/0/),
        expect.stringMatching(/^\/mapping\/fields\/nothing/),
        expect.stringMatching(/^\/mapping\/fields\/spaces\/steps\/0/),
      ]),
    )
    expect((await people.head('GET', '/resources/mis-mapped/mount')).body.code).toBe('not-found')
  })

  test.each([
    ['nothing', {}],
    ['both', { adapter: 'public-security', source: 'residents', mapping }],
    ['an adapter without a source', { adapter: 'public-security' }],
    ['an unknown source', { adapter: 'public-security', source: 'ghosts' }],
    ['a connector, which is not known', { connector: 'postgres', settings: {} }],
    ['a mapping that is none', { mapping: { fields: 'all' } }],
  ])('refuses %s', async (name, body) => {
    const id = `refused-${name.replaceAll(/[^a-z]+/g, '-')}`
    await people.cataloguer('POST', '/resources', ownDraft(id))
    expect((await mount(id, body)).body.code).toBe('request-invalid')
  })

  test('belongs to the provider: others know nothing of a draft and may not mount what is published', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('own-mount'))
    expect((await mount('own-mount', { mapping }, people.stranger)).body.code).toBe('not-found')
    await move(people.admin, 'own-mount', 'publish')
    expect((await mount('own-mount', { mapping }, people.stranger)).body.code).toBe('role-missing')
    await mount('own-mount', { mapping })
    expect((await people.machine('GET', '/resources/own-mount/mount')).body.code).toBe(
      'role-missing',
    )
    expect((await people.front('GET', '/resources/own-mount/mount')).body).toMatchObject({
      mapping,
    })
  })

  test('a mapping that the draft has grown out of keeps it from being published', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('outgrown'))
    await mount('outgrown', { mapping })
    await people.cataloguer(
      'PUT',
      '/resources/outgrown',
      ownDraft('outgrown', { fields: [personField] }),
    )
    const answer = await move(people.admin, 'outgrown', 'publish')
    expect(answer.body.code).toBe('state-conflict')
    expect(pointersOf(answer)).toEqual([expect.stringMatching(/^\/mapping\/fields\/spaces/)])
  })
})

describe('what is served', () => {
  test('follows publishing and mounting at once, on this process', async () => {
    const { catalog } = hub.app.hub
    await people.admin('POST', '/resources', ownDraft('served'))
    expect(await catalog.served('served')).toBeNull()
    await move(people.admin, 'served', 'publish')
    const first = await catalog.served('served')
    expect(first).toMatchObject({ version: 1, mountVersion: 0, mapping: null, standard: null })
    expect(await catalog.served('served')).toBe(first)
    await mount('served', { adapter: 'public-security', source: 'residents' })
    expect(await catalog.served('served')).toMatchObject({
      mountVersion: 1,
      mapping: adapterMapping,
    })
  })

  test('on another process follows by notification', async () => {
    await people.admin('POST', '/resources', ownDraft('told'))
    await move(people.admin, 'told', 'publish')
    const other = servedResources({ pool: hub.app.hub.database.pool, adapters, nowMs: () => 0 })
    hub.app.hub.changes.subscribe((what) => {
      if (what === 'resource:told') other.clear('told')
    })
    expect((await other.served('told'))?.mountVersion).toBe(0)
    await mount('told', { mapping })
    const version = async () => (await other.served('told'))?.mountVersion
    await expect.poll(version, { timeout: 30_000 }).toBe(1)
  })

  test('without a notification is believed for a second, then asked for again', async () => {
    await people.admin('POST', '/resources', ownDraft('doubted'))
    await move(people.admin, 'doubted', 'publish')
    let nowMs = 0
    const deaf = servedResources({ pool: hub.app.hub.database.pool, adapters, nowMs: () => nowMs })
    const first = await deaf.served('doubted')
    await move(people.admin, 'doubted', 'withdraw', '停')
    nowMs = 999
    expect(await deaf.served('doubted')).toBe(first)
    nowMs = 1000
    expect(await deaf.served('doubted')).toBeNull()
  })

  test('stays the same object while nothing changes, so that what is compiled from it is kept', async () => {
    await people.admin('POST', '/resources', ownDraft('unchanged'))
    await move(people.admin, 'unchanged', 'publish')
    let nowMs = 0
    const other = servedResources({ pool: hub.app.hub.database.pool, adapters, nowMs: () => nowMs })
    const first = await other.served('unchanged')
    nowMs = 5000
    const [second, third] = await Promise.all([
      other.served('unchanged'),
      other.served('unchanged'),
    ])
    expect(second).toBe(first)
    expect(third).toBe(first)
  })
})
