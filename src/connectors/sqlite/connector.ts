import { resolve } from 'node:path'
import type { SqliteSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext } from '../contract.ts'
import type { SqlStore } from '../sql/dialect.ts'
import { probeSql } from '../sql/probe.ts'
import { sqlSource } from '../sql/sql-source.ts'
import { sqliteTarget } from '../table-target/dialects.ts'
import { openTableTarget } from '../table-target/open-target.ts'
import { sqliteDialect, tableFacts } from './dialect.ts'
import { openReader } from './reader.ts'
import { sqliteSession } from './session.ts'

const storeOf = (settings: SqliteSettings, context: ConnectorContext): SqlStore => ({
  dialect: sqliteDialect,
  connect: () => sqliteSession(settings, context, 'write'),
  openReader: () => openReader(settings, context),
  facts: tableFacts,
})

/** A SQLite file below the folders that the hub may read, by Node's own SQLite. */
export const sqlite: Connector<SqliteSettings> = {
  kind: 'sqlite',
  title: 'SQLite 数据库文件',
  titleEn: 'SQLite database file',
  isTried: true,
  secrets: [],
  origin: ({ path }) => `sqlite:${resolve(path)}`,
  probe: (settings, context) =>
    probeSql(storeOf(settings, context), { address: null, settings, warnings: [] }, context),
  openSource: (settings, context) => sqlSource(storeOf(settings, context), settings, context),
  openTarget: (settings, context) =>
    openTableTarget({
      connect: () => sqliteSession(settings, context),
      dialect: sqliteTarget,
      settings,
    }),
}
