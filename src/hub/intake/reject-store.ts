import type { ClientBase, Pool } from 'pg'
import { rowMessage } from '../../../schemas/api/row-codes.ts'
import type { Fault, SourceRow } from '../../exchange/types.ts'
import type { RejectedRow } from './batch.ts'

/** Seals and opens what rejects hold, with the hub's settings key. */
export interface RejectSeal {
  seal(plaintext: Buffer, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
}

export interface Reason {
  field: string | null
  code: string
  message: string
}

/** A reject as it is answered: first reason in front, all of them behind. */
export interface AnsweredReject extends Reason {
  line: number
  key?: string
  reasons: Reason[]
}

export interface KeptReject extends AnsweredReject {
  source: SourceRow | string
  sourceUpdatedAt: string | null
  state: 'open' | 'repaired'
  createdAt: string
}

const reasonOf = (fault: Fault): Reason => ({
  field: fault.field,
  code: fault.code,
  message: rowMessage(fault.code),
})

const unknownReason: Reason = { field: null, code: 'type', message: rowMessage('type') }

export function answeredReject(reject: RejectedRow): AnsweredReject {
  const reasons = reject.reasons.map(reasonOf)
  return {
    line: reject.line,
    ...(reject.key !== null && { key: reject.key }),
    ...(reasons[0] ?? unknownReason),
    reasons,
  }
}

/** A kept reject as answers list it: its source row stays in the store. */
export const asAnswered = ({
  line,
  key,
  field,
  code,
  message,
  reasons,
}: KeptReject): AnsweredReject => ({
  line,
  ...(key !== undefined && { key }),
  field,
  code,
  message,
  reasons,
})

interface SealedContent {
  source: SourceRow | string
  key: string | null
  sourceUpdatedAt: string | null
}

const sealContext = (runId: string, line: number): string => `reject:${runId}:${line}`

function opened(row: RejectRow, vault: RejectSeal): KeptReject {
  const plain = vault.open(row.sealed, sealContext(row.run_id, row.line)).toString('utf8')
  const content: SealedContent = JSON.parse(plain)
  return {
    line: row.line,
    ...(content.key !== null && { key: content.key }),
    ...(row.reasons[0] ?? unknownReason),
    reasons: row.reasons,
    source: content.source,
    sourceUpdatedAt: content.sourceUpdatedAt,
    state: row.state,
    createdAt: row.created_at,
  }
}

const rejectCounts = (db: Pick<ClientBase, 'query'> | Pick<Pool, 'query'>) => ({
  countOpen: async (runId: string): Promise<number> => {
    const { rows } = await db.query<{ count: number }>(
      `select count(*)::integer as count from hub.rejects where run_id = $1 and state = 'open'`,
      [runId],
    )
    return rows[0]?.count ?? 0
  },
  /** Counts by code: what the bureau may see. */
  countsByCode: async (runId: string): Promise<{ code: string; count: number }[]> => {
    const { rows } = await db.query(
      'select code, count(*)::integer as count from hub.rejects where run_id = $1 group by code order by code',
      [runId],
    )
    return rows
  },
})

/** Rejects of runs: the source row, its key and times are sealed; codes stay readable for the bureau's counts. */
export function rejectStore(
  db: Pick<ClientBase, 'query'> | Pick<Pool, 'query'>,
  vault: RejectSeal,
) {
  return {
    /** A line that was refused again (a replay) keeps its place with its new source and reasons. */
    add: async (runId: string, rejects: readonly RejectedRow[]): Promise<void> => {
      if (rejects.length === 0) return
      const answered = rejects.map(answeredReject)
      await db.query(
        `insert into hub.rejects (run_id, line, field, code, reasons, sealed, unit, unit_line)
         select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::text[], $8::bigint[])
         on conflict (run_id, line) do update set field = excluded.field, code = excluded.code,
           reasons = excluded.reasons, sealed = excluded.sealed`,
        [
          runId,
          answered.map(({ line }) => line),
          answered.map(({ field }) => field),
          answered.map(({ code }) => code),
          answered.map(({ reasons }) => JSON.stringify(reasons)),
          rejects.map(({ source, key, sourceUpdatedAt, line }) =>
            vault.seal(
              Buffer.from(JSON.stringify({ source, key, sourceUpdatedAt })),
              sealContext(runId, line),
            ),
          ),
          rejects.map(({ unit }) => unit ?? null),
          rejects.map(({ unitLine }) => unitLine ?? null),
        ],
      )
    },
    page: async (
      runId: string,
      { after, limit, onlyOpen = false, unit }: RejectPage,
    ): Promise<KeptReject[]> => {
      const { rows } = await db.query<RejectRow>(
        `select run_id, line, reasons, sealed, state, created_at from hub.rejects
         where run_id = $1 and line > $2 and (not $4 or state = 'open')
           and ($5::text is null or unit = $5) order by line limit $3`,
        [runId, after, limit, onlyOpen, unit ?? null],
      )
      return rows.map((row) => opened(row, vault))
    },
    ...rejectCounts(db),
    markRepaired: (runId: string, lines: readonly number[], repairedBy: string) =>
      db.query(
        `update hub.rejects set state = 'repaired', repaired_by = $3, repaired_at = now()
         where run_id = $1 and line = any($2::bigint[]) and state = 'open'`,
        [runId, lines, repairedBy],
      ),
  }
}

/**
 * Repaired rejects are purged after so many days: they are personal data. So are those of dry runs, which
 * nobody repairs. Answers how many went.
 */
export async function purgeRejects(db: Pick<Pool, 'query'>, days: number): Promise<number> {
  const repaired = await db.query(
    `delete from hub.rejects where state = 'repaired' and repaired_at < now() - make_interval(days => $1)`,
    [days],
  )
  const dry = await db.query(
    `delete from hub.rejects j using hub.runs r where r.id = j.run_id and r.is_dry
       and r.created_at < now() - make_interval(days => $1)`,
    [days],
  )
  return (repaired.rowCount ?? 0) + (dry.rowCount ?? 0)
}

interface RejectRow {
  run_id: string
  line: number
  reasons: Reason[]
  sealed: Buffer
  state: 'open' | 'repaired'
  created_at: string
}

interface RejectPage {
  after: number
  limit: number
  onlyOpen?: boolean
  /** Only those of one file or exchange batch. */
  unit?: string
}

export type RejectStore = ReturnType<typeof rejectStore>
