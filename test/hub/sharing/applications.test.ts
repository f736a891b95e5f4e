import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { application, buildWorld, peopleDraft, type World } from './support.ts'

let world: World
let applicant: string
let provider: string
let bureau: string

beforeAll(async () => {
  world = await buildWorld()
  const { hub } = world
  applicant = await hub.makeStaff('clerk', ['developer'], 'housing')
  provider = await hub.makeStaff('office-head', ['share-office-head'], 'police')
  bureau = await hub.makeStaff('reviewer-1', ['bureau-reviewer'])
  await publishDraft(hub, peopleDraft('free', { share: { type: 'unconditional' } }))
  await hub.call('POST', '/v1/resources', {
    token: hub.adminToken,
    body: plainDraft('unfinished', 'police'),
  })
  await publishDraft(hub, {
    ...peopleDraft('secret'),
    share: {
      type: 'not-shared',
      refusal: { reason: '隐私', instrument: '个人信息保护法', article: '第十条' },
    },
  })
})
afterAll(() => world.hub.close())

const file = (more: object = {}, token = applicant) =>
  world.call(token, 'POST', '/applications', application({ ...more }))
const decide = (id: string, body: object, token = provider) =>
  world.call(token, 'POST', `/applications/${id}/decisions`, body)
const filed = async (more: object = {}): Promise<string> => {
  const answer = await file(more)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json().id
}

test('an application is filed by staff of the system’s department, never by a machine', async () => {
  const answer = await file()
  expect(answer.statusCode).toBe(201)
  expect(answer.headers.location).toBe(`/v1/applications/${answer.json().id}`)
  expect(answer.json()).toMatchObject({
    state: 'submitted',
    consumer: 'housing',
    provider: 'police',
    filedBy: 'clerk',
  })
  expect(world.hub.entries.at(-1)).toMatchObject({ operation: 'applications.file', staff: 'clerk' })
  expect((await file({}, world.desk)).json().code).toBe('role-missing')
  expect((await file({}, provider)).json().code).toBe('role-missing')
  const read = await world.call(provider, 'GET', `/applications/${answer.json().id}`)
  expect(read.json()).toEqual(answer.json())
})

test('all faults of an application are named at once', async () => {
  const answer = await file({
    fields: ['name', 'nothing'],
    rows: { bornOn: ['1990-02-30'], nowhere: ['x'] },
    validUntil: '2020-01-01',
  })
  expect(answer.statusCode).toBe(400)
  const pointers = answer.json().errors.map(({ pointer }: { pointer: string }) => pointer)
  expect(pointers).toEqual(['/fields/1', '/rows/bornOn/0', '/rows/nowhere', '/validUntil'])
  const shape = await file({ purposes: ['a b'], operations: ['steal'], basis: undefined, extra: 1 })
  expect(shape.json().errors.length).toBeGreaterThanOrEqual(4)
  expect((await file({ system: 'nobody' })).json().errors[0].pointer).toBe('/system')
})

test('a resource that the applicant may not know of is not there; who works on it learns that it is not published', async () => {
  for (const resource of ['nothing', 'unfinished', 'secret']) {
    expect([resource, (await file({ resource })).json().code]).toEqual([resource, 'not-found'])
  }
  const known = await file({ resource: 'unfinished' }, world.hub.adminToken)
  expect(known.json().code).toBe('state-conflict')
})

test('a yes is a grant at once, with the fields’ own masks unless the provider says none', async () => {
  const id = await filed({ rows: { division: ['A'] } })
  const { application: decided, grant } = (
    await decide(id, { decision: 'agree', masks: { name: 'none' } })
  ).json()
  expect(decided).toMatchObject({ id, state: 'agreed', grant: grant.id })
  expect(grant).toMatchObject({
    application: id,
    version: 1,
    state: 'active',
    system: 'desk',
    rows: { division: ['A'] },
    masks: { number: 'partial', 'homes.address': 'partial' },
    validUntil: '2099-12-31T16:00:00.000Z',
    grantedBy: 'office-head',
  })
  expect(world.hub.entries.at(-1)).toMatchObject({
    operation: 'applications.agree',
    grantIds: [grant.id],
  })
  const row = await world.hub.app.hub.database
    .knex('hub.change_numbers')
    .where({ resource: 'people' })
    .first('filter_fields')
  expect(row.filter_fields).toContain('division')
  expect((await decide(id, { decision: 'refuse', reason: '改主意' })).json().code).toBe(
    'state-conflict',
  )
})

