import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectorKinds } from '../../../schemas/api/connectors.ts'
import { plainDraft } from '../../support/resources.ts'
import { faultsOf, grantThings, openSyncHub, pullDraft, type SyncHub } from './route-support.ts'

let world: SyncHub
beforeAll(async () => {
  world = await openSyncHub()
})
afterAll(() => world.close())

const define = (draft: unknown, caller = world.operator) => caller('POST', '/syncs', draft)

describe('defining a pull', () => {
  test('the provider’s operator does, and everything that was not said has its default', async () => {
    const schedule = { cron: '0 2 * * *', timezone: 'Asia/Shanghai' }
    const made = await define(pullDraft('nightly', world.sourceUrl, { schedule }))
    expect(made.status, made.text).toBe(201)
    expect(made.body).toMatchObject({
      id: 'nightly',
      department: 'provider',
      connector: 'postgres',
      settings: { url: '***', table: 'public.things' },
      overlap: '10m',
      schedule,
      onDrift: 'pause',
      priority: 5,
      state: 'active',
      grant: null,
      version: 1,
      createdBy: 'operator',
      health: { state: 'waiting', lastRunId: null, lag: null },
    })
    expect(made.body.health.nextDueAt).toMatch(/T18:00:00\.000Z$/)
    expect(made.body.origin).toMatch(/^postgres:\/\/[^@]+$/)
    expect((await world.operator('GET', '/syncs/nightly')).body).toEqual(made.body)
    expect(world.hub.entries.at(-1)).toMatchObject({
      operation: 'syncs.create',
      resource: 'things',
    })
  })

  test('others do not: another department, who only reads, a machine, nobody', async () => {
    const draft = pullDraft('not-mine', world.sourceUrl)
    expect((await define(draft, world.stranger)).body.code).toBe('role-missing')
    expect((await define(draft, world.consumer)).body.code).toBe('role-missing')
    expect((await define(draft, world.machine)).body.code).toBe('role-missing')
    expect((await world.hub.call('POST', '/v1/syncs', { body: draft })).statusCode).toBe(401)
    expect((await world.stranger('GET', '/syncs/nightly')).body.code).toBe('not-found')
    expect((await world.operator('GET', '/syncs/not-mine')).body.code).toBe('not-found')
  })

  test('tells every fault at once, where it stands', async () => {
    const answer = await define(
      pullDraft('faulty', world.sourceUrl, {
        source: {
          adapter: 'public-security',
          source: 'ghosts',
          connector: 'postgres',
          settings: { url: 'nowhere', tables: 'x' },
        },
        schedule: { cron: '99 99 * * *', timezone: 'Moon/Base' },
        mapping: { fields: { nothing: { from: 'X' } } },
        grant: 'g-1',
      }),
    )
    expect(answer.body.code).toBe('request-invalid')
    const faults = faultsOf(answer).join('\n')
    for (const expected of [
      '/source/source source-unknown',
      '/source/settings',
      '/schedule/cron',
      '/schedule/timezone',
      '/mapping/fields/nothing',
      '/grant direction',
    ]) {
      expect(faults).toContain(expected)
    }
  })

  test.each([
    [
      'an incremental pull of a table without a cursor',
      { cursor: undefined },
      '/cursor cursor-needed',
    ],
    [
      'an overlap without a cursor',
      { mode: 'full', cursor: undefined, overlap: '5m' },
      '/overlap cursor-needed',
    ],
    ['no store at all', { source: {} }, '/source connector-needed'],
    ['settings without a connector', { source: { settings: {} } }, '/source/connector shape'],
    [
      'an adapter without a source',
      { source: { adapter: 'public-security' } },
      '/source/adapter shape',
    ],
  ])('refuses %s', async (_name, more, fault) => {
    const answer = await define(pullDraft('refused', world.sourceUrl, more))
    expect(faultsOf(answer)).toContain(fault)
  })

  test('an exchange table needs no cursor, and may not have one', async () => {
    const exchange = { operation: 'op', batch: 'batch', time: 'at', receipts: 'r', rejects: 'j' }
    const settings = { url: world.sourceUrl, table: 'things', exchange }
    const source = { connector: 'postgres', settings }
    const with_ = await define(pullDraft('exchange', world.sourceUrl, { source }))
    expect(faultsOf(with_)).toEqual(['/cursor cursor-unused'])
    const without = pullDraft('exchange', world.sourceUrl, { source, cursor: undefined })
    expect((await define(without)).body).toMatchObject({ cursor: null, overlap: null })
  })

  test('files lie within the folders that the hub may use', async () => {
    const [folder = ''] = world.hub.app.hub.config.filesDirs
    const drop = (glob: string) =>
      define({
        ...pullDraft('dropped', ''),
        source: { connector: 'file', settings: { glob, format: 'csv' } },
        cursor: undefined,
      })
    expect(faultsOf(await drop('/etc/*.csv'))).toEqual(['/source/settings/glob folder'])
    expect(faultsOf(await drop(join(folder, '../keys/*')))).toEqual([
      '/source/settings/glob folder',
    ])
    expect((await drop(join(folder, 'in/*.csv'))).status).toBe(201)
  })

  test('a resource that is not published is state-conflict, an unknown one not-found', async () => {
    await world.admin('POST', '/resources', plainDraft('drafted', 'provider'))
    const of = (resource: string) => define(pullDraft('early', world.sourceUrl, { resource }))
    expect((await of('drafted')).body.code).toBe('state-conflict')
    expect((await of('ghost')).body.code).toBe('not-found')
  })

  test('an id is given once', async () => {
    await define(pullDraft('once', world.sourceUrl))
    expect((await define(pullDraft('once', world.sourceUrl))).body.code).toBe('code-taken')
  })
})

