import type { LightMyRequestResponse } from 'fastify'
import { type Clock, systemClock } from '../../../src/hub/clock.ts'
import { buildTestHub, type TestHub, type TestHubOptions } from '../../support/hub.ts'
import { plainDraft, publishDraft } from '../../support/resources.ts'

/** People with an invented number, homes as a child list, and a division by which rows are limited. */
export const peopleDraft = (id = 'people', more: Record<string, unknown> = {}) => ({
  ...plainDraft(id, 'police'),
  fields: [
    {
      name: 'personId',
      title: '人员编号',
      type: 'text',
      length: 30,
      sensitivity: 'internal',
      indexed: true,
    },
    {
      name: 'number',
      title: '号码',
      type: 'text',
      length: 30,
      sensitivity: 'sensitive',
      mask: 'partial',
      lookup: true,
    },
    {
      name: 'formerNumbers',
      title: '曾用号码',
      type: 'array',
      length: 30,
      sensitivity: 'sensitive',
      mask: 'partial',
      lookup: true,
    },
    {
      name: 'name',
      title: '姓名',
      type: 'text',
      length: 50,
      sensitivity: 'personal',
      mask: 'partial',
      indexed: true,
    },
    {
      name: 'division',
      title: '区划',
      type: 'text',
      length: 6,
      sensitivity: 'internal',
      indexed: true,
    },
    { name: 'bornOn', title: '出生日期', type: 'date', sensitivity: 'personal', mask: 'none' },
    {
      name: 'height',
      title: '身高',
      type: 'decimal',
      length: 5,
      precision: 2,
      sensitivity: 'public',
    },
    {
      name: 'homes',
      title: '住房',
      type: 'array',
      sensitivity: 'personal',
      fields: [
        {
          name: 'unit',
          title: '单元',
          type: 'text',
          length: 30,
          sensitivity: 'internal',
          lookup: true,
        },
        {
          name: 'owner',
          title: '产权人',
          type: 'text',
          length: 50,
          sensitivity: 'personal',
          mask: 'none',
        },
        {
          name: 'address',
          title: '地址',
          type: 'text',
          length: 100,
          sensitivity: 'personal',
          mask: 'partial',
        },
      ],
    },
  ],
  key: ['personId'],
  ...more,
})

export const person = (personId: string, more: Record<string, unknown> = {}) => ({
  personId,
  number: `N${personId}`,
  name: '张三',
  division: 'A',
  bornOn: '1990-01-01',
  ...more,
})

export interface World {
  hub: TestHub
  /** Token of the provider's front-end machine. */
  machine: string
  /** Token of the consumer's business system `desk`. */
  desk: string
  call(
    token: string,
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: unknown,
  ): Promise<LightMyRequestResponse>
  push(resource: string, rows: readonly object[], mode?: string): Promise<void>
  /** Applies and agrees as the first bureau-admin in setup mode; answers the grant's id. */
  grant(more?: Record<string, unknown>, decision?: Record<string, unknown>): Promise<string>
  /** A call of `desk` with purpose and operator. */
  ask(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
}

export const application = (more: Record<string, unknown> = {}) => ({
  resource: 'people',
  system: 'desk',
  operations: ['read', 'list', 'verify', 'changes'],
  fields: ['personId', 'number', 'name', 'division', 'bornOn', 'homes'],
  purposes: ['item-1'],
  basis: '依据',
  scenario: '场景',
  scope: '范围',
  method: 'interface',
  validUntil: '2099-12-31',
  ...more,
})

const dayMs = 24 * 60 * 60 * 1000
/** 12:00 in Shanghai, in UTC. */
const noonMs = 4 * 60 * 60 * 1000

/** A clock that runs, and stands at noon in Shanghai now: for what is counted by the day. */
export function clockFromNoon(): Clock {
  const aheadMs = (noonMs - (Date.now() % dayMs) + dayMs) % dayMs
  return { ...systemClock, now: () => new Date(Date.now() + aheadMs) }
}

/** A provider `police` with the published resource `people`, a consumer `housing` with the system `desk`. */
export async function buildWorld(options: TestHubOptions = {}): Promise<World> {
  const hub = await buildTestHub(options)
  await hub.makeDepartment('police')
  await hub.makeDepartment('housing')
  const machine = await hub.makeSystem('front', 'police')
  const desk = await hub.makeSystem('desk', 'housing', 'business-system')
  await publishDraft(hub, peopleDraft())
  const call: World['call'] = (token, method, path, body) =>
    hub.call(method, `/v1${path}`, { token, ...(body !== undefined && { body }) })
  return {
    hub,
    machine,
    desk,
    call,
    push: async (resource, rows, mode = 'upsert') => {
      const url = `/v1/resources/${resource}/batches?mode=${mode}`
      const answer = await hub.call('POST', url, { token: machine, body: rows })
      const { state, rejects } = answer.json()
      if (state !== 'succeeded')
        throw new Error(`${answer.statusCode} ${JSON.stringify(rejects ?? answer.body)}`)
    },
    grant: async (more = {}, decision = {}) => {
      const filed = await call(hub.adminToken, 'POST', '/applications', application(more))
      if (filed.statusCode !== 201) throw new Error(filed.body)
      const path = `/applications/${filed.json().id}/decisions`
      const decided = await call(hub.adminToken, 'POST', path, { decision: 'agree', ...decision })
      if (decided.statusCode !== 200) throw new Error(decided.body)
      return decided.json().grant.id
    },
    ask: (method, path, body, headers = {}) =>
      hub.call(method, `/v1${path}`, {
        token: desk,
        headers: { 'x-purpose': 'item-1', 'x-operator': encodeURIComponent('李四'), ...headers },
        ...(body !== undefined && { body }),
      }),
  }
}

/** A resource of its own with the same two people, and a system that holds one grant on it. */
export const freshResource =
  (world: World) =>
  async (
    id: string,
    more: Record<string, unknown> = {},
    decision: Record<string, unknown> = {},
  ) => {
    await publishDraft(world.hub, peopleDraft(id))
    await world.push(id, [
      person('p1', {
        homes: [
          { unit: 'U1', owner: '张三', address: '幸福路一号' },
          { unit: 'U2', owner: '李四' },
        ],
      }),
      person('p2', { division: 'B', name: '王五' }),
    ])
    const grant = await world.grant({ resource: id, ...more }, decision)
    const ask = (path: string, body: object, headers: Record<string, string> = {}) =>
      world.ask('POST', `/resources/${id}/${path}`, body, headers)
    return {
      grant,
      ask,
      read: (key: string, more: object = {}) => ask('records/read', { key, ...more }),
    }
  }
