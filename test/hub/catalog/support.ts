import { draftExample } from '../../../schemas/api/resources.ts'
import type { CallOptions, TestHub } from '../../support/hub.ts'

export const personField = {
  name: 'personId',
  title: '人员编号',
  type: 'text',
  length: 20,
  sensitivity: 'internal',
}

/** A resource of its own fields, without any standard. */
export const ownDraft = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  title: `停车信息 ${id}`,
  provider: 'public-security',
  abstract: '停车场与车位',
  category: { class: '3', item: '07', topic: '011' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: { type: 'unconditional' },
  grade: 'general-1',
  open: { open: false },
  updateCycle: 'daily',
  fields: [
    personField,
    { name: 'spaces', title: '车位数', type: 'integer', sensitivity: 'public' },
    { name: 'fee', title: '费用', type: 'decimal', length: 8, precision: 2, sensitivity: 'public' },
  ],
  key: ['personId'],
  ...more,
})

export const populationDraft = (id: string, more: Record<string, unknown> = {}) => ({
  ...draftExample,
  id,
  ...more,
})

export const notShared = {
  share: {
    type: 'not-shared',
    refusal: {
      reason: '涉及个人隐私',
      instrument: '《中华人民共和国个人信息保护法》',
      article: '第十条',
    },
  },
}

const assessment = { conclusion: '风险可控', by: '王五', on: '2026-01-05' }
export const assessments = { assessments: { secrecy: assessment, personalInformation: assessment } }

/** Calls of one member of staff or system, answered as status and body. */
export const callerOf =
  (hub: TestHub, token: string) =>
  async (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => {
    const options: CallOptions = body === undefined ? { token } : { token, body }
    const answer = await hub.call(method, `/v1${path}`, options)
    return { status: answer.statusCode, body: answer.json() }
  }
export type Call = ReturnType<typeof callerOf>
export type Answer = Awaited<ReturnType<Call>>

export const move = (call: Call, id: string, action: string, comment?: string): Promise<Answer> =>
  call('POST', `/resources/${id}/transitions`, {
    action,
    ...(comment !== undefined && { comment }),
  })

export const pointersOf = ({ body }: Answer): string[] =>
  (body.errors ?? []).map((error: { pointer: string }) => error.pointer)

/** Two departments and everybody who takes part in the chain, in the provider and in the bureau. */
export async function staffed(hub: TestHub) {
  await hub.makeDepartment('public-security')
  await hub.makeDepartment('housing')
  const of = async (id: string, roles: Parameters<TestHub['makeStaff']>[1], department?: string) =>
    callerOf(hub, await hub.makeStaff(id, roles, department))
  return {
    admin: callerOf(hub, hub.adminToken),
    cataloguer: await of('ps-cataloguer', ['cataloguer'], 'public-security'),
    second: await of('ps-cataloguer-2', ['cataloguer'], 'public-security'),
    head: await of('ps-head', ['department-head'], 'public-security'),
    both: await of('ps-both', ['cataloguer', 'department-head'], 'public-security'),
    operator: await of('ps-operator', ['operator'], 'public-security'),
    reviewer: await of('reviewer', ['bureau-reviewer']),
    bureauAdmin: await of('bureau-admin-2', ['bureau-admin']),
    stranger: await of('housing-developer', ['developer', 'cataloguer'], 'housing'),
    machine: callerOf(hub, await hub.makeSystem('housing-machine', 'housing', 'business-system')),
    front: callerOf(hub, await hub.makeSystem('ps-front', 'public-security')),
  }
}
export type Staffed = Awaited<ReturnType<typeof staffed>>
