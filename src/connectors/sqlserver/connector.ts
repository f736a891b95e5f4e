import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { notTried } from '../sql/optional-driver.ts'
import { probeSql } from '../sql/probe.ts'
import { originOf, serverUrl } from '../sql/server-url.ts'
import { sqlSource } from '../sql/sql-source.ts'
import { tlsWarnings } from '../sql/tls.ts'
import { sqlserverDialect, tableFacts } from './dialect.ts'
import { openReader, sqlserverSession } from './driver.ts'

const defaultPort = 1433

const storeOf = (settings: ServerSettings, { signal }: ConnectorContext): SqlStore => ({
  dialect: sqlserverDialect,
  connect: () => sqlserverSession(settings, signal),
  openReader: () => openReader(settings, signal),
  facts: tableFacts,
})

/** Microsoft SQL Server from 2016 on, by `mssql`. */
export const sqlserver: Connector<ServerSettings> = {
  kind: 'sqlserver',
  title: 'SQL Server 数据库(尚未在真实服务器上试过)',
  titleEn: 'Microsoft SQL Server (not tried against a real server here)',
  isTried: false,
  secrets: ['url'],
  origin: ({ url }) => originOf(url, 'sqlserver', defaultPort),
  async *probe(settings, context) {
    const address = serverUrl(settings.url, ['sqlserver', 'mssql'], defaultPort)
    const warnings = [notTried, ...tlsWarnings(settings)]
    yield* probeSql(storeOf(settings, context), { address, settings, warnings }, context)
  },
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
}
