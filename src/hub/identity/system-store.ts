import type { Knex } from 'knex'
import type { System, SystemDraft } from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'
import { codeTaken } from './code-taken.ts'

interface SystemRow {
  id: string
  department: string
  name: string
  kind: System['kind']
  state: System['state']
  version: number
  created_at: string
  disabled_at: string | null
}

export const systemStore = (db: Knex) => {
  const table = () => db<SystemRow>('hub.systems')
  const find = async (id: string): Promise<System | null> => {
    const row = await table().where({ id }).first()
    return row ? toSystem(row) : null
  }
  return {
    find,

    /** The system, or `not-found`. */
    demand: async (id: string): Promise<System> => {
      const system = await find(id)
      if (!system) throw new Refusal('not-found', `没有系统 ${id} / There is no system ${id}`)
      return system
    },

    /** In order of id, `limit + 1` at most; of one department when it is named. */
    list: async ({ limit, after }: PageRequest, department: string | null): Promise<System[]> => {
      const query = table()
        .orderBy('id')
        .limit(limit + 1)
      if (after !== null) query.where('id', '>', after)
      if (department !== null) query.where({ department })
      return (await query).map(toSystem)
    },

    insert: async (draft: SystemDraft): Promise<System> => {
      const [row] = await codeTaken(`系统 ${draft.id}`, async () =>
        table().insert(draft).returning('*'),
      )
      if (!row) throw new Error('insert returned nothing')
      return toSystem(row)
    },

    rename: async (id: string, name: string): Promise<System | null> => {
      const [row] = await table().where({ id }).update({ name }).returning('*')
      return row ? toSystem(row) : null
    },

    /** What was remembered of the system no longer holds: its token changed. */
    bumpVersion: (id: string): Promise<number> => table().where({ id }).increment('version', 1),

    /** Null when there is no such system; one that is disabled already stays as it is. */
    disable: async (id: string): Promise<System | null> => {
      await db('hub.systems')
        .where({ id, state: 'active' })
        .update({ state: 'disabled', disabled_at: db.fn.now(3) })
        .increment('version', 1)
      return find(id)
    },
  }
}

function toSystem(row: SystemRow): System {
  const { id, department, name, kind, state } = row
  return {
    id,
    department,
    name,
    kind,
    state,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }
}
