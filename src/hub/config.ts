import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { isAbsolute, join, resolve } from 'node:path'
import { type Environment, readSettings, type SettingsReader } from './settings-reader.ts'
import type { TimestampAuthority } from './audit/anchors/timestamp-checkpoint.ts'
import { StartRefusal } from './start-refusal.ts'

export const hubRoles = ['api', 'worker', 'scheduler', 'sealer'] as const
export type HubRole = (typeof hubRoles)[number]

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface TlsConfig {
  /** PEM texts, known to belong together. */
  certificate: string
  key: string
}

export interface HttpConfig {
  host: string
  port: number
  tls: TlsConfig | undefined
  /** Addresses and CIDR ranges of the proxies whose X-Forwarded-For is believed; empty: none. */
  trustProxy: string[]
  /** Of an ordinary JSON body. */
  bodyBytesMax: number
  /** Of a streamed intake body, decompressed. */
  intakeBytesMax: number
  /** Per token; 0 lifts the limit. */
  callsPerSecond: number
  /** Per address, for calls without a valid token. */
  anonymousPerSecond: number
  /** Calls in flight in one process; more are answered `unavailable`. */
  concurrencyMax: number
}

export interface DatabaseConfig {
  /** Not set: the embedded PostgreSQL in the data folder. */
  url: string | undefined
  /** Past a transaction pooler, for COPY, LISTEN, advisory locks and the queue. */
  directUrl: string | undefined
  /** As the owner of the database's objects. */
  migrationUrl: string | undefined
  sealerUrl: string | undefined
  /** Of each pool of one process. */
  connectionsMax: number
}

export interface QueueConfig {
  /** Runs worked off at once by one process, by lane; 0: none of that lane. */
  workerCounts: { small: number; large: number }
  /** Whether the job board may retry and remove jobs; runs are operated through the API either way. */
  isBoardWritable: boolean
}

export interface Config {
  http: HttpConfig
  database: DatabaseConfig
  redisUrl: string | undefined
  queue: QueueConfig
  /** Checkpoints carry an SM2 signature (国密) beside the Ed25519 one. */
  isGuomi: boolean
  /** Who stamps checkpoints (RFC 3161); not set: nobody. */
  timestamps: TimestampAuthority | undefined
  /** Absolute. */
  dataDir: string
  /** Absolute. */
  keysDir: string
  /** Of the first staff member, at first start; not set: a random one in `<dataDir>/admin-token`. */
  adminToken: string | undefined
  logLevel: LogLevel
  roles: readonly HubRole[]
  /** How long repaired rejects are kept (their source rows are personal data). */
  rejectDays: number
  /** How long deleted records stay visible to followers of changes. */
  tombstoneDays: number
  idempotencyDays: number
  /** Folders, absolute, below which files and SQLite databases of syncs must lie. */
  filesDirs: readonly string[]
}

const databaseProtocols = ['postgres', 'postgresql'] as const
const mebibyte = 1024 * 1024

/**
 * The only reader of the environment. Refuses (`StartRefusal`) on any bad value, naming every fault.
 */
export function loadConfig(environment: Environment): Config {
  const settings = readSettings(environment)
  const dataDir = resolve(settings.text('SHUQIAO_DATA_DIR') ?? '.data')
  const keysDir = settings.text('SHUQIAO_KEYS_DIR')
  const config: Config = {
    http: readHttp(settings),
    database: readDatabase(settings),
    redisUrl: settings.url('SHUQIAO_REDIS_URL', ['redis', 'rediss']),
    queue: readQueue(settings),
    isGuomi: settings.choice('SHUQIAO_GUOMI', ['true', 'false'], 'false') === 'true',
    timestamps: readTimestamps(settings),
    dataDir,
    keysDir: keysDir === undefined ? join(dataDir, 'keys') : resolve(keysDir),
    adminToken: readAdminToken(settings),
    logLevel: settings.choice('SHUQIAO_LOG_LEVEL', logLevels, 'info'),
    roles: readRoles(settings),
    rejectDays: readDays(settings, 'SHUQIAO_REJECT_DAYS', 30),
    tombstoneDays: readDays(settings, 'SHUQIAO_TOMBSTONE_DAYS', 90),
    idempotencyDays: readDays(settings, 'SHUQIAO_IDEMPOTENCY_DAYS', 7),
    filesDirs: readFilesDirs(settings, dataDir),
  }
  if (settings.faults.length > 0) throw settingsRefused(settings.faults)
  return config
}

