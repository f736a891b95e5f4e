import type { Connection, FieldDef, PoolClient, Submittable } from 'pg'
import { valueTypes } from '../database/value-types.ts'
import type { Statement } from './statements.ts'

export type Row = unknown[]

/** How look-ups of a kind are asked in one statement. */
export interface Together {
  /**
   * Its parameters are the values that must be alike, then a list for each value that differs. The last cell of
   * its rows is the place in those lists, from 1.
   */
  statement: Statement
  /** So many values, from the first on, must be alike. */
  alikeCount: number
}

export interface Lookup {
  statement: NamedStatement
  values: readonly unknown[]
  together: NamedTogether | undefined
  resolve(rows: Row[]): void
  reject(error: unknown): void
}

export type NamedStatement = Statement & { name: string }

/** Only what has a name can be prepared. */
export type NamedTogether = Together & { statement: NamedStatement }

type Parse = (text: string) => unknown

/** How a statement's cells are read, by its name: of those that the connection has prepared. */
const preparedOf = new WeakMap<Connection, Map<string, readonly Parse[]>>()

/** What `pg` sends for a value of ours: texts, numbers, truths, bytes, and lists of texts or of bytes. */
function wireValue(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  if (!Array.isArray(value)) throw new TypeError('no value of a look-up')
  return `{${value.map(wireItem).join()}}`
}

function wireItem(item: unknown): string {
  if (item === null || item === undefined) return 'null'
  if (Buffer.isBuffer(item)) return String.raw`"\\x${item.toString('hex')}"`
  if (typeof item !== 'string' && typeof item !== 'number') {
    throw new TypeError('no value of a look-up')
  }
  return `"${`${item}`.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** One statement of a batch, and the look-ups that it answers, by their place in the batch. */
interface Ask {
  statement: NamedStatement
  values: readonly unknown[]
  places: readonly number[]
  isTogether: boolean
}

function asksOf(lookups: readonly Lookup[]): Ask[] {
  const kinds = new Map<unknown, Map<string, number[]>>()
  for (const [place, { together, values }] of lookups.entries()) {
    const owner = together?.statement ?? place
    const kind = kinds.get(owner) ?? new Map<string, number[]>()
    kinds.set(owner, kind)
    const alike = values.slice(0, together?.alikeCount ?? 0).join('\0')
    const places = kind.get(alike)
    if (places) places.push(place)
    else kind.set(alike, [place])
  }
  return [...kinds.values()].flatMap((kind) =>
    [...kind.values()].map((places) => askOf(lookups, places)),
  )
}

function askOf(lookups: readonly Lookup[], places: readonly number[]): Ask {
  const asked = places.flatMap((place) => lookups[place] ?? [])
  const [first] = asked
  if (!first) throw new Error('an empty kind of look-ups')
  const { statement, values, together } = first
  if (asked.length === 1 || !together) return { statement, values, places, isTogether: false }
  const { alikeCount } = together
  const lists = values
    .slice(alikeCount)
    .map((_, index) => asked.map((one) => one.values[alikeCount + index]))
  return {
    statement: together.statement,
    values: [...values.slice(0, alikeCount), ...lists],
    places,
    isTogether: true,
  }
}

type Callback = (error: Error | null) => void

class LookupBatch implements Submittable {
  /** Replaced by `pg` with one that knows of the time limit. */
  callback: Callback
  readonly found: Row[][]
  readonly #asks: readonly Ask[]
  readonly #prepared: (readonly Parse[])[] = []
  readonly #toPrepare: string[] = []
  #known = new Map<string, readonly Parse[]>()
  #at = 0
  #fault: Error | null = null

  constructor(lookups: readonly Lookup[], callback: Callback) {
    this.#asks = asksOf(lookups)
    this.found = lookups.map(() => [])
    this.callback = callback
  }

  submit(connection: Connection): void {
    this.#known = preparedOf.get(connection) ?? new Map<string, readonly Parse[]>()
    preparedOf.set(connection, this.#known)
    connection.stream.cork()
    try {
      for (const ask of this.#asks) this.#send(connection, ask)
      connection.sync()
    } finally {
      connection.stream.uncork()
    }
  }

  #send(connection: Connection, { statement, values }: Ask): void {
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
    const ask = this.#asks[this.#at]
    const parsers = this.#known.get(ask?.statement.name ?? '') ?? []
    try {
      const row = fields.map((cell, index) => (cell === null ? null : parsers[index]?.(cell)))
      const place = ask?.isTogether ? Number(row.pop()) - 1 : 0
      this.found[ask?.places[place] ?? -1]?.push(row)
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

/** Rows of each look-up, in their order. Rejects when any of them fails. */
export const sendBatch = (client: PoolClient, lookups: readonly Lookup[]): Promise<Row[][]> =>
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
