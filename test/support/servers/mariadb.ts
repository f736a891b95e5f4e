import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import { freePort } from '../../../scripts/soak/free-port.ts'

export interface MariaDb {
  /** `mysql://root:…@127.0.0.1:port/conformance` */
  url: string
  stop(): Promise<void>
}

const isInstalled = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/** Why the suites on MariaDB cannot run here, in one line; null where they can. */
export const mariadbMissing = (): string | null =>
  isInstalled('mariadbd') && isInstalled('mariadb-install-db')
    ? null
    : 'mariadbd is not installed, its suites are skipped: apt-get install mariadb-server'

/** A real MariaDB in a folder and on a port of its own, utf8mb4; `stop` ends it and removes the folder. */
export async function startMariadb(): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-mariadb-'))
  const dataDir = join(folder, 'data')
  const asUser = userInfo().uid === 0 ? ['--user=root'] : []
  const made = spawnSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      ...asUser,
      `--datadir=${dataDir}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`mariadb-install-db failed: ${made.stderr}`)
  const port = await freePort()
  const server = spawn(
    'mariadbd',
    [
      '--no-defaults',
      ...asUser,
      `--datadir=${dataDir}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--character-set-server=utf8mb4',
      '--collation-server=utf8mb4_unicode_ci',
      '--skip-log-bin',
      '--innodb-buffer-pool-size=64M',
      '--innodb-flush-log-at-trx-commit=2',
      '--default-time-zone=+08:00',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  server.stderr.on('data', (piece: Buffer) => (said = (said + piece.toString()).slice(-4000)))
  const ended = new Promise<void>((settle) => server.once('exit', () => settle()))
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const password = randomBytes(9).toString('hex')
    await prepare(port, password, () => server.exitCode !== null)
    return { url: `mysql://root:${password}@127.0.0.1:${port}/conformance`, stop }
  } catch (error) {
    await stop()
    throw new Error(`mariadbd did not start: ${said}`, { cause: error })
  }
}

async function prepare(port: number, password: string, hasEnded: () => boolean): Promise<void> {
  const connection = await connected(port, hasEnded)
  await connection.query(`create database conformance character set utf8mb4`)
  await connection.query(`alter user 'root'@'localhost' identified by '${password}'`)
  await connection.end()
}

/** The server is asked until it answers; it has as long as the caller's hook. */
async function connected(port: number, hasEnded: () => boolean): Promise<mysql.Connection> {
  for (;;) {
    try {
      return await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' })
    } catch (error) {
      if (hasEnded()) throw error
      await wait(100)
    }
  }
}
