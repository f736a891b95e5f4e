import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { probeSql } from '../sql/probe.ts'
import { originOf, serverUrl } from '../sql/server-url.ts'
import { sqlSource } from '../sql/sql-source.ts'
import { tlsWarnings } from '../sql/tls.ts'
import { postgresTarget } from '../table-target/dialects.ts'
import { openTableTarget } from '../table-target/open-target.ts'
import { postgresDialect } from './dialect.ts'
import { tableFacts } from './facts.ts'
import { openReader } from './reader.ts'
import { postgresSession } from './session.ts'

const schemes = ['postgres', 'postgresql']
const defaultPort = 5432

const storeOf = (settings: ServerSettings, { signal }: ConnectorContext): SqlStore => ({
  dialect: postgresDialect,
  connect: () => postgresSession(settings, signal),
  openReader: () => openReader(settings, signal),
  facts: tableFacts,
})

/** PostgreSQL, and what speaks its protocol. Rows are read by COPY. */
export const postgres: Connector<ServerSettings> = {
  kind: 'postgres',
  title: 'PostgreSQL 数据库',
  titleEn: 'PostgreSQL database',
  isTried: true,
  secrets: ['url'],
  origin: ({ url }) => originOf(url, 'postgres', defaultPort),
  async *probe(settings, context) {
    const address = serverUrl(settings.url, schemes, defaultPort)
    const warnings = tlsWarnings(settings)
    yield* probeSql(storeOf(settings, context), { address, settings, warnings }, context)
  },
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
  openTarget: (settings, { signal }) =>
    openTableTarget({
      connect: () => postgresSession(settings, signal),
      dialect: postgresTarget,
      settings,
    }),
}
