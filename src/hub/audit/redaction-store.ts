import { hash } from 'node:crypto'
import type { Knex } from 'knex'
import type { Instrument, Redaction } from '../../../schemas/api/audit-care.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'
import type { Digests } from './redact-entry.ts'

export interface RedactionRequest {
  id: string
  entry: string
  facts: readonly string[]
  instrument: Instrument | null
  reason: string
  requestedBy: string
}

export interface RedactedEntry {
  details: Buffer | null
  leafBytes: Buffer
  leafHash: Buffer
}

export interface Execution {
  /** The request's id. */
  id: string
  officer: string
  detailsSeen: Buffer
  detailsLeft: Buffer
  erased: Digests
  /** The audit entry that tells of it. */
  toldIn: string
}

const columns = `requests.id, requests.entry, facts, instrument, reason, requested_by as "requestedBy",
  requested_at as "requestedAt", case when done.id is null then 'requested' else 'confirmed' end as state,
  confirmed_by as "confirmedBy", confirmed_at as "confirmedAt", told_in as "toldIn"`
const tables = `audit.redaction_requests as requests left join audit.redactions as done on done.id = requests.id`

export const redactionStore = (db: Knex) => ({
  insert: async ({ requestedBy, instrument, facts, ...request }: RedactionRequest) => {
    await db('audit.redaction_requests').insert({
      ...request,
      facts: [...facts],
      instrument: instrument && JSON.stringify(instrument),
      requested_by: requestedBy,
    })
  },

  /** The redaction, or `not-found`. */
  demand: async (id: string): Promise<Redaction> => {
    const { rows } = await db.raw<{ rows: Redaction[] }>(
      `select ${columns} from ${tables} where requests.id = ?`,
      [id],
    )
    if (rows[0]) return rows[0]
    throw new Refusal('not-found', `没有消除申请 ${id} / There is no redaction ${id}`)
  },

  /** In order of id, that is of time, `limit + 1` at most; of one entry where it is named. */
  list: async ({ limit, after }: PageRequest, entry: string | null): Promise<Redaction[]> => {
    const { rows } = await db.raw<{ rows: Redaction[] }>(
      `select ${columns} from ${tables}
       where (cast(:after as text) is null or requests.id::text > :after)
         and (cast(:entry as uuid) is null or requests.entry = :entry)
       order by requests.id limit :limit`,
      { after, entry, limit: limit + 1 },
    )
    return rows
  },

  /** The entry as it is stored; null where the log has none here. */
  readEntry: async (id: string): Promise<RedactedEntry | null> => {
    const { rows } = await db.raw<{ rows: RedactedEntry[] }>(
      `select details, leaf_bytes as "leafBytes", leaf_hash as "leafHash"
       from audit.entries join audit.search using (id) where id = ?`,
      [id],
    )
    return rows[0] ?? null
  },

  /** Of what was redacted before. */
  erasedDigests: async (entry: string): Promise<Digests> => {
    const { rows } = await db.raw<{ rows: { digests: Digests }[] }>(
      'select digests from audit.redactions where entry = ?',
      [entry],
    )
    return Object.fromEntries(rows.flatMap(({ digests }) => Object.entries(digests)))
  },

  /** Redactions of one entry come one after the other, until the transaction ends. */
  lockEntry: async (entry: string): Promise<void> => {
    await db.raw(`select pg_advisory_xact_lock(hashtextextended('audit.redact ' || ?, 0))`, [entry])
  },

  execute: async ({ id, officer, detailsSeen, ...done }: Execution): Promise<void> => {
    const seen = hash('sha256', detailsSeen, 'buffer')
    const erased = JSON.stringify(done.erased)
    await db.raw('select audit.redact(?, ?, ?, ?, ?, ?)', [
      id,
      officer,
      seen,
      done.detailsLeft,
      erased,
      done.toldIn,
    ])
  },
})
