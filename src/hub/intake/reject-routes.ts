import { Readable } from 'node:stream'
import { page } from '../../../schemas/api/common.ts'
import { KeptReject, RejectQuery, RunParams } from '../../../schemas/api/intake.ts'
import { csvLines } from '../../exchange/decode/write-csv.ts'
import { decodeLimits } from '../../exchange/decode/limits.ts'
import type { SourceRow } from '../../exchange/types.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { decodeNumberCursor, toPage } from '../http/cursors.ts'
import { demandRejects } from './access.ts'
import { type Intake, runFacts } from './intake.ts'
import type { IntakeParts } from './parts.ts'
import { namedBeside, type RejectColumns } from './reject-columns.ts'
import { rejectStore, type KeptReject as Kept } from './reject-store.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'
import { rejectView } from './views.ts'

const pageLimitDefault = 50

/** `GET /runs/{id}/rejects`: source rows with their reasons, to the provider only, every reading audited. */
export const rejectRoutes =
  ({ intake }: Hub): ApiRoutes =>
  async (app) => {
    listRejects(app, intake)
  }

function listRejects(app: Api, { parts }: Intake) {
  const schema = {
    operationId: 'listRejects',
    summary: '查看问题数据 / Read a run’s rejects',
    description:
      '`Accept: text/csv` 得到来源自己的列加 line 与 error 两列,修正后可原样上传重放。' +
      ' / With `Accept: text/csv` the rows come in the source’s own columns plus `line` and `error`; corrected, the file can be replayed.',
    tags: ['put-in'],
    params: RunParams,
    querystring: RejectQuery,
    response: { 200: page(KeptReject) },
  }
  app.get('/runs/:id/rejects', { schema }, async (request, reply) => {
    const found = await runStore(parts.pool).find(request.params.id)
    const run = demandRejects(request.caller, found)
    const isCsv = /text\/csv/.test(request.headers.accept ?? '')
    const limit = request.query.limit ?? pageLimitDefault
    const rows = isCsv ? [] : await readPageOf(parts, run, limit, request.query.after)
    await auditCall(request, reply, {
      ...runFacts(run, isCsv ? 'rejects.download' : 'rejects.read'),
      outcome: 'allowed',
      rowCount: isCsv ? run.counts.rejected : Math.min(rows.length, limit),
    })
    if (isCsv) return sendCsv(reply, parts, run)
    const { items, next } = toPage(rows, limit, ({ line }) => [line])
    return reply.send({ items: items.map(rejectView), next })
  })
}

const readPageOf = (
  parts: IntakeParts,
  run: RunRow,
  limit: number,
  cursor: string | undefined,
): Promise<Kept[]> =>
  rejectStore(parts.pool, parts.vault).page(homeOf(run), {
    after: cursor === undefined ? 0 : decodeNumberCursor(cursor),
    limit: limit + 1,
  })

/** What a replay refuses again stays with the run that its rows came from. */
const homeOf = ({ id, replayOf }: RunRow): string => replayOf ?? id

const csvPageRows = 1000

async function* allRejects(parts: IntakeParts, runId: string): AsyncGenerator<Kept> {
  const store = rejectStore(parts.pool, parts.vault)
  let after = 0
  for (;;) {
    const rows = await store.page(runId, { after, limit: csvPageRows, onlyOpen: true })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < csvPageRows) return
    after = last.line
  }
}

type Reply = Parameters<typeof auditCall>[1]

/** The columns are the source's; a row that could not be read stands alone in the last one, as it came. */
async function sendCsv(reply: Reply, parts: IntakeParts, run: RunRow): Promise<Reply> {
  const columns = await columnsOf(parts, run)
  const names = namedBeside(columns)
  const rows = withErrors(allRejects(parts, homeOf(run)), names)
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', `attachment; filename="rejects-${run.id}.csv"`)
    .send(Readable.from(csvLines([...columns, names.line, names.error], rows)))
}

/** A CSV names its columns. JSON rows may each have others: then the rejects tell what there is to repair. */
async function columnsOf(parts: IntakeParts, run: RunRow): Promise<string[]> {
  const columns = new Set(run.columns ?? [])
  if (run.mediaType?.startsWith('text/csv')) return [...columns]
  for await (const { source } of allRejects(parts, homeOf(run))) {
    if (typeof source === 'string') continue
    for (const column of Object.keys(source)) columns.add(column)
    if (columns.size >= decodeLimits.columnsMax) break
  }
  return [...columns]
}

async function* withErrors(
  rejects: AsyncIterable<Kept>,
  names: RejectColumns,
): AsyncGenerator<SourceRow> {
  for await (const { line, source, reasons } of rejects) {
    const told = reasons
      .map(({ field, message }) => (field === null ? message : `${field} ${message}`))
      .join('; ')
    const beside = { [names.line]: String(line), [names.error]: told }
    if (typeof source === 'string') yield { ...beside, [names.error]: `${told} [${source}]` }
    else yield { ...source, ...beside }
  }
}
