import canonicalize from 'canonicalize'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { openAuditKeys } from '../../../src/hub/audit/keys.ts'
import type { OpenAuditLog } from '../../../src/hub/audit/log.ts'
import { auditRoutes } from '../../../src/hub/audit/routes.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { connect, digestOf, digestsOf, openTestLog, readFacts, sha256 } from './audit-samples.ts'

/** A person whose number was changed: the log knows the record by its merge key of the time. */
const formerNumbers: Record<string, string[]> = { '11010119900307002X': ['110101900307002'] }
const sequences: Record<string, number[]> = { '11010119900307002X': [17, 40] }
const providers: Record<string, string> = {
  population: 'public-security',
  property: 'natural-resources',
}

let hub: TestHub
let log: OpenAuditLog
let auditor: string
let head: string
let other: string

beforeAll(async () => {
  hub = await buildTestHub({
    auditLog: () => ({
      append: (facts) => log.append(facts),
      appendAnonymous: (facts) => log.appendAnonymous(facts),
    }),
    extend: (app) => {
      const keys = openAuditKeys(app.hub.keys)
      log = openTestLog(app.hub.database.directUrl, { keys })
      const parts = {
        database: app.hub.database,
        keys,
        resolveKeys: async (_: string, key: string) => formerNumbers[key] ?? [],
        namesOf: async (_: string, { mergeKeys }: { mergeKeys: readonly string[] }) => mergeKeys,
        sequencesOf: async (_: string, mergeKeys: readonly string[]) =>
          mergeKeys.flatMap((key) => sequences[key] ?? []).map((seq) => ({ seq })),
        providerOf: async (resource: string) => providers[resource] ?? null,
      }
      void app.register(auditRoutes(parts), { prefix: '/v1/test' })
    },
  })
  await hub.makeDepartment('public-security')
  await hub.makeDepartment('natural-resources')
  auditor = await hub.makeStaff('auditor-1', ['auditor'])
  head = await hub.makeStaff('ps-share', ['share-office-head'], 'public-security')
  other = await hub.makeStaff('nr-share', ['share-office-head'], 'natural-resources')
})
afterAll(async () => {
  await log.close()
  await hub.close()
})

const say = async (more: Partial<AuditFacts>) => log.append(readFacts(more))
const get = (url: string, token = auditor) => hub.call('GET', url, { token })
const list = async (query: string, token = auditor): Promise<{ id: string }[]> => {
  const answer = await get(`/v1/test/audit/entries?${query}`, token)
  expect(answer.statusCode).toBe(200)
  return answer.json().items
}
const idsOf = (items: { id: string }[]) => items.map(({ id }) => id)

describe('search', () => {
  test('finds an entry as soon as its call is answered, by any combination', async () => {
    const wanted = await say({
      operation: 'find-me',
      system: 's-1',
      purpose: 'P-1',
      outcome: 'denied',
      code: 'grant-missing',
    })
    const noise: Partial<AuditFacts>[] = [
      { system: 's-2' },
      { purpose: 'P-2' },
      { outcome: 'allowed' },
    ]
    for (const more of noise) {
      await say({ operation: 'noise', system: 's-1', purpose: 'P-1', outcome: 'denied', ...more })
    }
    const combinations = [
      'system=s-1&purpose=P-1&outcome=denied',
      'department=natural-resources&resource=population&system=s-1&purpose=P-1&outcome=denied',
      `from=2020-01-01T00:00:00Z&system=s-1&purpose=P-1&outcome=denied`,
    ]
    for (const query of combinations) expect(idsOf(await list(query))).toEqual([wanted.id])
    expect(await list('system=s-1&to=2020-01-01T00:00:00Z')).toEqual([])
    expect((await list('system=s-1&purpose=P-1&outcome=denied'))[0]).toEqual({
      id: wanted.id,
      readyAt: expect.stringMatching(/^\d{4}-.*Z$/),
      operation: 'find-me',
      outcome: 'denied',
      code: 'grant-missing',
      department: 'natural-resources',
      system: 's-1',
      resource: 'population',
      purpose: 'P-1',
    })
  })

  test('finds a case by its number, though the number is nowhere in clear', async () => {
    const wanted = await say({ caseNumber: '办件-47114711' })
    const query = `caseNumber=${encodeURIComponent('办件-47114711')}`
    expect(idsOf(await list(query))).toEqual([wanted.id])
    const { rows } = await hub.app.hub.database.pool.query(
      'select * from audit.search where id = $1',
      [wanted.id],
    )
    expect(
      Buffer.concat(
        Object.values(rows[0]).map((value) => Buffer.from((value as string) ?? '')),
      ).toString(),
    ).not.toContain('47114711')
  })

  test('pages newest first, without gap or repetition', async () => {
    const receipts = await Promise.all(Array.from({ length: 7 }, () => say({ system: 'paged' })))
    const seen: string[] = []
    let after = ''
    for (;;) {
      const answer = (await get(`/v1/test/audit/entries?system=paged&limit=3${after}`)).json()
      seen.push(...idsOf(answer.items))
      if (answer.next === null) break
      after = `&after=${answer.next}`
    }
    expect(seen).toEqual(
      receipts
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    )
  })

  test('refuses a filter it does not know the form of, and a cursor of another list', async () => {
    for (const query of [
      'outcome=perhaps',
      'from=yesterday',
      'after=x',
      'after=WyJub3QtYW4taWQiXQ',
    ]) {
      const answer = await get(`/v1/test/audit/entries?${query}`)
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'request-invalid'])
    }
  })
})

