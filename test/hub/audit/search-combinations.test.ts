import { afterAll, beforeAll, expect, test } from 'vitest'
import { instantOfId } from '../../../src/hub/audit/entry.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { readFacts } from './audit-samples.ts'

let hub: TestHub
let auditor: string
beforeAll(async () => {
  hub = await buildTestHub()
  auditor = await hub.makeStaff('auditor-1', ['auditor'])
})
afterAll(() => hub.close())

/** Of each filter the value that is asked for, and another that is not. */
const values = {
  department: ['housing', 'police'],
  system: ['desk-1', 'desk-2'],
  resource: ['people', 'homes'],
  outcome: ['denied', 'failed'],
  purpose: ['P-1', 'P-2'],
  caseNumber: ['办件-1', '办件-2'],
} as const
type Name = keyof typeof values
const names = Object.keys(values) as Name[]

interface Made {
  id: string
  at: number
  facts: Partial<Record<Name, string>>
}

/** One entry for each choice of values, one after the other so that their times differ. */
async function makeEntries(): Promise<Made[]> {
  const made: Made[] = []
  for (let choice = 0; choice < 2 ** names.length; choice += 1) {
    const facts = Object.fromEntries(
      names.map((name, at) => [name, values[name][(choice >> at) & 1]]),
    ) as Partial<AuditFacts> & Made['facts']
    const { id } = await hub.app.hub.auditLog.append(readFacts(facts))
    made.push({ id, at: instantOfId(id), facts })
  }
  return made
}

async function search(query: URLSearchParams): Promise<string[]> {
  const found: string[] = []
  for (let after: string | null = null; ;) {
    const asked = new URLSearchParams(query)
    if (after !== null) asked.set('after', after)
    const path = `/v1/audit/entries?${asked.toString()}`
    const answer = await hub.call('GET', path, { token: auditor })
    const page: { items: { id: string }[]; next: string | null } = answer.json()
    found.push(...page.items.map(({ id }) => id))
    if (page.next === null) return found
    after = page.next
  }
}

test('each of the 256 combinations of the filters finds what each filter alone would, in pages', async () => {
  const made = await makeEntries()
  const [first, last] = [made[9], made[54]]
  const bounds = { from: first?.at ?? 0, to: last?.at ?? 0 }
  const own = new Set(made.map(({ id }) => id))
  for (let mask = 0; mask < 2 ** (names.length + 2); mask += 1) {
    const asked = names.filter((_, at) => (mask >> at) & 1)
    const isFrom = ((mask >> names.length) & 1) === 1
    const isTo = ((mask >> (names.length + 1)) & 1) === 1
    const query = new URLSearchParams(
      Object.fromEntries(asked.map((name) => [name, values[name][0]])),
    )
    query.set('limit', '13')
    if (isFrom) query.set('from', new Date(bounds.from).toISOString())
    if (isTo) query.set('to', new Date(bounds.to).toISOString())
    const expected = made.filter(
      ({ at, facts }) =>
        asked.every((name) => facts[name] === values[name][0]) &&
        (!isFrom || at >= bounds.from) &&
        (!isTo || at < bounds.to),
    )
    const found = (await search(query)).filter((id) => own.has(id))
    const wanted = expected
      .map(({ id }) => id)
      .toSorted()
      .toReversed()
    expect([query.toString(), found]).toEqual([query.toString(), wanted])
  }
}, 240_000)
