import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Client, DatabaseError } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import type { AuditEntry } from './entry.ts'
import type { AuditReceipt } from './facts.ts'
import { insertEntries } from './insert-entries.ts'
import { auditLimits } from './limits.ts'

/*
 * The writer of one process: a queue, and lanes that empty it, each with a connection of its own.
 *
 *            append                     queue empty
 *   idle ───────────────▶ flushing ─────────────────────▶ idle
 *                          │    ▲
 *          connection lost │    │ connected: what was in flight is written again, once each
 *                          ▼    │
 *                      reconnecting ──patienceMs passed──▶ down: all that waits is `unavailable`,
 *                                                          the next append tries to connect once
 *
 * A flush begins when the last one ended, with whatever has come meanwhile: no timer delays anybody,
 * and the busier the hub, the larger (and cheaper per entry) the batches. Where much waits
 * (`laneEntriesMin`), another lane begins beside it: entries are ordered by id, not by commit.
 */

interface Waiting {
  entry: AuditEntry
  queuedAt: number
  isAnonymous: boolean
  resolve: (receipt: AuditReceipt) => void
  reject: (reason: Refusal) => void
}

export interface WriterOptions {
  /** One connection attempt, without patience: the writer has its own. */
  openClient(): Promise<Client>
  /** Connections that may flush at the same time. */
  lanes?: number
  /** How long waiting entries are kept while the database is away, in milliseconds. */
  patienceMs?: number
  waitingEntriesMax?: number
  /** Told of every failed flush, for the log. */
  onFault?(error: unknown): void
}

export interface AuditGauges {
  /** Entries queued or being written. */
  waiting: number
  oldestWaitingMs: number
  lastFlushAt: Date | null
  lastFlushCount: number
}

interface Lane {
  client: Client | null
  busy: Promise<void> | null
}

const unavailable = (detail: string, cause?: unknown): Refusal =>
  new Refusal('unavailable', detail, { retryAfterSeconds: 1, cause })

export class AuditWriter {
  readonly #options: Required<WriterOptions>
  readonly #lanes: Lane[]
  #queue: Waiting[] = []
  readonly #inFlight = new Set<Waiting[]>()
  #waitingCount = 0
  #waitingBytes = 0
  #anonymousCount = 0
  #busyCount = 0
  #lostAt: number | null = null
  #lastFlushAt: Date | null = null
  #lastFlushCount = 0
  #isClosed = false

