import type pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../../shared/refusal.ts'
import { isPassing } from '../database/clients.ts'
import type { Batch } from './batch.ts'
import type { IntakeResource } from './intake-resource.ts'
import { landBatch, type Landing } from './land-batch.ts'
import { intakeLimits } from './limits.ts'
import type { IntakeParts } from './parts.ts'
import { rejectStore } from './reject-store.ts'
import { runStore } from './runs.ts'
import { keepForSnapshot } from './snapshot-rows.ts'

/** One batch on its way into the database, with what is kept of it for a repeated call. */
export interface BatchToLand {
  number: number
  batch: Batch
  endByte: number | null
  prefixDigest: Buffer | null
  bodyDigest?: Buffer
  nextBatch?: number
  /** Source bytes so far, where no offset says them. */
  byteCount?: number
  /** Built when the counts are known, kept in the same transaction. */
  answer?: (landing: Landing) => unknown
  /** What else must commit with it. */
  alongside?: (client: pg.PoolClient, landing: Landing) => Promise<unknown>
}

export interface SessionOptions {
  runId: string
  resource: IntakeResource
  isDry: boolean
  isSnapshot: boolean
  joins: boolean
  notAfter: string | null
  /** A replay's rows that are refused again stay rejects of the run they came from. */
  rejectsOf?: string
  /** Nothing was in the resource when the run began. */
  expectNew: boolean
}

/** The session's options for one batch, by what became of those before it. */
interface Attempt extends SessionOptions {
  expectAllNew: boolean
}

/** Lands the batches of one run, one after the other. */
export interface LandingSession {
  land(toLand: BatchToLand): Promise<Landing>
}

/** Nothing of the batch was kept: the run is another's, or nobody's. */
export class Cancelled extends Refusal {
  constructor() {
    super(
      'state-conflict',
      '该次运行已取消或由其他进程接管 / The run was cancelled, or another process took it over',
    )
  }
}

const prepared = new WeakMap<pg.PoolClient, Set<string>>()

/** Temporary tables are made once per connection and resource version, not once per batch. */
async function prepareOnce(client: pg.PoolClient, resource: IntakeResource): Promise<void> {
  const name = `${resource.served.number}`
  const version = `${name}:${resource.served.version}`
  const made = prepared.get(client) ?? new Set()
  prepared.set(client, made)
  if (made.has(version)) return
  // Of another version, or of a transaction whose memory was lost with its roll-back.
  await client.query(`drop table if exists stage_${name}, fate_${name}`)
  for (const known of [...made].filter((one) => one.startsWith(`${name}:`))) made.delete(known)
  await resource.merge.prepare(client)
  made.add(version)
}

export function landingSession(parts: IntakeParts, options: SessionOptions): LandingSession {
  let { expectNew } = options
  let expectAllNew = options.expectNew
  return {
    land: async (toLand) => {
      const landing = await withPatience(parts, options, toLand, () =>
        landOnce(parts, { ...options, expectNew, expectAllNew }, toLand),
      )
      const { inserted, read } = landing.counts
      expectNew = inserted * 2 > read
      // A key that came back once is likely to come again, and each try that fails costs its copy.
      expectAllNew &&= inserted === stagedCount(toLand.batch)
      return landing
    },
  }
}

const stagedCount = ({ layers }: Batch): number =>
  layers.reduce((count, rows) => count + rows.length, 0)

const nothingLanded: Landing = {
  counts: {
    read: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    stale: 0,
    superseded: 0,
    deleted: 0,
    rejected: 0,
    flagged: 0,
  },
  lastSeq: 0,
}

/**
 * Tries again while the database is away. A commit whose answer was lost may have happened: the batch's
 * row tells, and it is then not landed twice.
 */
async function withPatience(
  parts: IntakeParts,
  options: SessionOptions,
  toLand: BatchToLand,
  attempt: () => Promise<Landing>,
): Promise<Landing> {
  const giveUpAt = Date.now() + intakeLimits.outagePatienceMs
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isPassing(error) || Date.now() > giveUpAt) throw error
    }
    await sleep(pauseMs)
    const landed = await hasLanded(parts, options.runId, toLand.number)
    if (landed) return nothingLanded
  }
}

async function hasLanded(parts: IntakeParts, runId: string, number: number): Promise<boolean> {
  try {
    const { rows } = await parts.pool.query(
      'select 1 from hub.batches where run_id = $1 and number = $2',
      [runId, number],
    )
    return rows.length > 0
  } catch (error) {
    if (isPassing(error)) return false
    throw error
  }
}

async function landOnce(
  parts: IntakeParts,
  options: Attempt,
  toLand: BatchToLand,
): Promise<Landing> {
  const client = await parts.bulkPool.connect()
  let fault: Error | undefined
  try {
    await client.query('begin')
    await prepareOnce(client, options.resource)
    const landing = await landWithin(client, options, toLand)
    if (options.isDry) {
      await client.query('rollback; begin')
      prepared.delete(client)
    }
    await keepBatch(client, { parts, options, toLand, landing })
    await client.query('commit')
    return landing
  } catch (error) {
    fault = error instanceof Refusal || !(error instanceof Error) ? undefined : error
    await client.query('rollback').catch((lost: Error) => (fault = lost))
    // Temporary tables made in a transaction that rolled back are gone.
    prepared.delete(client)
    throw error
  } finally {
    client.release(fault)
  }
}

function landWithin(
  client: pg.PoolClient,
  options: Attempt,
  { batch }: BatchToLand,
): Promise<Landing> {
  const { resource } = options
  const context = {
    merge: resource.merge,
    servedVersion: resource.served.version,
    runId: options.runId,
    receivedAt: new Date().toISOString(),
    notAfter: options.notAfter,
    expectNew: options.expectNew,
    expectAllNew: options.expectAllNew,
    joins: options.joins,
  }
  return options.isSnapshot && !options.isDry
    ? keepForSnapshot(client, {
        runId: options.runId,
        batch,
        hasVersions: resource.served.table.versionField !== null,
      })
    : landBatch(client, context, batch)
}

interface Kept {
  parts: IntakeParts
  options: SessionOptions
  toLand: BatchToLand
  landing: Landing
}

/** Rejects, the batch's row and the run's counts: in the transaction of the rows themselves. */
async function keepBatch(
  client: pg.PoolClient,
  { parts, options, toLand, landing }: Kept,
): Promise<void> {
  const rejects = rejectStore(client, parts.vault)
  await rejects.add(options.rejectsOf ?? options.runId, toLand.batch.rejects)
  await client.query(
    `insert into hub.batches (run_id, number, read_count, end_byte, prefix_digest, body_digest, answer, last_seq)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      options.runId,
      toLand.number,
      toLand.batch.readCount,
      toLand.endByte,
      toLand.prefixDigest,
      toLand.bodyDigest ?? null,
      toLand.answer === undefined ? null : JSON.stringify(toLand.answer(landing)),
      landing.lastSeq,
    ],
  )
  await toLand.alongside?.(client, landing)
  const isCounted = await runStore(client).count(options.runId, parts.holder, {
    counts: landing.counts,
    byteCount: toLand.byteCount ?? toLand.endByte,
    lastSeq: landing.lastSeq,
    nextBatch: toLand.nextBatch ?? null,
  })
  if (!isCounted) throw new Cancelled()
}