test('a refusal gives its reasons, and incompleteness is none', async () => {
  const id = await filed()
  expect((await decide(id, { decision: 'refuse' })).json().errors[0].pointer).toBe('/reason')
  for (const reason of ['材料不全', '申请材料不齐全,退回', 'The application is incomplete']) {
    const answer = await decide(id, { decision: 'refuse', reason })
    expect([reason, answer.statusCode]).toEqual([reason, 400])
  }
  const refused = await decide(id, { decision: 'refuse', reason: '与履行职责无关' })
  expect(refused.json().application).toMatchObject({ state: 'refused', grant: null })
  expect(refused.json().grant).toBeUndefined()
})

test('a supplement names everything, is asked for once, and is answered by filing anew', async () => {
  const id = await filed()
  expect((await decide(id, { decision: 'request-supplement' })).statusCode).toBe(400)
  const asked = await decide(id, {
    decision: 'request-supplement',
    missing: ['授权书', '事项清单'],
  })
  expect(asked.json().application.state).toBe('supplement-required')
  expect((await decide(id, { decision: 'agree' })).json().code).toBe('state-conflict')
  const again = await world.call(
    applicant,
    'PUT',
    `/applications/${id}`,
    application({ scope: '更小的范围' }),
  )
  expect(again.json()).toMatchObject({ id, state: 'submitted', scope: '更小的范围' })
  const twice = await decide(id, { decision: 'request-supplement', missing: ['再来一份'] })
  expect(twice.json().code).toBe('state-conflict')
  expect((await decide(id, { decision: 'agree' })).statusCode).toBe(200)
})

test('an extension is at most ten working days, once, and the bureau’s to approve', async () => {
  const id = await filed()
  const ask = { decision: 'request-extension', days: 10, reason: '数据量大' }
  expect((await decide(id, { ...ask, days: 11 })).statusCode).toBe(400)
  expect((await decide(id, ask)).json().application.state).toBe('extension-requested')
  expect((await decide(id, { decision: 'approve-extension' })).json().code).toBe('role-missing')
  const approved = await decide(id, { decision: 'approve-extension' }, bureau)
  expect(approved.json().application).toMatchObject({ state: 'extended', extensionDays: 10 })
  expect((await decide(id, ask)).json().code).toBe('state-conflict')
  expect((await decide(id, { decision: 'agree' })).statusCode).toBe(200)
})

test('an unconditional resource is given without conditions', async () => {
  const id = await filed({ resource: 'free' })
  const masked = await decide(id, { decision: 'agree', masks: { name: 'hash' } })
  expect(masked.json().errors[0]).toMatchObject({ pointer: '/masks', code: 'condition-refused' })
  const limited = await decide(id, { decision: 'agree', rows: { division: ['A'] } })
  expect(limited.json().errors[0].pointer).toBe('/rows')
  expect((await decide(id, { decision: 'agree', masks: { name: 'none' } })).statusCode).toBe(200)
})

test('the provider may narrow the rows, never widen them', async () => {
  const id = await filed({ rows: { division: ['A', 'B'] } })
  const none = await decide(id, { decision: 'agree', rows: { division: ['C'] } })
  expect(none.json().errors[0].code).toBe('rows-empty')
  const answer = await decide(id, {
    decision: 'agree',
    rows: { division: ['B', 'C'], name: ['张三'] },
  })
  expect(answer.json().grant.rows).toEqual({ division: ['B'], name: ['张三'] })
})

test('nobody decides what they filed, and the consumer’s head does not decide for the provider', async () => {
  const both = await world.hub.makeStaff('both', ['share-office-head'], 'police')
  await world.hub.makeSystem('police-desk', 'police', 'business-system')
  const own = await file({ system: 'police-desk' }, both)
  expect(own.statusCode).toBe(201)
  expect((await decide(own.json().id, { decision: 'agree' }, both)).json().code).toBe(
    'role-missing',
  )
  expect((await decide(own.json().id, { decision: 'agree' })).statusCode).toBe(200)
  const consumerHead = await world.hub.makeStaff('head-2', ['share-office-head'], 'housing')
  const id = await filed()
  expect((await decide(id, { decision: 'agree' }, consumerHead)).json().code).toBe('role-missing')
  const consent = await decide(id, { decision: 'consent' }, consumerHead)
  expect(consent.json().application).toMatchObject({
    state: 'submitted',
    decisions: [{ decision: 'consent' }],
  })
})

