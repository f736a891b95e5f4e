import type { Connection, FieldDef, Pool, PoolClient, Submittable } from 'pg'
import { valueTypes } from '../database/value-types.ts'
import { runStatement, type Statement } from './statements.ts'

/*
 * Look-ups by key that arrive together go to PostgreSQL together: one write, one answer, one wake-up of
 * either side, instead of one for each. Every look-up stays a statement of its own with a snapshot of its
 * own, bound to its own proof; only the messages travel together (PostgreSQL documentation, "Pipelining"):
 *
 *   Parse Describe   where the connection does not know the statement yet
 *   Bind Execute     each look-up
 *   Sync             once
 *
 * PostgreSQL passes over what follows a statement that fails, so a batch that fails is asked again one by
 * one: nobody is refused for his neighbour's fault.
 */

type Row = unknown[]

interface Lookup {
  statement: Statement & { name: string }
  values: readonly unknown[]
  resolve(rows: Row[]): void
  reject(error: unknown): void
}

/**
 * One batch at a time, and whatever comes meanwhile makes up the next: the busier the hub, the larger its
 * batches and the cheaper each look-up. Only beside a batch that takes long (its pages come from the disk) may
 * another begin.
 */
const lanesMax = 4
const longBatchMs = 5
/** A batch is soon over, so that no look-up waits long for those before it. */
const lookupsMax = 64

type Parse = (text: string) => unknown

/** How a statement's cells are read, by its name: of those that the connection has prepared. */
const preparedOf = new WeakMap<Connection, Map<string, readonly Parse[]>>()

/** What `pg` sends for a value of ours: texts, numbers, truths, bytes and lists of texts. */
function wireValue(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  if (!Array.isArray(value)) throw new TypeError('no value of a look-up')
  const items = value.map((item) => `"${String(item).replaceAll(/["\\]/g, String.raw`\$&`)}"`)
  return `{${items.join()}}`
}

type Callback = (error: Error | null) => void

class LookupBatch implements Submittable {
  /** Replaced by `pg` with one that knows of the time limit. */
  callback: Callback
  readonly found: Row[][]
  readonly #lookups: readonly Lookup[]
  readonly #prepared: (readonly Parse[])[] = []
  readonly #toPrepare: string[] = []
  #known = new Map<string, readonly Parse[]>()
  #at = 0
  #fault: Error | null = null

  constructor(lookups: readonly Lookup[], callback: Callback) {
    this.#lookups = lookups
    this.found = lookups.map(() => [])
    this.callback = callback
  }

  submit(connection: Connection): void {
    this.#known = preparedOf.get(connection) ?? new Map<string, readonly Parse[]>()
    preparedOf.set(connection, this.#known)
    connection.stream.cork()
    try {
      for (const lookup of this.#lookups) this.#send(connection, lookup)
      connection.sync()
    } finally {
      connection.stream.uncork()
    }
  }

  #send(connection: Connection, { statement, values }: Lookup): void {
    const { name, text, fixed } = statement
    if (!this.#known.has(name) && !this.#toPrepare.includes(name)) {
      this.#toPrepare.push(name)
      connection.parse({ name: pipelined(name), text, types: [] }, true)
      connection.describe({ type: 'S', name: pipelined(name) }, true)
    }
    const all = [...values, ...fixed].map(wireValue)
    connection.bind({ statement: pipelined(name), values: all }, true)
    connection.execute({}, true)
  }

  /** Descriptions come in the order in which they were asked for. */
  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    const name = this.#toPrepare[this.#prepared.length]
    const parsers = fields.map(({ dataTypeID }) => valueTypes.getTypeParser(dataTypeID))
    this.#prepared.push(parsers)
    if (name !== undefined) this.#known.set(name, parsers)
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    const name = this.#lookups[this.#at]?.statement.name ?? ''
    const parsers = this.#known.get(name) ?? []
    try {
      const row = fields.map((cell, place) => (cell === null ? null : parsers[place]?.(cell)))
      this.found[this.#at]?.push(row)
    } catch (error) {
      // Thrown here it would end the process: a value that cannot be read fails its query.
      this.#fault = error instanceof Error ? error : new Error(String(error))
    }
  }

  handleCommandComplete(): void {
    this.#at++
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  handleReadyForQuery(): void {
    this.callback(this.#fault)
  }
}

/** `pg` keeps an account of its own of what it has prepared; the names must not meet. */
const pipelined = (name: string): string => `p${name}`

class Pipeline {
  readonly #pool: Pool
  #queue: Lookup[] = []
  #busyCount = 0
  #begunAt = 0
  #isScheduled = false
  #watch: NodeJS.Timeout | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  ask(lookup: Lookup): void {
    this.#queue.push(lookup)
    if (this.#busyCount === 0) this.#schedule()
    else this.#watch ??= setTimeout(() => this.#look(), longBatchMs)
  }

  /** Behind whatever else arrived in this turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#begin()
    })
  }

  #begin(): void {
    if (this.#queue.length === 0) return
    this.#begunAt = performance.now()
    void this.#run(this.#queue.splice(0, lookupsMax))
  }

  /** Whether what waits should wait on. */
  #look(): void {
    this.#watch = undefined
    if (this.#queue.length === 0) return
    const isLong = performance.now() - this.#begunAt >= longBatchMs
    if (isLong && this.#busyCount < lanesMax) this.#begin()
    this.#watch = setTimeout(() => this.#look(), longBatchMs)
  }

  async #run(lookups: readonly Lookup[]): Promise<void> {
    this.#busyCount++
    try {
      const found = await this.#send(lookups)
      for (const [place, { resolve }] of lookups.entries()) resolve(found[place] ?? [])
    } catch {
      for (const lookup of lookups) {
        const { statement, values, resolve, reject } = lookup
        runStatement(this.#pool, statement, values).then(resolve, reject)
      }
    } finally {
      this.#busyCount--
      if (this.#queue.length > 0) this.#schedule()
    }
  }

  async #send(lookups: readonly Lookup[]): Promise<Row[][]> {
    const client = await this.#pool.connect()
    try {
      const found = await sendBatch(client, lookups)
      client.release()
      return found
    } catch (error) {
      // What it has prepared by now is not known.
      client.release(true)
      throw error
    }
  }
}

const sendBatch = (client: PoolClient, lookups: readonly Lookup[]): Promise<Row[][]> =>
  new Promise((resolve, reject) => {
    const batch: LookupBatch = new LookupBatch(lookups, (error) => {
      if (error) reject(error)
      else resolve(batch.found)
    })
    try {
      client.query(batch)
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)))
    }
  })

const pipelines = new WeakMap<Pool, Pipeline>()

/** As `runStatement`, for what one index probe answers: sent together with what else is asked now. */
export function runTogether(
  pool: Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const { name } = statement
  if (name === undefined) return runStatement(pool, statement, values)
  const pipeline = pipelines.get(pool) ?? new Pipeline(pool)
  pipelines.set(pool, pipeline)
  return new Promise((resolve, reject) => {
    pipeline.ask({ statement: { ...statement, name }, values, resolve, reject })
  })
}
