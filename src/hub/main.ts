import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildHub } from './app.ts'
import { openAuditKeys } from './audit/keys.ts'
import { openAuditLog } from './audit/log.ts'
import { startTimestamps } from './audit/anchors/start-timestamps.ts'
import type { NoteSigner } from './audit/sealed/sign-note.ts'
import { startSealing } from './audit/sealed/start-sealing.ts'
import { stopWhenBehind, watchLag } from './audit/sealed/watch-lag.ts'
import { openWatch, watchCalls } from './audit/watch/watch-calls.ts'
import { noteRestore } from './backup/note-restore.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { connectClient } from './database/clients.ts'
import { type Database, openDatabase } from './database/connect.ts'
import { fingerprintLedger } from './database/key-fingerprints.ts'
import type { Log } from './database/log.ts'
import { migrate } from './database/migrate.ts'
import { type DatabaseUrls, provideDatabase } from './database/provide.ts'
import { errorCode } from './error-code.ts'
import { createLogger } from './http/access-log.ts'
import type { Api } from './http/api.ts'
import { startHousekeeping } from './housekeeping.ts'
import { bootstrapAdmin } from './identity/bootstrap-admin.ts'
import { type Keys, openKeys } from './keys.ts'
import { openRunQueue } from './queue/run-queue.ts'
import { runWorks } from './run-works.ts'
import { StartRefusal } from './start-refusal.ts'
import { startProcessing } from './syncs/work-start.ts'

/*
 *  database ─▶ migrations ─▶ pools ─▶ keys ─▶ audit log ─▶ queue ─▶ app ─▶ first admin ─▶ workers, scheduler ─▶ listening
 *                                                                                                                  │ stop
 *  stopped ◀─ database ◀─ pools ◀─ audit log ◀─ queue ◀─ app, in-flight calls finished ◀─ runs back to the queue ◀─┘
 */
export interface RunningHub {
  /** `http://127.0.0.1:8080` */
  url: string
  app: Api
  /** Finishes what is in flight and closes everything in order, within 10 s; may be called twice. */
  stop(): Promise<void>
}

/** What is in flight may take so long; then its connections are cut, so that the rest has time to close. */
const drainMsMax = 6000

/** Starts the hub as the settings say. Whatever was opened is closed again when a later step fails. */
export async function startHub(config: Config): Promise<RunningHub> {
  const log = createLogger({ level: config.logLevel })
  const closing: (() => Promise<void>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).toReversed()) {
      await close().catch((error: unknown) => log.error({ err: error }, 'closing failed'))
    }
  }
  try {
    const app = await openHub(config, log, closing)
    const url = await listenOn(app, config)
    process.stdout.write(`Shuqiao listening on ${url}\n`)
    let stopped: Promise<void> | undefined
    return { url, app, stop: () => (stopped ??= closeAll()) }
  } catch (error) {
    await closeAll()
    throw error
  }
}

type Closing = (() => Promise<void>)[]

async function openHub(config: Config, log: Log, closing: Closing): Promise<Api> {
  const { database, urls } = await openMigrated(config, log, closing)
  const keys = await openKeys(config.keysDir, fingerprintLedger(database.knex), config)
  const sealing = watchLag(database.pool, log)
  closing.push(() => sealing.close())
  const opened = openAuditLog({
    keys: openAuditKeys(keys),
    openClient: () => connectClient({ url: database.directUrl, purpose: 'audit' }),
    onFault: (error) => log.error({ err: error }, 'the audit log could not be written'),
  })
  closing.push(() => opened.close())
  const auditLog = stopWhenBehind(opened, sealing)
  await startLog({ config, sealerUrl: urls.sealer, keys, log }, closing)
  await noteRestore(database.pool, auditLog)
  const watch = openWatch({
    database,
    log: auditLog,
    keys: openAuditKeys(keys),
    clock: systemClock,
    faults: log,
  })
  closing.push(() => watch.close())
  const watched = watchCalls(auditLog, watch)
  const queue = openRunQueue({ directUrl: database.directUrl, redisUrl: config.redisUrl, log })
  closing.push(() => queue.close())
  const app = await buildHub({ config, database, auditLog: watched, keys, queue, sealing })
  closing.push(() => drain(app))
  const housekeeping = startHousekeeping({ ...app.hub, log })
  closing.push(() => housekeeping.close())
  const tokenPath = await bootstrapAdmin(app.hub.database, config)
  if (tokenPath !== null) {
    process.stdout.write(`首位管理员的令牌 / Token of the first administrator: ${tokenPath}\n`)
  }
  makeDefaultFolder(config)
  await app.ready()
  const processing = await startProcessing(app.hub, runWorks(app.hub), log)
  closing.push(() => processing.close())
  return app
}

