import type { Knex } from 'knex'
import { v7 as newUuid } from 'uuid'
import type { Grant, GrantAction, GrantState } from '../../../schemas/api/sharing.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'
import { type GrantRow, toGrant } from './grant-rows.ts'

/** What a decision freezes; the store adds id, version and state. */
export type GrantDraft = Omit<
  GrantRow,
  'id' | 'version' | 'valid_from' | 'state' | 'state_ground' | 'state_reason' | 'state_changed_at'
>

export interface GrantFilter {
  /** Only those in which this department is provider or consumer. */
  department: string | null
  resource?: string | undefined
  system?: string | undefined
  state?: GrantState | undefined
}

export interface GrantStep {
  action: GrantAction
  to: GrantState
  staff: string
  ground: string
  reason: string
  isBypassed: boolean
}

export const grantStore = (db: Knex) => {
  const table = () => db<GrantRow>('hub.grants')
  return {
    /** The grant, or `not-found`. */
    demand: async (id: string): Promise<Grant> =>
      demandRow(await table().where({ id }).first(), id),

    /** The same, held until the transaction ends. */
    lock: async (id: string): Promise<Grant> =>
      demandRow(await table().where({ id }).forUpdate().first(), id),

    /** In order of id, that is of time, `limit + 1` at most. */
    list: async ({ limit, after }: PageRequest, filter: GrantFilter): Promise<Grant[]> => {
      const { department, ...wanted } = filter
      const query = table()
        .orderBy('id')
        .limit(limit + 1)
      if (after !== null) query.where('id', '>', after)
      if (department !== null) query.whereRaw('? in (provider, consumer)', [department])
      for (const [column, value] of Object.entries(wanted)) {
        if (value !== undefined) query.where(column, value)
      }
      return (await query).map(toGrant)
    },

    insert: async (draft: GrantDraft): Promise<Grant> => {
      const rows = draft.rows && JSON.stringify(draft.rows)
      const row = { ...draft, rows, masks: JSON.stringify(draft.masks), id: `g-${newUuid()}` }
      const inserted: GrantRow[] = await db('hub.grants').insert(row).returning('*')
      return demandRow(inserted[0], row.id)
    },

    move: (id: string, step: GrantStep): Promise<Grant> => moveRow(db, id, step),

    /** From now on merges note these fields' former values for followers. Under the resource's lock only. */
    addFilterFields: async (resourceNumber: number, fields: readonly string[]): Promise<void> => {
      await db.raw(
        `update hub.change_numbers set filter_fields =
           array(select distinct name from unnest(filter_fields || ?::text[]) name order by name)
         where resource_number = ? and not filter_fields @> ?::text[]`,
        [[...fields], resourceNumber, [...fields]],
      )
    },
  }
}

/** Every step raises the version: whatever was decided by the former one ends. */
async function moveRow(db: Knex, id: string, step: GrantStep): Promise<Grant> {
  const { staff, ground, reason } = step
  const moved: GrantRow[] = await db('hub.grants')
    .where({ id })
    .update({
      state: step.to,
      state_ground: ground,
      state_reason: reason,
      state_changed_at: db.fn.now(3),
      version: db.raw('version + 1'),
    })
    .returning('*')
  const grant = demandRow(moved[0], id)
  const { action, isBypassed: bypassed } = step
  const { version } = grant
  await db('hub.grant_transitions').insert({
    grant_id: id,
    action,
    version,
    staff,
    ground,
    reason,
    bypassed,
  })
  return grant
}

function demandRow(row: GrantRow | undefined, id: string): Grant {
  if (!row) throw grantUnknown(id)
  return toGrant(row)
}

const grantUnknown = (id: string): Refusal =>
  new Refusal('not-found', `没有共享授权 ${id} / There is no grant ${id}`)

/** Whether somebody may still take records of the resource: it is not withdrawn while that is so (art. 27). */
export const hasLiveGrants = async (db: Knex, resource: string): Promise<boolean> => {
  const row = await db<GrantRow>('hub.grants')
    .where({ resource })
    .whereNot({ state: 'terminated' })
    .where('valid_until', '>', db.fn.now())
    .first('id')
  return row !== undefined
}
