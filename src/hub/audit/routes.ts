import {
  Entry,
  EntryPage,
  EntryParams,
  EntrySearch,
  type ListedEntry,
  LookPage,
  SubjectQuery,
  SubjectSearch,
} from '../../../schemas/api/audit.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiReply, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { encodeCursor, type Page, toPage } from '../http/cursors.ts'
import { demand } from '../identity/permissions.ts'
import { timestampRoutes } from './anchors/timestamp-routes.ts'
import { archivedRefusal, heldSince } from './archive/archived-bundles.ts'
import { type AuditParts, maySee } from './audit-parts.ts'
import { readEntryPage } from './entry-page.ts'
import { listHints } from './hint-routes.ts'
import { hashCase, hashSubject } from './keys.ts'
import { exportEntries } from './search-export.ts'
import { findEntry, findLooks, type FoundEntries, searchEntries } from './search.ts'
import { erasedDigests } from './sealed/erased-digests.ts'
import { receiptRoutes } from './sealed/receipt-routes.ts'
import { type SealedLog, sealedLog } from './sealed/sealed-log.ts'
import { treeRoutes } from './sealed/tree-routes.ts'
import { exportSubject } from './subject-export.ts'
import { resolveSubject } from './subject-search.ts'
import { entryView, lookView } from './views.ts'
import { visiblePart } from './visible-part.ts'

const tags = ['audit']

export const auditRoutes =
  (parts: AuditParts): ApiRoutes =>
  async (app) => {
    const sealed = sealedLog(parts.database.pool)
    searchAuditEntries(app, parts)
    exportEntries(app, parts)
    getAuditEntry(app, parts, sealed)
    findAuditSubjects(app, parts)
    getAuditSubjects(app, parts)
    exportSubject(app, parts)
    listHints(app, parts)
    receiptRoutes(app, parts, sealed)
    treeRoutes(app, sealed, parts.guomiSigning)
    timestampRoutes(app, parts.database.pool)
  }

function searchAuditEntries(app: Api, parts: AuditParts): void {
  const schema = {
    operationId: 'searchAuditEntries',
    summary: '检索审计记录,新的在前 / Search audit entries, newest first',
    description:
      '检索限时,一页可能不足 limit 条甚至为空;只要 next 不为空,就请继续。 / ' +
      'A search is limited in time: a page may be short or empty. Go on for as long as `next` is set.',
    tags,
    querystring: EntrySearch,
    response: { 200: EntryPage },
  }
  app.get('/audit/entries', { schema }, async (request, reply) => {
    const { limit, after, caseNumber, department: asked, ...filter } = request.query
    const wanted = readEntryPage({ limit, after })
    const department = await visiblePart(request.caller, { ...filter, department: asked }, parts)
    const found = await searchEntries(parts.database.pool, {
      ...filter,
      ...(department !== undefined && { department }),
      ...(caseNumber !== undefined && { caseHash: hashCase(parts.keys.subjects, caseNumber) }),
      beforeId: wanted.after,
      rowsMax: wanted.limit + 1,
    })
    const page = toEntryPage(found, wanted.limit)
    const note = { query: { ...request.query } }
    const rowCount = page.items.length
    await auditCall(request, reply, {
      operation: 'audit.search',
      outcome: 'allowed',
      rowCount,
      note,
    })
    return page
  })
}

function getAuditEntry(app: Api, parts: AuditParts, sealed: SealedLog): void {
  const schema = {
    operationId: 'getAuditEntry',
    summary: '一条审计记录及其回执 / One audit entry with its receipt',
    tags,
    params: EntryParams,
    response: { 200: Entry },
  }
  app.get('/audit/entries/:id', { schema }, async (request, reply) => {
    const { caller, params } = request
    demand(caller, 'audit.read', caller?.department ?? null)
    const found = await findEntry(parts.database.pool, params.id.toLowerCase())
    if (!found) {
      throw (await archivedRefusal(parts.database.pool, params.id)) ?? new Refusal('not-found')
    }
    if (!(await maySee(caller, found, parts))) throw new Refusal('not-found')
    const seal = await sealed.seal(found.entry.id, 0)
    const digests = await erasedDigests(parts.database.pool, found.entry.id)
    const view = await entryView(parts.keys, found, { seal, digests })
    const note = { entry: view.id }
    await auditCall(request, reply, {
      operation: 'audit.read',
      outcome: 'allowed',
      rowCount: 1,
      note,
    })
    return view
  })
}

function findAuditSubjects(app: Api, parts: AuditParts): void {
  const schema = {
    operationId: 'findAuditSubjects',
    summary: '谁查过这条记录 / Who looked at this record',
    tags,
    body: SubjectSearch,
    response: { 200: LookPage },
  }
  app.post('/audit/subjects', { schema }, (request, reply) =>
    answerLooks({ request, reply, parts }, request.body),
  )
}

function getAuditSubjects(app: Api, parts: AuditParts): void {
  const schema = {
    operationId: 'getAuditSubjects',
    summary:
      '谁查过这条记录;个人号码请用 POST / Who looked at this record; use POST where keys are personal',
    tags,
    querystring: SubjectQuery,
    response: { 200: LookPage },
  }
  app.get('/audit/subjects', { schema }, (request, reply) =>
    answerLooks({ request, reply, parts }, request.query),
  )
}

interface LookCall {
  request: ApiRequest
  reply: ApiReply
  parts: AuditParts
}

async function answerLooks(
  { request, reply, parts }: LookCall,
  asked: SubjectSearch,
): Promise<LookPage> {
  const { resource, key } = asked
  const { keys, database } = parts
  const { limit, after } = readEntryPage(asked)
  demand(request.caller, 'audit.subjects', await parts.providerOf(resource))
  const subject = await resolveSubject(parts, { resource, key })
  const [since, found] = await Promise.all([
    heldSince(database.pool),
    findLooks(database.pool, { ...subject, beforeId: after, rowsMax: limit + 1 }),
  ])
  const { items, next } = toPage(found, limit, ({ entry }) => [entry.id])
  // Not as a subject: asking who looked is no look at the record itself.
  const note = { keyHash: hashSubject(keys.subjects, resource, key).toString('base64url') }
  const facts = { operation: 'audit.subjects', resource, rowCount: items.length, note }
  await auditCall(request, reply, { ...facts, outcome: 'allowed' })
  const looks = await Promise.all(items.map((look) => lookView(keys, look)))
  return { items: looks, next, heldSince: since }
}

/** A search that ran out of time is gone on with from where it stopped, though its page is short. */
function toEntryPage({ entries, stoppedAt }: FoundEntries, limit: number): Page<ListedEntry> {
  const page = toPage(entries, limit, ({ id }) => [id])
  return stoppedAt === null ? page : { items: page.items, next: encodeCursor([stoppedAt]) }
}
