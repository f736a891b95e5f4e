import canonicalize from 'canonicalize'
import { createCipheriv, type KeyObject } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { factNames } from '../../../src/hub/audit/canonical-facts.ts'
import { type Details, openDetails } from '../../../src/hub/audit/details.ts'
import { monthOfId } from '../../../src/hub/audit/entry.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { type AuditKeys, openAuditKeys } from '../../../src/hub/audit/keys.ts'
import { readTail, sealBatch } from '../../../src/hub/audit/sealed/seal-batch.ts'
import { inclusionPath } from '../../../src/hub/audit/sealed/build-proofs.ts'
import { tileStore } from '../../../src/hub/audit/sealed/tile-store.ts'
import {
  eraseFacts,
  digestsOf as allDigestsOf,
  isBoundBy,
  redactableFacts,
} from '../../../src/hub/audit/redact-entry.ts'
import { redactionRoutes } from '../../../src/hub/audit/redaction-routes.ts'
import { erasedDigests } from '../../../src/hub/audit/sealed/erased-digests.ts'
import { saltsOfSecret, takeApart } from '../../../src/hub/audit/salts.ts'
import { verifyFacts } from '../../../src/shared/proofs/disclosed-facts.ts'
import { readEntry } from '../../../src/shared/proofs/entries.ts'
import { leafHash, verifyInclusion } from '../../../src/shared/proofs.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { idAt, makeMonth, tablesHolding, writeEntries } from './archive-samples.ts'
import { connect, digestsOf, sha256 } from './audit-samples.ts'

let hub: TestHub
let keys: AuditKeys
let app: pg.Client
let auditor: string
let security: string

beforeAll(async () => {
  hub = await buildTestHub({
    extend: (api) => {
      keys = openAuditKeys(api.hub.keys)
      const { database, clock } = api.hub
      void api.register(redactionRoutes({ database, keys, clock }), { prefix: '/v1/test' })
    },
  })
  auditor = await hub.makeStaff('auditor-1', ['auditor'])
  security = await hub.makeStaff('security-1', ['security-admin'])
  app = await connect(hub.testDatabase.urls.app)
  await makeMonth(hub.testDatabase, '2021-03')
})
afterAll(async () => {
  await app.end()
  await hub.close()
})

const instrument = { kind: '判决', number: '(2026)测01行终1号', title: '示例行政判决书' }
const reason = '依判决'
let written = 0

/** A new entry, past its retention unless told otherwise. */
async function write(facts: Partial<AuditFacts> = {}, instant = '2021-03-04T05:06:07Z') {
  written += 1
  const id = idAt(instant, written)
  await writeEntries(app, keys, [{ id, facts }])
  return id
}
const writeYoung = (facts: Partial<AuditFacts> = {}) => write(facts, new Date().toISOString())

const post = (path: string, token: string, body?: object) =>
  hub.call('POST', `/v1/test/audit/redactions${path}`, { token, ...(body && { body }) })
const ask = (entry: string, facts: readonly string[], more: object = {}, token = auditor) =>
  post('', token, { entry, facts, reason, ...more })
const confirm = (id: string, token = hub.adminToken) => post(`/${id}/confirm`, token)

async function redact(entry: string, facts: readonly string[], more: object = {}) {
  const asked = await ask(entry, facts, more)
  expect(asked.statusCode, asked.body).toBe(201)
  const done = await confirm(asked.json().id)
  expect(done.statusCode, done.body).toBe(200)
  return done.json()
}

interface Stored {
  leafBytes: Buffer
  leafHash: Buffer
  sealed: Buffer
  caseHash: Buffer | null
}

async function stored(id: string): Promise<Stored & Details> {
  const { rows } = await app.query<Stored>(
    `select leaf_bytes as "leafBytes", leaf_hash as "leafHash", details as sealed, case_hash as "caseHash"
     from audit.entries join audit.search using (id) where id = $1`,
    [id],
  )
  if (!rows[0]) throw new Error('no entry')
  return { ...rows[0], ...openDetails(await monthKey(id), rows[0].sealed) }
}
const monthKey = async (id: string): Promise<KeyObject> => keys.month(monthOfId(id))

/** The digest that the leaf binds, from what is still said and the digests of what is not. */
const boundDigest = (digests: Record<string, string>): string => sha256(canonicalize(digests) ?? '')

