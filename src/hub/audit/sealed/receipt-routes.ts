import {
  EntryParams,
  InclusionProof,
  InclusionQuery,
  Receipt,
} from '../../../../schemas/api/audit.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { Api, ApiRequest } from '../../http/api.ts'
import { auditCall } from '../../http/audit-call.ts'
import { demand } from '../../identity/permissions.ts'
import { archivedRefusal } from '../archive/archived-bundles.ts'
import { type AuditParts, isOwnCall, maySee } from '../audit-parts.ts'
import { findEntry, type FoundEntry } from '../search.ts'
import { receiptView, sealView } from '../views.ts'
import { erasedDigests } from './erased-digests.ts'
import type { Seal, SealedLog } from './sealed-log.ts'

const tags = ['audit']

/** A checkpoint follows its entries within a second; a proof is owed within ten. */
const sealWaitMsMax = 2000

/** What proves single entries: for whoever may see them, and for the department whose machine called. */
export function receiptRoutes(app: Api, parts: AuditParts, sealed: SealedLog): void {
  getAuditReceipt(app, parts, sealed)
  proveInclusion(app, parts, sealed)
}

function getAuditReceipt(app: Api, parts: AuditParts, sealed: SealedLog): void {
  const schema = {
    operationId: 'getAuditReceipt',
    summary: '下载回执文件,可离线核验 / The receipt as a file that can be verified offline',
    tags,
    params: EntryParams,
    response: { 200: Receipt },
  }
  app.get('/audit/entries/:id/receipt', { schema }, async (request, reply) => {
    const found = await findForCaller(request, parts, request.params.id)
    const seal = await demandSeal(sealed, found)
    const digests = await erasedDigests(parts.database.pool, found.entry.id)
    const view = await receiptView(parts.keys, found, { seal, digests })
    await auditCall(request, reply, {
      operation: 'audit.receipt',
      outcome: 'allowed',
      rowCount: 1,
      note: { entry: view.id },
    })
    return reply
      .header('content-disposition', `attachment; filename="receipt-${view.id}.json"`)
      .send(view)
  })
}

function proveInclusion(app: Api, parts: AuditParts, sealed: SealedLog): void {
  const schema = {
    operationId: 'proveAuditInclusion',
    summary: '某条记录在日志中的证明 / The proof that an entry is in the log',
    tags,
    querystring: InclusionQuery,
    response: { 200: InclusionProof },
  }
  app.get('/audit/proofs/inclusion', { schema }, async (request, reply) => {
    const seal = await sealForCaller(request, parts, sealed)
    const note = { entry: request.query.id.toLowerCase() }
    await auditCall(request, reply, { operation: 'audit.prove', outcome: 'allowed', note })
    const { verifierKey: _known, ...proof } = sealView(seal)
    return { ...proof, leaf: seal.leaf.toString('hex') }
  })
}

/** Of an entry whose month was archived nothing is here but its place in the tree, which is public. */
async function sealForCaller(
  request: ApiRequest & { query: { id: string } },
  parts: AuditParts,
  sealed: SealedLog,
): Promise<Seal> {
  const id = request.query.id.toLowerCase()
  const isArchived = (await archivedRefusal(parts.database.pool, id)) !== null
  const archived = isArchived ? await sealed.seal(id, 0) : null
  return archived ?? demandSeal(sealed, await findForCaller(request, parts, id))
}

/** An entry that the caller may not see and one that does not exist are the same to it. */
async function findForCaller(
  { caller }: ApiRequest,
  parts: AuditParts,
  id: string,
): Promise<FoundEntry> {
  if (caller?.kind !== 'system') demand(caller, 'audit.read', caller?.department ?? null)
  const found = await findEntry(parts.database.pool, id.toLowerCase())
  const isSeen = found && (isOwnCall(caller, found) || (await maySee(caller, found, parts)))
  if (!isSeen) throw new Refusal('not-found')
  return found
}

async function demandSeal(sealed: SealedLog, { entry }: FoundEntry): Promise<Seal> {
  const seal = await sealed.seal(entry.id, sealWaitMsMax)
  if (seal !== null) return seal
  throw new Refusal(
    'state-conflict',
    '该记录尚未密封,请稍后再取 / The entry is not sealed yet; ask again shortly',
    { retryAfterSeconds: 1 },
  )
}
