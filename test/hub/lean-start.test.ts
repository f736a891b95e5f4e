import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEmptyDatabase } from '../support/database.ts'

const program = join(import.meta.dirname, '../../scripts/start.ts')
let dataDir: string
let empty: Awaited<ReturnType<typeof createEmptyDatabase>>
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-lean-'))
  empty = await createEmptyDatabase()
})
afterAll(async () => {
  await empty.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Runs before the hub: tells at the end which packages the process has loaded. */
const probe = `
  const packages = new Set()
  process.getBuiltinModule('node:module').registerHooks({
    load: (url, context, next) => {
      const [, name] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url) ?? []
      if (name) packages.add(name)
      return next(url, context)
    },
  })
  process.on('exit', () => console.log('loaded ' + JSON.stringify([...packages])))
`

/** Starts the hub, calls the addresses as its first administrator, stops it, and answers what it has loaded. */
async function packagesOf(...addresses: string[]): Promise<string[]> {
  const env = {
    PATH: process.env['PATH'],
    SHUQIAO_PORT: '0',
    SHUQIAO_DATA_DIR: dataDir,
    SHUQIAO_DATABASE_URL: empty.urls.app,
    SHUQIAO_MIGRATION_URL: empty.urls.owner,
    SHUQIAO_ADMIN_TOKEN: 'lean-token',
    SHUQIAO_LOG_LEVEL: 'silent',
  }
  const early = `data:text/javascript,${encodeURIComponent(probe)}`
  const child = spawn(process.execPath, ['--import', early, program], { env, stdio: 'pipe' })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const listening = Promise.withResolvers<string>()
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    const [, url] = /Shuqiao listening on (http:\S+)\n/.exec(text) ?? []
    if (url !== undefined) listening.resolve(url)
  })
  const ended = once(child, 'close').then(() => listening.reject(new Error(text)))
  try {
    const url = await listening.promise
    for (const address of addresses) {
      const headers = { authorization: 'Bearer lean-token' }
      let answer = await fetch(new URL(address, url), { headers })
      // A check of readiness that a pause of the machine kept from answering in time is asked again.
      while ((await answer.text()).includes('无应答')) {
        answer = await fetch(new URL(address, url), { headers })
      }
      const { status } = answer
      expect([address, status]).toEqual([address, 200])
    }
  } finally {
    child.kill('SIGTERM')
  }
  await ended
  return JSON.parse(/^loaded (.*)$/m.exec(text)?.[1] ?? 'null')
}

/** What few hubs use, or few people look at; alone each takes 2 to 20 MiB of memory. */
const rare = [
  '@bull-board/api',
  '@bull-board/fastify',
  '@fastify/static',
  '@fastify/swagger-ui',
  'hucre',
  'ioredis',
  'mysql2',
  'sm-crypto-v2',
  'ssh2',
  'ssh2-sftp-client',
]

test('a hub as it comes holds no library in memory that only few hubs use', async () => {
  const loaded = await packagesOf('/readyz', '/v1/me', '/v1/resources', '/v1/connectors')
  expect(loaded).toEqual(expect.arrayContaining(['fastify', 'bullmq', 'pg']))
  expect(rare.filter((name) => loaded.includes(name))).toEqual([])
})

test('they are loaded when they are first used', async () => {
  const loaded = await packagesOf('/docs/')
  expect(loaded).toEqual(expect.arrayContaining(['@fastify/swagger-ui', '@fastify/static']))
})
