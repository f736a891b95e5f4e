import { pageLimitDefault } from '../../../schemas/api/common.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import type { Proven } from '../records/proof.ts'
import { answerJson, type Reading } from '../records/reading.ts'
import {
  type Change,
  type Changes,
  readChanges,
  readCursor,
  writeCursor,
} from '../records/read-changes.ts'
import { readContext, readFields } from './call-context.ts'
import { openFields, type Sharing } from './sharing.ts'
import { changeFacts, shownKeys } from './told-changes.ts'
import { type Answer, type Permit, takeOut, whenProven } from './take-out.ts'
import { writeItems } from './write-items.ts'

export interface ChangesQuery {
  after?: string
  limit?: number
  fields?: string
}

/** Every change after a cursor, in order, folded to the last one of each record; `next` is never null. */
export function followChanges(
  sharing: Sharing,
  call: { request: ApiRequest; reply: ApiReply; resource: string; query: ChangesQuery },
): Promise<void> {
  const { request, reply, resource, query } = call
  return takeOut(
    sharing,
    {
      request,
      reply,
      resource,
      operation: 'changes',
      logged: 'records.changes',
      context: readContext(request),
      wanted: readFields(query.fields),
    },
    (permit) => changesProven(sharing, permit, query),
  )
}

async function changesProven(
  sharing: Sharing,
  permit: Permit,
  query: ChangesQuery,
): Promise<Proven<Answer>> {
  const { served, grant, obligations, proof } = permit
  const reading = sharing.reading(served, obligations)
  const wanted = Math.min(query.limit ?? pageLimitDefault, obligations.maxRows)
  const limit = await sharing.quotas.take(grant, wanted, 1)
  let usedCount = 0
  try {
    const following = { reading, isOpen: openFields(served, grant) }
    const call = { proof, cursor: readCursor(query.after), limit }
    const proven = await readChanges(sharing.hub.database.pool, following, call)
    return whenProven(proven, (changes) => {
      const answer = changesAnswer(sharing, { reading, permit }, changes)
      usedCount = answer.facts.rowCount ?? 0
      return answer
    })
  } finally {
    sharing.quotas.giveBack(grant, limit - usedCount)
  }
}

interface Scope {
  reading: Reading
  permit: Permit
}

function changesAnswer({ hub }: Sharing, { reading, permit }: Scope, changes: Changes): Answer {
  if (changes.kind === 'expired') {
    throw new Refusal(
      'cursor-expired',
      '游标早于保留的删除标记,请不带 after 重新全量同步 / Deletions since this cursor are no longer kept: begin anew without `after`',
    )
  }
  const keyOf = shownKeys(hub.keys.masks, permit.grant.id)
  const write = (change: Change): string => {
    const head = `{"seq":${change.seq},"op":"${change.record ? 'upsert' : 'delete'}","key":${JSON.stringify(keyOf(change))}`
    return change.record ? `${head},${answerJson(reading, change.record).slice(1)}` : `${head}}`
  }
  const tail = `,"next":"${writeCursor(changes.next)}"}`
  return {
    outcome: 'allowed',
    body: () => writeItems({ items: changes.items, write, tail }),
    facts: changeFacts(reading, changes),
  }
}
