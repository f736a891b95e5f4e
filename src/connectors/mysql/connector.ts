import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { probeSql } from '../sql/probe.ts'
import { originOf, serverUrl } from '../sql/server-url.ts'
import { sqlSource } from '../sql/sql-source.ts'
import { tlsWarnings } from '../sql/tls.ts'
import { mysqlTarget } from '../table-target/dialects.ts'
import { openTableTarget } from '../table-target/open-target.ts'
import { mysqlDialect } from './dialect.ts'
import { tableFacts } from './facts.ts'
import { openReader } from './reader.ts'
import { mysqlSession } from './session.ts'

const schemes = ['mysql', 'mariadb']
const defaultPort = 3306

const storeOf = (settings: ServerSettings, { signal }: ConnectorContext): SqlStore => ({
  dialect: mysqlDialect,
  connect: () => mysqlSession(settings, 'write', signal),
  openReader: () => openReader(settings, signal),
  facts: tableFacts,
})

/** MySQL and MariaDB. */
export const mysql: Connector<ServerSettings> = {
  kind: 'mysql',
  title: 'MySQL / MariaDB 数据库',
  titleEn: 'MySQL or MariaDB database',
  isTried: true,
  secrets: ['url'],
  origin: ({ url }) => originOf(url, 'mysql', defaultPort),
  async *probe(settings, context) {
    const address = serverUrl(settings.url, schemes, defaultPort)
    const warnings = tlsWarnings(settings)
    yield* probeSql(storeOf(settings, context), { address, settings, warnings }, context)
  },
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
  openTarget: (settings, { signal }) =>
    openTableTarget({
      connect: () => mysqlSession(settings, 'write', signal),
      dialect: mysqlTarget,
      settings,
    }),
}