function readHttp(settings: SettingsReader): HttpConfig {
  const count = (name: string, fallback: number, min = 1): number =>
    settings.integer(name, { fallback, min, max: 1_000_000 })
  const bytes = (name: string, fallback: number): number =>
    settings.integer(name, { fallback, min: 1024, max: 1024 * 1024 * mebibyte })
  return {
    host: settings.text('SHUQIAO_HOST') ?? '127.0.0.1',
    port: settings.integer('SHUQIAO_PORT', { fallback: 8080, min: 0, max: 65_535 }),
    tls: readTls(settings),
    trustProxy: readTrustProxy(settings),
    bodyBytesMax: bytes('SHUQIAO_BODY_BYTES_MAX', mebibyte),
    intakeBytesMax: bytes('SHUQIAO_INTAKE_BYTES_MAX', 10 * 1024 * mebibyte),
    callsPerSecond: count('SHUQIAO_CALLS_PER_SECOND', 600, 0),
    anonymousPerSecond: count('SHUQIAO_ANONYMOUS_PER_SECOND', 20),
    concurrencyMax: count('SHUQIAO_CONCURRENCY_MAX', 1000),
  }
}

function readTls(settings: SettingsReader): TlsConfig | undefined {
  const certificate = settings.file('SHUQIAO_TLS_CERT')
  const key = settings.file('SHUQIAO_TLS_KEY')
  const named = ['SHUQIAO_TLS_CERT', 'SHUQIAO_TLS_KEY'].filter((name) => settings.text(name))
  if (named.length === 1) {
    settings.fault(
      named[0] === 'SHUQIAO_TLS_CERT' ? 'SHUQIAO_TLS_KEY' : 'SHUQIAO_TLS_CERT',
      '证书与私钥必须同时设置',
      'certificate and key must be set together',
    )
  }
  if (certificate === undefined || key === undefined) return undefined
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
      return { certificate, key }
    }
    settings.fault(
      'SHUQIAO_TLS_KEY',
      '私钥与证书不匹配',
      'the key does not belong to the certificate',
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    settings.fault(
      'SHUQIAO_TLS_CERT',
      `证书或私钥无法解析(${reason})`,
      `certificate or key is unreadable (${reason})`,
    )
  }
  return undefined
}

