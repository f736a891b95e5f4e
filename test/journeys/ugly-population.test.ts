import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Journey, type JourneyResource, openJourney, type Pushed } from './support/journey.ts'
import { man, resident } from './support/residents.ts'
import { uglyPeople, uglyResidents } from './support/ugly-residents.ts'
import {
  expectedCounts,
  expectedRejects,
  expectLanded,
  type Strictness,
  toldRejects,
} from './support/verdicts.ts'

/** What the table adds up to, so that no line leaves it unnoticed. */
const totals = {
  strict: { read: 31, inserted: 17, rejected: 12, flagged: 8 },
  lenient: { read: 31, inserted: 23, rejected: 6, flagged: 14 },
}

const headerLines = 1
const firstLine = headerLines + 1

let journey: Journey

beforeAll(async () => {
  journey = await openJourney()
})

afterAll(() => journey.close())

describe.each<Strictness>(['strict', 'lenient'])('the ugly population file, %s', (strictness) => {
  let resource: JourneyResource
  let answer: Pushed

  beforeAll(async () => {
    resource = await journey.publish({
      id: `population-${strictness}`,
      standard: 'population',
      authoritative: strictness === 'lenient',
      mount: { adapter: 'public-security', source: 'residents' },
    })
    answer = await resource.push(uglyResidents.map(({ row }) => row))
  })

  test('every line is counted once, as what became of it', () => {
    expect(answer.counts).toEqual(expectedCounts(uglyResidents, strictness))
    expect(answer.counts).toMatchObject(totals[strictness])
    expect(answer.state).toBe('partial')
  })

  test('each refused line is told with its line number, code and field', () => {
    expect(toldRejects(answer, uglyResidents, firstLine)).toEqual(
      expectedRejects(uglyResidents, { strictness, firstLine }),
    )
  })

  test('each other line has landed with exactly its flags', async () => {
    await expectLanded(resource, uglyResidents, strictness)
  })

  test('the same file once more changes nothing', async () => {
    const again = await resource.push(uglyResidents.map(({ row }) => row))
    const { read, rejected, superseded, flagged } = answer.counts
    const unchanged = read - rejected - superseded
    const nothing = { inserted: 0, updated: 0, stale: 0, deleted: 0 }
    expect(again.counts).toEqual({ read, rejected, superseded, flagged, unchanged, ...nothing })
    // The rejects repeat what marks nobody: none of their people is in the hub.
    expect(again.lastSeq).toBe(answer.lastSeq)
  })
})

test('what a lenient resource could not store it keeps with the flag, as it came', async () => {
  const resource = await journey.publish({
    id: 'population-raw',
    standard: 'population',
    authoritative: true,
    mount: { adapter: 'public-security', source: 'residents' },
  })
  await resource.push([
    resident('P22', { czrkgmsfhm: man(24), czrkcsrq: '19800230' }),
    resident('P17', { czrkgmsfhm: '430124************' }),
  ])
  expect((await resource.record('P22'))?.quality).toEqual([
    { code: 'date-invalid', field: 'birthDate', value: '19800230' },
  ])
  expect((await resource.record('P17'))?.quality).toEqual([
    { code: 'identifier-masked', field: 'idNumber', value: '430124************' },
  ])
})

const brokenJson = '{"sourcePersonId":"S09","name":"李\n'

describe.each<Strictness>(['strict', 'lenient'])(
  'rows in the standard’s shape, %s',
  (strictness) => {
    test('are judged as the table says, and a broken line costs its neighbours nothing', async () => {
      const resource = await journey.publish({
        id: `population-plain-${strictness}`,
        standard: 'population',
        authoritative: strictness === 'lenient',
      })
      const rows = uglyPeople.map(({ row }) => JSON.stringify(row))
      const answer = await resource.push(`${brokenJson}${rows.join('\n')}\n`)
      const expected = expectedCounts(uglyPeople, strictness)
      expect(answer.counts).toEqual({
        ...expected,
        read: expected.read + 1,
        rejected: expected.rejected + 1,
      })
      expect(toldRejects(answer, uglyPeople, 2)).toEqual([
        { line: 1, code: 'not-json', field: null, what: undefined },
        ...expectedRejects(uglyPeople, { strictness, firstLine: 2 }),
      ])
      await expectLanded(resource, uglyPeople, strictness)
    })
  },
)
