import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { subjectStatusOf } from '../../src/shared/conditions.ts'
import { standards } from '../../src/shared/standards.ts'
import { openDesk } from './support/desk.ts'
import { findersOf } from './support/find.ts'
import { type Journey, type JourneyResource, openJourney, type Row } from './support/journey.ts'
import {
  company,
  type Edition,
  familyOf,
  identifierOf,
  licence,
  permit,
  reorganised,
} from './support/licences.ts'
import { decision, permitKey, uglyPermits } from './support/ugly-permits.ts'
import { expectedCounts, expectedRejects, expectLanded, toldRejects } from './support/verdicts.ts'

let journey: Journey
let serials = 0

beforeAll(async () => {
  journey = await openJourney()
})

afterAll(() => journey.close())

const licenceStandard = () => {
  const standard = standards().get('licence')
  if (!standard) throw new Error('no licence standard')
  return standard
}

/** What `verify` would answer about the record's subject on that day. */
const statusOn = (day: string, values: Record<string, unknown> = {}): string =>
  subjectStatusOf(licenceStandard())(values, day)

describe('versions of one licence', () => {
  let licences: JourneyResource
  let serial: string
  let family: string

  beforeAll(async () => {
    licences = await journey.publish({
      id: 'licences',
      standard: 'licence',
      mount: { adapter: 'administrative-approval', source: 'licences' },
    })
  })

  // Every story has a licence of its own.
  beforeEach(() => {
    serials += 1
    serial = `SL${String(serials).padStart(10, '0')}`
    family = familyOf(serial)
  })

  const edition = (version: number): Edition => ({ serial, version })
  const push = async (...rows: Row[]) => (await licences.push(rows, { mode: 'changes' })).counts
  const versionOf = async () => (await licences.record(family))?.values['version']
  const cancelled = {
    ZZZT: '2',
    ZZBGSJ: '2026-01-03',
    cd_operation: 'U',
    cd_time: '20260103090000',
  }

  test('the highest is current; an older one that arrives late is superseded', async () => {
    expect(await push(licence(edition(2)))).toMatchObject({ read: 1, inserted: 1 })
    // Late, and with a newer time of the exchange table: the version decides, not the clock.
    const late = licence(edition(1), { cd_time: '20260105090000' })
    expect(await push(late)).toMatchObject({ read: 1, superseded: 1, updated: 0 })
    expect(await versionOf()).toBe('002')
    expect(await licences.history(family)).toMatchObject([
      { status: 'superseded', values: { version: '001' } },
    ])
    expect(await push(licence(edition(3)))).toMatchObject({ updated: 1 })
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      flags: [],
      values: { version: '003', licenceId: identifierOf(edition(3)) },
    })
  })

  test.each([
    { order: [1, 2, 3], counts: { inserted: 1, updated: 2, superseded: 0 } },
    { order: [3, 2, 1], counts: { inserted: 1, updated: 0, superseded: 2 } },
    { order: [2, 3, 1], counts: { inserted: 1, updated: 1, superseded: 1 } },
  ])('in one file as $order the third is current in the end', async ({ order, counts }) => {
    const result = await push(...order.map((version) => licence(edition(version))))
    expect(result).toMatchObject({ read: 3, ...counts, rejected: 0, flagged: 0 })
    expect(await versionOf()).toBe('003')
    const former = await licences.history(family)
    expect(former.map(({ values }) => String(values['version'])).sort()).toEqual(['001', '002'])
  })

  test('the same file every night adds nothing to the history', async () => {
    const night = () => push(licence(edition(1)), licence(edition(2)))
    await night()
    const former = await licences.history(family)
    const before = await licences.lastSeq()
    const counts = await night()
    expect(counts).toMatchObject({ read: 2, inserted: 0, updated: 0 })
    expect(await licences.history(family)).toEqual(former)
    expect(await versionOf()).toBe('002')
    expect(await licences.lastSeq()).toBe(before)
  })

  test('a cancelled newest version gives the older living one back, and reinstated takes over again', async () => {
    await push(licence(edition(1)), licence(edition(2)))
    expect(await push(licence(edition(2), cancelled))).toMatchObject({ updated: 1 })
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '001', status: '1' },
    })
    const reinstated = { cd_operation: 'U', cd_time: '20260104090000' }
    expect(await push(licence(edition(2), reinstated))).toMatchObject({ updated: 1 })
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '002', status: '1' },
    })
  })

  test('with every version cancelled the licence is cancelled', async () => {
    await push(licence(edition(1)), licence(edition(2)))
    await push(licence(edition(1), cancelled))
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '002' },
    })
    await push(licence(edition(2), cancelled))
    expect((await licences.record(family))?.status).toBe('cancelled')
  })

  test('a cancelled version that arrives before an older living one does not hide it', async () => {
    await push(licence(edition(2), cancelled))
    expect((await licences.record(family))?.status).toBe('cancelled')
    expect(await push(licence(edition(1)))).toMatchObject({ updated: 1 })
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '001' },
    })
  })

  test('a cancellation lands even with a broken identifier of the holder', async () => {
    await push(licence(edition(1)))
    const broken = { ...cancelled, CZZTDM: '91430182XX', ZZBFRQ: '2024-02-30' }
    expect(await push(licence(edition(1), broken))).toMatchObject({ updated: 1, rejected: 0 })
    expect(await licences.record(family)).toMatchObject({
      status: 'cancelled',
      flags: ['date-invalid', 'identifier-form'],
    })
  })

  test('a row deleted at the source takes its version away, not the licence', async () => {
    await push(licence(edition(1)), licence(edition(2)))
    const deleted = { cd_operation: 'D', cd_time: '20260103090000' }
    // The exchange table’s row is one version: cleaning up the old one ends nothing.
    await push(licence(edition(1), deleted))
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '002' },
    })
    expect(await push(licence(edition(2), deleted))).toMatchObject({ deleted: 1 })
    expect((await licences.record(family))?.status).toBe('deleted')
  })

  test('the newest version deleted at the source gives the older living one back', async () => {
    await push(licence(edition(1)), licence(edition(2)))
    const deleted = { cd_operation: 'D', cd_time: '20260103090000' }
    expect(await push(licence(edition(2), deleted))).toMatchObject({ deleted: 1 })
    expect(await licences.record(family)).toMatchObject({
      status: 'current',
      values: { version: '001', status: '1', licenceId: identifierOf(edition(1)) },
    })
    // What was deleted does not come back by an older row, and the licence then ends by its first version.
    expect(await push(licence(edition(2)))).toMatchObject({ stale: 1 })
    expect(await push(licence(edition(1), cancelled))).toMatchObject({ updated: 1 })
    expect((await licences.record(family))?.status).toBe('cancelled')
  })

  test('a refused newer version marks the one that is shown', async () => {
    await push(licence(edition(1)))
    const refused = licence(edition(2), { ZZBFRQ: '2024-02-30', cd_time: '20260103090000' })
    expect(await push(refused)).toMatchObject({ rejected: 1 })
    expect(await licences.record(family)).toMatchObject({
      flags: ['newer-version-refused'],
      values: { version: '001' },
    })
    expect(await push({ ...refused, ZZBFRQ: '2024-02-29' })).toMatchObject({
      updated: 1,
      flagged: 0,
    })
    expect(await licences.record(family)).toMatchObject({ flags: [], values: { version: '002' } })
  })

  test('a deletion that names no version is of the whole licence', async () => {
    const plain = await journey.publish({ id: 'licences-plain', standard: 'licence' })
    const row = (version: string) => ({
      family: 'F1',
      version,
      kind: 'licence',
      name: '示例经营许可证',
      issuer: '宁乡市示例审批局',
      issueDate: '2024-03-01',
      validFrom: '2024-03-01',
      longTerm: true,
      status: '1',
      holders: [{ name: '宁乡示例食品有限公司', code: company(1), codeType: '001' }],
    })
    await plain.push([row('001'), row('002')])
    const { counts } = await plain.push([{ family: 'F1' }], { mode: 'delete' })
    expect(counts).toMatchObject({ deleted: 1 })
    expect((await plain.record('F1'))?.status).toBe('deleted')
  })

  test('an older row of a cancelled version does not revive it', async () => {
    await push(licence(edition(1)), licence(edition(2)))
    await push(licence(edition(1), cancelled), licence(edition(2), cancelled))
    expect((await licences.record(family))?.status).toBe('cancelled')
    expect(await push(licence(edition(1)))).toMatchObject({ stale: 1 })
    expect((await licences.record(family))?.status).toBe('cancelled')
  })

  test('long-term is a flag of its own: no date, no null that is missed, and never expired', async () => {
    const forms = ['长期', '99990909', '2099-12-31', '9999/09/09']
    for (const [at, form] of forms.entries()) {
      const unending = { serial: `LT${serial}${String(at)}`, version: 1 }
      expect(await push(licence(unending, { ZZYXQJZRQ: form }))).toMatchObject({
        inserted: 1,
        flagged: 0,
      })
      const { values } = (await licences.record(familyOf(unending.serial))) ?? {}
      expect({ validTo: values?.['validTo'], longTerm: values?.['longTerm'] }).toEqual({
        validTo: undefined,
        longTerm: true,
      })
      expect(statusOn('2150-01-01', values)).toBe('current')
    }
    expect(await push(licence(edition(1), { ZZYXQJZRQ: '' }))).toMatchObject({ flagged: 1 })
    expect((await licences.record(family))?.flags).toEqual(['field-missing'])
  })

  test('a licence expires by its own date, on the day after its last', async () => {
    const counts = await push(licence(edition(1), { ZZYXQJZRQ: '2025-06-30' }))
    expect(counts).toMatchObject({ inserted: 1, flagged: 0 })
    const record = await licences.record(family)
    // The record stays current: what has expired is the licence, and only `today` says so.
    expect(record?.status).toBe('current')
    expect(statusOn('2024-02-29', record?.values)).toBe('not-yet-valid')
    expect(statusOn('2025-06-30', record?.values)).toBe('current')
    expect(statusOn('2025-07-01', record?.values)).toBe('expired')
    const desk = await openDesk(journey, licences, ['licenceId', 'name', 'holders'])
    const told = await desk.verify(`licenceId:${identifierOf(edition(1))}`, {
      name: '示例经营许可证',
    })
    expect(told).toMatchObject({ result: 'match', subjectStatus: 'expired' })
  })

  /**
   * A reorganised authority: its code changes. The family is type, issuer and serial (`records`), and the
   * issuer is the one within the identifier, which a licence keeps for life (GB/T 36904).
   */
  test('an authority’s new code beside an unchanged identifier is the same licence', async () => {
    await push(licence(edition(1)))
    const renamed = {
      ZZBFJGDM: reorganised,
      ZZBFJG: '宁乡市示例行政审批服务局',
      cd_time: '20260103090000',
    }
    expect(await push(licence(edition(1), renamed))).toMatchObject({ updated: 1, inserted: 0 })
    expect((await licences.record(family))?.values['issuerCode']).toBe(reorganised)
  })

  test('issued anew under the new code it is another licence, and the number finds both until the old one is cancelled', async () => {
    const anew = { serial, version: 1, issuer: reorganised }
    await push(licence(edition(1)))
    expect(await push(licence(anew, { ZZBH: `示例证字第${serial}号` }))).toMatchObject({
      inserted: 1,
      flagged: 0,
    })
    const find = findersOf(journey.hub, licences)
    const both = [family, familyOf(serial, reorganised)].sort()
    expect(await find(`licenceNo:示例证字第${serial}号`)).toEqual(both)
    await push(licence(edition(1), cancelled))
    expect((await licences.record(family))?.status).toBe('cancelled')
    expect((await licences.record(familyOf(serial, reorganised)))?.status).toBe('current')
  })
})

