import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { defineAdapter } from '../../adapters/adapter.ts'
import { adapters, mappingOf } from '../../adapters/index.ts'
import { standards } from '../../src/shared/standards.ts'
import { pipelineOf, readRows } from './judging.ts'

const folder = new URL('../../adapters/', import.meta.url)
const folders = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

test('each folder is one adapter of the registry, and its department', () => {
  expect([...adapters.keys()].sort()).toEqual(folders.sort())
  for (const [id, adapter] of adapters) expect(adapter).toMatchObject({ id, department: id })
})

test('an unknown adapter or source has no mapping, whatever objects inherit', () => {
  expect(mappingOf('public-security', 'residents')).toHaveProperty('fields.idNumber')
  expect(mappingOf('public-security', 'companies')).toBeNull()
  expect(mappingOf('public-security', 'constructor')).toBeNull()
  expect(mappingOf('nobody', 'residents')).toBeNull()
})

test('a mapping of a wrong shape is refused at start, and the source named', () => {
  const draft = adapters.get('public-security')
  if (!draft) throw new Error('no such adapter')
  const { residents } = draft.sources
  if (!residents) throw new Error('no such source')
  const spoilt = { ...draft, sources: { residents: { ...residents, mapping: { field: {} } } } }
  expect(() => defineAdapter(spoilt)).toThrow('public-security/residents')
})

describe.each(folders)('the adapter %s', (id) => {
  const adapter = adapters.get(id)

  test('says in its README where its columns come from, Chinese first', () => {
    const file = new URL(`${id}/README.md`, folder)
    expect(existsSync(file)).toBe(true)
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/^# \p{Script=Han}/u)
    expect(text).toContain('Where the columns come from')
    for (const source of Object.keys(adapter?.sources ?? {})) expect(text).toContain(source)
  })

  test.each(Object.entries(adapter?.sources ?? {}))(
    'maps every column of %s to a shipped standard, or ignores it by name',
    async (source, { standard, columns, sample, mediaType }) => {
      expect(standards().has(standard)).toBe(true)
      const names = Object.keys(columns)
      const { mapping } = pipelineOf(`${id}/${source}`)
      expect(mapping.checkColumns(names)).toEqual({ missing: [], drift: [] })
      const read = await readRows(sample, mediaType)
      if (mediaType === 'text/csv') expect(read.columns).toEqual(names)
      for (const { row } of read.lines)
        expect(names).toEqual(expect.arrayContaining(Object.keys(row)))
    },
  )
})