describe('what a department may see', () => {
  test('its own calls, and everybody’s calls of what it provides', async () => {
    const onPopulation = await say({
      system: 'seen',
      department: 'natural-resources',
      resource: 'population',
    })
    const onProperty = await say({
      system: 'seen',
      department: 'natural-resources',
      resource: 'property',
    })
    const ofPolice = await say({
      system: 'seen',
      department: 'public-security',
      resource: 'property',
    })
    expect(idsOf(await list('system=seen', head))).toEqual([ofPolice.id])
    expect(idsOf(await list('system=seen&resource=population', head))).toEqual([onPopulation.id])
    expect(idsOf(await list('system=seen&resource=property', head))).toEqual([ofPolice.id])
    expect(idsOf(await list('system=seen', other))).toEqual([onProperty.id, onPopulation.id])
    const foreign = await get('/v1/test/audit/entries?department=natural-resources', head)
    expect(foreign.json().code).toBe('role-missing')
    expect((await get(`/v1/test/audit/entries/${onPopulation.id}`, head)).statusCode).toBe(200)
    expect((await get(`/v1/test/audit/entries/${onProperty.id}`, head)).json().code).toBe(
      'not-found',
    )
  })

  test('machines and staff without the role see nothing', async () => {
    const machine = await hub.makeSystem('ps-front-9', 'public-security')
    const developer = await hub.makeStaff('ps-dev', ['developer'], 'public-security')
    const { id } = await say({})
    for (const token of [machine, developer]) {
      for (const url of [
        '/v1/test/audit/entries',
        `/v1/test/audit/entries/${id}`,
        '/v1/test/audit/subjects?resource=population&key=1',
      ]) {
        expect((await get(url, token)).json().code).toBe('role-missing')
      }
    }
  })
})

describe('one entry', () => {
  test('comes with its receipt, and its leaf can be computed from what is answered', async () => {
    const receipt = await say({ operator: '王芳', note: { reason: '首次登记' } })
    const entry = (await get(`/v1/test/audit/entries/${receipt.id}`)).json()
    expect(entry.receipt).toEqual(receipt)
    expect(entry.facts).toMatchObject({
      operator: '王芳',
      note: { reason: '首次登记' },
      caseNumber: '办件2026-000123',
    })
    const bytes = Buffer.from(entry.leafBytes, 'base64')
    expect(createHash('sha256').update('\0').update(bytes).digest('hex')).toBe(receipt.leaf)
    const digests = digestsOf(entry)
    expect(sha256(canonicalize(digests) ?? '')).toBe(JSON.parse(bytes.toString()).facts)
    expect(digestOf(entry.salts.operator, 'operator', '"王芳"')).toBe(digests['operator'])
    expect(digestOf(entry.salts.note, 'note', '{"reason":"首次登记"}')).toBe(digests['note'])
    expect(JSON.stringify(entry)).not.toContain('11010119900307002X')
  })

  test('that does not exist is not found', async () => {
    const answer = await get('/v1/test/audit/entries/019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90')
    expect(answer.json().code).toBe('not-found')
  })
})

