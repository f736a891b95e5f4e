import { pageLimitDefault } from '../../../schemas/api/common.ts'
import type { ListBody } from '../../../schemas/api/records.ts'
import type { Field } from '../../../schemas/field.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { decodeNumberCursor, encodeCursor } from '../http/cursors.ts'
import { escapePointer } from '../http/validation.ts'
import { leafField, leavesOf } from '../records/field-paths.ts'
import { storedForm } from '../records/find-keys.ts'
import { typedText } from '../records/field-values.ts'
import { type Filter, isFilterable, listRecords } from '../records/list-records.ts'
import type { Proven } from '../records/proof.ts'
import { answerJson, type FoundRecord, type Reading } from '../records/reading.ts'
import { readContext } from './call-context.ts'
import type { Sharing } from './sharing.ts'
import { type Answer, type Permit, takeOut, whenProven } from './take-out.ts'
import { writeItems } from './write-items.ts'

/**
 * Records whose fields equal all values asked for. Filters are oracles: only granted, unmasked fields
 * may be filtered by. Pages go by change number, so that no cursor carries a key.
 */
export function listGrantedRecords(
  sharing: Sharing,
  call: { request: ApiRequest; reply: ApiReply; resource: string; body: ListBody },
): Promise<void> {
  const { request, reply, resource, body } = call
  const probed = Object.keys(body.where)
  return takeOut(
    sharing,
    {
      request,
      reply,
      resource,
      operation: 'list',
      logged: 'records.list',
      context: readContext(request, body.context),
      wanted: body.fields,
      probed,
      facts: { note: { filters: probed } },
    },
    (permit) => listProven(sharing, permit, body),
  )
}

async function listProven(
  sharing: Sharing,
  permit: Permit,
  body: ListBody,
): Promise<Proven<Answer>> {
  const { served, grant, obligations, proof } = permit
  const filters = readFilters(served, body.where)
  const after = body.after === undefined ? 0 : decodeNumberCursor(body.after)
  const reading = sharing.reading(served, obligations)
  const wanted = Math.min(body.limit ?? pageLimitDefault, obligations.maxRows)
  const limit = await sharing.quotas.take(grant, wanted, 1)
  let usedCount = 0
  try {
    const call = { proof, filters, after, limit: limit + 1 }
    const proven = await listRecords(sharing.hub.database.pool, reading, call)
    return whenProven(proven, (found) => {
      usedCount = Math.min(found.length, limit)
      return listAnswer(reading, found, limit)
    })
  } finally {
    sharing.quotas.giveBack(grant, limit - usedCount)
  }
}

function readFilters(served: ServedResource, where: ListBody['where']): Filter[] {
  const leaves = leavesOf(served.fields)
  const errors: RequestFault[] = []
  const filters: Filter[] = []
  for (const [path, asked] of Object.entries(where)) {
    const leaf = leaves.get(path)
    const pointer = `/where/${escapePointer(path)}`
    if (!leaf || !isFilterable(leaf)) {
      const message = '不是可查询的信息项 / Not a field to look up by'
      errors.push({ pointer, code: 'not-indexed', message })
      continue
    }
    const value = typedText(askedValue(asked, leafField(leaf)), leafField(leaf))
    if (value !== null) filters.push({ leaf, value })
    else
      errors.push({
        pointer,
        code: 'type',
        message: '值的类型不对 / The value is of the wrong type',
      })
  }
  if (errors.length === 0) return filters
  throw new Refusal('request-invalid', '查询条件不合规 / A filter is invalid', { errors })
}

/** Identifiers are asked for as they are stored, whatever the width of what was typed. */
const askedValue = (asked: unknown, { identifier, identifierWhen }: Field): unknown =>
  typeof asked === 'string' && (identifier !== undefined || identifierWhen !== undefined)
    ? storedForm(asked)
    : asked

function listAnswer(reading: Reading, found: readonly FoundRecord[], limit: number): Answer {
  const records = found.slice(0, limit)
  const last = records.at(-1)
  const next = found.length > limit && last ? `"${encodeCursor([last.seq])}"` : 'null'
  const write = (record: FoundRecord): string => answerJson(reading, record)
  return {
    outcome: records.length === 0 ? 'absent' : 'allowed',
    body: () => writeItems({ items: records, write, tail: `,"next":${next}}` }),
    facts: {
      subjects: records.map(({ key }) => ({ resource: reading.served.id, key })),
      rowCount: records.length,
    },
  }
}
