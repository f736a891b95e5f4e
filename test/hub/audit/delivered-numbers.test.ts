import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  defineDelivery,
  deliver,
  openSubscriber,
  type SubscriberStore,
} from '../delivery/support.ts'
import { buildWorld, freshResource, person, type World } from '../sharing/support.ts'

let world: World
let auditor: string
let subscriber: SubscriberStore
beforeAll(async () => {
  world = await buildWorld()
  auditor = await world.hub.makeStaff('auditor-1', ['auditor'])
  subscriber = await openSubscriber()
})
afterAll(async () => {
  await subscriber.close()
  await world.hub.close()
})

const resource = 'renumbered'
const looks = async (key: string): Promise<string[]> => {
  const body = { resource, key, limit: 1000 }
  const answer = await world.call(auditor, 'POST', '/audit/subjects', body)
  return answer.json().items.map(({ operation }: { operation: string }) => operation)
}

test('deliveries before and after a renumbering are found by the old number, the new one and the merge key', async () => {
  const fields = ['personId', 'number', 'name']
  const { grant } = await freshResource(world)(resource, { operations: ['deliver'], fields })
  const settings = { url: subscriber.url, table: resource }
  await defineDelivery(world.hub, {
    id: resource,
    resource,
    grant,
    connector: 'postgres',
    settings,
  })
  await deliver(world.hub, resource)
  await world.push(resource, [person('p1', { number: 'NEW1', formerNumbers: ['Np1', 'OLD1'] })])
  await deliver(world.hub, resource)
  const [once, twice] = [['records.deliver'], ['records.deliver', 'records.deliver']]
  const keys = ['p1', 'Np1', 'NEW1', 'OLD1', 'number:NEW1', 'formerNumbers:OLD1']
  for (const key of keys) expect([key, await looks(key)]).toEqual([key, twice])
  expect(await looks('p2')).toEqual(once)
  await world.push(resource, [{ personId: 'p1' }], 'delete')
  await deliver(world.hub, resource)
  // That a record is gone is told to the subscriber too.
  for (const key of keys) expect([key, await looks(key)]).toEqual([key, [...twice, ...once]])
  expect(await looks('p2')).toEqual(once)
})
