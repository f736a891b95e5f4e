import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import type { ConnectorContext, Source } from '../contract.ts'
import type { SqlStore } from './dialect.ts'
import { exchangeSource } from './exchange-source.ts'
import type { TableSettings } from './table-plan.ts'
import { tableSource } from './table-source.ts'

export type SqlSourceSettings = TableSettings & { exchange?: ExchangeSettings | undefined }

/** A table as a source: plain, or an exchange table whose batches are acknowledged. */
export const sqlSource = (
  store: SqlStore,
  settings: SqlSourceSettings,
  context: ConnectorContext,
): Source => {
  const { exchange, ...table } = settings
  return exchange
    ? exchangeSource(store, { ...table, exchange }, context)
    : tableSource(store, table, context)
}
