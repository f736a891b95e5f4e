import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withStores } from '../../../src/hub/database/stores.ts'
import { bootstrapAdmin } from '../../../src/hub/identity/bootstrap-admin.ts'
import { hashPassword, passwordMatches } from '../../../src/hub/identity/passwords.ts'
import { everyStep, may } from '../../../src/hub/identity/permissions.ts'
import { createSetup, demandStep } from '../../../src/hub/identity/setup.ts'
import { createTestDatabase } from '../../support/database.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await buildTestHub()
})
afterAll(() => hub.close())

test('setup mode is on until a bureau-admin ends it, for good and for every process', async () => {
  const { settings } = hub.app.hub.database
  const elsewhere = createSetup(settings)
  const get = () => hub.call('GET', '/v1/setup', { token: hub.adminToken })
  expect((await get()).json()).toEqual({ setupMode: true })
  expect(await elsewhere.isOpen()).toBe(true)
  const other = await hub.makeStaff('reviewer-1', ['bureau-reviewer'])
  expect((await hub.call('POST', '/v1/setup/complete', { token: other })).json().code).toBe(
    'role-missing',
  )
  const ended = await hub.call('POST', '/v1/setup/complete', { token: hub.adminToken })
  expect(ended.json()).toEqual({ setupMode: false })
  expect(hub.entries.at(-1)).toMatchObject({ operation: 'setup.complete', staff: 'admin' })
  expect((await get()).json()).toEqual({ setupMode: false })
  expect(await elsewhere.isOpen()).toBe(false)
  const again = await hub.call('POST', '/v1/setup/complete', { token: hub.adminToken })
  expect(again.json().code).toBe('state-conflict')
})

test('in setup mode a bureau-admin may take every step; after it, and for others, the roles hold', async () => {
  const admin = {
    kind: 'staff',
    id: 'a',
    department: null,
    roles: ['bureau-admin'],
    version: 1,
  } as const
  const operator = { ...admin, roles: ['operator'] } as const
  const open = createSetup({ has: async () => false })
  const over = createSetup({ has: async () => true })
  for (const step of everyStep) {
    const byRole = may(admin, step, 'housing')
    expect((await demandStep(open, admin, step, 'housing')).isBypassed).toBe(!byRole)
    if (!byRole) await expect(demandStep(over, admin, step, 'housing')).rejects.toThrow(step)
    if (!may(operator, step, 'housing')) {
      await expect(demandStep(open, operator, step, 'housing')).rejects.toThrow(step)
    }
  }
  await expect(demandStep(open, null, 'runs.read', null)).rejects.toThrow('runs.read')
})

test('of two that end setup at once one does', async () => {
  await hub.app.hub.database.knex('hub.settings').delete()
  const end = () => hub.call('POST', '/v1/setup/complete', { token: hub.adminToken })
  const answers = await Promise.all([end(), end()])
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 409]))
})

test('the first start makes one admin, whose token lies in a file that only the owner may read', async () => {
  const testDatabase = await createTestDatabase()
  const { database } = testDatabase
  const dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-first-'))
  try {
    const stores = withStores(database)
    const start = (adminToken?: string) => bootstrapAdmin(stores, { adminToken, dataDir })
    const paths = await Promise.all([start(), start()])
    const path = paths.find((path) => path !== null) ?? ''
    expect(paths.filter((path) => path === null)).toHaveLength(1)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const token = readFileSync(path, 'utf8').trim()
    expect(token).toMatch(/^sq_[\w-]{43}$/)
    expect(await start()).toBeNull()
    expect(await start('another-token')).toBeNull()
    expect(await database.knex('hub.staff').select('id', 'roles')).toEqual([
      { id: 'admin', roles: ['bureau-admin'] },
    ])
    expect(await database.knex('hub.tokens').count()).toEqual([{ count: 1 }])
  } finally {
    await testDatabase.drop()
    rmSync(dataDir, { recursive: true })
  }
})

test('a disabled system is turned away by every process within a moment', async () => {
  await hub.makeDepartment('housing')
  const token = await hub.makeSystem('front-1', 'housing')
  const other = await import('../../../src/hub/app.ts').then(({ buildHub }) =>
    buildHub({ ...hub.app.hub, logStream: { write: () => undefined } }),
  )
  await other.ready()
  try {
    const me = () => other.inject({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } })
    expect((await me()).statusCode).toBe(200)
    const told = new Promise((resolve) => other.hub.changes.subscribe(resolve))
    await hub.call('POST', '/v1/systems/front-1/disable', { token: hub.adminToken })
    expect(await told).toBe('system front-1')
    expect((await me()).statusCode).toBe(401)
  } finally {
    await other.close()
  }
})

test('a password is kept as a salted scrypt hash, and matches in any Unicode composition', async () => {
  const hash = await hashPassword('pässword 密码')
  expect(hash).toMatch(/^scrypt\$/)
  expect(hash).not.toBe(await hashPassword('pässword 密码'))
  expect(await passwordMatches('pässword 密码'.normalize('NFD'), hash)).toBe(true)
  expect(await passwordMatches('passwort', hash)).toBe(false)
  expect(await passwordMatches('passwort', null)).toBe(false)
})