describe('defining a delivery', () => {
  const delivery = (id: string, more: Record<string, unknown> = {}) => ({
    id,
    resource: 'things',
    direction: 'deliver',
    target: { connector: 'postgres', settings: { url: world.sourceUrl, table: 'out' } },
    mode: 'incremental',
    ...more,
  })
  const context = { purpose: 'item-1' }

  test('runs under a grant with the operation deliver, and belongs to the consumer', async () => {
    const grant = await grantThings(world)
    const made = await define(delivery('delivered', { grant, context }), world.stranger)
    expect(made.status, made.text).toBe(201)
    expect(made.body).toMatchObject({
      department: 'consumer',
      grant,
      context: { purpose: 'item-1', operator: 'stranger' },
      health: { state: 'waiting', lag: 0 },
    })
    expect(world.hub.entries.at(-1)).toMatchObject({ grantIds: [grant] })
    expect((await world.operator('GET', '/syncs/delivered')).body.code).toBe('not-found')
    expect((await define(delivery('theirs', { grant, context }))).body.code).toBe('role-missing')
  })

  test('without a fitting grant it is grant-missing, with another purpose not granted', async () => {
    const reading = await grantThings(world, { operations: ['read'] })
    const by = (more: Record<string, unknown>) => define(delivery('d', more), world.stranger)
    expect((await by({})).body.code).toBe('grant-missing')
    expect((await by({ grant: 'g-unknown' })).body.code).toBe('grant-missing')
    expect((await by({ grant: reading, context })).body.code).toBe('grant-missing')
    const grant = await grantThings(world)
    const elsewhere = { grant, context: { purpose: 'item-2' } }
    expect((await by(elsewhere)).body.code).toBe('purpose-not-granted')
    await world.admin('POST', `/grants/${grant}/transitions`, {
      action: 'suspend',
      ground: 'misuse',
      reason: '核查',
    })
    expect((await by({ grant, context })).body.code).toBe('grant-suspended')
  })

  test('its columns are granted fields, each to a column of its own; its target is a connector', async () => {
    const grant = await grantThings(world, { fields: ['thing'] })
    const answer = await define(
      delivery('columned', {
        grant,
        context,
        columns: { thing: 'a', amount: 'b' },
        target: { adapter: 'public-security' },
        cursor: ['id'],
      }),
      world.stranger,
    )
    expect(faultsOf(answer)).toEqual(
      expect.arrayContaining([
        '/columns/amount field-not-granted',
        '/target connector-needed',
        '/target/adapter shape',
        '/cursor direction',
      ]),
    )
  })
})