test('in setup mode the first admin takes every step alone, each one marked', async () => {
  const id = (await file({}, world.hub.adminToken)).json().id
  expect(world.hub.entries.at(-1)?.note).toMatchObject({ 'review-chain-bypassed': true })
  expect((await decide(id, { decision: 'agree' }, world.hub.adminToken)).statusCode).toBe(200)
  expect(world.hub.entries.at(-1)?.note).toMatchObject({ 'review-chain-bypassed': true })
})

test('applications and grants are seen by both sides and by nobody else', async () => {
  await world.hub.makeDepartment('water')
  const stranger = await world.hub.makeStaff('stranger', ['share-office-head'], 'water')
  const id = await filed()
  const list = async (token: string) =>
    (await world.call(token, 'GET', '/applications?limit=1000')).json().items
  const ids = async (token: string) => (await list(token)).map((item: { id: string }) => item.id)
  expect(await ids(applicant)).toContain(id)
  expect(await ids(provider)).toContain(id)
  expect(await ids(stranger)).toEqual([])
  expect((await world.call(stranger, 'GET', `/applications/${id}`)).json().code).toBe(
    'role-missing',
  )
  const { grant } = (await decide(id, { decision: 'agree' })).json()
  expect((await world.call(stranger, 'GET', `/grants/${grant.id}`)).json().code).toBe(
    'role-missing',
  )
  expect((await world.call(applicant, 'GET', `/grants/${grant.id}`)).json()).toEqual(grant)
  const listed = await world.call(provider, 'GET', '/grants?limit=1000&system=desk')
  expect(listed.json().items.map((item: { id: string }) => item.id)).toContain(grant.id)
})

test('a resource with live grants is not withdrawn', async () => {
  const body = { action: 'withdraw', comment: '停用' }
  const answer = await world.call(world.hub.adminToken, 'POST', '/resources/free/transitions', body)
  expect(answer.json()).toMatchObject({ code: 'state-conflict' })
  expect(answer.json().detail).toContain('art. 27')
})

test('after setup a grant ends only for one of the grounds of the regulation', async () => {
  const id = await filed()
  const { grant } = (await decide(id, { decision: 'agree' })).json()
  await world.call(world.hub.adminToken, 'POST', '/setup/complete')
  const move = async (action: string, ground: string) =>
    (
      await world.call(provider, 'POST', `/grants/${grant.id}/transitions`, {
        action,
        ground,
        reason: '说明',
      })
    ).json()
  expect((await move('terminate', 'no longer wanted')).code).toBe('state-conflict')
  expect((await move('terminate', 'rectification-failed')).code).toBe('state-conflict')
  expect((await move('terminate', 'expired')).code).toBe('state-conflict')
  expect(await move('suspend', 'misuse')).toMatchObject({ state: 'suspended', version: 2 })
  expect((await move('suspend', 'misuse')).code).toBe('state-conflict')
  expect(await move('terminate', 'rectification-failed')).toMatchObject({
    state: 'terminated',
    version: 3,
  })
  expect((await move('resume', 'x')).code).toBe('state-conflict')
  const ended = async (ground: string, validUntil?: string) => {
    const { knex } = world.hub.app.hub.database
    const [other] = await knex('hub.grants').where({ state: 'active' }).limit(1)
    if (validUntil !== undefined) {
      await knex('hub.grants').where({ id: other.id }).update({ valid_until: validUntil })
    }
    const answer = await world.call(provider, 'POST', `/grants/${other.id}/transitions`, {
      action: 'terminate',
      ground,
      reason: '说明',
    })
    return answer.json().state
  }
  expect(await ended('expired', '2020-01-01T00:00:00Z')).toBe('terminated')
  expect(await ended('filed-change')).toBe('terminated')
  expect((await file({}, world.hub.adminToken)).json().code).toBe('role-missing')
})
