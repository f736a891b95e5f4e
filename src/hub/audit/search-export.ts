import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { ListedEntry } from '../../../schemas/api/audit.ts'
import { EntryExport } from '../../../schemas/api/audit-search.ts'
import { csvLines } from '../../exchange/decode/write-csv.ts'
import type { Api, ApiReply } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { AuditParts } from './audit-parts.ts'
import { hashCase } from './keys.ts'
import { searchLimits } from './search-limits.ts'
import { type EntryFilter, searchEntries } from './search.ts'
import { visiblePart } from './visible-part.ts'

const columns = [
  'id',
  'readyAt',
  'operation',
  'outcome',
  'code',
  'department',
  'system',
  'resource',
  'purpose',
] as const satisfies readonly (keyof ListedEntry)[]

const anyText = { schema: Type.String() }

/** A search as a file, newest first; its own entry is durable before the first byte leaves. */
export function exportEntries(app: Api, parts: AuditParts): void {
  const schema = {
    operationId: 'exportAuditEntries',
    summary: '导出检索结果,最多一百万条 / A search as a file of a million entries at most',
    description:
      '达到上限时,文件最后一行给出续接时刻,以其为 to 再次导出。 / Where the limit is reached, the last line says the instant to go on from as `to`.',
    tags: ['audit'],
    querystring: EntryExport,
    response: {
      200: {
        description: 'CSV | NDJSON',
        content: { 'text/csv': anyText, 'application/x-ndjson': anyText },
      },
    },
  }
  app.get('/audit/entries/export', { schema }, async (request, reply) => {
    const { format = 'csv', caseNumber, department: asked, ...rest } = request.query
    const department = await visiblePart(request.caller, { ...rest, department: asked }, parts)
    // What is written from now on, this very call too, is not part of it: else it might never end.
    const to = rest.to ?? request.requestedAt.toISOString()
    const filter: EntryFilter = {
      ...rest,
      to,
      ...(department !== undefined && { department }),
      ...(caseNumber !== undefined && { caseHash: hashCase(parts.keys.subjects, caseNumber) }),
      beforeId: null,
      rowsMax: searchLimits.exportPageRows,
    }
    const note = { query: { ...request.query }, to }
    await auditCall(request, reply, { operation: 'audit.export', outcome: 'allowed', note })
    return sendFile(reply, format, everyEntry(parts, filter))
  })
}

const sendFile = (reply: ApiReply, format: string, rows: AsyncIterable<ExportRow>): ApiReply => {
  const isCsv = format === 'csv'
  return reply
    .type(isCsv ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
    .header('content-disposition', `attachment; filename="audit-entries.${format}"`)
    .send(Readable.from(isCsv ? csvLines(columns, rows) : ndjsonLines(rows)))
}

type ExportRow = { [Column in keyof ListedEntry]?: string | null }

async function* ndjsonLines(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`
}

/** `to` is not within: going on from here repeats a millisecond rather than leaving one out. */
const justAfter = ({ readyAt }: ListedEntry): string =>
  new Date(Date.parse(readyAt) + 1).toISOString()

/** A file that was cut says so in its last line, with the instant up to which it does not reach. */
export async function* everyEntry(
  { database }: Pick<AuditParts, 'database'>,
  filter: EntryFilter,
  rowsMax: number = searchLimits.exportRowsMax,
): AsyncGenerator<ExportRow> {
  let beforeId = filter.beforeId
  let left = rowsMax
  for (;;) {
    const asked = Math.min(left, filter.rowsMax)
    const { entries, stoppedAt } = await searchEntries(database.pool, {
      ...filter,
      beforeId,
      rowsMax: asked,
    })
    yield* entries
    left -= entries.length
    const last = entries.at(-1)
    if (stoppedAt === null && entries.length < asked) return
    if (left === 0) {
      yield { operation: 'export.cut', readyAt: last ? justAfter(last) : null }
      return
    }
    beforeId = stoppedAt ?? last?.id ?? null
  }
}
