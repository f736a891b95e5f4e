import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { standards } from '../../../src/shared/standards.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { type Call, callerOf, ownDraft, populationDraft } from './support.ts'

let hub: TestHub
let admin: Call
beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('public-security')
  admin = callerOf(hub, hub.adminToken)
})
afterAll(() => hub.close())

describe('standards', () => {
  test('are listed, and each is told with its fields and its JSON Schema', async () => {
    const { body } = await admin('GET', '/standards')
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([...standards().keys()])
    const one = await admin('GET', '/standards/population')
    expect(one.body).toMatchObject({ id: 'population', keys: [['sourcePersonId'], ['idNumber']] })
    expect(one.body.fields).toEqual(standards().get('population')?.fields)
    expect(one.body.schema.properties.idNumber['x-lookup']).toBe(true)
    expect((await admin('GET', '/standards/weather')).body.code).toBe('not-found')
  })
})

describe('code tables', () => {
  test('are found by id and by slug', async () => {
    const bySlug = await admin('GET', '/code-tables/gbt-2261-1')
    const byId = await admin('GET', `/code-tables/${encodeURIComponent('GB/T 2261.1')}`)
    expect(byId.body).toEqual(bySlug.body)
    expect(byId.body).toMatchObject({ id: 'GB/T 2261.1', slug: 'gbt-2261-1', next: null })
    expect(byId.body.items).toContainEqual(expect.objectContaining({ code: '1', name: '男性' }))
    expect((await admin('GET', '/code-tables/nothing')).body.code).toBe('not-found')
  })

  test('are all listed, the divisions too, whose thousands of codes come by pages', async () => {
    const { body } = await admin('GET', '/code-tables?limit=1000')
    const divisions = body.items.find(({ slug }: { slug: string }) => slug === 'divisions')
    expect(divisions.id).toBe('GB/T 2260')
    let after = ''
    let count = 0
    do {
      const page = await admin('GET', `/code-tables/divisions?limit=1000${after}`)
      expect(page.body.items.length).toBeLessThanOrEqual(1000)
      count += page.body.items.length
      after = page.body.next === null ? '' : `&after=${page.body.next}`
    } while (after !== '')
    expect(count).toBe(divisions.entryCount)
  })
})

describe('the schema of a record', () => {
  test('is JSON Schema 2020-12 that a good record passes and a bad one does not', async () => {
    await admin('POST', '/resources', ownDraft('schemed'))
    const { body } = await admin('GET', '/resources/schemed/schema')
    const ajv = new Ajv2020({ strict: false })
    addFormats.default(ajv)
    ajv.addFormat('decimal', true)
    const validate = ajv.compile(body)
    expect(validate({ personId: 'A1', spaces: 3, fee: '12.50' })).toBe(true)
    expect(validate({ spaces: 3 })).toBe(false)
    expect(validate({ personId: 'A1', fee: '12.505' })).toBe(false)
  })

  test('of a resource with a standard has the standard’s properties', async () => {
    await admin('POST', '/resources', populationDraft('population'))
    const { body } = await admin('GET', '/resources/population/schema')
    const standard = await admin('GET', '/standards/population')
    expect(body.properties).toEqual(standard.body.schema.properties)
    expect(body.$id).toBe('urn:shuqiao:resource:population:1')
  })
})

interface Operation {
  operationId?: string
  tags?: string[]
  requestBody?: { content: Record<string, unknown> }
}

test('every operation of the catalog has an id, a summary, tags, and examples of its bodies', async () => {
  const document = (await hub.call('GET', '/openapi.json')).json()
  const paths: Record<string, Operation>[] = Object.values(document.paths)
  const operations = paths
    .flatMap((methods) => Object.values(methods))
    .filter(({ tags }) => tags?.includes('catalog'))
  expect(operations).toHaveLength(14)
  for (const operation of operations) {
    expect(operation).toMatchObject({
      operationId: expect.any(String),
      summary: expect.any(String),
    })
    const body = operation.requestBody?.content['application/json']
    if (body) {
      expect(JSON.stringify(body), operation.operationId).toContain('"example')
    }
  }
})
