import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { move, notShared, ownDraft, pointersOf, staffed, type Staffed } from './support.ts'

let hub: TestHub
let people: Staffed
beforeAll(async () => {
  hub = await buildTestHub()
  people = await staffed(hub)
})
afterAll(() => hub.close())

const draft = (body: unknown) => people.admin('POST', '/resources', body)

describe('who drafts', () => {
  test('a department drafts its own resources, the bureau anybody’s, a machine none', async () => {
    expect((await people.stranger('POST', '/resources', ownDraft('theirs'))).body.code).toBe(
      'role-missing',
    )
    expect((await people.head('POST', '/resources', ownDraft('theirs'))).body.code).toBe(
      'role-missing',
    )
    expect((await people.front('POST', '/resources', ownDraft('theirs'))).body.code).toBe(
      'role-missing',
    )
    expect((await people.cataloguer('POST', '/resources', ownDraft('theirs'))).status).toBe(201)
  })

  test('a draft is changed as long as it is one, and its id stays', async () => {
    await draft(ownDraft('changing'))
    const renamed = await people.admin('PUT', '/resources/changing', ownDraft('other-id'))
    expect(pointersOf(renamed)).toEqual(['/id'])
    const { id: _id, ...nameless } = ownDraft('changing', { title: '新名称' })
    expect((await people.second('PUT', '/resources/changing', nameless)).body.title).toBe('新名称')
    await move(people.admin, 'changing', 'publish')
    const late = await people.admin('PUT', '/resources/changing', ownDraft('changing'))
    expect(late.body.code).toBe('state-conflict')
    const stranger = await people.stranger('PUT', '/resources/changing', ownDraft('changing'))
    expect(stranger.body.code).toBe('role-missing')
  })

  test('a draft cannot be handed to a department that its author does not act for', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('given-away'))
    const change = ownDraft('given-away', { provider: 'housing' })
    const refused = await people.cataloguer('PUT', '/resources/given-away', change)
    expect(refused.body.code).toBe('role-missing')
    expect((await people.admin('PUT', '/resources/given-away', change)).body.provider).toBe(
      'housing',
    )
  })
})

describe('who may know of a resource', () => {
  test('a draft, one that is not shared and one that does not exist are the same not-found', async () => {
    await draft(ownDraft('hidden-draft'))
    await draft(ownDraft('hidden-refused', notShared))
    await move(people.admin, 'hidden-refused', 'publish')
    for (const caller of [people.stranger, people.machine]) {
      const answers = await Promise.all(
        ['hidden-draft', 'hidden-refused', 'hidden-absent'].flatMap((id) => [
          caller('GET', `/resources/${id}`),
          caller('GET', `/resources/${id}/versions`),
          caller('GET', `/resources/${id}/schema`),
          caller('GET', `/resources/${id}/mount`),
          caller('PUT', `/resources/${id}`, ownDraft(id)),
          move(caller, id, 'withdraw', '停'),
        ]),
      )
      for (const { body } of answers) expect(body.code).toBe('not-found')
    }
    const own = await people.operator('GET', '/resources/hidden-refused')
    expect(own.body).toMatchObject({ state: 'published', share: notShared.share })
  })

  test('a published resource is everybody’s to see, its assessments are not', async () => {
    const assessment = { conclusion: '可控', by: '甲', on: '2026-01-05' }
    await draft(ownDraft('seen', { assessments: { secrecy: assessment } }))
    await move(people.admin, 'seen', 'publish')
    const { body } = await people.machine('GET', '/resources/seen')
    expect(body).toMatchObject({ id: 'seen', state: 'published', version: 1 })
    expect(body).not.toHaveProperty('assessments')
    expect((await people.operator('GET', '/resources/seen')).body.assessments.secrecy).toEqual(
      assessment,
    )
  })
})
