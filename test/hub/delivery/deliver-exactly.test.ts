import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'
import { Crash, crashPoints, dyingDoors } from './crashes.ts'
import {
  defineDelivery,
  demandRun,
  failRun,
  openSubscriber,
  queueRun,
  type SubscriberStore,
  workRun,
} from './support.ts'

let world: World
let subscriber: SubscriberStore
beforeAll(async () => {
  world = await buildWorld()
  subscriber = await openSubscriber()
})
afterAll(async () => {
  await subscriber.close()
  await world.hub.close()
})

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      division: fc.constantFrom('A', 'B'),
      name: fc.constantFrom('张三', '王五', '赵六'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      point: fc.option(fc.constantFrom(...crashPoints)),
      nth: fc.integer({ min: 1, max: 3 }),
      /** Whether the run that broke is taken up again, or has failed and another follows. */
      isTakenUp: fc.boolean(),
      mode: fc.constantFrom('changes' as const, 'changes' as const, 'snapshot' as const),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

let walks = 0

async function walk(steps: readonly Step[]): Promise<void> {
  walks += 1
  const id = `walk-${walks}`
  const table = `walk_${walks}`
  await publishDraft(world.hub, peopleDraft(id))
  const asked = { resource: id, operations: ['deliver'], fields: ['personId', 'name', 'division'] }
  const masks = { name: 'none' }
  const grant = await world.grant({ ...asked, rows: { division: ['A'] } }, { masks })
  const settings = { url: subscriber.url, table }
  await defineDelivery(world.hub, { id, resource: id, grant, connector: 'postgres', settings })
  const live = new Map<string, { division: string; name: string }>()
  let open: string | null = null
  const deliverOnce = async (one: Extract<Step, { kind: 'deliver' }>): Promise<void> => {
    const runId: string = open ?? (await queueRun(world.hub, id, one.mode))
    open = null
    const doors = one.point === null ? { batchRowsMax: 2 } : dyingDoors(one.point, one.nth)
    try {
      const { run } = await workRun(world.hub, runId, doors)
      expect(run.state).toBe('succeeded')
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      const { state } = await demandRun(world.hub, runId)
      if (one.isTakenUp && state === 'running') open = runId
      else if (state === 'running') await failRun(world.hub, runId)
    }
  }
  for (const one of steps) {
    if (one.kind === 'deliver') await deliverOnce(one)
    else if (one.kind === 'drop') {
      await world.push(id, [{ personId: one.key }], 'delete')
      live.delete(one.key)
    } else {
      const { division, name } = one
      await world.push(id, [person(one.key, { division, name })])
      live.set(one.key, { division, name })
    }
  }
  await deliverOnce({ kind: 'deliver', point: null, nth: 1, isTakenUp: false, mode: 'changes' })
  const shown = [...live].filter(([, { division }]) => division === 'A')
  const expected = shown.map(([personId, more]) => ({ _key: personId, personId, ...more }))
  const rows = await subscriber.rows(table)
  expect(rows).toEqual(
    expected.toSorted((one, other) => one.personId.localeCompare(other.personId)),
  )
}

test('whatever changes and wherever the process dies, the subscriber ends with exactly what its grant shows', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 16 }), walk), { numRuns: 25 })
}, 300_000)
