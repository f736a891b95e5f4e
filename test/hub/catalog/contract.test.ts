import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { notShared, ownDraft, personField, pointersOf, staffed, type Staffed } from './support.ts'

let hub: TestHub
let people: Staffed
let made = 0
beforeAll(async () => {
  hub = await buildTestHub()
  people = await staffed(hub)
})
afterAll(() => hub.close())

const draft = (more: Record<string, unknown>) => {
  made += 1
  return people.admin('POST', '/resources', ownDraft(`contract-${made}`, more))
}

describe('the words of a draft', () => {
  const formats: Record<string, string> = {
    document: 'OFD',
    spreadsheet: 'xlsx',
    database: 'PostgreSQL',
    image: 'png',
    stream: 'mp4',
    'self-describing': '任何',
    interface: 'REST',
  }
  const every: Record<string, Record<string, unknown>[]> = {
    'format.class': Object.entries(formats).map(([name, type]) => ({
      format: { class: name, type },
    })),
    grade: ['core', 'important', 'general-1', 'general-2', 'general-3', 'general-4'].map(
      (grade) => ({ grade }),
    ),
    updateCycle: [
      'realtime',
      'daily',
      'weekly',
      'monthly',
      'quarterly',
      'half-yearly',
      'yearly',
      'irregular',
    ].map((updateCycle) => ({ updateCycle })),
    'share.type': [
      { share: { type: 'unconditional' } },
      { share: { type: 'conditional', scope: '审批', use: '核验' } },
      notShared,
    ],
    'share.methods': ['platform', 'mail', 'disc', 'medium'].map((channel) => ({
      share: { type: 'unconditional', methods: [{ channel }] },
    })),
    'fields.type': ['text', 'integer', 'decimal', 'date', 'datetime', 'boolean'].map((type) => ({
      fields: [personField, { name: 'value', title: '值', type, sensitivity: 'internal' }],
    })),
    'fields.sensitivity': ['public', 'internal', 'personal', 'sensitive'].map((sensitivity) => ({
      fields: [{ ...personField, sensitivity }],
    })),
  }

  test.each(Object.entries(every))(
    '%s is every word of the contract and no other',
    async (_name, drafts) => {
      for (const more of drafts) {
        const answer = await draft(more)
        expect([JSON.stringify(more), answer.status]).toEqual([JSON.stringify(more), 201])
        expect(answer.body).toMatchObject(withoutFields(more))
      }
    },
  )

  /** What a draft leaves out of its fields is completed, so they come back longer. */
  const withoutFields = (more: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'fields'))

  test.each([
    [{ grade: 'general-5' }, '/grade'],
    [{ updateCycle: 'hourly' }, '/updateCycle'],
    [{ format: { class: 'hologram', type: 'x' } }, '/format/class'],
    [{ share: { type: 'secret' } }, '/share/type'],
    [
      { share: { type: 'unconditional', methods: [{ channel: 'fax' }] } },
      '/share/methods/0/channel',
    ],
    [{ fields: [{ ...personField, type: 'number' }] }, '/fields/0/type'],
    [{ fields: [{ ...personField, sensitivity: 'private' }] }, '/fields/0/sensitivity'],
    [{ strictness: 'loose' }, '/strictness'],
  ])('%j is none', async (more, pointer) => {
    expect(pointersOf(await draft(more))).toEqual([pointer])
  })

  test.each(['limit', 'after', 'fields'])(
    'the name %s is the interface’s own: no field has it',
    async (name) => {
      const field = { name, title: '字段', type: 'text', sensitivity: 'public' }
      expect(pointersOf(await draft({ fields: [personField, field] }))).toEqual(['/fields/1/name'])
    },
  )

  test.each([
    'title',
    'provider',
    'abstract',
    'category',
    'format',
    'share',
    'grade',
    'open',
    'updateCycle',
  ])('%s is mandatory', async (name) => {
    expect(pointersOf(await draft({ [name]: undefined }))).toEqual([`/${name}`])
  })
})

test('an id may have 63 characters, and its resource works like any other', async () => {
  const id = 'r'.repeat(63)
  await publishDraft(hub, plainDraft(id, 'public-security'))
  const machine = await hub.makeSystem('front-63', 'public-security')
  const push = await hub.call('POST', `/v1/resources/${id}/batches`, {
    token: machine,
    body: [{ thing: 'a' }],
  })
  expect(push.json().counts).toMatchObject({ inserted: 1 })
  const { rows } = await hub.app.hub.database.pool.query(
    `select number from hub.resources where id = $1`,
    [id],
  )
  expect(rows).toHaveLength(1)
})

test('what is not shared is never applied for and never takes a row', async () => {
  made += 1
  const id = `contract-${made}`
  await publishDraft(hub, ownDraft(id, notShared))
  const machine = await hub.makeSystem('front-secret', 'public-security')
  const push = await hub.call('POST', `/v1/resources/${id}/batches`, { token: machine, body: [{}] })
  expect(['not-found', 'state-conflict']).toContain(push.json().code)
  const application = await people.admin('POST', '/applications', {
    resource: id,
    system: 'housing-machine',
    operations: ['read'],
    fields: ['personId'],
    purposes: ['item-1'],
    basis: '依据',
    scenario: '场景',
    scope: '范围',
    method: 'interface',
    validUntil: '2099-12-31',
  })
  expect(application.body.code).toBe('not-found')
})
