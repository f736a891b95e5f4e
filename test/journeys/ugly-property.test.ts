import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDesk } from './support/desk.ts'
import { findersOf } from './support/find.ts'
import { type Journey, type JourneyResource, openJourney, type Pushed } from './support/journey.ts'
import { certificate, holder, right, spoilt, unit } from './support/rights.ts'
import { mortgage, seizure, shareOf, uglyRights } from './support/ugly-rights.ts'
import {
  expectedCounts,
  expectedRejects,
  expectLanded,
  type Strictness,
  toldRejects,
} from './support/verdicts.ts'

/** What the table adds up to, so that no line leaves it unnoticed. */
const totals = {
  strict: { read: 23, inserted: 17, rejected: 6, flagged: 5 },
  lenient: { read: 23, inserted: 20, rejected: 3, flagged: 8 },
}

const firstLine = 1
const mount = { adapter: 'natural-resources', source: 'rights' }

let journey: Journey

beforeAll(async () => {
  journey = await openJourney()
})

afterAll(() => journey.close())

describe.each<Strictness>(['strict', 'lenient'])('the ugly property file, %s', (strictness) => {
  let property: JourneyResource
  let answer: Pushed

  beforeAll(async () => {
    property = await journey.publish({
      id: `property-${strictness}`,
      standard: 'property',
      authoritative: strictness === 'lenient',
      mount,
    })
    answer = await property.push(uglyRights.map(({ row }) => row))
  })

  test('every line is counted once, as what became of it', () => {
    const counts = expectedCounts(uglyRights, strictness)
    expect(toldRejects(answer, uglyRights, firstLine)).toEqual(
      expectedRejects(uglyRights, { strictness, firstLine }),
    )
    expect(answer.counts).toEqual(counts)
    expect(answer.counts).toMatchObject(totals[strictness])
  })

  test('each line that lands has exactly its flags', async () => {
    await expectLanded(property, uglyRights, strictness)
  })

  test('a person’s certificate and number find the right that they hold', async () => {
    const find = findersOf(journey.hub, property)
    expect(await find(certificate(102))).toEqual(['R02'])
    expect(await find(certificate(103))).toEqual(['R02'])
    expect(await find(`holders.certNo:${certificate(103)}`)).toEqual(['R02'])
    expect(await find(String(holder(3)['ZJH']))).toEqual(['R02'])
    const { holders } = (await property.record('R02'))?.values ?? {}
    expect(holders).toMatchObject([
      { seq: 1, certNo: certificate(102), share: '50', shareText: '50%', shareKind: '2' },
      { seq: 2, certNo: certificate(103), share: '50', shareText: '1/2', shareKind: '2' },
    ])
  })

  test('one certificate over two units finds both rights, and a unit tells them apart', async () => {
    const find = findersOf(journey.hub, property)
    expect(await find(certificate(203))).toEqual(['R03', 'R04'])
    expect(await find(unit(4))).toEqual(['R04'])
  })

  test('the houses of a person are listed by the person’s number, each with its flags', async () => {
    const desk = await openDesk(journey, property, ['unitNo', 'location', 'holders'])
    const houses = await desk.list({ 'holders.idNumber': String(holder(4)['ZJH']) })
    expect(houses.map(({ record }) => String(record?.['unitNo'])).sort()).toEqual([
      unit(3),
      unit(4),
    ])
    const shared = await desk.list({ 'holders.idNumber': String(holder(18)['ZJH']) })
    expect(shared).toMatchObject([
      { record: { unitNo: unit(18) }, meta: { quality: ['current-rights-overlap'] } },
    ])
    expect(await desk.read(certificate(203))).toEqual({ status: 409, code: 'key-ambiguous' })
  })

  test('the seizure is in the record', async () => {
    expect((await property.record('R07'))?.values['seizures']).toMatchObject([
      { kind: '1', documentNo: '(2026)示0182执1号', status: '查封', authority: '示例人民法院' },
    ])
  })
})