describe('the ugly permit file', () => {
  const firstLine = 2

  test('becomes what the table says, line by line', async () => {
    const permits = await journey.publish({
      id: 'permits',
      standard: 'licence',
      mount: { adapter: 'administrative-approval', source: 'permits' },
    })
    const answer = await permits.push(uglyPermits.map(({ row }) => row))
    expect(toldRejects(answer, uglyPermits, firstLine)).toEqual(
      expectedRejects(uglyPermits, { strictness: 'strict', firstLine }),
    )
    expect(answer.counts).toEqual(expectedCounts(uglyPermits, 'strict'))
    expect(answer.rejects.at(-1)).toMatchObject({
      reasons: [{ code: 'cross-holder' }, { code: 'key-missing' }],
    })
    await expectLanded(permits, uglyPermits, 'strict')
    const find = findersOf(journey.hub, permits)
    expect(await find(decision)).toEqual(
      [
        permitKey(decision, 'XK001'),
        permitKey(decision, 'XK001', company(2)),
        permitKey(decision, 'XK002'),
      ].sort(),
    )
  })

  test('a reorganised authority’s permits are others, found by the same document number', async () => {
    const permits = await journey.publish({
      id: 'permits-reorganised',
      standard: 'licence',
      mount: { adapter: 'administrative-approval', source: 'permits' },
    })
    await permits.push([permit(decision, 'XK001')])
    const anew = permit(decision, 'XK001', { XK_XKJGDM: reorganised, GXSJ: '2026-01-03 08:00:00' })
    expect((await permits.push([anew])).counts).toMatchObject({ inserted: 1, flagged: 0 })
    const find = findersOf(journey.hub, permits)
    expect(await find(decision)).toEqual(
      [permitKey(decision, 'XK001'), permitKey(decision, 'XK001', company(1), reorganised)].sort(),
    )
  })
})
