import type pg from 'pg'
import { type Hint, hintKinds, HintPage, HintSearch } from '../../../schemas/api/audit-search.ts'
import type { Api } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { toPage } from '../http/cursors.ts'
import { visibleDepartment } from '../identity/permissions.ts'
import type { AuditParts } from './audit-parts.ts'
import { openDetails } from './details.ts'
import { readEntryPage } from './entry-page.ts'
import { monthOfId } from './entry.ts'
import type { AuditKeys } from './keys.ts'
import { firstIdOf } from './search.ts'

/** What the watch found, newest first: for staff who may read the log, of their department or of all. */
export function listHints(app: Api, { database, keys }: AuditParts): void {
  const schema = {
    operationId: 'listAuditHints',
    summary: '值得留意的调用 / Calls that may be worth a look',
    tags: ['audit'],
    querystring: HintSearch,
    response: { 200: HintPage },
  }
  app.get('/audit/hints', { schema }, async (request, reply) => {
    const { query, caller } = request
    const { limit, after } = readEntryPage(query)
    const department = visibleDepartment(caller, 'audit.read', undefined)
    const rows = await findHints(database.pool, {
      ...query,
      department,
      beforeId: after,
      rowsMax: limit + 1,
    })
    const page = toPage(rows, limit, ({ id }) => [id])
    const items = await Promise.all(page.items.map((row) => hintView(keys, row)))
    const facts = { rowCount: items.length, note: { query: { ...query } } }
    await auditCall(request, reply, { operation: 'audit.hints', outcome: 'allowed', ...facts })
    return { items, next: page.next }
  })
}

interface HintRow extends Omit<Hint, 'evidence'> {
  details: Buffer | null
}

interface HintFilter extends Omit<HintSearch, 'limit' | 'after'> {
  department: string | null
  beforeId: string | null
  rowsMax: number
}

async function findHints(pool: Pick<pg.Pool, 'query'>, filter: HintFilter): Promise<HintRow[]> {
  const { from, to } = filter
  const conditions = [
    ['code =', filter.kind],
    ['system =', filter.system],
    ['department =', filter.department ?? undefined],
    ['id >=', from === undefined ? undefined : firstIdOf(from)],
    ['id <', to === undefined ? undefined : firstIdOf(to)],
    ['id <', filter.beforeId ?? undefined],
    ['code = any', [...hintKinds]],
  ] as const
  const given = conditions.filter(([, value]) => value !== undefined)
  const wheres = given.map(([condition], index) => ` and ${condition} ($${index + 1})`)
  const { rows } = await pool.query<HintRow>(
    `select id, ready_at as "readyAt", code as kind, system, department, details from audit.search
     where operation = 'audit.hint'${wheres.join('')} order by id desc limit ${filter.rowsMax}`,
    given.map(([, value]) => value),
  )
  return rows
}

async function hintView(keys: AuditKeys, { details, ...row }: HintRow): Promise<Hint> {
  return { ...row, evidence: details === null ? {} : await readEvidence(keys, row.id, details) }
}

async function readEvidence(
  keys: AuditKeys,
  id: string,
  details: Buffer,
): Promise<Hint['evidence']> {
  const { note } = openDetails(await keys.month(monthOfId(id)), details).facts
  const isTold = typeof note === 'object' && note !== null && 'evidence' in note
  return isTold ? { ...Object(note.evidence) } : {}
}