describe('a transfer', () => {
  let property: JourneyResource
  const old = (cells = {}) => right('T-old', 50, cells)
  const bought = {
    QLR: [holder(51)],
    YWH: '202600000051',
    DJLX: '200',
    DJYY: '买卖',
    BDCQZH: certificate(51),
  }
  const transferred = { QSZT: '2', DJLX: '200', ZXSJ: '2026-01-03', GXSJ: '2026-01-03 09:00:00' }

  beforeAll(async () => {
    property = await journey.publish({ id: 'property-transfer', standard: 'property', mount })
    await property.push([old()])
  })

  test('shows the unit held twice for as long as only the new right has come', async () => {
    const { counts } = await property.push([right('T-new', 50, bought)])
    expect(counts).toMatchObject({ inserted: 1, flagged: 1 })
    expect((await property.record('T-new'))?.flags).toEqual(['current-rights-overlap'])
    expect((await property.record('T-old'))?.flags).toEqual(['current-rights-overlap'])
  })

  test('makes the old right historical and the new one current, and the unit whole again', async () => {
    // The registry emptied what it no longer vouches for, and spoilt the holder's number: it lands.
    const ended = {
      ...transferred,
      JZMJ: '不详',
      QLR: [holder(50, { ZJH: spoilt(String(holder(50)['ZJH'])) })],
    }
    const { counts } = await property.push([old(ended)])
    expect(counts).toMatchObject({ updated: 1, rejected: 0 })
    expect(await property.record('T-old')).toMatchObject({
      status: 'historical',
      flags: ['identifier-check-digit', 'type'],
    })
    expect(await property.record('T-new')).toMatchObject({ status: 'current', flags: [] })
  })

  test('in one file flags nobody, whichever line comes first', async () => {
    await property.push([right('U-old', 60), right('V-old', 70)])
    const { counts } = await property.push([
      right('U-old', 60, transferred),
      right('U-new', 60, { ...bought, QLR: [holder(61)], YWH: '202600000061' }),
      right('V-new', 70, { ...bought, QLR: [holder(71)], YWH: '202600000071' }),
      right('V-old', 70, transferred),
    ])
    expect(counts).toMatchObject({ inserted: 2, updated: 2, flagged: 0, rejected: 0 })
    for (const key of ['U-old', 'V-old']) {
      expect(await property.record(key)).toMatchObject({ status: 'historical', flags: [] })
    }
    for (const key of ['U-new', 'V-new']) {
      expect(await property.record(key)).toMatchObject({ status: 'current', flags: [] })
    }
  })

  test('a mortgage or a seizure that is lifted leaves the right as it was', async () => {
    const at = (day: string) => ({ GXSJ: `2026-02-${day} 09:00:00` })
    await property.push([right('W', 80, { DYAQ: [mortgage], CFDJ: [seizure], ...at('01') })])
    const lifted = { ...seizure, CFZT: '解封', JFRQ: '2026-02-02', JFJG: '示例人民法院' }
    const { counts } = await property.push([right('W', 80, { CFDJ: [lifted], ...at('02') })])
    expect(counts).toMatchObject({ updated: 1, flagged: 0 })
    const { status, values } = (await property.record('W')) ?? {}
    expect(status).toBe('current')
    expect(values?.['mortgages']).toBeUndefined()
    expect(values?.['seizures']).toMatchObject([{ status: '解封', liftDate: '2026-02-02' }])
    expect(await property.history('W')).toMatchObject([{ values: { mortgages: [{ kind: '1' }] } }])
  })
})

test('shares that outgrow the whole are flagged when they do, and no longer when they are corrected', async () => {
  const property = await journey.publish({ id: 'property-shares', standard: 'property', mount })
  const second = (share: string, hour: string) =>
    right('H2', 90, {
      ...shareOf(91, share),
      YWH: '202600000091',
      GXSJ: `2026-01-02 ${hour}:00:00`,
    })
  await property.push([right('H1', 90, shareOf(90, '50%')), second('50%', '08')])
  expect((await property.record('H1'))?.flags).toEqual([])
  await property.push([second('75', '09')])
  expect((await property.record('H1'))?.flags).toEqual(['current-rights-overlap'])
  expect((await property.record('H2'))?.flags).toEqual(['current-rights-overlap'])
  await property.push([second('50%', '10')])
  expect((await property.record('H1'))?.flags).toEqual([])
  // A right that moves to another unit leaves the first one's account.
  await property.push([second('75', '11')])
  await property.push([{ ...second('75', '12'), BDCDYH: unit(92) }])
  expect((await property.record('H1'))?.flags).toEqual([])
  expect((await property.record('H2'))?.flags).toEqual([])
})
