import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { codeTables, divisionHistory, standardDocuments } from '../../schemas/library.ts'
import { divisionEver } from '../../src/shared/divisions.ts'

const tables = [...new Set(codeTables().values())]

test('every file of the two folders is a standard or a code table, with no line of code for it', () => {
  const files = (folder: string) =>
    readdirSync(new URL(`../../schemas/${folder}/`, import.meta.url)).map((file) =>
      file.replace(/\.json$/, ''),
    )
  expect([...standardDocuments().keys()].sort()).toEqual(files('standards').sort())
  const slugs = [...tables.map(({ slug }) => slug), 'divisions']
  expect(slugs.sort()).toEqual(files('codes').sort())
})

describe.each(tables.map((table) => [table.id, table] as const))('code table %s', (id, table) => {
  test('is found by its id and by its slug', () => {
    expect(codeTables().get(id)).toBe(table)
    expect(codeTables().get(table.slug)).toBe(table)
  })

  test('gives no code twice and no name to two codes', () => {
    const codes = table.entries.map(({ code }) => code)
    const names = table.entries.map(({ name }) => name)
    expect(new Set(codes).size).toBe(codes.length)
    expect(new Set(names).size).toBe(names.length)
  })

  test('says where it is from and how sure it is', () => {
    expect(table.title).toMatch(/\p{Script=Han}/u)
    expect(table.titleEn).not.toBe('')
    expect(table.source).not.toBe('')
    expect(['confirmed', 'derived', 'unconfirmed']).toContain(table.status)
    if (table.status === 'unconfirmed') {
      expect(table.note).toMatch(/no conformance is claimed/i)
    }
  })

  test('crosses over only to tables and codes that are there', () => {
    for (const { same = {} } of table.entries) {
      for (const [other, code] of Object.entries(same)) {
        expect(
          codeTables()
            .get(other)
            ?.entries.map((entry) => entry.code),
        ).toContain(code)
      }
    }
  })
})

test('tables known to be incomplete are open, so that their unknown codes are no fault', () => {
  for (const id of ['GS 14 CA16', 'GB/T 2659', 'GB/T 12406', 'GB/T 4761', 'QLLX']) {
    expect(codeTables().get(id)?.open, id).toBe(true)
  }
  for (const id of ['GB/T 2261.1', 'GB/T 3304', 'GB/T 4658', 'entity-status', 'DJLX']) {
    expect(codeTables().get(id)?.open, id).toBeUndefined()
  }
})

test('divisions are complete rows in order, each of its own code or run of years', () => {
  const { entries } = divisionHistory()
  expect(entries.length).toBeGreaterThan(7_000)
  const order = entries.map(([code, name, first]) => `${code} ${first} ${name}`)
  const runs = entries.map(([code, , first]) => `${code} ${first}`)
  expect(runs).toEqual(runs.toSorted())
  expect(new Set(order).size).toBe(order.length)
  for (const [code, name, first, last] of entries) {
    expect(code).toMatch(/^\d{6}$/)
    expect(name).not.toBe('')
    expect(first).toMatch(/^\d{4}-\d{2}(?:\.\.\d{4})?$/)
    if (last !== null) expect(first.slice(0, 7) <= last).toBe(true)
  }
})

test('every code of the history is current or retired', () => {
  const wrong = divisionHistory().entries.filter(([code]) => divisionEver(code) === 'never-existed')
  expect(wrong).toEqual([])
})
