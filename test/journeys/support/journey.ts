import type { LightMyRequestResponse } from 'fastify'
import { sourceOf } from '../../../adapters/index.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { publishDraft, standardDraft } from '../../support/resources.ts'
import { csvText } from './csv-text.ts'

export type Row = Record<string, unknown>

export interface Counts {
  read: number
  inserted: number
  updated: number
  unchanged: number
  stale: number
  superseded: number
  deleted: number
  rejected: number
  flagged: number
}

export interface Pushed {
  runId: string
  state: string
  counts: Counts
  rejects: { line: number; key?: string; field: string | null; code: string }[]
  lastSeq: number
}

/** A record as it is stored: what it says, and what is said about it. */
export interface StoredRecord {
  status: string
  /** Codes of the row's own quality entries and of the hub's flags, sorted, each once. */
  flags: string[]
  quality: { code: string; field: string | null; value?: string }[]
  values: Record<string, unknown>
}

export interface JourneyResource {
  id: string
  push(rows: readonly Row[] | string, options?: { mode?: string }): Promise<Pushed>
  replay(runId: string, rows: readonly { line: number; source: Row }[]): Promise<Pushed>
  rejectsOf(runId: string): Promise<{ line: number; state: string; code: string }[]>
  record(key: string): Promise<StoredRecord | null>
  /** The last change number that was given. */
  lastSeq(): Promise<number>
  /** Merge keys of the records that are not deleted, sorted. */
  keys(): Promise<string[]>
  /** Merge keys of the live records for which `condition` (SQL over the alias t) holds, sorted. */
  keysWhere(condition: string, values?: readonly unknown[]): Promise<string[]>
  /** Merge keys of the records that had this value in a look-up field once. */
  formerly(value: string): Promise<string[]>
  /** Former versions of one record, oldest first: status and values. */
  history(key: string): Promise<{ status: string; values: Record<string, unknown> }[]>
}

export interface Journey {
  hub: TestHub
  publish(options: ResourceOptions): Promise<JourneyResource>
  close(): Promise<void>
}

export interface ResourceOptions {
  id: string
  standard: string
  authoritative?: boolean
  /** The department's adapter and source; without one, rows come in the standard's shape. */
  mount?: { adapter: string; source: string }
}

const provider = 'provider'

/** A hub with one department and its front-end machine, which put records in as a city's would. */
export async function openJourney(): Promise<Journey> {
  const hub = await buildTestHub()
  await hub.makeDepartment(provider)
  const token = await hub.makeSystem('front', provider)
  return {
    hub,
    publish: async ({ id, standard, authoritative = false, mount }) => {
      await publishDraft(hub, { ...standardDraft(id, provider, standard), authoritative }, mount)
      return openResource(hub, { id, token, source: bodyOf(mount) })
    },
    close: () => hub.close(),
  }
}

interface Body {
  type: string
  text(rows: readonly Row[]): string
}

/** Rows in the source's own columns and form; in the standard's shape they come as NDJSON. */
function bodyOf(mount: ResourceOptions['mount']): Body {
  const source = mount && sourceOf(mount.adapter, mount.source)
  if (source?.mediaType === 'text/csv') {
    const columns = Object.keys(source.columns)
    return { type: source.mediaType, text: (rows) => csvText(columns, rows) }
  }
  return {
    type: 'application/x-ndjson',
    text: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  }
}

function openResource(
  hub: TestHub,
  { id, token, source }: { id: string; token: string; source: Body },
): JourneyResource {
  return {
    id,
    push: async (rows, { mode = 'upsert' } = {}) => {
      const body = typeof rows === 'string' ? rows : source.text(rows)
      const headers = { 'content-type': source.type }
      const url = `/v1/resources/${id}/batches?mode=${mode}`
      return pushed(await hub.call('POST', url, { token, body, headers }))
    },
    replay: async (runId, rows) =>
      pushed(await hub.call('POST', `/v1/runs/${runId}/replay`, { token, body: { rows } })),
    rejectsOf: async (runId) => {
      const answer = await hub.call('GET', `/v1/runs/${runId}/rejects`, { token })
      return answer.json<{ items: { line: number; state: string; code: string }[] }>().items
    },
    ...storedRecords(hub, id),
  }
}

/** The answer of a push whose counts add up (`records`): otherwise the journey ends here. */
function pushed(answer: LightMyRequestResponse): Pushed {
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`)
  const content = answer.json<Pushed>()
  const { read, flagged: _beside, ...fates } = content.counts
  const sum = Object.values(fates).reduce((total, count) => total + count, 0)
  if (sum !== read) throw new Error(`${read} rows read, ${sum} accounted for`)
  return content
}

type Stored = Record<string, unknown> & {
  _key: string
  _status: string
  _quality: StoredRecord['quality'] | null
  _flags: string[] | null
}

/** What the record tables hold, read beside the API so that a journey needs no grant to look. */
function storedRecords(
  hub: TestHub,
  id: string,
): Omit<JourneyResource, 'id' | 'push' | 'replay' | 'rejectsOf'> {
  const { pool } = hub.testDatabase.database
  const numberOf = async (): Promise<number> => {
    const served = await hub.app.hub.catalog.served(id)
    if (served === null) throw new Error(`${id} is not published`)
    return served.number
  }
  const query = async (sql: (table: string) => string, values: unknown[]): Promise<Stored[]> =>
    (await pool.query<Stored>(sql(`records.r_${await numberOf()}`), values)).rows
  const keysWhere: JourneyResource['keysWhere'] = async (condition, values = []) =>
    (
      await query(
        (table) => `select _key from ${table} t
          where _status <> 'deleted' and (${condition}) order by _key collate "C"`,
        [...values],
      )
    ).map(({ _key }) => _key)
  return {
    record: async (key) => {
      const [row] = await query((table) => `select * from ${table} where _key = $1`, [key])
      return row ? storedRecord(row) : null
    },
    lastSeq: async () => {
      const sql = 'select last_seq from hub.change_numbers where resource_number = $1'
      const { rows } = await pool.query<{ last_seq: number }>(sql, [await numberOf()])
      return rows[0]?.last_seq ?? 0
    },
    keys: () => keysWhere('true'),
    keysWhere,
    formerly: async (value) =>
      (await query((table) => `select _key from ${table}_aliases where value = $1`, [value])).map(
        ({ _key }) => _key,
      ),
    history: async (key) =>
      (
        await query(
          (table) => `select * from ${table}_history where _key = $1 order by _seq`,
          [key],
        )
      ).map((row) => ({ status: row._status, values: businessValues(row) })),
  }
}

const businessValues = (row: Stored): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).filter(([name, value]) => !name.startsWith('_') && value !== null),
  )

function storedRecord(row: Stored): StoredRecord {
  const quality = row._quality ?? []
  const codes = new Set([...quality.map(({ code }) => code), ...(row._flags ?? [])])
  return {
    status: row._status,
    flags: [...codes].sort(),
    quality,
    values: businessValues(row),
  }
}