/** Where files of syncs lie unless a folder is named; a named one that is missing is a fault to be seen. */
function makeDefaultFolder({ dataDir, filesDirs }: Config): void {
  const folder = join(dataDir, 'files')
  if (filesDirs.includes(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
}

/** What makes a log of entries: positions and signed checkpoints, and stamps of others on those. */
async function startLog(
  parts: { config: Config; sealerUrl: string; keys: Keys; log: Log },
  closing: Closing,
): Promise<void> {
  const { config, keys, sealerUrl, log } = parts
  const moreSigners = await guomiSigners(keys)
  const sealer = await startSealing({ ...parts, moreSigners })
  closing.push(() => sealer.close())
  const authority = config.timestamps
  const timestamps = await startTimestamps({ config, authority, sealerUrl, log })
  closing.push(() => timestamps.close())
}

/** The library of SM2 is loaded only where checkpoints are signed with it. */
async function guomiSigners({ guomiSigning }: Keys): Promise<(origin: string) => NoteSigner[]> {
  if (guomiSigning === undefined) return () => []
  const { sm2Signer } = await import('./audit/anchors/sm2-signer.ts')
  return (origin) => [sm2Signer(origin, guomiSigning)]
}

async function openMigrated(
  config: Config,
  log: Log,
  closing: Closing,
): Promise<{ database: Database; urls: DatabaseUrls }> {
  const provided = await provideDatabase(config, log)
  closing.push(() => provided.stop())
  const { urls } = provided
  await migrate({ url: urls.migration, log })
  const { connectionsMax } = config.database
  const database = await openDatabase({
    url: urls.app,
    directUrl: urls.direct,
    poolMax: { general: connectionsMax, reads: connectionsMax },
    log,
  })
  closing.push(() => database.close())
  return { database, urls }
}

async function drain(app: Api): Promise<void> {
  app.hub.inFlight.drain()
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMsMax)
  // A kept-alive connection whose last answer has gone out would otherwise be waited for.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 50)
  await app.close()
  clearTimeout(timer)
  clearInterval(sweep)
}

async function listenOn(app: Api, { http }: Config): Promise<string> {
  try {
    await app.listen({ host: http.host, port: http.port, listenTextResolver: () => 'listening' })
  } catch (error) {
    throw listenRefused(error, http) ?? error
  }
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : http.port
  const host = http.host.includes(':') ? `[${http.host}]` : http.host
  return `${http.tls ? 'https' : 'http'}://${host}:${port}`
}

function listenRefused(error: unknown, { host, port }: Config['http']): StartRefusal | null {
  const place = `${host}:${port}`
  const reasons: Record<string, string> = {
    EADDRINUSE: `端口 ${place} 已被占用,请用 SHUQIAO_PORT 改用别的端口 / ${place} is in use; choose another with SHUQIAO_PORT`,
    EACCES: `无权监听 ${place},请用 SHUQIAO_PORT 改用 1024 以上的端口 / May not listen on ${place}; choose a port above 1024`,
    EADDRNOTAVAIL: `本机没有地址 ${host},请检查 SHUQIAO_HOST / This machine has no address ${host}; check SHUQIAO_HOST`,
    ENOTFOUND: `无法解析 ${host},请检查 SHUQIAO_HOST / Cannot resolve ${host}; check SHUQIAO_HOST`,
  }
  const reason = reasons[errorCode(error) ?? '']
  return reason === undefined ? null : new StartRefusal(reason, error)
}
