import type { QueryBody } from '../../../schemas/api/records.ts'
import { subjectKey } from '../audit/subject-key.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import type { CallFacts } from '../http/audit-call.ts'
import { readKey } from '../records/find-keys.ts'
import { findMany } from '../records/find-many.ts'
import type { One } from '../records/find-one.ts'
import type { Proven } from '../records/proof.ts'
import { answerJson, type Reading } from '../records/reading.ts'
import { readContext } from './call-context.ts'
import { ambiguous } from './read-records.ts'
import type { Sharing } from './sharing.ts'
import { type Answer, type Permit, takeOut, whenProven } from './take-out.ts'
import { writeItems } from './write-items.ts'

interface Item {
  key: string
  caseNumber?: string
}

const itemsOf = (body: QueryBody): Item[] =>
  'keys' in body ? body.keys.map((key) => ({ key })) : body.items

/** Many keys at once, answered in their order, null for what is absent; each is a subject of the log. */
export function queryRecords(
  sharing: Sharing,
  call: { request: ApiRequest; reply: ApiReply; resource: string; body: QueryBody },
): Promise<void> {
  const { request, reply, resource, body } = call
  const items = itemsOf(body)
  const cases = caseFacts(items, readContext(request, body.context))
  return takeOut(
    sharing,
    {
      request,
      reply,
      resource,
      operation: 'read',
      logged: 'records.query',
      context: cases.context,
      wanted: body.fields,
      facts: {
        subjects: items.map(({ key }) => ({ resource, key: subjectKey(key) })),
        ...cases.facts,
      },
    },
    (permit) => queryProven(sharing, permit, items),
  )
}

type Context = ReturnType<typeof readContext>

/**
 * The call has a case number when it, or every item, has one. Different ones are all noted, in the
 * order of the items, beside the first of them.
 */
function caseFacts(
  items: readonly Item[],
  context: Context,
): { context: Context; facts: Partial<CallFacts> } {
  const numbers = items.map((item) => item.caseNumber ?? context.caseNumber ?? null)
  const [first] = numbers
  if (numbers.some((number) => number === null) || first === undefined || first === null) {
    const note = items.some((item) => item.caseNumber !== undefined)
      ? { caseNumbers: numbers }
      : null
    return { context, facts: note ? { note } : {} }
  }
  const isOne = numbers.every((number) => number === first)
  return {
    context: { ...context, caseNumber: first },
    facts: isOne ? {} : { note: { caseNumbers: numbers } },
  }
}

async function queryProven(
  sharing: Sharing,
  { served, grant, obligations, proof }: Permit,
  items: readonly Item[],
): Promise<Proven<Answer>> {
  const reading = sharing.reading(served, obligations)
  const taken = await sharing.quotas.take(grant, items.length)
  let usedCount = 0
  try {
    const keys = items.map(({ key }) => readKey(served, key))
    const proven = await findMany(sharing.hub.database.pool, reading, { proof, keys })
    return whenProven(proven, (found) => {
      const answer = queryAnswer(reading, items, found)
      usedCount = answer.facts.rowCount ?? 0
      return answer
    })
  } finally {
    sharing.quotas.giveBack(grant, taken - usedCount)
  }
}

function queryAnswer(reading: Reading, items: readonly Item[], found: readonly One[]): Answer {
  if (found.some(({ kind }) => kind === 'several')) throw ambiguous()
  const resource = reading.served.id
  const rowCount = found.filter(({ kind }) => kind === 'one').length
  const write = (one: One): string =>
    one.kind === 'one' ? answerJson(reading, one.record) : 'null'
  const subjects = found.map((one, place) => ({
    resource,
    key: one.kind === 'one' ? one.record.key : subjectKey(items[place]?.key ?? ''),
  }))
  return {
    outcome: rowCount === 0 ? 'absent' : 'allowed',
    body: () => writeItems({ items: found, write, tail: '}' }),
    facts: { subjects, rowCount },
  }
}