/** As a reader with the definition of the leaf would do it, apart from the code under test. */
async function provesLeaf(id: string): Promise<boolean> {
  const { facts, salts, leafBytes } = await stored(id)
  const digests = {
    ...digestsOf({ facts, salts }),
    ...(await erasedDigests(hub.testDatabase.database.pool, id)),
  }
  return JSON.parse(leafBytes.toString()).facts === boundDigest(digests)
}

describe('two persons', () => {
  test('one asks, another confirms, and both are in the log with grounds and leaf', async () => {
    const entry = await writeYoung()
    const { leafHash: leaf } = await stored(entry)
    const done = await redact(entry, ['operator', 'caseNumber'], { instrument })
    expect(done).toMatchObject({
      entry,
      state: 'confirmed',
      requestedBy: 'auditor-1',
      confirmedBy: 'admin',
      instrument,
    })
    const told = hub.entries.filter(({ operation }) => /^audit\..*redact/.test(operation))
    expect(told.slice(-2)).toMatchObject([
      { operation: 'audit.request-redaction', staff: 'auditor-1', note: { entry, instrument } },
      {
        operation: 'audit.redact',
        staff: 'admin',
        note: {
          redaction: done.id,
          leaf: leaf.toString('hex'),
          facts: ['operator', 'caseNumber'],
          requestedBy: 'auditor-1',
          confirmedBy: 'admin',
        },
      },
    ])
    const { note } = (await stored(done.toldIn)).facts
    expect(note).toMatchObject({ redaction: done.id, instrument, reason })
  })

  test('nothing is redacted before the second has signed', async () => {
    const entry = await writeYoung()
    const before = await stored(entry)
    const asked = await ask(entry, ['operator'], { instrument })
    expect(asked.json()).toMatchObject({ state: 'requested', confirmedBy: null, toldIn: null })
    expect((await stored(entry)).sealed).toEqual(before.sealed)
  })

  test('setup mode gives the first administrator no second signature', async () => {
    const entry = await writeYoung()
    const setup = await hub.call('GET', '/v1/setup', { token: hub.adminToken })
    expect(setup.json()).toEqual({ setupMode: true })
    const alone = await ask(entry, ['operator'], { instrument }, hub.adminToken)
    expect(alone.json().code).toBe('role-missing')
    const asked = await ask(entry, ['operator'], { instrument }, security)
    for (const token of [auditor, security]) {
      expect((await confirm(asked.json().id, token)).json().code).toBe('role-missing')
    }
  })

  test('nobody confirms their own request, whatever roles they were given since', async () => {
    const entry = await writeYoung()
    const turned = await hub.makeStaff('turncoat', ['auditor'])
    const asked = await ask(entry, ['operator'], { instrument }, turned)
    await app.query(
      `update hub.staff set roles = '{bureau-admin}', version = version + 1 where id = 'turncoat'`,
    )
    hub.app.hub.authenticator.clear()
    const own = await confirm(asked.json().id, turned)
    expect(own.json()).toMatchObject({ code: 'role-missing' })
    expect(own.json().detail).toContain('不得确认自己的申请')
    const { id } = asked.json()
    const call = `select audit.redact($1, 'turncoat', sha256('x'), 'x', '{"operator": "x"}', $2)`
    await expect(app.query(call, [id, entry])).rejects.toMatchObject({ code: '42501' })
  })

  test('of two that confirm at once one does, and it is carried out once', async () => {
    const entry = await writeYoung()
    const asked = await ask(entry, ['operator'], { instrument })
    const answers = await Promise.all([1, 2, 3].map(() => confirm(asked.json().id)))
    const codes = answers.map(({ statusCode }) => String(statusCode))
    expect(codes.toSorted()).toEqual(['200', '409', '409'])
    expect(await provesLeaf(entry)).toBe(true)
  })
})

