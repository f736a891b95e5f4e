import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutForeignLinks } from '../../../src/hub/queue/board.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
let systemAdmin: string
beforeAll(async () => {
  hub = await buildTestHub({ workers: true })
  systemAdmin = await hub.makeStaff('sysadmin', ['system-admin'])
})
afterAll(() => hub.close())

const look = (url: string, token?: string) =>
  hub.call('GET', url, token === undefined ? {} : { token })

describe('the job board', () => {
  test('is closed to whoever does not run the hub, who is told why, and it is on record', async () => {
    await hub.makeDepartment('provider')
    const operator = await hub.makeStaff('operator', ['operator'], 'provider')
    const machine = await hub.makeSystem('front', 'provider')
    for (const url of ['/board', '/board/api/queues', '/board/static/js/main.js']) {
      expect((await look(url)).statusCode).toBe(401)
      for (const token of [operator, machine]) {
        const answer = await look(url, token)
        expect(answer.statusCode).toBe(403)
        expect(answer.json().code).toBe('role-missing')
      }
    }
    expect(hub.entries).toContainEqual(
      expect.objectContaining({ operation: 'queue.see', staff: 'operator', outcome: 'denied' }),
    )
  })

  test('shows both lanes to those who do, and each look is on record', async () => {
    const page = await look('/board', systemAdmin)
    expect(page.statusCode).toBe(200)
    expect(page.headers['x-audit-id']).toBeDefined()
    expect(hub.entries).toContainEqual(
      expect.objectContaining({ operation: 'queue.see', staff: 'sysadmin', outcome: 'allowed' }),
    )
    const answer = await look('/board/api/queues', systemAdmin)
    expect(answer.statusCode).toBe(200)
    const { queues } = answer.json()
    const shown = queues.map((queue: { name: string; readOnlyMode: boolean }) => [
      queue.name,
      queue.readOnlyMode,
    ])
    expect(shown).toEqual([
      ['shuqiao-small', true],
      ['shuqiao-large', true],
    ])
  })

  test('changes nothing by default', async () => {
    for (const url of [
      '/board/api/queues/shuqiao-small/pause',
      '/board/api/queues/shuqiao-small/empty',
    ]) {
      const answer = await hub.call('PUT', url, { token: systemAdmin })
      expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    }
  })

  test('names no outside host, and its policy lets the browser ask none', async () => {
    const page = await look('/board', systemAdmin)
    expect(page.body).toContain('static/js/main')
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/https?:|\*/)
  })
})

test('the board serves its files without an entry each, and answers what is not there as everywhere else', async () => {
  const file = await look('/board/static/favicon-32x32.png', systemAdmin)
  expect(file.statusCode).toBe(200)
  expect(file.headers['content-type']).toBe('image/png')
  expect(file.rawPayload.subarray(1, 4).toString()).toBe('PNG')
  const entryCount = hub.entries.length
  const etag = String(file.headers.etag)
  const again = await hub.call('GET', '/board/static/favicon-32x32.png', {
    token: systemAdmin,
    headers: { 'if-none-match': etag },
  })
  expect(again.statusCode).toBe(304)
  expect(hub.entries).toHaveLength(entryCount)
  for (const url of ['/board/nowhere', '/board/api/nowhere', '/board/static/nowhere.js']) {
    const answer = await look(url, systemAdmin)
    expect([url, answer.statusCode]).toEqual([url, 404])
    expect(answer.headers['content-type']).toMatch('application/problem+json')
    expect(answer.json().code).toBe('not-found')
  }
})

test('a board that may change the queue does, on record by what was done, not by which job', async () => {
  const writable = await buildTestHub({
    workers: true,
    config: { queue: { workerCounts: { small: 1, large: 1 }, isBoardWritable: true } },
  })
  try {
    const token = await writable.makeStaff('sysadmin', ['system-admin'])
    const put = (url: string, body?: object) =>
      writable.call('PUT', url, { token, ...(body && { body }) })
    expect((await put('/board/api/queues/shuqiao-small/pause')).statusCode).toBe(200)
    const [queue] = await writable.app.hub.queue.queues()
    expect(await queue?.isPaused()).toBe(true)
    expect((await put('/board/api/queues/shuqiao-small/resume', {})).statusCode).toBe(200)
    expect(await queue?.isPaused()).toBe(false)
    expect(writable.entries).toContainEqual(
      expect.objectContaining({
        operation: 'queue.change',
        staff: 'sysadmin',
        outcome: 'allowed',
        note: { method: 'PUT', route: '/board/api/queues/:queueName/pause' },
      }),
    )
    const page = await writable.call('GET', '/board/api/queues/shuqiao-small/no-such-job', {
      token,
    })
    expect(page.statusCode).toBe(404)
    expect(writable.entries).toContainEqual(
      expect.objectContaining({
        operation: 'queue.see',
        note: { method: 'GET', route: '/board/api/queues/:queueName/:jobId' },
      }),
    )
  } finally {
    await writable.close()
  }
})

test('links to other hosts are dropped from a page, its own are kept', () => {
  const own = '<link href="static/css/main.css" rel="stylesheet">'
  const page = `<link href="https://fonts.example/css" rel="stylesheet">\n${own}<LINK rel=x href="//cdn.example/y">`
  expect(withoutForeignLinks(page)).toBe(`\n${own}`)
})

test('a push that is to be processed later is worked off by a worker', async () => {
  const { publishPlain } = await import('../../support/resources.ts')
  await publishPlain(hub, { id: 'things', provider: 'provider' })
  const machine = await hub.makeSystem('later', 'provider')
  const accepted = await hub.call('POST', '/v1/resources/things/batches', {
    token: machine,
    headers: { 'content-type': 'application/x-ndjson', prefer: 'respond-async' },
    body: '{"thing":"a","amount":"1"}\n' as unknown as object,
  })
  expect(accepted.statusCode).toBe(202)
  const url = accepted.headers.location ?? ''
  const { until } = await import('./support.ts')
  const run = await until('the end of the run', async () => {
    const found = (await hub.call('GET', url, { token: machine })).json()
    return found.endedAt !== null && found
  })
  expect(run).toMatchObject({ state: 'succeeded', counts: { read: 1, inserted: 1 } })
})

test('metrics tell how much waits, and readiness that the queue answers', async () => {
  const metrics = (await look('/metrics', systemAdmin)).body
  for (const state of ['waiting', 'active', 'delayed']) {
    expect(metrics).toMatch(new RegExp(`^shuqiao_queue_${state} \\d+$`, 'm'))
  }
  expect((await look('/readyz')).json().warnings).toEqual([])
})

test('a process without the role api answers for its health alone', async () => {
  const worker = await buildTestHub({ config: { roles: ['worker'] } })
  try {
    // A check that a pause of the machine kept from answering in time is asked again.
    let ready = await worker.call('GET', '/readyz')
    while (ready.body.includes('无应答')) ready = await worker.call('GET', '/readyz')
    expect(ready.statusCode).toBe(200)
    expect((await worker.call('GET', '/livez')).statusCode).toBe(200)
    for (const url of ['/v1/me', '/board', '/openapi.json']) {
      expect((await worker.call('GET', url, { token: worker.adminToken })).statusCode).toBe(404)
    }
  } finally {
    await worker.close()
  }
})
