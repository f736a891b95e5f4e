import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { hasFunctions, loadDriver, notTried } from '../sql/optional-driver.ts'
import { probeSql } from '../sql/probe.ts'
import { originOf, serverUrl } from '../sql/server-url.ts'
import { sqlSource } from '../sql/sql-source.ts'
import { tlsWarnings } from '../sql/tls.ts'
import { oracleDialect, oracleFacts } from './dialect.ts'
import {
  openOracleReader,
  type OracleConnection,
  type OracleMaker,
  oracleSession,
} from './driver.ts'

const schemes = ['oracle']
const defaultPort = 1521

interface OracleDriver {
  getConnection(options: Record<string, unknown>): Promise<OracleConnection>
  OUT_FORMAT_ARRAY: number
  OUT_FORMAT_OBJECT: number
  STRING: unknown
}

const isDriver = (loaded: unknown): loaded is OracleDriver =>
  hasFunctions(loaded, ['getConnection'])

const sessionSettings = [
  `alter session set time_zone = '+00:00'`,
  `alter session set nls_numeric_characters = '.,'`,
]

async function maker(): Promise<OracleMaker> {
  const driver = await loadDriver({ name: 'oracledb', version: '26.0.0' }, isDriver)
  // CLOBs and NCLOBs come as texts rather than as streams.
  const fetchTypeHandler = () => ({ type: driver.STRING })
  return {
    asArrays: { outFormat: driver.OUT_FORMAT_ARRAY, fetchTypeHandler },
    asObjects: { outFormat: driver.OUT_FORMAT_OBJECT, fetchTypeHandler },
    snapshot: 'set transaction read only',
    connect: async (settings) => {
      const connection = await driver.getConnection(connectionOptions(settings))
      for (const setting of sessionSettings) await connection.execute(setting, [], {})
      return connection
    },
  }
}

/** `oracle://user:password@host:1521/service`; with `tls` the connection is by TCPS. */
function connectionOptions({ url, tls }: ServerSettings): Record<string, unknown> {
  const { host, port, user, password, path } = serverUrl(url, schemes, defaultPort)
  return {
    user,
    password,
    connectString: `${tls ? 'tcps://' : ''}${host}:${port}/${path}`,
    connectTimeout: 10,
    ...(tls && { sslServerDNMatch: tls.verify !== false }),
    ...(tls?.ca !== undefined && { walletContent: tls.ca }),
  }
}

const storeOf = (settings: ServerSettings, { signal }: ConnectorContext): SqlStore => ({
  dialect: oracleDialect,
  connect: () => oracleSession(maker, settings, signal),
  openReader: () => openOracleReader(maker, settings, signal),
  facts: oracleFacts(false),
})

/** Oracle Database from 12.1 on, by `oracledb` in thin mode. */
export const oracle: Connector<ServerSettings> = {
  kind: 'oracle',
  title: 'Oracle 数据库(尚未在真实服务器上试过)',
  titleEn: 'Oracle Database (not tried against a real server here)',
  isTried: false,
  secrets: ['url'],
  origin: ({ url }) => originOf(url, 'oracle', defaultPort),
  async *probe(settings, context) {
    const address = serverUrl(settings.url, schemes, defaultPort)
    const warnings = [notTried, ...tlsWarnings(settings)]
    yield* probeSql(storeOf(settings, context), { address, settings, warnings }, context)
  },
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
}
