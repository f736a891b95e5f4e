import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../../../src/hub/database/listen.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let held: TestDatabase
beforeAll(async () => {
  held = await createTestDatabase()
})
afterAll(async () => {
  await held.drop()
})

/** A machine that stands still for seconds must not fail a test. */
const patient = { timeout: 30_000 }

const findListeners = `select pid from pg_stat_activity
  where application_name = 'shuqiao-listen' and datname = current_database()`

test('a listener hears again after its connection was lost, and says that it may have missed something', async () => {
  const { pool, directUrl } = held.database
  const heard: string[] = []
  let reconnectCount = 0
  const listener = await listen({
    url: directUrl,
    channels: { 'Grants changed': (payload) => heard.push(payload) },
    onReconnect: () => (reconnectCount += 1),
    // Never within this test: a check that is answered late would end the connection as well.
    checkMs: 600_000,
  })
  const say = (payload: string) =>
    pool.query('select pg_notify($1, $2)', ['Grants changed', payload])
  await say('first')
  await expect.poll(() => heard, patient).toEqual(['first'])

  await pool.query(`select pg_terminate_backend(pid) from (${findListeners}) l`)
  await expect.poll(() => reconnectCount, patient).toBe(1)
  await say('second')
  await expect.poll(() => heard, patient).toEqual(['first', 'second'])

  await listener.close()
  await expect.poll(async () => (await pool.query(findListeners)).rows, patient).toEqual([])
})

/** A line to the database that can go dead without telling either end, as behind a firewall. */
async function openLine(url: string) {
  const target = new URL(url)
  const [port, ends] = [Number(target.port), [] as Socket[]]
  const server = createServer((near) => {
    const far = connect(port, target.hostname)
    for (const end of [near, far]) ends.push(end.on('error', () => undefined))
    near.pipe(far)
    far.pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  target.port = String(typeof address === 'object' ? address?.port : '')
  return {
    url: target.href,
    goDead: () => ends.forEach((end) => end.unpipe().pause()),
    close: () => {
      ends.forEach((end) => end.destroy())
      server.close()
    },
  }
}

test('a connection that went dead without a word is found out and replaced', async () => {
  const line = await openLine(held.database.directUrl)
  const heard: string[] = []
  let reconnectCount = 0
  const listener = await listen({
    url: line.url,
    channels: { grants: (payload) => heard.push(payload) },
    onReconnect: () => (reconnectCount += 1),
    checkMs: 100,
  })
  line.goDead()
  await expect.poll(() => reconnectCount, patient).toBeGreaterThan(0)
  // Said again until it is heard: a check that is answered late replaces a good connection as well.
  const say = () => held.database.pool.query(`select pg_notify('grants', 'heard again')`)
  await expect.poll(() => say().then(() => heard), patient).toContain('heard again')
  await listener.close()
  line.close()
})