function readTrustProxy(settings: SettingsReader): string[] {
  const proxies = settings.list('SHUQIAO_TRUST_PROXY')
  for (const proxy of proxies.filter((proxy) => !isAddressRange(proxy))) {
    settings.fault(
      'SHUQIAO_TRUST_PROXY',
      `“${proxy}”不是 IP 地址或网段`,
      `"${proxy}" is neither an IP address nor a CIDR range`,
    )
  }
  return proxies
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

function readDatabase(settings: SettingsReader): DatabaseConfig {
  const url = (name: string): string | undefined => settings.url(name, databaseProtocols)
  const dependent = [
    'SHUQIAO_DATABASE_DIRECT_URL',
    'SHUQIAO_MIGRATION_URL',
    'SHUQIAO_SEALER_URL',
  ] as const
  if (settings.text('SHUQIAO_DATABASE_URL') === undefined) {
    for (const name of dependent.filter((name) => settings.text(name) !== undefined)) {
      settings.fault(
        name,
        '需要同时设置 SHUQIAO_DATABASE_URL',
        'needs SHUQIAO_DATABASE_URL beside it',
      )
    }
  }
  return {
    url: url('SHUQIAO_DATABASE_URL'),
    directUrl: url('SHUQIAO_DATABASE_DIRECT_URL'),
    migrationUrl: url('SHUQIAO_MIGRATION_URL'),
    sealerUrl: url('SHUQIAO_SEALER_URL'),
    connectionsMax: settings.integer('SHUQIAO_DATABASE_CONNECTIONS_MAX', {
      fallback: 10,
      min: 2,
      max: 200,
    }),
  }
}

/** Sent in a header, so it must be able to stand in one. */
function readAdminToken(settings: SettingsReader): string | undefined {
  const token = settings.text('SHUQIAO_ADMIN_TOKEN')
  if (token === undefined || /^[\x21-\x7e]{1,512}$/.test(token)) return token
  settings.fault(
    'SHUQIAO_ADMIN_TOKEN',
    '只能是不含空格的可打印 ASCII 字符,最长 512 个',
    'must be printable ASCII without spaces, at most 512 characters',
  )
  return undefined
}

function readRoles(settings: SettingsReader): readonly HubRole[] {
  const named = settings.list('SHUQIAO_ROLES')
  const unknown = named.filter((name) => !hubRoles.some((role) => role === name))
  if (unknown.length > 0) {
    settings.fault(
      'SHUQIAO_ROLES',
      `未知角色 ${unknown.join('、')},只能是 ${hubRoles.join('、')}`,
      `unknown: ${unknown.join(', ')}; known are ${hubRoles.join(', ')}`,
    )
  }
  return named.length === 0 ? hubRoles : hubRoles.filter((role) => named.includes(role))
}

/** A token that nobody can verify is worth nothing: the authority's certificate comes with its address. */
function readTimestamps(settings: SettingsReader): TimestampAuthority | undefined {
  const url = settings.url('SHUQIAO_TIMESTAMP_URL', ['http', 'https'])
  const caPath = settings.text('SHUQIAO_TIMESTAMP_CA')
  settings.file('SHUQIAO_TIMESTAMP_CA')
  if ((url === undefined) !== (caPath === undefined)) {
    settings.fault(
      'SHUQIAO_TIMESTAMP_CA',
      '须与 SHUQIAO_TIMESTAMP_URL 同时设置',
      'must be set together with SHUQIAO_TIMESTAMP_URL',
    )
  }
  return url === undefined || caPath === undefined ? undefined : { url, caPath: resolve(caPath) }
}

function readQueue(settings: SettingsReader): QueueConfig {
  const count = (name: string, fallback: number): number =>
    settings.integer(name, { fallback, min: 0, max: 100 })
  return {
    workerCounts: {
      small: count('SHUQIAO_WORKERS_SMALL', 3),
      large: count('SHUQIAO_WORKERS_LARGE', 1),
    },
    isBoardWritable:
      settings.choice('SHUQIAO_BOARD_WRITABLE', ['true', 'false'], 'false') === 'true',
  }
}

/**
 * Named by whoever runs the hub: a caller's path must not reach the hub's own files, keys above all. A
 * relative folder would be another one wherever the hub is started from.
 */
function readFilesDirs(settings: SettingsReader, dataDir: string): readonly string[] {
  const named = settings.list('SHUQIAO_FILES_DIR')
  for (const folder of named.filter((folder) => !isAbsolute(folder))) {
    settings.fault(
      'SHUQIAO_FILES_DIR',
      `“${folder}”不是绝对路径`,
      `"${folder}" is not an absolute path`,
    )
  }
  return named.length === 0 ? [join(dataDir, 'files')] : named.map((folder) => resolve(folder))
}

function readDays(settings: SettingsReader, name: string, fallback: number): number {
  return settings.integer(name, { fallback, min: 1, max: 36_500 })
}

function settingsRefused(faults: readonly string[]): StartRefusal {
  const head = `设置有 ${faults.length} 处错误,未启动 / ${faults.length} faulty settings, not started:`
  return new StartRefusal([head, ...faults.map((fault) => `  ${fault}`)].join('\n'))
}
