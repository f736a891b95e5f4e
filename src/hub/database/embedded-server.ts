import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Launcher } from './embedded-launcher.ts'
import { endLeftovers, findProcesses, readPostmasterFile } from './embedded-leftovers.ts'
import type { ServerSettings } from './embedded-settings.ts'

export interface RunningServer {
  pid: number
  /** Resolves when the postmaster has gone, with its last words. */
  exited: Promise<string>
  process: ChildProcess
}

/** Text is ordered by code point, the same on every machine, and never changes with a library. */
const initdbOptions = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
]
const outputLinesMax = 40
const startPatienceMs = 20_000

/**
 * Makes a new cluster: UTF-8, code point order, SCRAM for everybody; nothing when there is one. It is
 * made aside and renamed when complete, so that a first start that is killed leaves none; what that left
 * running and lying about is removed by the next.
 */
export async function initialise(launcher: Launcher, password: string): Promise<boolean> {
  const { clusterDir, identity, binaries } = launcher
  if (existsSync(join(clusterDir, 'PG_VERSION'))) return false
  const aside = `${clusterDir}-initdb`
  await endLeftovers(aside, 0)
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { mode: 0o700 })
  const passwordFile = join(aside, 'password')
  const madeDir = join(aside, 'data')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (identity) {
    for (const path of [aside, passwordFile]) chownSync(path, identity.uid, identity.gid)
  }
  try {
    const options = [`--pgdata=${madeDir}`, `--pwfile=${passwordFile}`, ...initdbOptions]
    const child = launch(launcher, { program: binaries.initdb, options, folder: aside })
    const lastWords = await child.exited
    if (child.process.exitCode !== 0) throw new Error(`initdb failed: ${lastWords}`)
    rmSync(clusterDir, { recursive: true, force: true })
    renameSync(madeDir, clusterDir)
    return true
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

export interface ServerStart {
  launcher: Launcher
  /** 0: any free one, asked from the system. */
  port: number
  settings: ServerSettings
}

/** Starts the server and waits until it takes connections; keeps trying for 20 s. */
export async function startServer(start: ServerStart): Promise<RunningServer & { port: number }> {
  const giveUpAt = Date.now() + startPatienceMs
  for (;;) {
    await endLeftovers(start.launcher.clusterDir)
    const port = start.port === 0 ? await findFreePort() : start.port
    const server = launchServer({ ...start, port })
    const lastWords = await waitUntilReady(start.launcher.clusterDir, server)
    if (lastWords === undefined) return { ...server, port }
    if (Date.now() > giveUpAt) throw new Error(`PostgreSQL does not start: ${lastWords}`)
    await sleep(500)
  }
}

function launchServer({ launcher, port, settings }: ServerStart): RunningServer {
  const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  return launch(launcher, {
    program: launcher.binaries.postgres,
    options: ['-D', launcher.clusterDir, ...options],
    folder: launcher.clusterDir,
  })
}

/** Nothing when ready, else the last words of the server that ended instead. */
async function waitUntilReady(
  clusterDir: string,
  server: RunningServer,
): Promise<string | undefined> {
  const ended = { lastWords: undefined as string | undefined }
  void server.exited.then((lastWords) => (ended.lastWords = lastWords))
  // Recovery after a crash may take long; a server that neither ends nor becomes ready is recovering.
  while (ended.lastWords === undefined) {
    const lines = readPostmasterFile(clusterDir)
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return undefined
    await sleep(20)
  }
  return ended.lastWords
}

interface Command {
  program: string
  options: readonly string[]
  /** Its working directory, by which it is found again when it outlives the hub. */
  folder: string
}

/** Where `unshare` and its like lie: PostgreSQL's own programs are called by their full paths. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A session of its own, so that Ctrl-C in the terminal reaches the hub only, which stops in order. */
function launch(launcher: Launcher, { program, options, folder }: Command): RunningServer {
  const [command = program, ...rest] = [...launcher.prefix, program, ...options]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    detached: true,
    env: { PATH: systemPath, LC_ALL: 'C', TZ: 'UTC' },
    ...launcher.identity,
  })
  return { pid: child.pid ?? -1, exited: collectLastWords(child), process: child }
}

function collectLastWords(child: ChildProcess): Promise<string> {
  const lines: string[] = []
  const keep = (part: Buffer): void => {
    lines.push(...part.toString('utf8').split('\n').filter(Boolean))
    lines.splice(0, lines.length - outputLinesMax)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    // `exit`, not `close`: back ends of a killed postmaster hold the pipes open a little longer.
    child.once('exit', () => setImmediate(() => resolve(lines.join('\n'))))
  })
}

/** A fast shutdown within 8 s; then whatever is left is killed: the WAL keeps all that was committed. */
export async function stopServer(clusterDir: string, server: RunningServer): Promise<void> {
  server.process.kill('SIGINT')
  const stopped = await Promise.race([
    server.exited.then(() => true),
    sleep(8000, false, { ref: false }),
  ])
  if (stopped && findProcesses(clusterDir).length === 0) return
  await endLeftovers(clusterDir, 0)
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
