import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Mapping } from '../../schemas/api/mapping.ts'
import { endLeftovers } from '../../src/hub/database/embedded-leftovers.ts'
import { readPasswords, urlOf } from '../../src/hub/database/embedded-roles.ts'
import type { BenchOptions } from './arguments.ts'
import { push, type Push, type Pushed } from './feed.ts'
import { type Program, startProgram } from './hub-process.ts'

/** A hub with a city's departments on an empty database of its own, and everything to measure it with. */
export interface City {
  options: BenchOptions
  hub: Program
  /** Temporary; removed with the city. */
  folder: string
  dataDir: string
  databaseUrl: string
  appUrl: string
  /** A connection as superuser: counts, checkpoints and baselines are its business. */
  database: Client
  call<Answer>(method: string, path: string, body?: unknown, token?: string): Promise<Answer>
  /** Pushes as the front-end machine of public security. */
  push(resource: string, load: Pick<Push, 'mediaType' | 'body'>): Promise<Pushed>
  consumerToken: string
  close(): Promise<void>
}

export const provider = 'public-security'
export const consumer = 'administrative-approval'
export const consumerSystem = 'approval-1'
export const purpose = '430182-0001'

const adminToken = 'bench-administrator'
const mebibyte = 1024 * 1024

/** Limits of calls are lifted: what a client may ask a second is not what is measured here. */
const hubSettings = {
  SHUQIAO_PORT: '0',
  SHUQIAO_HOST: '127.0.0.1',
  SHUQIAO_ADMIN_TOKEN: adminToken,
  SHUQIAO_CALLS_PER_SECOND: '0',
  SHUQIAO_INTAKE_BYTES_MAX: String(64 * 1024 * mebibyte),
}

/** Starts the hub, its PostgreSQL beside it, and registers who provides and who asks. */
export async function foundCity(options: BenchOptions): Promise<City> {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-bench-'))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  let hub: Program | undefined
  let database: Client | undefined
  const close = async (): Promise<void> => {
    await database?.end().catch(() => undefined)
    await hub?.stop()
    await endLeftovers(join(dataDir, 'postgres'), 0)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    hub = await startProgram({
      script: join(import.meta.dirname, '../start.ts'),
      environment: { ...hubSettings, SHUQIAO_DATA_DIR: dataDir },
      logPath: join(folder, 'hub.log'),
    })
    const urls = databaseUrls(dataDir)
    database = new Client({ connectionString: urls.superuser })
    database.on('error', () => undefined) // Its server ends before it when the bench is broken off.
    await database.connect()
    await database.query('create schema bench')
    const call = caller(hub.url)
    const tokens = await register(call)
    const { url } = hub
    return {
      options,
      hub,
      folder,
      dataDir,
      databaseUrl: urls.superuser,
      appUrl: urls.app,
      database,
      call,
      push: (resource, load) =>
        push({ url: `${url}/v1/resources/${resource}/batches`, token: tokens.machine, ...load }),
      consumerToken: tokens.consumer,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The embedded server's port stands in its pid file's fourth line (PostgreSQL, `miscadmin.h`). */
function databaseUrls(dataDir: string): { superuser: string; app: string } {
  const lines = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
  const port = Number(lines[3])
  const passwords = readPasswords(dataDir)
  return {
    superuser: urlOf('postgres', passwords.superuser, port),
    app: urlOf('shuqiao_app', passwords.app, port),
  }
}

const caller =
  (url: string): City['call'] =>
  async (method, path, body, token = adminToken) => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 2000)}`)
    return JSON.parse(text)
  }

async function register(call: City['call']): Promise<{ machine: string; consumer: string }> {
  for (const [id, name] of Object.entries({
    [provider]: '市公安局',
    [consumer]: '市行政审批服务局',
  })) {
    await call('POST', '/v1/departments', { id, name, division: '430182' })
  }
  const system = async (id: string, department: string, kind: string): Promise<string> => {
    const body = { id, department, name: id, kind }
    return (await call<{ token: string }>('POST', '/v1/systems', body)).token
  }
  return {
    machine: await system('ps-front-1', provider, 'front-end-machine'),
    consumer: await system(consumerSystem, consumer, 'business-system'),
  }
}

const draft = {
  provider,
  abstract: '常住人口基础信息',
  standard: 'population',
  category: { class: '1', item: '01', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: {
    type: 'conditional',
    scope: '本市行政审批部门',
    use: '行政审批核验',
    methods: [{ channel: 'platform', type: 'interface' }],
  },
  grade: 'general-3',
  open: { open: false },
  updateCycle: 'daily',
}

/** Publishes an empty resource of the population standard and answers the name of its record table. */
export async function publishPopulation(
  city: City,
  id: string,
  mapping?: Mapping,
): Promise<string> {
  await city.call('POST', '/v1/resources', { ...draft, id, title: `人口基础信息 ${id}` })
  if (mapping) await city.call('PUT', `/v1/resources/${id}/mount`, { mapping })
  await city.call('POST', `/v1/resources/${id}/transitions`, { action: 'publish' })
  const { rows } = await city.database.query<{ number: number }>(
    'select number from hub.resources where id = $1',
    [id],
  )
  return `records.r_${rows[0]?.number ?? 0}`
}

export interface Wanted {
  resource: string
  operations: readonly string[]
  fields: readonly string[]
  masks?: Record<string, string>
}

/** Applies for the consumer's system and agrees for the provider, as setup mode allows. */
export async function grant(city: City, { masks, ...wanted }: Wanted): Promise<void> {
  const { id } = await city.call<{ id: string }>('POST', '/v1/applications', {
    ...wanted,
    system: consumerSystem,
    purposes: [purpose],
    basis: '《不动产登记暂行条例》第二十五条',
    scenario: '不动产转移登记核验申请人身份',
    scope: '市不动产登记中心窗口',
    method: 'interface',
    validUntil: '2099-12-31',
  })
  await city.call('POST', `/v1/applications/${id}/decisions`, { decision: 'agree', masks })
}
