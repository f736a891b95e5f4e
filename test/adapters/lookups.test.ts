import { expect, test } from 'vitest'
import type { LandedRow } from '../../src/exchange/checks/index.ts'
import { judgeRow, pipelineOf, readSample } from './judging.ts'

async function landed(name: string): Promise<LandedRow[]> {
  const pipeline = pipelineOf(name)
  const judged = (await readSample(name)).map((row) => judgeRow(pipeline, row))
  return judged.filter((row) => row.verdict === 'land')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** The values of one field of the holders of all records. */
const ofHolders = (rows: readonly LandedRow[], field: string): unknown[] =>
  rows
    .flatMap(({ values }): unknown[] => (Array.isArray(values['holders']) ? values['holders'] : []))
    .flatMap((holder) => (isObject(holder) && holder[field] !== undefined ? [holder[field]] : []))

const knownBesides = new Set(['X00000017'])

test('who holds a house is a resident or a company of the other samples', async () => {
  const people = new Set(
    (await landed('public-security/residents')).map(({ values }) => values['idNumber']),
  )
  const bodies = new Set(
    (await landed('market-regulation/companies')).map(({ values }) => values['uscc']),
  )
  const rights = await landed('natural-resources/rights')
  const sound = rights.filter(({ quality }) => quality.length === 0)
  const strangers = ofHolders(sound, 'idNumber').filter((id) => !people.has(id) && !bodies.has(id))
  expect(strangers).toEqual([])
  const held = ofHolders(sound, 'idNumber')
  expect(held.filter((id) => people.has(id)).length).toBeGreaterThan(100)
  expect(held.filter((id) => bodies.has(id)).length).toBeGreaterThan(10)
})

test.each(['administrative-approval/permits', 'administrative-approval/licences'])(
  'who holds one of the %s is found by one code, person or company',
  async (name) => {
    const people = new Set(
      (await landed('public-security/residents')).map(({ values }) => values['idNumber']),
    )
    const bodies = new Set(
      (await landed('market-regulation/companies')).map(({ values }) => values['uscc']),
    )
    const codes = ofHolders(await landed(name), 'code').map(String)
    const isRegistrationNumber = (code: string) => /^\d{15}$/.test(code)
    const strangers = codes.filter(
      (code) => ![people, bodies, knownBesides].some((known) => known.has(code)),
    )
    expect(strangers.filter((code) => !isRegistrationNumber(code))).toEqual([])
    expect(codes.filter((code) => people.has(code)).length).toBeGreaterThan(30)
    expect(codes.filter((code) => bodies.has(code)).length).toBeGreaterThan(80)
  },
)

test('only the two people who share a number share one, and lines repeat only where foretold', async () => {
  const residents = await landed('public-security/residents')
  const keysByNumber = new Map<unknown, Set<string>>()
  for (const { key, values } of residents) {
    const number = values['idNumber']
    if (number !== undefined)
      keysByNumber.set(number, (keysByNumber.get(number) ?? new Set()).add(key))
  }
  expect([...keysByNumber.values()].filter(({ size }) => size > 1)).toHaveLength(1)
  expect(residents.length - new Set(residents.map(({ key }) => key)).size).toBe(2)
})

test('versions of a licence arrive out of order and are one family', async () => {
  const rows = await landed('administrative-approval/licences')
  const family = rows.filter(({ values }) => values['serial'] === 'SL0000009001')
  expect(family.map(({ values }) => values['version'])).toEqual(['003', '001', '002'])
  expect(new Set(family.map(({ key }) => key)).size).toBe(1)
})

test('two units lie under one certificate, and two co-owners each have their own', async () => {
  const rows = await landed('natural-resources/rights')
  const units = rows.filter(
    ({ values }) => values['certNo'] === '湘(2024)宁乡市不动产权第9000600号',
  )
  expect(new Set(units.map(({ values }) => values['unitNo'])).size).toBe(2)
  expect(
    ofHolders(
      rows.filter(({ key }) => key === 'R1'),
      'certNo',
    ),
  ).toEqual(['湘(2024)宁乡市不动产权第9000501号', '湘(2024)宁乡市不动产权第9000502号'])
})
