import type { VerifyBody } from '../../../schemas/api/records.ts'
import { subjectStatusOf, todayInShanghai } from '../../shared/conditions.ts'
import { subjectKey } from '../audit/subject-key.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { leavesOf } from '../records/field-paths.ts'
import { readKey } from '../records/find-keys.ts'
import { findOne, type One } from '../records/find-one.ts'
import type { Proven } from '../records/proof.ts'
import { flagsOf, type FoundRecord } from '../records/reading.ts'
import { readContext } from './call-context.ts'
import { compareClaims } from './compare-claims.ts'
import { ambiguous } from './read-records.ts'
import type { Sharing } from './sharing.ts'
import { type Answer, type Permit, takeOut } from './take-out.ts'

/**
 * Whether claims about a record are true (核验), without showing it. What lies outside the grant's rows is
 * `absent`. Wrong claims are counted, for a claim repeated with other values reads the record bit by bit.
 */
export function verifyClaims(
  sharing: Sharing,
  call: { request: ApiRequest; reply: ApiReply; resource: string; body: VerifyBody },
): Promise<void> {
  const { request, reply, resource, body } = call
  const turn = `${request.caller?.id} ${resource} ${body.key}`
  return sharing.mismatches.inTurn(turn, () =>
    takeOut(
      sharing,
      {
        request,
        reply,
        resource,
        operation: 'verify',
        logged: 'records.verify',
        context: readContext(request, body.context),
        probed: Object.keys(body.claims),
        facts: { subjects: [{ resource, key: subjectKey(body.key) }] },
      },
      (permit) => verifyProven(sharing, permit, body),
    ),
  )
}

async function verifyProven(
  sharing: Sharing,
  permit: Permit,
  body: VerifyBody,
): Promise<Proven<Answer>> {
  const { served, grant, obligations, proof } = permit
  const columns = comparedColumns(served, Object.keys(body.claims))
  const comparison = sharing.comparison(served, obligations, columns)
  await sharing.quotas.take(grant, 1)
  let isUsed = false
  try {
    const key = readKey(served, body.key)
    const asked = { system: proof.systemId, resource: served.id, key: key.value }
    const guessed = isSoleKey(served) && sharing.mismatches.guessed(asked)
    const call = { proof, key, ...(guessed && { guessed }) }
    const proven = await findOne(sharing.hub.database.pool, comparison, call)
    if (proven.held !== 'all') return proven
    const answer = await judgeClaims(sharing, permit, { body, one: proven.found, key: key.value })
    isUsed = answer.outcome === 'allowed'
    return { held: 'all', found: answer }
  } finally {
    if (!isUsed) sharing.quotas.giveBack(grant, 1)
  }
}

/** Where records have one number alone, they are asked for by it: then one statement reads and counts. */
const isSoleKey = ({ keys }: ServedResource): boolean => keys.length === 1 && keys[0]?.length === 1

/** The claimed fields, and those that the subject's status follows from. */
function comparedColumns(
  { fields, standard }: ServedResource,
  claimed: readonly string[],
): string[] {
  const wanted = new Set(claimed)
  for (const { when } of standard?.subjectStatus ?? []) {
    for (const { field } of when) wanted.add(field)
  }
  return [...leavesOf(fields).values()]
    .filter(({ path, column }) => wanted.has(path) || wanted.has(column.name))
    .map(({ path }) => path)
}

async function judgeClaims(
  sharing: Sharing,
  { served, proof, facts }: Permit,
  { body, one, key }: { body: VerifyBody; one: One; key: string },
): Promise<Answer> {
  if (one.kind === 'several') throw ambiguous()
  if (one.kind === 'none') return absentAnswer(body)
  const { record, wrongCount } = one
  const claimant = { system: proof.systemId, resource: served.id, key: record.key }
  // Should the call be refused, the log says why somebody ought to look at it.
  Object.assign(facts, {
    subjects: [{ resource: served.id, key: record.key }],
    note: { hint: 'verify-guessing' },
  })
  const counted = record.key === key ? wrongCount : undefined
  await sharing.mismatches.refuseGuessing(claimant, counted)
  const claims = compareClaims(served.fields, record.values, body.claims)
  const isMatch = Object.values(claims).every((result) => result === 'match')
  if (!isMatch) await sharing.mismatches.count(claimant)
  const result = isMatch ? 'match' : 'mismatch'
  const today = todayInShanghai(sharing.hub.clock.now())
  const subjectStatus = statusOf(served, record, today)
  const answer = { result, claims, subjectStatus, quality: flagsOf(record) }
  return {
    outcome: 'allowed',
    body: JSON.stringify(answer),
    facts: {
      subjects: [{ resource: served.id, key: record.key }],
      rowCount: 1,
      recordSeq: record.seq,
      recordHash: record.hash,
      note: { result },
    },
  }
}

const statusTests = new WeakMap<ServedResource, ReturnType<typeof subjectStatusOf>>()

/** From the record's own dates and flags; where they say nothing, the record's status. */
function statusOf(served: ServedResource, record: FoundRecord, today: string): string {
  const test = statusTests.get(served) ?? subjectStatusOf(served.standard ?? { subjectStatus: [] })
  statusTests.set(served, test)
  const status = test(record.values, today)
  return status === 'current' ? record.status : status
}

function absentAnswer({ claims }: VerifyBody): Answer {
  const each = Object.fromEntries(Object.keys(claims).map((path) => [path, 'absent']))
  const answer = { result: 'absent', claims: each, subjectStatus: null, quality: [] }
  return { outcome: 'absent', body: JSON.stringify(answer), facts: { rowCount: 0 } }
}