describe('refusals', () => {
  test('before retention ends a legal instrument must be named; after it, none need be', async () => {
    const young = await writeYoung()
    const refused = await ask(young, ['operator'])
    expect(refused.statusCode).toBe(409)
    expect(refused.json().detail).toMatch(/保存期至 \d{4}-\d\d-\d\d/)
    const old = await write()
    expect((await redact(old, ['operator'])).instrument).toBeNull()
  })

  test('the database refuses it too, whoever calls its function', async () => {
    const young = await writeYoung()
    const id = idAt('2026-01-01T00:00:00Z', 77)
    await app.query(
      `insert into audit.redaction_requests (id, entry, facts, reason, requested_by) values ($1, $2, '{operator}', 'x', 'a')`,
      [id, young],
    )
    const { sealed } = await stored(young)
    const call = `select audit.redact($1, 'b', sha256($2), 'x', '{"operator": "x"}', $3)`
    await expect(app.query(call, [id, sealed, young])).rejects.toThrow('保存期未满')
  })

  test('who, when and which resource are never redacted, nor what has no digest of its own', async () => {
    const entry = await writeYoung()
    const kept = [
      'system',
      'department',
      'staff',
      'requestedAt',
      'decidedAt',
      'resource',
      'resourceVersion',
      'operation',
      'outcome',
      'purpose',
      'fields',
      'open',
      'unknown',
    ]
    for (const name of kept) {
      const refused = await ask(entry, ['operator', name], { instrument })
      expect(refused.statusCode, name).toBe(400)
      expect(refused.json().errors[0].pointer).toBe('/facts/1')
    }
    const redactable = factNames.filter((name) => redactableFacts.has(name))
    expect(redactable).toEqual(
      expect.arrayContaining(['subjects', 'caseNumber', 'operator', 'address', 'note']),
    )
    expect(redactable.filter((name) => kept.includes(name))).toEqual([])
  })

  test('what the entry does not have, or not any more, cannot be redacted', async () => {
    const entry = await writeYoung()
    expect((await ask(entry, ['recordHash'], { instrument })).statusCode).toBe(400)
    await redact(entry, ['operator'], { instrument })
    expect((await ask(entry, ['operator'], { instrument })).statusCode).toBe(400)
    const unknown = await ask(idAt('2026-02-01T00:00:00Z', 9), ['operator'], { instrument })
    expect(unknown.statusCode).toBe(404)
    expect((await confirm(idAt('2026-02-01T00:00:00Z', 9))).statusCode).toBe(404)
  })

  test('what tells of a redaction is not redacted in its turn', async () => {
    const { toldIn } = await redact(await writeYoung(), ['operator'], { instrument })
    const refused = await ask(toldIn, ['note'], { instrument })
    expect(refused.statusCode).toBe(409)
    expect(refused.json().detail).toContain('消除本身')
  })

  test('details that do not prove the leaf are looked into, not rewritten', async () => {
    const entry = await writeYoung()
    const other = await writeYoung({ operator: '李四' })
    const owner = await connect(hub.testDatabase.urls.owner)
    await owner.query(
      'update audit.search set details = (select details from audit.search where id = $2) where id = $1',
      [entry, other],
    )
    await owner.end()
    const refused = await ask(entry, ['operator'], { instrument })
    expect(refused.statusCode).toBe(409)
    expect(refused.json().detail).toContain('与其叶不符')
  })
})