describe('what becomes of a sync', () => {
  test('a change leaves alone what it does not name, and is judged like a definition', async () => {
    await define(pullDraft('changing', world.sourceUrl))
    const changed = await world.operator('PUT', '/syncs/changing', { priority: 2, title: '改' })
    expect(changed.body).toMatchObject({
      priority: 2,
      title: '改',
      mode: 'incremental',
      version: 2,
    })
    expect(world.hub.entries.at(-1)).toMatchObject({
      operation: 'syncs.change',
      note: { changed: ['priority', 'title'] },
    })
    const faulty = { schedule: { cron: '99 99 * * *' }, mapping: { fields: { x: { from: 'Y' } } } }
    const refused = await world.operator('PUT', '/syncs/changing', faulty)
    expect(faultsOf(refused).join()).toMatch(/\/schedule\/cron.*\/mapping\/fields\/x/)
    expect((await world.operator('PUT', '/syncs/changing', { cursor: ['id'] })).status).toBe(400)
    expect((await world.consumer('PUT', '/syncs/changing', { priority: 1 })).body.code).toBe(
      'not-found',
    )
  })

  test('another table or server begins anew, another password goes on where it was', async () => {
    await define(pullDraft('moving', world.sourceUrl))
    const { pool } = world.hub.testDatabase.database
    await pool.query(`update hub.syncs set position = '{"values": ["7"]}' where id = 'moving'`)
    const positionAfter = async (settings: Record<string, string>): Promise<unknown> => {
      const source = { connector: 'postgres', settings }
      const changed = await world.operator('PUT', '/syncs/moving', { source })
      expect(changed.status, changed.text).toBe(200)
      const { rows } = await pool.query(`select position from hub.syncs where id = 'moving'`)
      return rows[0]?.position
    }
    const other = Object.assign(new URL(world.sourceUrl), { password: 'another' }).href
    expect(await positionAfter({ url: other, table: 'public.things' })).toEqual({ values: ['7'] })
    expect(await positionAfter({ url: other, table: 'public.others' })).toBeNull()
  })

  test('a schedule comes and goes, and says when it is due', async () => {
    await define(pullDraft('timed', world.sourceUrl))
    const put = (schedule: unknown) => world.operator('PUT', '/syncs/timed', { schedule })
    const due = (await put({ cron: '30 1 * * *' })).body.health.nextDueAt
    expect(due).toMatch(/T17:30:00/)
    expect((await put(null)).body).toMatchObject({ schedule: null, health: { nextDueAt: null } })
  })

  test('paused it runs no more, resumed it accepts the columns that there are', async () => {
    await define(pullDraft('pausing', world.sourceUrl))
    await world.sql(`update hub.syncs set source_columns = '[]' where id = 'pausing'`)
    const paused = await world.operator('POST', '/syncs/pausing/pause', { reason: '升级' })
    expect(paused.body).toMatchObject({ state: 'paused', pausedFor: '升级' })
    expect(paused.body.health).toMatchObject({ state: 'paused', reason: '升级' })
    expect((await world.operator('POST', '/syncs/pausing/runs', {})).body.code).toBe(
      'state-conflict',
    )
    const resumed = await world.operator('POST', '/syncs/pausing/resume')
    expect(resumed.body).toMatchObject({ state: 'active', pausedFor: null })
    const [row] = await world.sql(`select source_columns from hub.syncs where id = 'pausing'`)
    expect(row).toEqual({ source_columns: null })
    const operations = world.hub.entries.map(({ operation }) => operation)
    expect(operations).toEqual(expect.arrayContaining(['syncs.pause', 'syncs.resume']))
  })

  test('lists show the own department’s, in pages, by filter', async () => {
    const all = await world.operator('GET', '/syncs?limit=1000')
    const ids: string[] = all.body.items.map(({ id }: { id: string }) => id)
    expect(ids).toEqual(ids.toSorted())
    expect(ids).toContain('nightly')
    expect(ids).not.toContain('delivered')
    const first = await world.operator('GET', '/syncs?limit=2')
    const second = await world.operator('GET', `/syncs?limit=2&after=${first.body.next}`)
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(ids.slice(0, 4))
    expect((await world.admin('GET', '/syncs?direction=deliver')).body.items).toHaveLength(1)
    expect((await world.operator('GET', '/syncs?department=consumer')).body.code).toBe(
      'role-missing',
    )
    expect((await world.operator('GET', '/syncs?health=failing')).body.items).toEqual([])
    const waiting = await world.operator('GET', '/syncs?health=waiting&limit=1')
    expect(waiting.body).toMatchObject({ items: [{ id: ids[0] }], next: expect.any(String) })
  })
})

