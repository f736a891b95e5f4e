import type { Pool } from 'pg'
import {
  type Lookup,
  type NamedStatement,
  type NamedTogether,
  type Row,
  sendBatch,
  type Together,
} from './lookup-batch.ts'
import { runStatement, type Statement } from './statements.ts'

/*
 * Look-ups by key that arrive together go to PostgreSQL together: one write, one answer, one wake-up of
 * either side, instead of one for each (PostgreSQL documentation, "Pipelining"). Those that differ in their
 * keys alone, under the same proof, are one statement and share its snapshot, which is taken after all of
 * them were asked; every other one is a statement of its own:
 *
 *   Parse Describe   where the connection does not know the statement yet
 *   Bind Execute     each statement
 *   Sync             once
 *
 * PostgreSQL passes over what follows a statement that fails, so a batch that fails is asked again one by
 * one: nobody is refused for his neighbour's fault.
 */

/**
 * One batch at a time, and whatever comes meanwhile makes up the next: the busier the hub, the larger its
 * batches and the cheaper each look-up. Only beside a batch that takes long (its pages come from the disk) may
 * another begin.
 */
const lanesMax = 4
const longBatchMs = 5
/** A batch is soon over, so that no look-up waits long for those before it. */
const lookupsMax = 64

class Pipeline {
  readonly #pool: Pool
  #queue: Lookup[] = []
  #busyCount = 0
  #begunAt = 0
  #isScheduled = false
  #isWatched = false

  constructor(pool: Pool) {
    this.#pool = pool
  }

  ask(lookup: Lookup): void {
    this.#queue.push(lookup)
    if (this.#busyCount === 0) this.#schedule()
    else if (!this.#isWatched) this.#watch()
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
    // More than one batch may have come in one turn.
    if (!this.#isWatched) this.#watch()
  }

  /** Begins beside a batch that takes long, as long as something waits. */
  #watch(): void {
    this.#isWatched = this.#queue.length > 0
    if (!this.#isWatched) return
    setTimeout(() => {
      const isLong = performance.now() - this.#begunAt >= longBatchMs
      if (isLong && this.#busyCount < lanesMax) this.#begin()
      this.#watch()
    }, longBatchMs)
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

const isNamed = (statement: Statement): statement is NamedStatement => statement.name !== undefined
const isNamedTogether = (together: Together): together is NamedTogether =>
  isNamed(together.statement)

const pipelines = new WeakMap<Pool, Pipeline>()

/**
 * As `runStatement`, for what one index probe answers: sent together with what else is asked now, and asked in
 * one statement with what is `together` with it.
 */
export function runTogether(
  pool: Pool,
  statement: Statement,
  values: readonly unknown[],
  together?: Together,
): Promise<Row[]> {
  if (!isNamed(statement)) return runStatement(pool, statement, values)
  const pipeline = pipelines.get(pool) ?? new Pipeline(pool)
  pipelines.set(pool, pipeline)
  // There are only so many names: where the statement for many got none, each is asked alone.
  const named = together && isNamedTogether(together) ? together : undefined
  return new Promise((resolve, reject) => {
    pipeline.ask({ statement, values, together: named, resolve, reject })
  })
}
