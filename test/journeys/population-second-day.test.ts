import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Counts,
  type Journey,
  type JourneyResource,
  openJourney,
  type Row,
} from './support/journey.ts'
import { type Desk, openDesk } from './support/desk.ts'
import { findersOf } from './support/find.ts'
import { man, resident } from './support/residents.ts'

/**
 * The second day of a population resource: what comes after the first load. Everybody here was put in at
 * 08:00 on 1 January, strictly; each story then says what came next and what must have become of it
 * (`records`, Order and sameness). `at` names the hour of the source's own clock.
 */
const at = (hour: string): Row => ({ czrksjxgxsj: `202601${hour}0000` })

const people = {
  dead: man(1),
  refused: man(2),
  late: man(3),
  overtaken: man(4),
  corrected: man(5),
  touched: man(6),
  twin: man(7),
  gone: man(8),
  respooled: man(9),
  outdated: man(10),
} as const

const changes = (counts: Partial<Counts>): Counts => ({
  read: 1,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  superseded: 0,
  deleted: 0,
  rejected: 0,
  flagged: 0,
  ...counts,
})

let journey: Journey
let population: JourneyResource
/** An approval system of another department, which sees all this from outside. */
let desk: Desk

beforeAll(async () => {
  journey = await openJourney()
  population = await journey.publish({
    id: 'population',
    standard: 'population',
    mount: { adapter: 'public-security', source: 'residents' },
  })
  const everybody = Object.entries(people)
  const { counts } = await population.push(everybody.map(([who, id]) => row(who, id)))
  expect(counts).toEqual(changes({ read: everybody.length, inserted: everybody.length }))
  desk = await openDesk(journey, population, ['idNumber', 'name', 'sex', 'birthDate'])
})

afterAll(() => journey.close())

const row = (who: string, idNumber: string, cells: Row = {}): Row =>
  resident(who, { czrkgmsfhm: idNumber, ...at('0108'), ...cells })

test('a death lands as an update, and the record says since when', async () => {
  const death = { czrkswrq: '20260102', czrkzxbs: '1', czrkzxrq: '20260103', ...at('0309') }
  const { counts } = await population.push([row('dead', people.dead, death)])
  expect(counts).toEqual(changes({ updated: 1 }))
  expect(await population.record('dead')).toMatchObject({
    status: 'cancelled',
    flags: [],
    values: { deathDate: '2026-01-02', cancelled: true, cancelDate: '2026-01-03' },
  })
  // A dead person's pension is not verified as a plain match.
  expect(await desk.verify(people.dead, { name: '李示例' })).toEqual({
    result: 'match',
    claims: { name: 'match' },
    subjectStatus: 'deceased',
    quality: [],
  })
  // What the hub answered before is still known.
  expect(await population.history('dead')).toMatchObject([{ status: 'current' }])
})

describe('a refused newer version', () => {
  const impossible = { czrkcsrq: '19800230', ...at('0310') }
  let runId: string

  test('leaves the live record as it is, and marks it', async () => {
    const before = await population.lastSeq()
    const answer = await population.push([row('refused', people.refused, impossible)])
    runId = answer.runId
    expect(answer.counts).toEqual(changes({ rejected: 1 }))
    expect(answer.rejects).toMatchObject([{ line: 2, code: 'date-invalid', field: 'birthDate' }])
    expect(await population.record('refused')).toMatchObject({
      status: 'current',
      flags: ['newer-version-refused'],
      values: { birthDate: '1980-05-01' },
    })
    // Followers must learn of it, so the mark is a change.
    expect(answer.lastSeq).toBe(before + 1)
    const marked = { meta: { status: 'current', quality: ['newer-version-refused'] } }
    expect(await desk.read(people.refused)).toMatchObject({ status: 200, ...marked })
    expect(await desk.list({ idNumber: people.refused })).toMatchObject([marked])
    expect(await desk.verify(people.refused, { name: '李示例' })).toMatchObject({
      result: 'match',
      quality: ['newer-version-refused'],
    })
    expect(await desk.changes(before)).toMatchObject([{ op: 'upsert', ...marked }])
  })

  test('marks the record until it is repaired, not only once more', async () => {
    const again = await population.push([row('refused', people.refused, impossible)])
    expect(again.counts).toEqual(changes({ rejected: 1 }))
    expect((await population.record('refused'))?.flags).toEqual(['newer-version-refused'])
  })

  test('is repaired by a replay, which takes the mark away', async () => {
    const source = row('refused', people.refused, {
      czrkcsrq: '1980-5-1',
      czrkxm: '李更正',
      ...at('0310'),
    })
    const wrong = { ...source, czrkcsrq: '1980-05-32' }
    const still = await population.replay(runId, [{ line: 2, source: wrong }])
    expect(still.counts).toEqual(changes({ rejected: 1 }))
    const repaired = { ...source, czrkcsrq: '1980/5/1' }
    const { counts } = await population.replay(runId, [{ line: 2, source: repaired }])
    expect(counts).toEqual(changes({ updated: 1 }))
    expect(await population.record('refused')).toMatchObject({
      flags: [],
      values: { name: '李更正' },
    })
    expect(await population.rejectsOf(runId)).toMatchObject([{ line: 2, state: 'repaired' }])
    expect(await desk.read(people.refused)).toMatchObject({
      record: { name: '李更正' },
      meta: { quality: [] },
    })
  })
})

