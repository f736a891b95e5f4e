import type { Knex } from 'knex'
import type { PageRequest } from '../http/cursors.ts'
import { codeTaken } from '../identity/code-taken.ts'
import { syncColumns, type SyncRow } from './sync-rows.ts'

/** What defining a sync writes; the rest is filled by its runs. */
export type NewSync = Pick<
  SyncRow,
  | 'id'
  | 'title'
  | 'resource'
  | 'direction'
  | 'department'
  | 'adapter'
  | 'source'
  | 'connector'
  | 'settings'
  | 'secrets'
  | 'origin'
  | 'mode'
  | 'cursor'
  | 'overlap'
  | 'cron'
  | 'timezone'
  | 'limits'
  | 'errorLimit'
  | 'onDrift'
  | 'fewerThanShareMin'
  | 'silentAfterHours'
  | 'priority'
  | 'mapping'
  | 'targetColumns'
  | 'grantId'
  | 'context'
  | 'nextDueAt'
  | 'createdBy'
>

/** What may be changed later. */
export type SyncPatch = Partial<
  Omit<NewSync, 'id' | 'resource' | 'direction' | 'createdBy'> &
    Pick<SyncRow, 'position' | 'sourceColumns' | 'lastFullCount'>
>

export interface SyncFilter {
  /** Only this department's; null: everybody's. */
  department: string | null
  resource?: string | undefined
  direction?: SyncRow['direction'] | undefined
}

const columnOf = {
  id: 'id',
  title: 'title',
  resource: 'resource',
  direction: 'direction',
  department: 'department',
  adapter: 'adapter',
  source: 'source',
  connector: 'connector',
  settings: 'settings',
  secrets: 'secrets',
  origin: 'origin',
  mode: 'mode',
  cursor: 'cursor',
  overlap: 'overlap',
  cron: 'cron',
  timezone: 'timezone',
  limits: 'limits',
  errorLimit: 'error_limit',
  onDrift: 'on_drift',
  fewerThanShareMin: 'fewer_than_share_min',
  silentAfterHours: 'silent_after_hours',
  priority: 'priority',
  mapping: 'mapping',
  targetColumns: 'target_columns',
  grantId: 'grant_id',
  context: 'context',
  nextDueAt: 'next_due_at',
  position: 'position',
  sourceColumns: 'source_columns',
  lastFullCount: 'last_full_count',
  createdBy: 'created_by',
} as const satisfies Record<keyof (NewSync & SyncPatch), string>

const isColumn = (name: string): name is keyof typeof columnOf => Object.hasOwn(columnOf, name)

const jsonColumns: ReadonlySet<string> = new Set([
  'settings',
  'limits',
  'errorLimit',
  'mapping',
  'targetColumns',
  'context',
])

/** Objects become JSON text here; arrays of text (`cursor`) are left to the driver. */
const toColumns = (draft: SyncPatch & Partial<NewSync>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(draft).flatMap(([name, value]) => {
      if (!isColumn(name) || value === undefined) return []
      const isJson = jsonColumns.has(name) && value !== null
      return [[columnOf[name], isJson ? JSON.stringify(value) : value]]
    }),
  )

export const syncStore = (db: Knex) => {
  const one = async (sql: string, values: (string | null)[]): Promise<SyncRow | undefined> =>
    (await db.raw<{ rows: SyncRow[] }>(sql, values)).rows[0]
  return {
    find: (id: string): Promise<SyncRow | undefined> =>
      one(`select ${syncColumns} from hub.syncs where id = ?`, [id]),

    /** The same; nobody else changes it, and no run of it is opened, until the transaction ends. */
    lock: (id: string): Promise<SyncRow | undefined> =>
      one(`select ${syncColumns} from hub.syncs where id = ? for no key update`, [id]),

    /** In order of id, `limit + 1` at most. */
    list: async ({ limit, after }: PageRequest, filter: SyncFilter): Promise<SyncRow[]> => {
      const { rows } = await db.raw<{ rows: SyncRow[] }>(
        `select ${syncColumns} from hub.syncs
         where (:after::text is null or id > :after) and (:department::text is null or department = :department)
           and (:resource::text is null or resource = :resource)
           and (:direction::text is null or direction = :direction)
         order by id limit :limit`,
        {
          after,
          limit: limit + 1,
          department: filter.department,
          resource: filter.resource ?? null,
          direction: filter.direction ?? null,
        },
      )
      return rows
    },

    count: async (): Promise<number> => {
      const { rows } = await db.raw<{ rows: { count: number }[] }>(
        'select count(*) as count from hub.syncs',
      )
      return rows[0]?.count ?? 0
    },

    /** An id that was ever given is `code-taken`. */
    insert: async (draft: NewSync): Promise<void> => {
      await codeTaken(`同步任务 ${draft.id}`, async () => db('hub.syncs').insert(toColumns(draft)))
    },

    /** Raises the version. */
    update: async (id: string, patch: SyncPatch): Promise<void> => {
      await db('hub.syncs')
        .where({ id })
        .update({
          ...toColumns(patch),
          version: db.raw('version + 1'),
          updated_at: db.fn.now(3),
        })
    },

    /** `reason` says by whose will, in words; the sync starts no run until it is resumed. */
    pause: (id: string, reason: string | null): Promise<SyncRow | undefined> =>
      one(
        `update hub.syncs set state = 'paused', paused_for = ?, version = version + 1, updated_at = now()
         where id = ? returning ${syncColumns}`,
        [reason, id],
      ),

    /** Goes on, with whatever columns the source has by now; `nextDueAt` null: only by hand. */
    resume: (id: string, nextDueAt: string | null): Promise<SyncRow | undefined> =>
      one(
        `update hub.syncs set state = 'active', paused_for = null, source_columns = null, next_due_at = ?,
           version = version + 1, updated_at = now()
         where id = ? returning ${syncColumns}`,
        [nextDueAt, id],
      ),
  }
}

export type SyncStore = ReturnType<typeof syncStore>
