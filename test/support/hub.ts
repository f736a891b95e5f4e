import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifySerializerCompiler, LightMyRequestResponse } from 'fastify'
import { buildHub, type HubParts } from '../../src/hub/app.ts'
import type { AuditFacts } from '../../src/hub/audit/facts.ts'
import { openAuditKeys } from '../../src/hub/audit/keys.ts'
import { openAuditLog, type OpenAuditLog } from '../../src/hub/audit/log.ts'
import type { Clock } from '../../src/hub/clock.ts'
import { type Config, hubRoles, type HttpConfig, loadConfig } from '../../src/hub/config.ts'
import { connectClient } from '../../src/hub/database/clients.ts'
import { fingerprintLedger } from '../../src/hub/database/key-fingerprints.ts'
import type { Api } from '../../src/hub/http/api.ts'
import type { CallLog } from '../../src/hub/http/audit-call.ts'
import { bootstrapAdmin } from '../../src/hub/identity/bootstrap-admin.ts'
import type { Role } from '../../src/hub/identity/caller.ts'
import { openKeys } from '../../src/hub/keys.ts'
import { openRunQueue } from '../../src/hub/queue/run-queue.ts'
import { runWorks } from '../../src/hub/run-works.ts'
import type { RunWorks } from '../../src/hub/syncs/work-runs.ts'
import { type Processing, startProcessing } from '../../src/hub/syncs/work-start.ts'
import { silentLog } from '../../src/hub/database/log.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { startRedis, type TestRedis } from './servers/redis.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'HEAD'

export interface CallOptions {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  address?: string
}

export interface TestHub {
  app: Api
  testDatabase: TestDatabase
  /** Token of the first bureau-admin. */
  adminToken: string
  /** What has been handed to the audit log, in order. */
  entries: AuditFacts[]
  logLines: string[]
  /** With `workers`: the lanes and the schedule of this hub. */
  processing: Processing | null
  /** The queue's own Redis, in the project `redis`. */
  redis: TestRedis | null
  call(method: Method, url: string, options?: CallOptions): Promise<LightMyRequestResponse>
  /** Registers and answers the id. */
  makeDepartment(id: string, more?: Record<string, unknown>): Promise<string>
  /** Registers (kind front-end-machine unless told) and answers the token. */
  makeSystem(id: string, department: string, kind?: string): Promise<string>
  /** Registers and answers the token. */
  makeStaff(id: string, roles: readonly Role[], department?: string): Promise<string>
  close(): Promise<void>
}

export interface TestHubOptions {
  http?: Partial<HttpConfig>
  clock?: Clock
  /** Wraps the log that the hub is given: to refuse, to fold. */
  auditLog?: (log: CallLog) => CallLog
  checks?: HubParts['checks']
  catalog?: HubParts['catalog']
  /** Settings beside those of HTTP. */
  config?: Partial<Config>
  /** Works off runs as a process with the role `worker` does, over a real queue: Redis in the `redis` project. */
  workers?: boolean
  /** Looks at the schedule every second; only with `workers`. */
  scheduler?: boolean
  /** Works of the test's own, in place of the hub's. */
  works?: RunWorks
  /** Called before the app is ready, to add routes of the test's own. */
  extend?: (app: Api) => void
}

