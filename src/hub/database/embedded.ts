import { mkdirSync, realpathSync } from 'node:fs'
import { chooseLauncher } from './embedded-launcher.ts'
import {
  createRoles,
  embeddedRoles,
  readPasswords,
  type EmbeddedRole,
  type Passwords,
  urlOf,
} from './embedded-roles.ts'
import { initialise, startServer, stopServer } from './embedded-server.ts'
import { serverSettings, type ServerSettings } from './embedded-settings.ts'
import { supervise } from './embedded-supervisor.ts'
import { lockFolder } from './folder-lock.ts'
import { type Log, silentLog } from './log.ts'

export type { EmbeddedRole }

export interface EmbeddedOptions {
  dataDir: string
  log?: Log
  /** Server settings over the tuned ones, for tests. */
  settings?: ServerSettings
  /** Whether root may use a user namespace; where it may not, the cluster is moved (tests). */
  mayNamespace?: boolean
  /** Called when PostgreSQL ended without being asked to; it is started again by itself. */
  onExit?: (lastWords: string) => void
}

export interface EmbeddedPostgres {
  port: number
  urls: Record<EmbeddedRole, string>
  superuserUrl: string
  /** Process id of the running postmaster; another one after a restart. */
  readonly pid: number
  /** Stops and starts on the same port. */
  restart(): Promise<void>
  /** Fast shutdown, at most 10 s; releases the data folder. May be called twice. */
  stop(): Promise<void>
}

/**
 * Real PostgreSQL in the data folder, reachable only from this machine and only with a password, on a
 * free port. Refuses (`StartRefusal`) a folder in use; recovers what a killed hub left behind; starts
 * the server again when it dies under a running hub.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
  const dataDir = realpathSync(options.dataDir)
  const lock = await lockFolder(dataDir)
  try {
    return await startLocked({ ...options, dataDir }, () => lock.release())
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function startLocked(
  options: EmbeddedOptions,
  release: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const log = options.log ?? silentLog
  const launcher = await chooseLauncher(options.dataDir, options.mayNamespace)
  const passwords = readPasswords(options.dataDir)
  await initialise(launcher, passwords.superuser)
  const settings = { ...serverSettings, ...options.settings }
  const first = await startServer({ launcher, port: 0, settings })
  const port = first.port
  const superuserUrl = urlOf('postgres', passwords.superuser, port, 'postgres')
  try {
    await createRoles(superuserUrl, passwords)
  } catch (error) {
    await stopServer(launcher.clusterDir, first)
    throw error
  }
  const supervisor = supervise({
    first,
    start: () => startServer({ launcher, port, settings }),
    stop: (server) => stopServer(launcher.clusterDir, server),
    onExit: (lastWords) => {
      log.error({ lastWords }, 'PostgreSQL ended unexpectedly; it is being started again')
      options.onExit?.(lastWords)
    },
    log,
  })
  return {
    port,
    urls: roleUrls(passwords, port),
    superuserUrl,
    get pid() {
      return supervisor.current().pid
    },
    restart: () => supervisor.restart(),
    stop: async () => {
      await supervisor.stop()
      await release()
    },
  }
}

function roleUrls(passwords: Passwords, port: number): Record<EmbeddedRole, string> {
  const url = (role: EmbeddedRole): string => urlOf(embeddedRoles[role], passwords[role], port)
  return { owner: url('owner'), app: url('app'), sealer: url('sealer') }
}
