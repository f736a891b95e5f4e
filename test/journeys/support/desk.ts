import type { Journey, JourneyResource } from './journey.ts'

/** What an approval system is told of one record, or why it is told nothing. */
export interface Told {
  status: number
  code?: string
  record?: Record<string, unknown>
  meta?: { status: string; quality: string[]; seq: number }
}

export interface Verified {
  result: string
  claims: Record<string, string>
  subjectStatus: string | null
  quality: string[]
}

/** An approval system of another department, with a grant: the hub as it is seen from outside. */
export interface Desk {
  read(key: string): Promise<Told>
  list(where: Record<string, string>): Promise<Told[]>
  verify(key: string, claims: Record<string, unknown>): Promise<Verified>
  /** Every change behind the cursor, in order. */
  changes(after: number): Promise<Change[]>
}

export interface Change {
  op: 'upsert' | 'delete'
  key: string
  record?: Record<string, unknown>
  meta?: { quality: string[] }
}

/** Applies for these fields, unmasked, and is granted them by the provider. */
export async function openDesk(
  { hub }: Journey,
  resource: JourneyResource,
  fields: readonly string[],
): Promise<Desk> {
  const department = await hub.makeDepartment(`consumer-of-${resource.id}`)
  const system = `desk-of-${resource.id}`
  const token = await hub.makeSystem(system, department, 'business-system')
  const send = async (url: string, body: object): Promise<Record<string, string>> => {
    const answer = await hub.call('POST', url, { token: hub.adminToken, body })
    if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }
  const application = await send('/v1/applications', {
    resource: resource.id,
    system,
    operations: ['read', 'list', 'verify', 'changes'],
    fields,
    purposes: ['item-1'],
    basis: '示例依据',
    scenario: '示例场景',
    scope: '示例范围',
    method: 'interface',
    validUntil: '2099-12-31',
  })
  const masks = Object.fromEntries(fields.map((field) => [field, 'none']))
  await send(`/v1/applications/${application['id']}/decisions`, { decision: 'agree', masks })
  const headers = { 'x-purpose': 'item-1', 'x-operator': encodeURIComponent('示例经办人') }
  const base = `/v1/resources/${resource.id}`
  const ask = (method: 'GET' | 'POST', path: string, body?: object) =>
    hub.call(method, `${base}${path}`, { token, headers, ...(body && { body }) })
  return {
    read: async (key) => {
      const answer = await ask('POST', '/records/read', { key })
      const { code, record, meta } = answer.json<Omit<Told, 'status'>>()
      const told = { status: answer.statusCode }
      return answer.statusCode === 200 && record && meta
        ? { ...told, record, meta }
        : { ...told, code: code ?? '' }
    },
    list: async (where) => {
      const answer = await ask('POST', '/records/list', { where })
      return answer.json<{ items: Told[] }>().items
    },
    verify: async (key, claims) => (await ask('POST', '/verify', { key, claims })).json<Verified>(),
    changes: async (after) =>
      (await ask('GET', `/changes?after=${String(after)}`)).json<{ items: Change[] }>().items,
  }
}
