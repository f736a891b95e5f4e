import type pg from 'pg'
import { Type } from 'typebox'
import { SubjectExport } from '../../../schemas/api/audit-search.ts'
import type { Api, ApiReply, ApiRequest } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { demand } from '../identity/permissions.ts'
import type { AuditParts } from './audit-parts.ts'
import { hashSubject } from './keys.ts'
import type { FoundLook } from './search.ts'
import { reportTypes, writeReport } from './subject-files.ts'
import { type Names, type ReportHead, tellLook } from './subject-report.ts'
import { everyLook, resolveSubject } from './subject-search.ts'

/** Looks that one report lists at most. */
export const reportLooksMax = 10_000

const anyText = { schema: Type.String() }

/** A file for the person whom a record is about (个人信息保护法, articles 44 and 45). */
export function exportSubject(app: Api, parts: AuditParts): void {
  const schema = {
    operationId: 'exportAuditSubject',
    summary: '谁查过我的数据:交给本人的说明 / Who looked at my data: a file for the person',
    tags: ['audit'],
    body: SubjectExport,
    response: {
      200: {
        description: 'HTML | text | CSV',
        content: { 'text/html': anyText, 'text/plain': anyText, 'text/csv': anyText },
      },
    },
  }
  app.post('/audit/subjects/export', { schema }, async (request, reply) => {
    await answerReport({ request, reply, parts }, request.body)
  })
}

interface ReportCall {
  request: ApiRequest
  reply: ApiReply
  parts: AuditParts
}

async function answerReport(
  { request, reply, parts }: ReportCall,
  { resource, key, language = 'both', format = 'html' }: SubjectExport,
): Promise<void> {
  demand(request.caller, 'audit.subjects', await parts.providerOf(resource))
  const { pool } = parts.database
  const found = await firstLooks(parts, { resource, key })
  const listed = found.slice(0, reportLooksMax)
  const head: ReportHead = {
    title: await titleOf(pool, resource),
    madeAt: request.requestedAt.toISOString(),
    reachesBackTo: await oldestEntryAt(pool),
    lookCount: listed.length,
    isCut: found.length > reportLooksMax,
  }
  const names = await readNames(pool, listed)
  const looks = listed.map((look) => tellLook(look, names, language))
  const body = await writeReport({ head, looks, language }, format)
  const keyHash = hashSubject(parts.keys.subjects, resource, key).toString('base64url')
  const note = { keyHash, format, language }
  const facts = { operation: 'audit.subjects.export', resource, rowCount: listed.length, note }
  await auditCall(request, reply, { ...facts, outcome: 'allowed' })
  const { type, extension } = reportTypes[format]
  await reply
    .type(type)
    .header('content-disposition', `attachment; filename="who-looked.${extension}"`)
    .header('cache-control', 'no-store')
    .send(body)
}

/** One more than is listed, which tells that there are more. */
async function firstLooks(
  parts: AuditParts,
  asked: { resource: string; key: string },
): Promise<FoundLook[]> {
  const looks: FoundLook[] = []
  for await (const look of everyLook(parts, await resolveSubject(parts, asked))) {
    looks.push({ ...look, details: null })
    if (looks.length > reportLooksMax) break
  }
  return looks
}

async function titleOf(pool: Pick<pg.Pool, 'query'>, resource: string): Promise<string> {
  const { rows } = await pool.query<{ title: string }>(
    'select title from hub.resources where id = $1',
    [resource],
  )
  return rows[0]?.title ?? resource
}

/** The first and last index entry of every month: no scan. */
async function oldestEntryAt(pool: Pick<pg.Pool, 'query'>): Promise<string | null> {
  const { rows } = await pool.query<{ at: string }>(
    'select ready_at as at from audit.search order by id limit 1',
  )
  return rows[0]?.at ?? null
}

async function readNames(
  pool: Pick<pg.Pool, 'query'>,
  looks: readonly FoundLook[],
): Promise<Names> {
  const named = async (table: string, ids: Set<string | null>): Promise<Map<string, string>> => {
    const { rows } = await pool.query<{ id: string; name: string }>(
      `select id, name from hub.${table} where id = any($1)`,
      [[...ids].filter((id) => id !== null)],
    )
    return new Map(rows.map(({ id, name }) => [id, name]))
  }
  const [departments, systems] = await Promise.all([
    named('departments', new Set(looks.map(({ entry }) => entry.department))),
    named('systems', new Set(looks.map(({ entry }) => entry.system))),
  ])
  return { departments, systems }
}
