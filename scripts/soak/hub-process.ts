import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { embeddedRoles, readPasswords, urlOf } from '../../src/hub/database/embedded-roles.ts'
import nodeFlags from '../node-flags.json' with { type: 'json' }
import { freePort } from './free-port.ts'

/** A hub in a process of its own, so that it can be killed as a power cut would. */
export interface HubProcess {
  url: string
  dataDir: string
  start(): Promise<void>
  /** SIGKILL, without a word. */
  kill(): Promise<void>
  /** SIGSTOP: it lives, and does nothing until it is thawed. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** SIGKILL to the hub's PostgreSQL, the hub left standing. */
  killPostgres(): void
  /** Its own PostgreSQL, as the hub reaches it: to look at what it holds. */
  databaseUrl(): string
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
  /** Resident memory now, in bytes; null when it does not run (or the system does not tell). */
  residentBytes(): number | null
}

const startScript = resolve(import.meta.dirname, '../start.ts')

/** Prepares a hub on a data folder; nothing runs before `start`. */
export async function hubProcess(
  dataDir: string,
  adminToken: string,
  more: Record<string, string> = {},
): Promise<HubProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | null = null
  const settings = {
    ...process.env,
    SHUQIAO_PORT: String(port),
    SHUQIAO_DATA_DIR: dataDir,
    SHUQIAO_ADMIN_TOKEN: adminToken,
    SHUQIAO_LOG_LEVEL: 'error',
    SHUQIAO_CALLS_PER_SECOND: '0',
    ...more,
  }
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child
    // What ended by a signal has no exit code.
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null)
      return Promise.resolve(ending?.exitCode ?? null)
    const ended = new Promise<number | null>((exited) =>
      ending.once('exit', (code) => exited(code)),
    )
    ending.kill(signal)
    return ended
  }
  return {
    url,
    dataDir,
    start: async () => {
      child = spawn(process.execPath, [...nodeFlags, startScript], {
        env: settings,
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      await untilReady(url, child)
    },
    kill: async () => {
      await end('SIGKILL')
    },
    killPostgres: () => {
      const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
      if (!existsSync(pidFile)) return
      const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
      if (Number.isInteger(pid)) process.kill(pid, 'SIGKILL')
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    databaseUrl: () => databaseUrl(dataDir),
    stop: () => end('SIGTERM'),
    residentBytes: () => residentBytes(child?.pid),
  }
}

function databaseUrl(dataDir: string): string {
  // The fourth line of the file is the port.
  const port = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]
  return urlOf(embeddedRoles.app, readPasswords(dataDir).app, Number(port))
}

function residentBytes(pid: number | undefined): number | null {
  const path = `/proc/${pid}/status`
  if (pid === undefined || !existsSync(path)) return null
  const kibibytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(path, 'utf8'))?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * 1024
}

/** A start after a crash recovers first, which on a busy machine takes a while. */
const readySeconds = 120

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < readySeconds * 10; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the hub ended with ${child.exitCode}`)
    const answer = await fetch(`${url}/readyz`).catch(() => null)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error(`the hub was not ready within ${readySeconds} s`)
}