/** An app on a migrated database of its own, without a port. Limits are off unless a test sets them. */
export async function buildTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  const testDatabase = await createTestDatabase()
  const dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-hub-'))
  const config = { ...testConfig(dataDir, options.http), ...options.config }
  const keys = await openKeys(config.keysDir, fingerprintLedger(testDatabase.database.knex))
  const entries: AuditFacts[] = []
  const logLines: string[] = []
  const { directUrl: url } = testDatabase.database
  const realLog = openAuditLog({
    keys: openAuditKeys(keys),
    openClient: () => connectClient({ url, purpose: 'audit' }),
  })
  const kept = rememberEntries(realLog, entries)
  const queue = options.workers ? await openTestQueue(url) : null
  const app = await buildHub({
    config,
    ...(queue && { queue: queue.queue }),
    database: testDatabase.database,
    auditLog: options.auditLog?.(kept) ?? kept,
    keys,
    compileSerializer: checkedJson,
    logStream: { write: (line) => logLines.push(line) },
    ...(options.clock && { clock: options.clock }),
    ...(options.checks && { checks: options.checks }),
    ...(options.catalog && { catalog: options.catalog }),
  })
  options.extend?.(app)
  await app.ready()
  const roles = options.scheduler ? hubRoles : hubRoles.filter((role) => role !== 'scheduler')
  const processing = queue
    ? await startProcessing(
        { ...app.hub, config: { ...config, roles } },
        { ...runWorks(app.hub), ...options.works },
        app.log,
      )
    : null
  const adminToken = 'sq_test-admin-token'
  await bootstrapAdmin(app.hub.database, { adminToken, dataDir })
  const call = caller(app)
  return {
    app,
    testDatabase,
    adminToken,
    entries,
    logLines,
    processing,
    redis: queue?.redis ?? null,
    call,
    ...makers(call, adminToken),
    close: async () => {
      await processing?.close()
      await app.close()
      await queue?.close()
      await realLog.close()
      await testDatabase.drop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A queue of the test's own, on the backend of the run's project. */
async function openTestQueue(directUrl: string) {
  const redis = process.env['SHUQIAO_TEST_QUEUE'] === 'redis' ? await startRedis() : null
  const queue = openRunQueue({ directUrl, redisUrl: redis?.url, log: silentLog })
  const close = async (): Promise<void> => {
    await queue.close()
    await redis?.close()
  }
  return { queue, redis, close }
}

function testConfig(dataDir: string, http: Partial<HttpConfig> = {}): Config {
  const config = loadConfig({ SHUQIAO_DATA_DIR: dataDir, SHUQIAO_LOG_LEVEL: 'info' })
  const unlimited = { callsPerSecond: 0, anonymousPerSecond: 0 }
  return { ...config, http: { ...config.http, ...unlimited, ...http } }
}

/** The real log, and beside it what it was handed. */
function rememberEntries(log: OpenAuditLog, entries: AuditFacts[]): CallLog {
  return {
    append: (facts) => {
      entries.push(facts)
      return log.append(facts)
    },
    appendAnonymous: (facts) => {
      entries.push(facts)
      return log.appendAnonymous(facts)
    },
    gauges: () => log.gauges(),
  }
}

const answers = addFormats.default(new Ajv2020({ strict: false }))

/** Every answer of a test is what its schema says; one that is not becomes `internal`. */
const checkedJson: FastifySerializerCompiler<unknown> = ({ schema, url }) => {
  if (JSON.stringify(schema).includes('"$ref"')) return (answer) => JSON.stringify(answer)
  const validate = answers.compile(schema as object)
  return (answer) => {
    const text = JSON.stringify(answer)
    if (text !== undefined && !validate(JSON.parse(text))) {
      throw new Error(`${url} answers against its schema: ${answers.errorsText(validate.errors)}`)
    }
    return text
  }
}

const caller =
  (app: Api): TestHub['call'] =>
  (method, url, { token, body, headers = {}, address } = {}) =>
    app.inject({
      method,
      url,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
      ...(address !== undefined && { remoteAddress: address }),
    })

function makers(call: TestHub['call'], token: string) {
  const create = async (url: string, body: object): Promise<Record<string, string>> => {
    const answer = await call('POST', url, { token, body })
    if (answer.statusCode !== 201) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }
  return {
    makeDepartment: async (id: string, more: Record<string, unknown> = {}) => {
      await create('/v1/departments', { id, name: `部门 ${id}`, division: '430182', ...more })
      return id
    },
    makeSystem: async (id: string, department: string, kind = 'front-end-machine') =>
      (await create('/v1/systems', { id, department, name: `系统 ${id}`, kind }))['token'] ?? '',
    makeStaff: async (id: string, roles: readonly Role[], department?: string) => {
      const body = {
        id,
        name: `人员 ${id}`,
        roles,
        ...(department !== undefined && { department }),
      }
      return (await create('/v1/staff', body))['token'] ?? ''
    },
  }
}
