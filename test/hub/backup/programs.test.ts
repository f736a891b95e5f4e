import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/hub/config.ts'
import { type RunningHub, startHub } from '../../../src/hub/main.ts'

let folder: string
let hub: RunningHub | null = null

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shuqiao-programs-'))
})
afterAll(async () => {
  await hub?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const settings = (name: string) => ({
  SHUQIAO_DATA_DIR: join(folder, name),
  SHUQIAO_ADMIN_TOKEN: 'admin-token',
  SHUQIAO_PORT: '0',
  SHUQIAO_LOG_LEVEL: 'silent',
})

/** One of the two programs, on a data folder of its own; answers its exit code and all it said. */
async function run(program: 'backup' | 'restore', dataDir: string, ...options: string[]) {
  const path = join(import.meta.dirname, `../../../scripts/${program}.ts`)
  const env = { PATH: process.env['PATH'], ...settings(dataDir) }
  const child = spawn(process.execPath, [path, ...options], { env, stdio: 'pipe', cwd: folder })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  }
  const [code] = await once(child, 'close')
  return { code, said }
}

const departments = async (url: string): Promise<string[]> => {
  const headers = { authorization: 'Bearer admin-token' }
  const answer = await fetch(`${url}/v1/departments`, { headers })
  const { items } = (await answer.json()) as { items: { id: string }[] }
  return items.map(({ id }) => id)
}

test('a running and a stopped hub with its own PostgreSQL are backed up, and come back in a new data folder', async () => {
  hub = await startHub(loadConfig(settings('first')))
  const made = await fetch(`${hub.url}/v1/departments`, {
    method: 'POST',
    headers: { authorization: 'Bearer admin-token', 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'police', name: '公安局', division: '430182' }),
  })
  expect(made.status).toBe(201)
  const running = await run('backup', 'first', '--to', 'running', '--with-keys')
  expect(running).toMatchObject({ code: 0 })
  expect(running.said).toMatch(/100% .*表 \/ tables/)
  expect(await departments(hub.url)).toContain('police')
  await hub.stop()
  hub = null

  const stopped = await run('backup', 'first', '--to', 'stopped')
  expect(stopped).toMatchObject({ code: 0 })
  expect(stopped.said).toContain('The keys are not in it')
  expect(await run('backup', 'first', '--verify', 'stopped')).toMatchObject({ code: 0 })

  const onto = await run('restore', 'first', '--from', 'running')
  expect(onto).toMatchObject({ code: 1 })
  expect(onto.said).toContain('overwrites nothing')
  const restored = await run('restore', 'second', '--from', 'running', '--operator', '值班员')
  expect(restored).toMatchObject({ code: 0 })
  expect(restored.said).toContain('audit entry hub.restored')
  hub = await startHub(loadConfig(settings('second')))
  expect(await departments(hub.url)).toContain('police')
}, 300_000)

test('a data folder without a hub is refused, and none is made there', async () => {
  const { code, said } = await run('backup', 'nowhere', '--to', 'empty')
  expect([code, existsSync(join(folder, 'nowhere')), existsSync(join(folder, 'empty'))]).toEqual([
    1,
    false,
    false,
  ])
  expect(said).toContain('holds no database of Shuqiao')
  expect(said).not.toContain('    at ')
})

test('a call that is not understood shows how it is meant, and exits with 2', async () => {
  for (const program of ['backup', 'restore'] as const) {
    const wrong = await run(program, 'nowhere', '--unknown')
    expect([program, wrong.code]).toEqual([program, 2])
    expect(wrong.said).toContain('usage: npm run')
    expect(await run(program, 'nowhere', '--help')).toMatchObject({ code: 0, said: wrong.said })
  }
})
