import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTestHub, type TestHub } from '../support/hub.ts'
import { publishDraft, standardDraft } from '../support/resources.ts'
import { moneyOf } from './support/money.ts'

/** Published registrations are not ours to ship: they are looked for beside the checkout. */
const folder = resolve(
  process.env['SHUQIAO_REAL_DATA'] ?? join(import.meta.dirname, '../../../shared/data'),
)
const files = ['legal-persons-1996.csv', 'legal-persons-1997.csv'].map((name) => join(folder, name))
const missing = files.filter((file) => !existsSync(file))
const hasAll = missing.length === 0

if (!hasAll) {
  console.info(
    `跳过真实登记数据:缺少 ${missing.join('、')} / Real registrations skipped, set SHUQIAO_REAL_DATA: missing ${missing.join(', ')}`,
  )
}

interface Registered {
  code: string
  money: string
}

interface Answer {
  counts: Record<string, number>
  rejects: { line: number; code: string; field: string | null }[]
}

interface StoredCompany {
  _key: string
  capital: string | null
  currency: string | null
  codes: string[] | null
}

/** What each file says, by another CSV reader than the hub's. */
const registeredIn = (file: string): Registered[] =>
  parse<Record<string, string>>(readFileSync(file), { columns: true, bom: true }).map((row) => ({
    code: (row['统一社会信用代码'] ?? '').trim(),
    money: (row['注册资金'] ?? '').trim(),
  }))

/** The forms of an amount with its figures left out: `#(万元人民币)`. */
const formOf = (money: string): string => money.replaceAll(/[\d.,]+/g, '#')

const resources = ['strict', 'lenient'] as const

describe.skipIf(!hasAll).each(resources)(
  'real registrations pushed over HTTP, %s',
  (strictness) => {
    let hub: TestHub
    let registered: Registered[]
    let stored: Map<string, StoredCompany>
    const answers: Answer[] = []

    beforeAll(async () => {
      hub = await buildTestHub()
      await hub.makeDepartment('market-regulation')
      const token = await hub.makeSystem('mr-front', 'market-regulation')
      const draft = standardDraft('companies', 'market-regulation', 'legal-person')
      await publishDraft(
        hub,
        { ...draft, authoritative: strictness === 'lenient' },
        { adapter: 'market-regulation', source: 'registry-csv' },
      )
      await hub.app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = hub.app.server.address() as AddressInfo
      for (const file of files) {
        const answer = await fetch(`http://127.0.0.1:${port}/v1/resources/companies/batches`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
          body: readFileSync(file),
        })
        if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
        answers.push((await answer.json()) as Answer)
      }
      registered = files.flatMap(registeredIn)
      stored = await storedCompanies(hub)
    })

    afterAll(() => hub.close())

    test('every row is accounted for, and at least 995 of 1,000 land', () => {
      const read = answers.reduce((sum, { counts }) => sum + (counts['read'] ?? 0), 0)
      const rejected = answers.reduce((sum, { counts }) => sum + (counts['rejected'] ?? 0), 0)
      expect(read).toBe(registered.length)
      expect(read).toBeGreaterThan(1000)
      expect(rejected / read).toBeLessThanOrEqual(0.005)
      expect(stored.size).toBeGreaterThanOrEqual(read * 0.995)
    })

    test('nobody is flagged for a division: half the prefixes are of no county today, and none is a fault', () => {
      const flagged = [...stored.values()].filter(({ codes }) =>
        codes?.includes('division-unknown'),
      )
      expect(flagged.length).toBe(0)
    })

    test('capital and currency are what the text says, in every form found', () => {
      const forms = new Set<string>()
      const wrong: unknown[] = []
      for (const { code, money } of registered) {
        const company = stored.get(code)
        if (company === undefined) continue
        forms.add(formOf(money))
        const expected = moneyOf(money)
        const isRight =
          company.capital === expected.capital && company.currency === expected.currency
        if (!isRight) wrong.push({ form: formOf(money), expected, found: company })
      }
      expect(wrong).toEqual([])
      expect(forms.size).toBeGreaterThanOrEqual(6)
    })

    test('both files once more change nothing', async () => {
      const before = await lastSeqOf(hub)
      const token = await hub.makeSystem('mr-front-2', 'market-regulation')
      for (const [at, file] of files.entries()) {
        const answer = await hub.call('POST', '/v1/resources/companies/batches', {
          token,
          headers: { 'content-type': 'text/csv' },
          body: readFileSync(file),
        })
        const { read, rejected, flagged } = answers[at]?.counts ?? {}
        const { counts } = answer.json<Answer>()
        expect(counts).toMatchObject({ read, rejected, flagged, inserted: 0, updated: 0 })
      }
      expect(await lastSeqOf(hub)).toBe(before)
    })
  },
)

async function storedCompanies(hub: TestHub): Promise<Map<string, StoredCompany>> {
  const served = await hub.app.hub.catalog.served('companies')
  if (served === null) throw new Error('companies are not published')
  const { rows } = await hub.testDatabase.database.pool.query<StoredCompany>(
    `select _key, capital::text, currency,
       (select array_agg(entry->>'code') from jsonb_array_elements(_quality) entry) as codes
     from records.r_${served.number} where _status <> 'deleted'`,
  )
  return new Map(rows.map((row) => [row._key, row]))
}

async function lastSeqOf(hub: TestHub): Promise<number> {
  const { rows } = await hub.testDatabase.database.pool.query<{ last_seq: number }>(
    'select max(last_seq) as last_seq from hub.change_numbers',
  )
  return rows[0]?.last_seq ?? 0
}

/** The reader that the real rows are held against must itself be right: invented texts of the same forms. */
test.each([
  ['N/A', null, null],
  ['100(万)', '100', '156'],
  ['1,250.50(万元人民币)', '1250.5', '156'],
  ['30(万美元)', '30', '840'],
  ['80(万港币)', '80', '344'],
  ['64万人民币', '64', '156'],
  ['7.000000万元人民币', '7', '156'],
])('the test’s own reader takes %s for %s of %s', (text, capital, currency) => {
  expect(moneyOf(text)).toEqual({ capital, currency })
})

test('a text in a form that nobody has seen is no silent zero', () => {
  expect(() => moneyOf('若干')).toThrow('若干')
})