describe('a late replay of a repaired reject', () => {
  test('does not overwrite what changed since: it counts as stale', async () => {
    const refused = await population.push([
      row('late', people.late, { czrkxb: '2', ...at('0309') }),
    ])
    await population.push([row('late', people.late, { czrkxm: '李后来', ...at('0409') })])
    expect((await population.record('late'))?.flags).toEqual([])
    const repaired = row('late', people.late, { czrkxm: '李先前', ...at('0309') })
    const { counts } = await population.replay(refused.runId, [{ line: 2, source: repaired }])
    expect(counts).toEqual(changes({ stale: 1 }))
    expect(await population.record('late')).toMatchObject({ flags: [], values: { name: '李后来' } })
    expect(await population.rejectsOf(refused.runId)).toMatchObject([{ state: 'repaired' }])
  })

  test('does not either where the row has no source time', async () => {
    const timeless = { czrksjxgxsj: '' }
    const refused = await population.push([
      row('overtaken', people.overtaken, { czrkxb: '2', ...timeless }),
    ])
    await population.push([row('overtaken', people.overtaken, { czrkxm: '李后来', ...at('0409') })])
    const repaired = row('overtaken', people.overtaken, { czrkxm: '李先前', ...timeless })
    const { counts } = await population.replay(refused.runId, [{ line: 2, source: repaired }])
    expect(counts).toEqual(changes({ stale: 1 }))
    expect((await population.record('overtaken'))?.values['name']).toBe('李后来')
  })
})

describe('the mark of a refused newer version', () => {
  test('stays when the version before it is put in once more: that repairs nothing', async () => {
    await population.push([row('respooled', people.respooled, { czrkxb: '2', ...at('0309') })])
    const spooled = await population.push([row('respooled', people.respooled)])
    expect(spooled.counts).toEqual(changes({ unchanged: 1, flagged: 1 }))
    expect((await population.record('respooled'))?.flags).toEqual(['newer-version-refused'])
  })

  test('stays when a version between the two lands', async () => {
    const between = row('respooled', people.respooled, { czrkxm: '李其间', ...at('0209') })
    const { counts } = await population.push([between])
    expect(counts).toEqual(changes({ updated: 1, flagged: 1 }))
    expect(await population.record('respooled')).toMatchObject({
      flags: ['newer-version-refused'],
      values: { name: '李其间' },
    })
  })

  test('goes when the source takes its change back with a newer time', async () => {
    const back = row('respooled', people.respooled, { czrkxm: '李其间', ...at('0409') })
    const { counts } = await population.push([back])
    expect(counts).toEqual(changes({ unchanged: 1 }))
    expect((await population.record('respooled'))?.flags).toEqual([])
  })

  test('is not left by an older version that was refused', async () => {
    await population.push([row('outdated', people.outdated, { czrkxm: '李后来', ...at('0409') })])
    const older = row('outdated', people.outdated, { czrkxb: '2', ...at('0309') })
    expect((await population.push([older])).counts).toEqual(changes({ rejected: 1 }))
    expect((await population.record('outdated'))?.flags).toEqual([])
  })
})

test('without times the later line of a file is the newer one, and decides about the mark', async () => {
  const timeless = (cells: Row): Row => row('timeless', man(31), { czrksjxgxsj: '', ...cells })
  const broken = timeless({ czrkxb: '2' })
  await population.push([timeless({})])
  const mended = await population.push([broken, timeless({ czrkxm: '李后来' })])
  expect(mended.counts).toEqual(changes({ read: 2, updated: 1, rejected: 1 }))
  expect(await population.record('timeless')).toMatchObject({
    flags: [],
    values: { name: '李后来' },
  })
  const spoilt = await population.push([timeless({ czrkxm: '李更后' }), broken])
  expect(spoilt.counts).toMatchObject({ read: 2, updated: 1, rejected: 1 })
  expect(await population.record('timeless')).toMatchObject({
    flags: ['newer-version-refused'],
    values: { name: '李更后' },
  })
  // Without a time nothing tells that the next row is older: it is what the source says now.
  expect((await population.push([timeless({ czrkxm: '李更后' })])).counts).toEqual(
    changes({ unchanged: 1 }),
  )
  expect((await population.record('timeless'))?.flags).toEqual([])
})

test('a corrected number: the record stays one, and its former number still finds it', async () => {
  const corrected = man(25)
  const { counts } = await population.push([row('corrected', corrected, at('0309'))])
  expect(counts).toEqual(changes({ updated: 1 }))
  expect((await population.record('corrected'))?.values['idNumber']).toBe(corrected)
  expect(await population.formerly(people.corrected)).toEqual(['corrected'])
  const find = findersOf(journey.hub, population)
  expect(await find(corrected)).toEqual(['corrected'])
  expect(await find(people.corrected)).toEqual(['corrected'])
  expect(await find(`idNumber:${people.corrected}`)).toEqual(['corrected'])
  expect(await desk.read(people.corrected)).toMatchObject({
    status: 200,
    record: { idNumber: corrected },
  })
})

