import type { ClientBase, Pool } from 'pg'
import { errorCode } from '../../error-code.ts'
import { StartRefusal } from '../../start-refusal.ts'
import { monthOfId } from '../entry.ts'

/*
 *   begun ──tree written──▶ exported ──details sealed──▶ sealed ──all read again──▶ verified ──dropped──▶ dropped
 *     ▲                        ▲                           │                           │
 *     │                        └────── a redaction ────────┴───────────────────────────┤
 *     └───────────── the files, or the log, are not what they should be ───────────────┘
 */
export type ArchiveStep = 'begun' | 'exported' | 'sealed' | 'verified' | 'dropped'

export interface Archive {
  /** `2026-01`, UTC. */
  month: string
  /** The month's own folder, absolute. */
  folder: string
  step: ArchiveStep
  entryCount: number | null
  /** SHA-256 (hex) of `archive.json`. */
  manifestDigest: string | null
  verifiedAt: string | null
  droppedAt: string | null
}

export interface VerifiedFacts {
  entryCount: number
  firstPosition: number
  lastPosition: number
  manifestDigest: string
}

type Queries = Pick<ClientBase | Pool, 'query'>

const columns = `month, folder, step, entry_count as "entryCount", manifest_digest as "manifestDigest",
  verified_at as "verifiedAt", dropped_at as "droppedAt"`

/** Every archive, oldest month first. */
export async function listArchives(db: Queries): Promise<Archive[]> {
  const { rows } = await db.query<Archive>(`select ${columns} from audit.archives order by month`)
  return rows
}

/** The month of the oldest entry in the database: where its retention is over, it is due. Null in an empty log. */
export async function oldestMonthHeld(db: Queries): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    'select id from audit.entries order by id limit 1',
  )
  return rows[0] ? monthOfId(rows[0].id) : null
}

export const archiveStore = (db: Queries) => ({
  find: async (month: string): Promise<Archive | null> => {
    const { rows } = await db.query<Archive>(
      `select ${columns} from audit.archives where month = $1`,
      [month],
    )
    return rows[0] ?? null
  },

  begin: (month: string, folder: string): Promise<unknown> =>
    db.query('insert into audit.archives (month, folder) values ($1, $2) on conflict do nothing', [
      month,
      folder,
    ]),

  /** Nothing where the archive is at another step by now: a redaction has sent it back. */
  move: (month: string, from: ArchiveStep, to: ArchiveStep): Promise<unknown> =>
    db.query(
      `update audit.archives set step = $3, verified_at = null where month = $1 and step = $2`,
      [month, from, to],
    ),

  /** The same where everything was read again. */
  verify: (month: string, facts: VerifiedFacts): Promise<unknown> =>
    db.query(
      `update audit.archives set step = 'verified', verified_at = now(), entry_count = $2, first_position = $3,
         last_position = $4, manifest_digest = $5
       where month = $1 and step = 'sealed'`,
      [month, facts.entryCount, facts.firstPosition, facts.lastPosition, facts.manifestDigest],
    ),

  relocate: (month: string, folder: string): Promise<unknown> =>
    db.query('update audit.archives set folder = $2 where month = $1', [month, folder]),

  /** Why the database would not drop the month now; null where it would. */
  obstacle: async (month: string): Promise<string | null> => {
    const { rows } = await db.query<{ why: string | null }>(
      'select audit.month_obstacle($1) as why',
      [month],
    )
    return rows[0]?.why ?? null
  },

  /** Refuses (`StartRefusal`) where calls that read the month have not ended within two seconds. */
  drop: async (month: string, manifestDigest: string): Promise<void> => {
    await db
      .query('select audit.drop_month($1, $2)', [month, manifestDigest])
      .catch((error: unknown) => {
        throw errorCode(error) === lockNotAvailable ? inUse(month, error) : error
      })
  },
})

const lockNotAvailable = '55P03'

const inUse = (month: string, cause: unknown): StartRefusal =>
  new StartRefusal(
    `${month} 正被查询占用,未移出,请稍后再试 / ${month} is being read and stays: try again later`,
    cause,
  )

export type ArchiveStore = ReturnType<typeof archiveStore>
