import { v7 as newUuid } from 'uuid'
import {
  Redaction,
  RedactionDraft,
  RedactionPage,
  RedactionParams,
  RedactionSearch,
} from '../../../schemas/api/audit-care.ts'
import { conflict } from '../catalog/faults.ts'
import type { HubDatabase } from '../database/stores.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { readPage, toPage } from '../http/cursors.ts'
import type { StaffCaller } from '../identity/caller.ts'
import { demand, may } from '../identity/permissions.ts'
import { Refusal } from '../../shared/refusal.ts'
import { type AuditKeys, openAuditKeys } from './keys.ts'
import { demandRedactable, redactOperation, requestOperation, takeOut } from './redaction-rules.ts'
import { redactionStore } from './redaction-store.ts'

/*
 *   requested (by a security-admin or an auditor) ──confirmed by a bureau-admin──▶ confirmed, for good
 *
 * Two persons always: setup mode changes nothing here.
 */
export interface RedactionParts {
  database: Pick<HubDatabase, 'knex' | 'atomically'>
  keys: AuditKeys
  clock: { now: () => Date }
}

const tags = ['audit']

export const redactionRoutes =
  (parts: RedactionParts): ApiRoutes =>
  async (app) => {
    requestRedaction(app, parts)
    confirmRedaction(app, parts)
    listRedactions(app, parts)
    getRedaction(app, parts)
  }

export const redactionArea = ({ database, keys, clock }: Hub): ApiRoutes =>
  redactionRoutes({ database, keys: openAuditKeys(keys), clock })

function requestRedaction(app: Api, { database, keys, clock }: RedactionParts): void {
  const schema = {
    operationId: 'requestRedaction',
    summary: '申请消除审计记录中的信息项,须另一人确认 / Ask for facts of an entry to be redacted',
    tags,
    body: RedactionDraft,
    response: { 201: Redaction },
  }
  app.post('/audit/redactions', { schema }, async (request, reply) => {
    const officer = demand(request.caller, 'audit.redact', null)
    const entry = request.body.entry.toLowerCase()
    const asked = { ...request.body, entry, instrument: request.body.instrument ?? null }
    const redaction = await database.atomically(async (_, transaction) => {
      const store = redactionStore(transaction)
      await demandRedactable({ store, keys, now: clock.now() }, asked)
      const id = newUuid()
      await store.insert({ ...asked, id, requestedBy: officer.id })
      const note = { redaction: id, ...asked }
      await auditCall(request, reply, {
        operation: requestOperation,
        outcome: 'allowed',
        note,
      })
      return store.demand(id)
    })
    return reply
      .code(201)
      .header('location', `/v1/audit/redactions/${redaction.id}`)
      .send(redaction)
  })
}

function confirmRedaction(app: Api, { database, keys, clock }: RedactionParts): void {
  const schema = {
    operationId: 'confirmRedaction',
    summary: '确认并执行消除 / Confirm a redaction, which carries it out',
    tags,
    params: RedactionParams,
    response: { 200: Redaction },
  }
  app.post('/audit/redactions/:id/confirm', { schema }, async (request, reply) => {
    const officer = demand(request.caller, 'audit.confirm-redaction', null)
    const id = request.params.id.toLowerCase()
    return database.atomically(async (_, transaction) => {
      const store = redactionStore(transaction)
      await store.lockEntry((await store.demand(id)).entry)
      const asked = await store.demand(id)
      demandOpen(asked, officer)
      const found = await demandRedactable({ store, keys, now: clock.now() }, asked)
      const taken = await takeOut({ keys }, asked, found)
      // The database redacts nothing that the log does not tell of already.
      const { id: toldIn } = await auditCall(request, reply, {
        operation: redactOperation,
        outcome: 'allowed',
        note: noteOf(asked, officer, found.leafHash),
      })
      await store.execute({ ...taken, id, officer: officer.id, toldIn })
      return store.demand(id)
    })
  })
}

function demandOpen({ id, state, requestedBy }: Redaction, officer: StaffCaller): void {
  if (requestedBy === officer.id) {
    throw new Refusal(
      'role-missing',
      '不得确认自己的申请,须另一人 / Nobody confirms their own request: another officer has to',
    )
  }
  if (state === 'confirmed') {
    throw conflict(`消除申请 ${id} 已执行 / Redaction ${id} was carried out already`)
  }
}

const noteOf = (asked: Redaction, officer: StaffCaller, leafHash: Buffer) => ({
  redaction: asked.id,
  entry: asked.entry,
  leaf: leafHash.toString('hex'),
  facts: asked.facts,
  instrument: asked.instrument,
  reason: asked.reason,
  requestedBy: asked.requestedBy,
  confirmedBy: officer.id,
})

function listRedactions(app: Api, { database }: RedactionParts): void {
  const schema = {
    operationId: 'listRedactions',
    summary: '消除申请及其执行 / Redactions, asked for and carried out',
    tags,
    querystring: RedactionSearch,
    response: { 200: RedactionPage },
  }
  app.get('/audit/redactions', { schema }, async (request, reply) => {
    demandReader(request)
    const { entry, ...query } = request.query
    const wanted = readPage(query)
    const rows = await redactionStore(database.knex).list(wanted, entry ?? null)
    const page = toPage(rows, wanted.limit, ({ id }) => [id])
    const rowCount = page.items.length
    const facts = { operation: 'audit.list-redactions', rowCount, note: { ...request.query } }
    await auditCall(request, reply, { ...facts, outcome: 'allowed' })
    return page
  })
}

function getRedaction(app: Api, { database }: RedactionParts): void {
  const schema = {
    operationId: 'getRedaction',
    summary: '一项消除申请 / One redaction',
    tags,
    params: RedactionParams,
    response: { 200: Redaction },
  }
  app.get('/audit/redactions/:id', { schema }, async (request, reply) => {
    demandReader(request)
    const redaction = await redactionStore(database.knex).demand(request.params.id)
    const facts = { operation: 'audit.read-redaction', note: { redaction: redaction.id } }
    await auditCall(request, reply, { ...facts, outcome: 'allowed', rowCount: 1 })
    return redaction
  })
}

/** Whoever may ask or confirm. */
function demandReader({ caller }: ApiRequest): void {
  if (!may(caller, 'audit.confirm-redaction', null)) demand(caller, 'audit.redact', null)
}