test('a former number that was somebody else’s all along finds whoever has it now', async () => {
  const owner = row('owner', people.corrected, { czrkxm: '王示例', ...at('0309') })
  expect((await population.push([owner])).counts).toEqual(changes({ inserted: 1 }))
  expect((await population.record('owner'))?.flags).toEqual([])
  expect(await desk.read(people.corrected)).toMatchObject({ record: { name: '王示例' } })
})

test('touched timestamps only: nothing changed, nobody is sent anything', async () => {
  const before = await population.lastSeq()
  const answer = await population.push([row('touched', people.touched, at('0509'))])
  expect(answer.counts).toEqual(changes({ unchanged: 1 }))
  expect(answer.lastSeq).toBe(before)
  expect(await desk.changes(before)).toEqual([])
  expect(await population.history('touched')).toEqual([])
  // Yet the source has spoken at that hour: what it said before is now stale.
  const older = row('touched', people.touched, { czrkxm: '李先前', ...at('0409') })
  expect((await population.push([older])).counts).toEqual(changes({ stale: 1 }))
})

describe('an ambiguous key', () => {
  test('two current records with one number are both flagged, and the number finds both', async () => {
    const { counts } = await population.push([row('twin-2', people.twin, { czrkxm: '赵示例' })])
    expect(counts).toEqual(changes({ inserted: 1, flagged: 1 }))
    expect((await population.record('twin'))?.flags).toEqual(['key-shared'])
    expect((await population.record('twin-2'))?.flags).toEqual(['key-shared'])
    expect(await findersOf(journey.hub, population)(people.twin)).toEqual(['twin', 'twin-2'])
    expect(await desk.read(people.twin)).toEqual({ status: 409, code: 'key-ambiguous' })
  })

  test('it is one again when one of them is cancelled, and neither is flagged', async () => {
    const cancelled = { czrkxm: '赵示例', czrkzxbs: '1', czrkzxrq: '20260103', ...at('0309') }
    const { counts } = await population.push([row('twin-2', people.twin, cancelled)])
    expect(counts).toEqual(changes({ updated: 1 }))
    expect((await population.record('twin'))?.flags).toEqual([])
    expect((await population.record('twin-2'))?.flags).toEqual([])
    // The number of one current record and one cancelled is the current one's.
    expect(await desk.read(people.twin)).toMatchObject({ status: 200, record: { name: '李示例' } })
  })

  test('a number corrected onto somebody else’s flags both, and corrected back neither', async () => {
    await population.push([row('twin-3', man(26), at('0309'))])
    await population.push([row('twin-3', people.twin, at('0310'))])
    expect((await population.record('twin'))?.flags).toEqual(['key-shared'])
    await population.push([row('twin-3', man(26), at('0311'))])
    expect((await population.record('twin'))?.flags).toEqual([])
    expect((await population.record('twin-3'))?.flags).toEqual([])
  })
})

describe('deletion and return', () => {
  test('a deletion empties the record and keeps its key; repeated, it changes nothing', async () => {
    const deletion = [row('gone', people.gone, at('0309'))]
    const { counts } = await population.push(deletion, { mode: 'delete' })
    expect(counts).toEqual(changes({ deleted: 1 }))
    expect(await population.record('gone')).toEqual({
      status: 'deleted',
      flags: [],
      quality: [],
      values: {},
    })
    expect((await population.push(deletion, { mode: 'delete' })).counts).toEqual(
      changes({ unchanged: 1 }),
    )
    expect(await findersOf(journey.hub, population)(people.gone)).toEqual([])
    expect(await desk.read(people.gone)).toEqual({ status: 404, code: 'not-found' })
  })

  test('an older row does not bring it back', async () => {
    const { counts } = await population.push([row('gone', people.gone)])
    expect(counts).toEqual(changes({ stale: 1 }))
    expect((await population.record('gone'))?.status).toBe('deleted')
  })

  test('a newer one does, as a record put in anew', async () => {
    const { counts } = await population.push([row('gone', people.gone, at('0409'))])
    expect(counts).toEqual(changes({ inserted: 1 }))
    expect(await population.record('gone')).toMatchObject({ status: 'current', flags: [] })
    expect(await findersOf(journey.hub, population)(people.gone)).toEqual(['gone'])
    expect(await desk.read(people.gone)).toMatchObject({ status: 200, meta: { status: 'current' } })
  })

  test('a deletion of somebody whom the hub never had is kept, so that an older row cannot add him', async () => {
    const stranger = man(30)
    const deletion = [row('stranger', stranger, at('0309'))]
    expect((await population.push(deletion, { mode: 'delete' })).counts).toEqual(
      changes({ unchanged: 1 }),
    )
    expect((await population.push([row('stranger', stranger)])).counts).toEqual(
      changes({ stale: 1 }),
    )
    expect(await population.keysWhere(`_key = 'stranger'`)).toEqual([])
  })
})
