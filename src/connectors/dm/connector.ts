import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import { oracleDialect, oracleFacts } from '../oracle/dialect.ts'
import {
  openOracleReader,
  type OracleConnection,
  type OracleMaker,
  oracleSession,
} from '../oracle/driver.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { hasFunctions, loadDriver, notTried } from '../sql/optional-driver.ts'
import { probeSql } from '../sql/probe.ts'
import { originOf, serverUrl } from '../sql/server-url.ts'
import { sqlSource } from '../sql/sql-source.ts'

const schemes = ['dm']
const defaultPort = 5236

interface DmDriver {
  getConnection(options: { connectString: string }): Promise<OracleConnection>
  OUT_FORMAT_ARRAY: number
  OUT_FORMAT_OBJECT: number
  CLOB: number
  /** Types that come as texts rather than as streams. */
  fetchAsString: number[]
}

const isDriver = (loaded: unknown): loaded is DmDriver => hasFunctions(loaded, ['getConnection'])

async function maker(): Promise<OracleMaker> {
  const driver = await loadDriver({ name: 'dmdb', version: '1.0.48286' }, isDriver)
  driver.fetchAsString = [driver.CLOB]
  return {
    asArrays: { outFormat: driver.OUT_FORMAT_ARRAY },
    asObjects: { outFormat: driver.OUT_FORMAT_OBJECT },
    snapshot: null,
    connect: async (settings) => {
      const connection = await driver.getConnection({ connectString: connectString(settings) })
      await connection.execute(`set time zone '+00:00'`, [], {})
      return connection
    },
  }
}

/** `dm://user:password@host:5236`; its driver takes the URL as it is. */
function connectString({ url, tls }: ServerSettings): string {
  serverUrl(url, schemes, defaultPort)
  if (!tls) return url
  throw new Refusal(
    'request-invalid',
    '达梦驱动的 TLS 须在其自身的连接参数中设置 / TLS of the DM driver is set by parameters of its own URL',
  )
}

const storeOf = (settings: ServerSettings, { signal }: ConnectorContext): SqlStore => ({
  dialect: oracleDialect,
  connect: () => oracleSession(maker, settings, signal),
  openReader: () => openOracleReader(maker, settings, signal),
  facts: oracleFacts(true),
})

/** 达梦 DM8, which follows Oracle's SQL and driver. */
export const dm: Connector<ServerSettings> = {
  kind: 'dm',
  title: '达梦数据库(尚未在真实服务器上试过)',
  titleEn: 'DM database (not tried against a real server here)',
  isTried: false,
  secrets: ['url'],
  origin: ({ url }) => originOf(url, 'dm', defaultPort),
  async *probe(settings, context) {
    const address = serverUrl(settings.url, schemes, defaultPort)
    yield* probeSql(
      storeOf(settings, context),
      { address, settings, warnings: [notTried] },
      context,
    )
  },
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
}
