import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { AuditFacts, AuditLog } from '../audit/facts.ts'
import type { AdapterMappings } from '../catalog/mount-mapping.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Config } from '../config.ts'
import type { Database } from '../database/connect.ts'
import type { Log } from '../database/log.ts'
import { type Keys, seal, unseal } from '../keys.ts'
import type { KnownResource } from './access.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { storedRuns, type StoredRuns } from './run-stored.ts'

/** Intake as the rest of the hub sees it. */
export interface Intake {
  parts: IntakeParts
  stored: StoredRuns
  known(id: string): Promise<KnownResource | null>
  close(): Promise<void>
}

export interface IntakeOptions {
  config: Pick<Config, 'http'>
  database: Database
  keys: Keys
  auditLog: AuditLog
  served(id: string): Promise<ServedResource | null>
  adapters: AdapterMappings
  log: Log
  /** Has a worker take up a push whose body is stored; absent: this process works it off itself. */
  ringStored?: ((runId: string) => Promise<void>) | undefined
}

/** Opens intake: every few seconds it looks for runs whose process died. */
export function openIntake(options: IntakeOptions): Intake {
  const { database, keys, auditLog } = options
  const parts: IntakeParts = {
    bulkPool: database.bulkPool,
    pool: database.pool,
    served: (id) => options.served(id),
    mappingOfAdapter: (adapter, source) => options.adapters.mapping(adapter, source),
    vault: {
      seal: (plaintext, context) => seal(plaintext, keys.settings, context),
      open: (sealed, context) => unseal(sealed, keys.settings, context),
    },
    auditLog,
    holder: `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`,
    isClosing: () => false,
    decodedBytesMax: options.config.http.intakeBytesMax,
  }
  const onFault = (error: unknown): void => {
    options.log.error({ err: error }, 'a run could not be worked off')
  }
  const stored = storedRuns(parts, { onFault, ring: options.ringStored })
  const timer = setInterval(() => {
    stored.sweep().catch(onFault)
  }, intakeLimits.leaseMs / 3)
  timer.unref()
  return {
    parts,
    stored,
    known: async (id) => {
      const { rows } = await database.pool.query<KnownResource>(
        'select id, provider, state, share_type as "shareType" from hub.resources where id = $1',
        [id],
      )
      return rows[0] ?? null
    },
    close: async () => {
      clearInterval(timer)
      await stored.close()
    },
  }
}

/** What the log says of a run that ended or was refused. */
export const runFacts = (
  run: { id: string; resource: string; counts: unknown; lastSeq: number | null; state: string },
  operation: string,
): Pick<AuditFacts, 'operation' | 'resource' | 'runId' | 'note'> => ({
  operation,
  resource: run.resource,
  runId: run.id,
  note: { state: run.state, counts: run.counts, lastSeq: run.lastSeq },
})