describe('who looked at this record', () => {
  const ask = (body: object, token = auditor) =>
    hub.call('POST', '/v1/test/audit/subjects', { token, body })
  const person = { resource: 'population', key: '11010119900307002X' }

  test('is answered under former numbers too, with operators, by key and through ranges of changes', async () => {
    const current = await say({ operator: '王芳' })
    const former = await say({
      subjects: [{ resource: 'population', key: '110101900307002' }],
      operator: '李雷',
    })
    const { subjects: _, ...feedFacts } = readFacts({ operation: 'records.changes' })
    const feed = await log.append({ ...feedFacts, sequenceRange: { after: 39, through: 40 } })
    const missed = [
      await log.append({ ...feedFacts, sequenceRange: { after: 40, through: 90 } }),
      await log.append({
        ...feedFacts,
        resource: 'property',
        sequenceRange: { after: 0, through: 90 },
      }),
      await say({ subjects: [{ resource: 'property', key: person.key }] }),
      await say({ subjects: [{ resource: 'population', key: 'somebody-else' }] }),
    ]
    const answer = await ask({ ...person, limit: 1000 })
    expect(answer.statusCode).toBe(200)
    const items: { id: string; operator: string; via: string }[] = answer.json().items
    const find = (id: string) => items.find((item) => item.id === id)
    expect(find(current.id)).toMatchObject({
      operator: '王芳',
      via: 'subject',
      system: 'registry-counter-1',
    })
    expect(find(former.id)).toMatchObject({ operator: '李雷', via: 'subject' })
    expect(find(feed.id)).toMatchObject({ via: 'range', operation: 'records.changes' })
    for (const { id } of missed) expect(find(id)).toBeUndefined()
    expect(answer.body).not.toContain('1101019')
    const { resource, key } = person
    const byQuery = await get(`/v1/test/audit/subjects?resource=${resource}&key=${key}&limit=1000`)
    expect(idsOf(byQuery.json().items)).toEqual(idsOf(items))
  })

  test('says since when the log here can tell: what came before was archived', async () => {
    const heldSince = async () => (await ask(person)).json().heldSince
    expect(await heldSince()).toBeNull()
    const owner = await connect(hub.testDatabase.urls.superuser)
    await owner.query(
      `insert into audit.archives (month, folder, step, entry_count, first_position, last_position, manifest_digest, verified_at, dropped_at)
       values ('2021-03', '/archives/2021-03', 'dropped', 1, 0, 0, 'x', now(), now())`,
    )
    await owner.end()
    expect(await heldSince()).toBe('2021-04-01T00:00:00.000Z')
  })

  test('pages without gap or repetition', async () => {
    const subjects = [{ resource: 'population', key: 'paged-person' }]
    const receipts = await Promise.all(Array.from({ length: 5 }, () => say({ subjects })))
    const first = (await ask({ resource: 'population', key: 'paged-person', limit: 3 })).json()
    const rest = (
      await ask({ resource: 'population', key: 'paged-person', limit: 3, after: first.next })
    ).json()
    const expected = receipts
      .map(({ id }) => id)
      .toSorted()
      .toReversed()
    expect([...idsOf(first.items), ...idsOf(rest.items)]).toEqual(expected)
    expect(rest.next).toBeNull()
  })

  test('is itself logged, without the key, and is no look at the record', async () => {
    const answer = await ask(person)
    const id = String(answer.headers['x-audit-id'])
    const entry = (await get(`/v1/test/audit/entries/${id}`)).json()
    expect(entry.facts).toMatchObject({
      operation: 'audit.subjects',
      staff: 'auditor-1',
      resource: 'population',
    })
    expect(JSON.stringify(entry.facts)).not.toContain(person.key)
    expect(idsOf((await ask({ ...person, limit: 1000 })).json().items)).not.toContain(id)
  })

  test('is for the auditor and the provider only', async () => {
    expect((await ask(person, head)).statusCode).toBe(200)
    expect((await ask(person, other)).json().code).toBe('role-missing')
    expect((await ask({ ...person, more: 1 })).json().code).toBe('request-invalid')
  })
})
