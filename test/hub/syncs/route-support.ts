import type { LightMyRequestResponse } from 'fastify'
import { Client } from 'pg'
import type { Role } from '../../../src/hub/identity/caller.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../../support/database.ts'
import { buildTestHub, type TestHub, type TestHubOptions } from '../../support/hub.ts'
import { publishPlain } from '../../support/resources.ts'

type Method = 'GET' | 'POST' | 'PUT'
export type Call = (method: Method, path: string, body?: unknown) => Promise<Answer>
export interface Answer {
  status: number
  // What a test expects of a body is what it tests.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
  text: string
}

export interface SyncHub {
  hub: TestHub
  source: EmptyDatabase
  /** With a user and an invented password. */
  sourceUrl: string
  admin: Call
  operator: Call
  stranger: Call
  consumer: Call
  machine: Call
  as(id: string, roles: readonly Role[], department?: string): Promise<Call>
  call(token: string): Call
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

const answered = (answer: LightMyRequestResponse): Answer => ({
  status: answer.statusCode,
  body: answer.json(),
  text: answer.body,
})

/** `provider` with the published resource `things`, a consumer, and a PostgreSQL of the provider's own. */
export async function openSyncHub(options: TestHubOptions = {}): Promise<SyncHub> {
  const hub = await buildTestHub(options)
  const source = await createEmptyDatabase()
  await hub.makeDepartment('provider')
  await hub.makeDepartment('consumer')
  await publishPlain(hub, { id: 'things', provider: 'provider' })
  const call =
    (token: string): Call =>
    async (method, path, body) =>
      answered(await hub.call(method, `/v1${path}`, { token, ...(body !== undefined && { body }) }))
  const as: SyncHub['as'] = async (id, roles, department) =>
    call(await hub.makeStaff(id, roles, department))
  const client = new Client({ connectionString: source.urls.superuser })
  await client.connect()
  await client.query(`create table things (id int primary key, thing text, changed_at timestamptz);
    insert into things values (1, '一', now())`)
  await client.end()
  return {
    hub,
    source,
    sourceUrl: source.urls.superuser,
    admin: call(hub.adminToken),
    operator: await as('operator', ['operator'], 'provider'),
    stranger: await as('stranger', ['operator'], 'consumer'),
    consumer: await as('consumer-developer', ['developer'], 'consumer'),
    machine: call(await hub.makeSystem('front', 'provider')),
    as,
    call,
    sql: async (text, values) => (await hub.testDatabase.database.pool.query(text, values)).rows,
    close: async () => {
      await hub.close()
      await source.drop()
    },
  }
}

export const pullDraft = (id: string, url: string, more: Record<string, unknown> = {}) => ({
  id,
  resource: 'things',
  direction: 'pull',
  source: { connector: 'postgres', settings: { url, table: 'public.things' } },
  mode: 'incremental',
  cursor: ['changed_at', 'id'],
  ...more,
})

export const faultsOf = ({ body }: Answer): string[] =>
  (body.errors ?? []).map(
    ({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`,
  )

/** A grant on `things` for the consumer's system `desk`, given by the first administrator. */
export async function grantThings(
  { hub, admin }: SyncHub,
  more: Record<string, unknown> = {},
): Promise<string> {
  const desk = `desk-${Math.random().toString(36).slice(2, 10)}`
  await hub.makeSystem(desk, 'consumer', 'business-system')
  const filed = await admin('POST', '/applications', {
    resource: 'things',
    system: desk,
    operations: ['deliver'],
    fields: ['thing', 'amount'],
    purposes: ['item-1'],
    basis: '依据',
    scenario: '场景',
    scope: '范围',
    method: 'database',
    validUntil: '2099-12-31',
    ...more,
  })
  if (filed.status !== 201) throw new Error(filed.text)
  const decided = await admin('POST', `/applications/${filed.body.id}/decisions`, {
    decision: 'agree',
  })
  if (decided.status !== 200) throw new Error(decided.text)
  return decided.body.grant.id
}
