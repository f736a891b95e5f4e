import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedPostgres, startEmbedded } from '../../../src/hub/database/embedded.ts'
import { endLeftovers, findProcesses } from '../../../src/hub/database/embedded-leftovers.ts'

const isRoot = process.getuid?.() === 0
const module = new URL('../../../src/hub/database/embedded.ts', import.meta.url).pathname

let dataDir: string
let running: EmbeddedPostgres[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-embedded-')) // made with mode 0700
  running = []
})
afterEach(async () => {
  for (const embedded of running) await embedded.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function start(more: Partial<Parameters<typeof startEmbedded>[0]> = {}) {
  const embedded = await startEmbedded({ dataDir, ...more })
  running.push(embedded)
  return embedded
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** What is killed may have ended by itself meanwhile, as its postmaster did. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (Object(error).code !== 'ESRCH') throw error
  }
}

/** Begun again until it names the holder: one that stands still for a second is told of as `?`. */
const expectHeldBy = (pid: number): Promise<void> =>
  expect
    .poll(() => startEmbedded({ dataDir }).catch(String), { timeout: 30_000 })
    .toContain(`(pid ${pid})`)

/** A hub process of its own that holds the folder until it is killed. */
function launchElsewhere() {
  const script = `import { startEmbedded } from ${JSON.stringify(module)}
    await startEmbedded({ dataDir: ${JSON.stringify(dataDir)} })
    console.log('started')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = (): Promise<void> => {
    child.kill('SIGKILL')
    return gone
  }
  return { child, pid: child.pid ?? -1, kill }
}

async function startElsewhere() {
  const { child, ...hub } = launchElsewhere()
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
  })
  return hub
}

describe('the embedded PostgreSQL', () => {
  test('starts in a folder that only its owner may enter, and warm again with its data', async () => {
    const first = await start()
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    await ask(first.urls.owner, 'create table kept as select 1 as one')
    await first.stop()
    expect(findProcesses(join(dataDir, 'postgres'))).toEqual([])
    const second = await start()
    expect(await ask(second.urls.owner, 'select one from kept')).toEqual([{ one: 1 }])
  })

  test('is durable, sorts by code point, and listens on this machine only, with passwords', async () => {
    const { urls, superuserUrl, port } = await start()
    expect(
      await ask(
        superuserUrl,
        `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
          current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding,
          'B' < 'a' as code_point, upper('ä') as upper,
          (select bool_and(rolpassword like 'SCRAM-SHA-256%') from pg_authid where rolcanlogin) as scram`,
      ),
    ).toEqual([
      {
        fsync: 'on',
        commit: 'on',
        addresses: '127.0.0.1',
        encoding: 'UTF8',
        code_point: true,
        upper: 'Ä',
        scram: true,
      },
    ])
    const stranger = `postgres://shuqiao_app:guess@127.0.0.1:${port}/shuqiao`
    await expect(ask(stranger, 'select 1')).rejects.toThrow('password authentication failed')
    const file = join(dataDir, 'postgres-passwords.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(
      await ask(
        urls.app,
        'select session_user as me, rolsuper from pg_roles where rolname = session_user',
      ),
    ).toEqual([{ me: 'shuqiao_app', rolsuper: false }])
  })

  test('a second hub in the same folder is refused and told who holds it', async () => {
    await start()
    await expectHeldBy(process.pid)
  })

  test('a folder held by another process is refused, and free again once that is killed', async () => {
    const other = await startElsewhere()
    await expectHeldBy(other.pid)
    await other.kill()
    await start()
  })

  test('when the hub is killed, the next start recovers all that was committed', async () => {
    const hub = await startElsewhere()
    const { app, owner } = JSON.parse(
      readFileSync(join(dataDir, 'postgres-passwords.json'), 'utf8'),
    )
    const port = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]
    const at = (user: string, password: string): string =>
      `postgres://${user}:${password}@127.0.0.1:${port}/shuqiao`
    await ask(
      at('shuqiao_owner', owner),
      'create table kept (id integer); grant all on kept to public',
    )
    await ask(at('shuqiao_app', app), 'insert into kept select generate_series(1, 1000)')
    const open = new Client({ connectionString: at('shuqiao_app', app) })
    open.on('error', () => undefined)
    await open.connect()
    await open.query('begin; insert into kept values (-1)') // never committed
    await hub.kill()
    expect(findProcesses(join(dataDir, 'postgres')).length).toBeGreaterThan(0)

    const next = await start()
    await open.end().catch(() => undefined)
    expect(await ask(next.urls.app, 'select count(*)::integer as kept, min(id) from kept')).toEqual(
      [{ kept: 1000, min: 1 }],
    )
  })

  test('a killed PostgreSQL is started again on the same port with what was committed', async () => {
    const lastWords: string[] = []
    const embedded = await start({ onExit: (words) => lastWords.push(words) })
    await ask(embedded.urls.owner, 'create table kept as select 7 as seven')
    const killed = embedded.pid
    process.kill(killed, 'SIGKILL')
    await expect
      .poll(() => ask(embedded.urls.owner, 'select seven from kept').catch(String), {
        timeout: 50_000,
      })
      .toEqual([{ seven: 7 }])
    expect(embedded.pid).not.toBe(killed)
    expect(lastWords).toHaveLength(1)
  })

  test('every process of PostgreSQL killed at once is recovered as well', async () => {
    const embedded = await start()
    for (const pid of findProcesses(join(dataDir, 'postgres'))) killIfThere(pid)
    await expect
      .poll(() => ask(embedded.urls.app, 'select 1 as one').catch(String), { timeout: 50_000 })
      .toEqual([{ one: 1 }])
  })

  test('a restart asked for keeps the port and is not reported as an exit', async () => {
    const lastWords: string[] = []
    const embedded = await start({ onExit: (words) => lastWords.push(words) })
    const before = embedded.pid
    await embedded.restart()
    expect(await ask(embedded.urls.app, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(embedded.pid).not.toBe(before)
    expect(lastWords).toEqual([])
  })

  test('stop ends every process although clients are connected, and may be called twice', async () => {
    const embedded = await start()
    const client = new Client({ connectionString: embedded.urls.app })
    client.on('error', () => undefined)
    await client.connect()
    await Promise.all([embedded.stop(), embedded.stop()])
    await client.end().catch(() => undefined)
    expect(findProcesses(join(dataDir, 'postgres'))).toEqual([])
  })

  test('a first start killed in the middle of making the cluster is begun anew', async () => {
    const halfMade = join(dataDir, 'postgres-initdb', 'data', 'PG_VERSION')
    const cluster = join(dataDir, 'postgres')
    // Where this process stood still over the middle, the cluster is whole: then once more from the beginning.
    for (;;) {
      const hub = launchElsewhere()
      await expect
        .poll(() => existsSync(halfMade) || existsSync(cluster), { interval: 2, timeout: 50_000 })
        .toBe(true)
      await hub.kill()
      if (!existsSync(cluster)) break
      await endLeftovers(cluster, 0)
      for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true })
    }
    const embedded = await start()
    expect(await ask(embedded.urls.app, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(readdirSync(dataDir).toSorted()).toEqual(['postgres', 'postgres-passwords.json'])
  })

  test.runIf(isRoot)(
    'where root may not use namespaces, the cluster moves once and stays with an existing user',
    async () => {
      const first = await start()
      await ask(first.urls.owner, 'create table kept as select 1 as one')
      await first.stop()
      const home = (): string => readFileSync(join(dataDir, 'postgres-moved-to'), 'utf8')
      try {
        const moved = await start({ mayNamespace: false })
        expect(await ask(moved.urls.owner, 'select one from kept')).toEqual([{ one: 1 }])
        expect(statSync(`/proc/${moved.pid}`).uid).not.toBe(0)
        expect(statSync(join(home(), 'data')).mode & 0o777).toBe(0o700)
        await ask(moved.urls.owner, 'update kept set one = 2')
        await moved.stop()
        const later = await start()
        expect(await ask(later.urls.owner, 'select one from kept')).toEqual([{ one: 2 }])
        await later.stop()
      } finally {
        if (existsSync(join(dataDir, 'postgres-moved-to'))) {
          rmSync(home(), { recursive: true })
          // The folder above may be in use by a real hub of this machine.
          if (readdirSync(dirname(home())).length === 0) rmdirSync(dirname(home()))
        }
      }
    },
  )
})