describe('runs by hand', () => {
  const start = (id: string, body: unknown = {}) =>
    world.operator('POST', `/syncs/${id}/runs`, body)
  const runOf = async (id: string) => (await world.operator('GET', `/runs/${id}`)).body

  test('one of the live sync at a time; ranges and checks run beside it', async () => {
    await define(pullDraft('running', world.sourceUrl, { priority: 3 }))
    const first = await start('running', {})
    expect(first.status, first.text).toBe(201)
    expect(Object.keys(first.body)).toEqual(['id'])
    expect(await runOf(first.body.id)).toMatchObject({
      kind: 'pull',
      mode: 'changes',
      state: 'queued',
      sync: 'running',
      staff: 'operator',
      aside: false,
      attempt: 0,
    })
    expect((await start('running', {})).body.code).toBe('state-conflict')
    const range = await start('running', { from: '2026-01-01', to: '2026-02-01' })
    expect(await runOf(range.body.id)).toMatchObject({ mode: 'changes', aside: true })
    const check = await start('running', { mode: 'check' })
    expect(await runOf(check.body.id)).toMatchObject({ kind: 'check', aside: true })
    const [row] = await world.sql('select plan, priority from hub.runs where id = $1', [
      range.body.id,
    ])
    expect(row).toEqual({
      plan: { from: '2026-01-01', to: '2026-02-01', force: false },
      priority: 3,
    })
    const listed = await world.operator('GET', '/runs?sync=running')
    expect(listed.body.items.map(({ id }: { id: string }) => id)).toEqual([
      check.body.id,
      range.body.id,
      first.body.id,
    ])
    expect((await world.operator('GET', '/runs?sync=nightly')).body.items).toEqual([])
    expect(world.hub.entries).toContainEqual(
      expect.objectContaining({ operation: 'syncs.run', runId: first.body.id }),
    )
  })

  test('of two calls at once one begins', async () => {
    await define(pullDraft('raced', world.sourceUrl))
    const answers = await Promise.all([start('raced'), start('raced'), start('raced')])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409])
  })

  test('refuses what the sync cannot be asked for', async () => {
    const exchange = await start('exchange', { from: '1' })
    expect(faultsOf(exchange)).toEqual(['/from cursor-needed'])
    expect(faultsOf(await start('nightly', { mode: 'full', from: '1' }))).toEqual(['/from mode'])
    const check = await world.stranger('POST', '/syncs/delivered/runs', { mode: 'check', to: '2' })
    expect(faultsOf(check)).toEqual(['/mode direction', '/to direction'])
    expect((await world.consumer('POST', '/syncs/delivered/runs', {})).body.code).toBe(
      'role-missing',
    )
  })

  test('are cancelled while they wait, and retried when they have failed', async () => {
    await define(pullDraft('retried', world.sourceUrl))
    const { id } = (await start('retried')).body
    expect((await world.operator('POST', `/runs/${id}/retry`)).body.code).toBe('state-conflict')
    expect((await world.stranger('POST', `/runs/${id}/cancel`)).body.code).toBe('not-found')
    expect((await world.operator('POST', `/runs/${id}/cancel`)).body.state).toBe('cancelled')
    expect((await world.operator('POST', `/runs/${id}/cancel`)).body.code).toBe('state-conflict')
    const second = (await start('retried')).body.id
    await world.sql(
      `update hub.runs set state = 'failed', attempt = 9, ended_at = now(), checkpoint = '{"words": "id 7"}',
         error = '{"code": "source-unreachable", "message": "x"}' where id = $1`,
      [second],
    )
    const sync = await world.operator('GET', '/syncs/retried')
    expect(sync.body).toMatchObject({
      health: { state: 'failing', reason: 'x' },
      checkpoint: 'id 7',
    })
    const retried = await world.operator('POST', `/runs/${second}/retry`)
    expect(retried.body, retried.text).toMatchObject({
      state: 'queued',
      attempt: 0,
      error: null,
      endedAt: null,
      checkpoint: 'id 7',
    })
    await world.sql(`update hub.runs set state = 'failed', ended_at = now() where id = $1`, [
      second,
    ])
    await start('retried')
    expect((await world.operator('POST', `/runs/${second}/retry`)).body.code).toBe('state-conflict')
  })
})