  constructor(options: WriterOptions) {
    const { waitingEntriesMax, patienceMs } = auditLimits
    this.#options = {
      lanes: 2,
      patienceMs,
      waitingEntriesMax,
      onFault: () => undefined,
      ...options,
    }
    this.#lanes = Array.from({ length: this.#options.lanes }, () => ({ client: null, busy: null }))
  }

  /** Resolves once the entry is committed; rejects with `unavailable`. */
  write(entry: AuditEntry, isAnonymous: boolean): Promise<AuditReceipt> {
    if (this.#isClosed) return Promise.reject(unavailable('正在停机 / The hub is shutting down'))
    if (!this.#hasRoom(entry, isAnonymous)) {
      return Promise.reject(
        unavailable('审计日志积压,请稍后再试 / The audit log is behind; try again'),
      )
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, queuedAt: performance.now(), isAnonymous, resolve, reject })
      this.#count(entry, isAnonymous, 1)
      this.#wake()
    })
  }

  gauges(): AuditGauges {
    const oldest = [...this.#inFlight, this.#queue].flatMap((waiting) => waiting[0]?.queuedAt ?? [])
    return {
      waiting: this.#waitingCount,
      oldestWaitingMs: oldest.length === 0 ? 0 : performance.now() - Math.min(...oldest),
      lastFlushAt: this.#lastFlushAt,
      lastFlushCount: this.#lastFlushCount,
    }
  }

  /** Takes nothing more, writes what waits, and ends the connections. */
  async close(): Promise<void> {
    this.#isClosed = true
    // A lane may have been woken again while the others were waited for.
    while (this.#lanes.some(({ busy }) => busy !== null)) {
      await Promise.all(this.#lanes.map(async ({ busy }) => busy))
    }
    await Promise.allSettled(this.#lanes.map(async ({ client }) => client?.end()))
  }

  #hasRoom(entry: AuditEntry, isAnonymous: boolean): boolean {
    const { waitingEntriesMax } = this.#options
    const { anonymousWaitingMax, waitingBytesMax } = auditLimits
    if (this.#waitingBytes + entry.bytes > waitingBytesMax) return false
    if (
      isAnonymous &&
      this.#anonymousCount >= Math.min(anonymousWaitingMax, waitingEntriesMax / 2)
    ) {
      return false
    }
    return this.#waitingCount < waitingEntriesMax
  }

  #count(entry: AuditEntry, isAnonymous: boolean, sign: 1 | -1): void {
    this.#waitingCount += sign
    this.#waitingBytes += sign * entry.bytes
    if (isAnonymous) this.#anonymousCount += sign
  }

  /**
   * An idle lane begins at once where enough waits for a batch. Where less waits, callers of the same turn
   * of the event loop go together, and join the batch after the one that is under way.
   */
  #wake(): void {
    const isMuch = this.#queue.length >= auditLimits.laneEntriesMin
    if (!isMuch && this.#busyCount > 0) return
    const lane = this.#lanes.find(({ busy }) => busy === null)
    if (lane) this.#start(lane, isMuch)
  }

  #start(lane: Lane, isMuch: boolean): void {
    this.#busyCount++
    lane.busy = this.#run(lane, isMuch).finally(() => {
      this.#busyCount--
      lane.busy = null
      if (this.#queue.length > 0) this.#wake()
    })
  }

  async #run(lane: Lane, isMuch: boolean): Promise<void> {
    if (!isMuch) await nextTurn()
    while (this.#queue.length > 0) {
      await this.#flush(lane, this.#take())
      // Whoever was answered may ask again before the next batch is made up.
      await nextTurn()
      // A few are better left to the other lane.
      if (this.#busyCount > 1 && this.#queue.length < auditLimits.laneEntriesMin) return
    }
  }

  #take(): Waiting[] {
    const { batchEntriesMax, batchBytesMax } = auditLimits
    let bytes = 0
    let count = 0
    for (const { entry } of this.#queue) {
      bytes += entry.bytes
      if (count === batchEntriesMax || (count > 0 && bytes > batchBytesMax)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #flush(lane: Lane, batch: Waiting[]): Promise<void> {
    this.#inFlight.add(batch)
    try {
      await this.#insert(lane, batch)
      this.#lastFlushAt = new Date()
      this.#lastFlushCount = batch.length
      this.#settle(batch, ({ entry, resolve }) => resolve({ id: entry.id, leaf: entry.leaf.hash }))
    } catch (error) {
      await this.#fail(lane, batch, error)
    } finally {
      this.#inFlight.delete(batch)
    }
  }

  /** Writes the batch, over as many connections as it takes while patience lasts. */
  async #insert(lane: Lane, batch: readonly Waiting[]): Promise<void> {
    const entries = batch.map(({ entry }) => entry)
    let isSent = false
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
      try {
        lane.client ??= await this.#connect(lane)
        const isRepeated = isSent
        // From here on it may be committed although no answer comes.
        isSent = true
        await insertEntries(lane.client, entries, isRepeated)
        this.#lostAt = null
        return
      } catch (error) {
        if (isOfEntries(error)) throw error
        drop(lane)
        if (!isLoss(error) || this.#isOutOfPatience()) throw error
        this.#options.onFault(error)
      }
      await sleep(pauseMs)
    }
  }

  async #connect(lane: Lane): Promise<Client> {
    try {
      const client = await this.#options.openClient()
      client.on('error', () => {
        if (lane.client === client) lane.client = null
      })
      // Whatever the database's default is: an entry that is not on disk proves nothing.
      await client.query('set synchronous_commit = on')
      return client
    } catch (cause) {
      throw new ConnectionFault('no connection to the audit log', { cause })
    }
  }

  #isOutOfPatience(): boolean {
    this.#lostAt ??= performance.now()
    return performance.now() - this.#lostAt >= this.#options.patienceMs
  }

  async #fail(lane: Lane, batch: Waiting[], error: unknown): Promise<void> {
    this.#options.onFault(error)
    if (isOfEntries(error) && batch.length > 1) {
      // One entry must not fail its neighbours.
      for (const waiting of batch) await this.#flush(lane, [waiting])
      return
    }
    // A lost connection fails all alike, and each batch's own attempt would only make them wait longer.
    const all = isLoss(error) ? [...batch, ...this.#queue.splice(0)] : batch
    const refusal = unavailable('审计日志暂不可写 / The audit log cannot be written', error)
    this.#settle(all, (waiting) => waiting.reject(refusal))
  }

  #settle(batch: readonly Waiting[], tell: (waiting: Waiting) => void): void {
    for (const waiting of batch) {
      this.#count(waiting.entry, waiting.isAnonymous, -1)
      tell(waiting)
    }
  }
}

/** Closes a connection that may be broken, without waiting for it. */
function drop(lane: Lane): void {
  lane.client?.end().catch(() => undefined)
  lane.client = null
}

/** Whatever forbids a connection (the server starting, all its connections taken) may pass. */
class ConnectionFault extends Error {}

const stateOf = (error: unknown): string | undefined =>
  error instanceof DatabaseError ? error.code : undefined

/** The values of some entry are at fault (classes 22, 23 and 54), not the log: others may do better alone. */
const isOfEntries = (error: unknown): boolean => /^(22|23|54)/.test(stateOf(error) ?? '')

/**
 * No answer, or an answer that the server is going away (classes 08 and 57P). Any other answer (a right
 * missing, read-only, disk full) is a no that waiting would not change.
 */
const isLoss = (error: unknown): boolean =>
  !(error instanceof DatabaseError) || /^(08|57P)/.test(error.code ?? '')
