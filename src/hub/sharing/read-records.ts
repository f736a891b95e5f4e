import type { ReadBody } from '../../../schemas/api/records.ts'
import { Refusal } from '../../shared/refusal.ts'
import { subjectKey } from '../audit/subject-key.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { findOne, type One } from '../records/find-one.ts'
import type { Proven } from '../records/proof.ts'
import { readKey } from '../records/find-keys.ts'
import { answerJson, type FoundRecord, type Reading } from '../records/reading.ts'
import { readContext } from './call-context.ts'
import type { Sharing } from './sharing.ts'
import { type Answer, type Permit, takeOut, whenProven } from './take-out.ts'

/** One record by a key; `not-found` where there is none or none within the grant's rows: the same words. */
export function readRecord(
  sharing: Sharing,
  call: { request: ApiRequest; reply: ApiReply; resource: string; body: ReadBody },
): Promise<void> {
  const { request, reply, resource, body } = call
  return takeOut(
    sharing,
    {
      request,
      reply,
      resource,
      operation: 'read',
      logged: 'records.read',
      context: readContext(request, body.context),
      wanted: body.fields,
      facts: { subjects: [{ resource, key: subjectKey(body.key) }] },
    },
    async (permit) => readProven(sharing, permit, body),
  )
}

async function readProven(
  sharing: Sharing,
  permit: Permit,
  body: ReadBody,
): Promise<Proven<Answer>> {
  const { served, grant, obligations, proof } = permit
  if (body.asOf !== undefined) demandHistory(permit, body.asOf, sharing.hub.clock.now())
  const reading = sharing.reading(served, obligations)
  const key = readKey(served, body.key)
  await sharing.quotas.take(grant, 1)
  let isUsed = false
  try {
    const asOf = body.asOf
    const proven = await findOne(sharing.hub.database.pool, reading, { proof, key, asOf })
    return whenProven(proven, (one) => {
      const record = demandOne(one)
      isUsed = true
      return recordAnswer(reading, record)
    })
  } finally {
    if (!isUsed) sharing.quotas.giveBack(grant, 1)
  }
}

function demandHistory({ served }: Permit, asOf: string, now: Date): void {
  const pointer = '/asOf'
  if (!served.table.history) {
    const message = '此资源不保留历史版本 / This resource keeps no former versions'
    throw new Refusal('request-invalid', message, {
      errors: [{ pointer, code: 'history-missing', message }],
    })
  }
  if (Date.parse(asOf) > now.getTime()) {
    const message = '时刻在将来 / The instant lies in the future'
    throw new Refusal('request-invalid', message, {
      errors: [{ pointer, code: 'date-future', message }],
    })
  }
}

/** The one record; the same `not-found` for what is absent and what lies outside the rows. */
export function demandOne(one: One): FoundRecord {
  if (one.kind === 'one') return one.record
  if (one.kind === 'several') throw ambiguous()
  throw new Refusal('not-found', '没有符合此键的记录 / No record has this key')
}

export const ambiguous = (): Refusal =>
  new Refusal(
    'key-ambiguous',
    '此键对应多条记录,请用“信息项:值”或其他信息项查询 / Several records have this key; narrow it with `field:value` or list them',
  )

function recordAnswer(reading: Reading, record: FoundRecord): Answer {
  return {
    outcome: 'allowed',
    body: answerJson(reading, record),
    facts: {
      subjects: [{ resource: reading.served.id, key: record.key }],
      rowCount: 1,
      recordSeq: record.seq,
      recordHash: record.hash,
    },
  }
}