describe('after a redaction', () => {
  test('the value and its salt are gone from every table, the others stay with theirs', async () => {
    const operator = '欧阳测试'
    const entry = await writeYoung({ operator, note: { count: 3 } })
    const before = await stored(entry)
    await redact(entry, ['operator', 'subjects'], { instrument })
    const after = await stored(entry)
    expect(await tablesHolding(hub.testDatabase, before.sealed.toString('hex'))).toEqual([])
    const { rows } = await app.query<{ id: string; details: Buffer }>(
      'select id, details from audit.search',
    )
    const salt = before.salts.operator ?? 'none'
    for (const { id, details } of rows) {
      const opened = JSON.stringify(openDetails(await monthKey(id), details))
      expect(opened).not.toContain(salt)
      expect(opened).not.toContain(operator)
    }
    const { operator: _o, subjects: _s, ...facts } = before.facts
    const { operator: _os, subjects: _ss, ...salts } = before.salts
    expect(after.facts).toEqual(facts)
    expect(after.salts).toEqual(salts)
  })

  test('the leaf is computed from what is left, through several redactions', async () => {
    const entry = await writeYoung({ note: { count: 3 } })
    const { leafBytes, leafHash: hash } = await stored(entry)
    for (const facts of [['operator'], ['note', 'address'], ['subjects', 'caseNumber']]) {
      await redact(entry, facts, { instrument })
      expect(await provesLeaf(entry)).toBe(true)
    }
    const after = await stored(entry)
    expect(after.leafBytes).toEqual(leafBytes)
    expect(after.leafHash).toEqual(hash)
    const erased = await erasedDigests(hub.testDatabase.database.pool, entry)
    expect(Object.keys(erased).toSorted()).toEqual([
      'address',
      'caseNumber',
      'note',
      'operator',
      'subjects',
    ])
    expect(after.facts).toMatchObject({ system: 'registry-counter-1', resource: 'population' })
  })

  test('a reader is shown what was redacted, and the offline check of facts still holds', async () => {
    const entry = await writeYoung()
    await redact(entry, ['operator', 'subjects'], { instrument })
    const answer = await hub.call('GET', `/v1/audit/entries/${entry}`, { token: auditor })
    const { facts, salts, digests, leafBytes, redacted } = answer.json()
    expect(Object.keys(digests).toSorted()).toEqual(['operator', 'subjects'])
    expect(redacted).toEqual(['operator', 'subjects'])
    expect(facts).not.toHaveProperty('operator')
    const body = readEntry(Buffer.from(leafBytes, 'base64'))
    if (body === null) throw new Error('no entry')
    expect(verifyFacts(body, { facts, salts, digests })).toBe(true)
    expect(verifyFacts(body, { facts, salts })).toBe(false)
    expect(verifyFacts(body, { facts: { ...facts, operator: '王芳' }, salts, digests })).toBe(false)
  })

  test('the names of all that was redacted, by whatever redaction, are listed in order; of nothing there is no list', async () => {
    const entry = await writeYoung({ note: { count: 3 } })
    const read = async () =>
      (await hub.call('GET', `/v1/audit/entries/${entry}`, { token: auditor })).json()
    expect(await read()).not.toHaveProperty('redacted')
    await redact(entry, ['subjects', 'note'], { instrument })
    await redact(entry, ['address'], { instrument })
    expect((await read()).redacted).toEqual(['address', 'note', 'subjects'])
  })

  test('inclusion proofs hold before and after', async () => {
    const entry = await writeYoung()
    const sealer = await connect(hub.testDatabase.urls.sealer)
    const tail = await readTail(sealer)
    await sealBatch(sealer, tail, 10_000)
    await sealer.end()
    const root = tail.root()
    const holds = async (): Promise<boolean> => {
      const store = tileStore(hub.testDatabase.database.pool)
      const found = await store.leafOf(entry)
      const leaf = leafHash((await stored(entry)).leafBytes)
      const index = found?.position ?? -1
      const hashes = await inclusionPath(store, index, tail.size)
      return verifyInclusion({ index, size: tail.size, leaf, hashes, root })
    }
    expect(await holds()).toBe(true)
    await redact(entry, ['subjects'], { instrument })
    expect(await holds()).toBe(true)
  })

  test('it is found neither by record, nor by case, nor by range any more', async () => {
    const entry = await writeYoung({ sequenceRange: { after: 5, through: 9 } })
    const found = async () => {
      const { rows } = await app.query<{ subjects: number; ranges: number; cases: number }>(
        `select (select count(*) from audit.subjects where id = $1) as subjects,
           (select count(*) from audit.ranges where id = $1) as ranges,
           (select count(case_hash) from audit.search where id = $1) as cases`,
        [entry],
      )
      return rows[0]
    }
    expect(await found()).toEqual({ subjects: 1, ranges: 1, cases: 1 })
    await redact(entry, ['operator'], { instrument })
    expect(await found()).toEqual({ subjects: 1, ranges: 1, cases: 1 })
    await redact(entry, ['subjects', 'caseNumber', 'sequenceRange'], { instrument })
    expect(await found()).toEqual({ subjects: 0, ranges: 0, cases: 0 })
  })

  test('two redactions of one entry at once do not bring back a value', async () => {
    const entry = await writeYoung()
    const asked = await Promise.all(
      ['operator', 'address', 'caseNumber'].map((name) => ask(entry, [name], { instrument })),
    )
    const done = await Promise.all(asked.map((one) => confirm(one.json().id)))
    expect(done.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
    expect(await provesLeaf(entry)).toBe(true)
    const { facts } = await stored(entry)
    expect([facts.operator, facts.address, facts.caseNumber]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('nobody can take back or change what says so, and the hub cannot redact untold', async () => {
    const entry = await writeYoung()
    const asked = await ask(entry, ['operator'], { instrument })
    const { sealed } = await stored(entry)
    const call = `select audit.redact($1, 'admin', sha256($2), 'x', '{"operator": "x"}', $3)`
    const untold = [asked.json().id, sealed, idAt('2026-01-01T00:00:00Z', 1)]
    await expect(app.query(call, untold)).rejects.toThrow('须先记入审计日志')
    const other = `select audit.redact($1, 'admin', sha256($2), 'x', '{"address": "x"}', $3)`
    await expect(app.query(other, [asked.json().id, sealed, entry])).rejects.toThrow(
      '与申请的信息项不符',
    )
    const owner = await connect(hub.testDatabase.urls.owner)
    for (const table of ['redactions', 'redaction_requests']) {
      for (const change of [`update audit.${table} set id = id`, `delete from audit.${table}`]) {
        await expect(owner.query(change)).rejects.toThrow('只能追加')
        await expect(app.query(change)).rejects.toMatchObject({ code: '42501' })
      }
    }
    await owner.end()
    await expect(
      app.query(
        `insert into audit.redactions (id, entry, digests, confirmed_by, told_in) values ($1, $1, '{}', 'x', $1)`,
        [entry],
      ),
    ).rejects.toMatchObject({ code: '42501' })
  })

  test('redactions are listed for those who ask and confirm, by entry too', async () => {
    const entry = await write()
    const { id } = await redact(entry, ['operator'])
    const list = await hub.call('GET', `/v1/test/audit/redactions?entry=${entry}`, {
      token: security,
    })
    expect(list.json().items.map((one: { id: string }) => one.id)).toEqual([id])
    const seen: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`
      const url = `/v1/test/audit/redactions?limit=3${after}`
      const page = (await hub.call('GET', url, { token: security })).json()
      seen.push(...page.items.map((item: { id: string }) => item.id))
      next = page.next
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(seen.toSorted())
    expect(seen).toContain(id)
    expect(seen.length).toBeGreaterThan(6)
    const one = await hub.call('GET', `/v1/test/audit/redactions/${id}`, { token: hub.adminToken })
    expect(one.json()).toMatchObject({ id, state: 'confirmed' })
    const other = await hub.makeStaff('reviewer-9', ['bureau-reviewer'])
    const refused = await hub.call('GET', '/v1/test/audit/redactions', { token: other })
    expect(refused.json().code).toBe('role-missing')
  })
})

/** Details as the first layout had them: every fact with a salt of its own, all from one secret. */
function sealFirst(key: KeyObject, facts: object, secret: string): Buffer {
  const nonce = Buffer.alloc(12, 3)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const text = JSON.stringify({ version: 1, secret, facts })
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

test('where salts followed from one secret, the secret goes, and the other salts stay one by one', async () => {
  const key = await monthKey(idAt('2021-03-01T00:00:00Z'))
  const secret = 'a-secret-that-all-salts-follow-from'
  const facts = { operator: '王芳', resource: 'population', system: 'registry-counter-1' }
  const first = openDetails(key, sealFirst(key, facts, secret))
  const digests = allDigestsOf(first, {})
  const names = Object.keys(facts).toSorted()
  const salts = takeApart(saltsOfSecret(secret, names.length), names)
  expect(digests).toEqual(digestsOf({ facts, salts }))
  const leaf = Buffer.from(canonicalize({ facts: boundDigest(digests), version: 1 }) ?? '')
  const left = eraseFacts(first, ['operator'])
  expect(left.facts).toBe('{"resource":"population","system":"registry-counter-1"}')
  expect(left.salts).toBe(`${salts['resource']}${salts['system']}`)
  expect(left.salts).not.toContain(salts['operator'])
  const rest = {
    facts: { resource: 'population', system: 'registry-counter-1' },
    salts: takeApart(left.salts, ['resource', 'system']),
  }
  expect(isBoundBy(leaf, allDigestsOf(rest, left.erased))).toBe(true)
  expect(isBoundBy(leaf, allDigestsOf(rest, {}))).toBe(false)
})