test('a full pull that failed long ago is not retried: the keys it had met may be forgotten', async () => {
  await define(pullDraft('long-ago', world.sourceUrl))
  const body = { mode: 'full' }
  const { id } = (await world.operator('POST', '/syncs/long-ago/runs', body)).body
  const failed = (days: number) =>
    world.sql(
      `update hub.runs set state = 'failed', ended_at = now() - make_interval(days => ${days}) where id = $1`,
      [id],
    )
  await failed(8)
  const refused = await world.operator('POST', `/runs/${id}/retry`)
  expect(refused.body.code).toBe('state-conflict')
  expect(refused.text).toContain('7 days')
  await failed(6)
  expect((await world.operator('POST', `/runs/${id}/retry`)).body.state).toBe('queued')
})

describe('runs as they are seen', () => {
  test('say when they will end once there is ground to, by the source’s own count', async () => {
    await define(pullDraft('timing', world.sourceUrl))
    const { id } = (await world.operator('POST', '/syncs/timing/runs', {})).body
    const set = (sql: string) => world.sql(`update hub.runs set ${sql} where id = $1`, [id])
    const progress = async () => (await world.operator('GET', `/runs/${id}`)).body.progress
    expect(await progress()).toMatchObject({ rows: 0, rowsPerSecond: null, eta: null })
    await set(`state = 'running', started_at = now() - interval '1 second', read_count = 100,
      unchanged_count = 100, batch_count = 1, plan = '{"sourceCount": 1000}'`)
    expect(await progress()).toMatchObject({ rows: 100, eta: null })
    await set('batch_count = 2')
    const askedAt = Date.now()
    const { rowsPerSecond, eta } = await progress()
    expect(rowsPerSecond).toBeGreaterThan(0)
    expect(Date.parse(eta)).toBeGreaterThan(askedAt)
    await set(`plan = '{"sourceCount": null}'`)
    expect(await progress()).toMatchObject({ eta: null })
    await set(`mode = 'snapshot'`)
    expect(await progress()).toMatchObject({ eta: null })
    await world.sql(`update hub.syncs set last_full_count = 200 where id = 'timing'`)
    expect((await progress()).eta).toEqual(expect.any(String))
  })
})

