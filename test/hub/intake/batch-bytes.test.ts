import { afterAll, beforeAll, expect, test } from 'vitest'
import { intakeLimits } from '../../../src/hub/intake/limits.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { publishPlain } from '../../support/resources.ts'

let hub: TestHub
let token: string
beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('department')
  token = await hub.makeSystem('machine', 'department')
  await publishPlain(hub, { id: 'things', provider: 'department' })
})
afterAll(() => hub.close())

test('a batch holds no more source bytes than its limit, however few its rows are', async () => {
  const rowBytes = 900 * 1024
  const rowCount = Math.ceil(intakeLimits.batchBytesMax / rowBytes) + 2
  const rows = Array.from(
    { length: rowCount },
    (_, index) => `{"thing":"${index}"${' '.repeat(rowBytes)}}\n`,
  )
  const answer = await hub.app.inject({
    method: 'POST',
    url: '/v1/resources/things/batches',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    payload: rows.join(''),
  })
  expect(answer.json()).toMatchObject({ counts: { read: rowCount, inserted: rowCount } })
  const run = await hub.call('GET', `/v1/runs/${answer.json().runId}`, { token })
  expect(run.json()).toMatchObject({ progress: { batches: 2 } })
})
