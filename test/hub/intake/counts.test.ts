import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainDraft, publishDraft } from '../../support/resources.ts'
import { type IntakeHub, openIntakeHub } from './support.ts'

let hub: IntakeHub
let made = 0

beforeAll(async () => {
  hub = await openIntakeHub()
})
afterAll(() => hub.close())

interface Row {
  thing?: string
  amount?: string
  sourceUpdatedAt?: string
}
interface Push {
  mode: 'upsert' | 'delete'
  rows: Row[]
}
interface Held {
  amount: string | undefined
  at: string | undefined
  isDeleted: boolean
}
type Counts = Record<
  'inserted' | 'updated' | 'unchanged' | 'stale' | 'superseded' | 'deleted' | 'rejected',
  number
>

const none = (): Counts => ({
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  superseded: 0,
  deleted: 0,
  rejected: 0,
})

const instants = [
  '2026-01-01T00:00:00.000Z',
  '2026-02-01T00:00:00.000Z',
  '2026-03-01T00:00:00.000Z',
]
const rowArbitrary: fc.Arbitrary<Row> = fc.record(
  {
    thing: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    amount: fc.constantFrom('1', '2', '3', 'bad'),
    sourceUpdatedAt: fc.constantFrom(...instants),
  },
  { requiredKeys: [] },
)
const pushArbitrary: fc.Arbitrary<Push> = fc.record({
  mode: fc.constantFrom('upsert' as const, 'upsert' as const, 'delete' as const),
  rows: fc.array(rowArbitrary, { maxLength: 12 }),
})

/** The newest row of each key, by the rules of one batch. */
function newest({ mode, rows }: Push, counts: Counts): Row[] {
  const held = new Map<string, Row>()
  for (const row of rows) {
    const isBad = row.thing === undefined || (mode === 'upsert' && row.amount === 'bad')
    if (isBad) counts.rejected += 1
    if (isBad || row.thing === undefined) continue
    const before = held.get(row.thing)
    if (before !== undefined) {
      const isSame = mode === 'delete' || before.amount === row.amount
      counts[isSame ? 'unchanged' : 'superseded'] += 1
    }
    const isOlder =
      before?.sourceUpdatedAt !== undefined &&
      row.sourceUpdatedAt !== undefined &&
      row.sourceUpdatedAt < before.sourceUpdatedAt
    if (!isOlder) held.set(row.thing, row)
  }
  return [...held.values()]
}

/** The rules of “Order and sameness” on a map instead of a table. */
function apply(state: Map<string, Held>, push: Push): Counts {
  const counts = none()
  for (const { thing = '', amount, sourceUpdatedAt } of newest(push, counts)) {
    const live = state.get(thing)
    const isDeletion = push.mode === 'delete'
    const at = sourceUpdatedAt ?? live?.at
    if (live === undefined) {
      counts[isDeletion ? 'unchanged' : 'inserted'] += 1
      if (!isDeletion || at !== undefined) state.set(thing, { amount, at, isDeleted: isDeletion })
    } else if (
      sourceUpdatedAt !== undefined &&
      live.at !== undefined &&
      sourceUpdatedAt < live.at
    ) {
      counts.stale += 1
    } else if (isDeletion) {
      counts[live.isDeleted ? 'unchanged' : 'deleted'] += 1
      if (!live.isDeleted) state.set(thing, { amount: undefined, at, isDeleted: true })
    } else {
      const outcome = live.isDeleted ? 'inserted' : live.amount === amount ? 'unchanged' : 'updated'
      counts[outcome] += 1
      state.set(thing, { amount, at, isDeleted: false })
    }
  }
  return counts
}

const draft = (id: string) => {
  const plain = plainDraft(id, 'provider')
  const clock = {
    name: 'sourceUpdatedAt',
    title: '更新时间',
    type: 'datetime',
    sensitivity: 'public',
  }
  return { ...plain, fields: [...plain.fields, clock] }
}

test('whatever is pushed, the counts add up and the records are what the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pushArbitrary, { minLength: 1, maxLength: 6 }), async (pushes) => {
      made += 1
      const id = await publishDraft(hub, draft(`things-${made}`))
      const state = new Map<string, Held>()
      for (const push of pushes) {
        const expected = apply(state, push)
        const { counts } = await hub.pushed(id, push.rows, { query: `?mode=${push.mode}` })
        expect(counts).toMatchObject({ read: push.rows.length, ...expected })
        const { read, flagged: _flagged, ...fates } = counts
        expect(Object.values(fates).reduce((sum, count) => sum + count, 0)).toBe(read)
      }
      const live = [...state]
        .filter(([, { isDeleted }]) => !isDeleted)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
      expect(await hub.records(id)).toEqual(
        live.map(([thing, { amount }]) => ({ thing, amount: amount ?? null })),
      )
    }),
    { numRuns: 15 },
  )
})