describe('probing', () => {
  const probe = (settings: unknown, kind = 'postgres', caller = world.operator) =>
    caller('POST', `/connectors/${kind}/probe`, { settings })

  test('says stage by stage what works, with the columns', async () => {
    const answer = await probe({ url: world.sourceUrl, table: 'public.things' })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.ok).toBe(true)
    expect(answer.body.stages.every(({ ok }: { ok: boolean }) => ok)).toBe(true)
    expect(answer.body.columns).toContainEqual({
      name: 'thing',
      type: 'text',
      nativeType: 'text',
      nullable: true,
    })
    expect(world.hub.entries.at(-1)).toMatchObject({
      operation: 'connectors.probe',
      note: { ok: true },
    })
  })

  test('what it finds wrong is its answer, not a refusal', async () => {
    const missing = await probe({ url: world.sourceUrl, table: 'public.ghosts' })
    expect(missing).toMatchObject({ status: 200, body: { ok: false } })
    const nobody = await probe({ url: 'postgres://u:p@127.0.0.1:1/x', table: 't' })
    expect(nobody).toMatchObject({ status: 200, body: { ok: false, columns: [] } })
    expect(nobody.body.stages.at(-1).ok).toBe(false)
  })

  test('refuses settings that do not fit, unknown kinds, machines, and who may define nothing', async () => {
    expect(faultsOf(await probe({ url: 'x' })).join()).toContain('/settings')
    expect((await probe({}, 'gopher')).body.code).toBe('not-found')
    expect((await probe({}, 'postgres', world.machine)).body.code).toBe('role-missing')
    expect((await probe({}, 'postgres', world.consumer)).body.code).toBe('role-missing')
  })

  test('of a sync uses its kept settings', async () => {
    const answer = await world.operator('POST', '/syncs/nightly/probe')
    expect(answer.body, answer.text).toMatchObject({ ok: true })
    expect((await world.stranger('POST', '/syncs/nightly/probe')).body.code).toBe('not-found')
  })
})

describe('what there is to connect with', () => {
  test('adapters are listed with their sources and how the syncs that use them are', async () => {
    const { items } = (await world.operator('GET', '/adapters')).body
    const police = items.find(({ id }: { id: string }) => id === 'public-security')
    expect(police.sources[0]).toMatchObject({
      source: 'residents',
      standard: 'population',
      syncs: [],
    })
    expect(police.sources[0].columns[0]).toEqual({ name: 'czrkgmsfhm', title: '公民身份号码' })
    expect((await world.machine('GET', '/adapters')).body.code).toBe('role-missing')
  })

  test('connectors are listed with what they can do, and whether they were ever tried', async () => {
    const { items } = (await world.operator('GET', '/connectors')).body
    expect(items.map(({ kind }: { kind: string }) => kind)).toEqual([...connectorKinds])
    const of = (kind: string) => items.find((item: { kind: string }) => item.kind === kind)
    expect(of('postgres')).toMatchObject({ isTried: true, isSource: true, isTarget: true })
    expect(of('dm')).toMatchObject({ isTried: false })
    expect((await world.machine('GET', '/connectors')).body.code).toBe('role-missing')
  })

  test('an auditor sees syncs and touches none', async () => {
    const auditor = await world.as('auditor', ['auditor'])
    expect((await auditor('GET', '/syncs/nightly')).status).toBe(200)
    expect((await auditor('POST', '/syncs/nightly/pause', {})).body.code).toBe('role-missing')
    expect((await auditor('POST', '/syncs/nightly/runs', {})).body.code).toBe('role-missing')
    expect((await auditor('POST', '/syncs/nightly/probe')).body.code).toBe('role-missing')
  })

  test('a run of somebody else’s is not there, differences included', async () => {
    const [run] = await world.sql(`select id from hub.runs where sync = 'running' limit 1`)
    const path = `/runs/${String(run?.['id'])}/differences`
    expect((await world.stranger('GET', path)).body.code).toBe('not-found')
    expect((await world.admin('GET', path)).body.code).toBe('role-missing')
    expect((await world.operator('GET', path)).body).toEqual({ items: [], next: null })
  })
})
