import type { Knex } from 'knex'
import type {
  Department,
  DepartmentChange,
  DepartmentDraft,
} from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'
import { codeTaken } from './code-taken.ts'

interface DepartmentRow {
  id: string
  name: string
  code: string | null
  local_code: string | null
  division: string
  parent: string | null
  kind: Department['kind']
  level: Department['level']
  created_at: string
}

/** Any constant that no other lock has: changes of the tree go one at a time, or two could make a cycle. */
const treeLock = 7_305_118_438

export const departmentStore = (db: Knex) => {
  const table = () => db<DepartmentRow>('hub.departments')
  const find = async (id: string): Promise<Department | null> => {
    const row = await table().where({ id }).first()
    return row ? toDepartment(row) : null
  }
  return {
    find,

    /** The department, or `not-found`. */
    demand: async (id: string): Promise<Department> => {
      const department = await find(id)
      if (!department)
        throw new Refusal('not-found', `没有部门 ${id} / There is no department ${id}`)
      return department
    },

    /** In order of id, `limit + 1` at most. */
    list: async ({ limit, after }: PageRequest, filter: { parent?: string } = {}) => {
      const query = table()
        .orderBy('id')
        .limit(limit + 1)
      if (after !== null) query.where('id', '>', after)
      if (filter.parent !== undefined) query.where({ parent: filter.parent })
      return (await query).map(toDepartment)
    },

    insert: async (draft: DepartmentDraft): Promise<Department> => {
      const [row] = await codeTaken(`部门 ${draft.id}`, async () =>
        table()
          .insert({ id: draft.id, ...toColumns(draft) })
          .returning('*'),
      )
      if (!row) throw new Error('insert returned nothing')
      return toDepartment(row)
    },

    update: async (id: string, change: DepartmentChange): Promise<Department | null> => {
      const [row] = await codeTaken(`部门 ${id}`, async () =>
        table().where({ id }).update(toColumns(change)).returning('*'),
      )
      return row ? toDepartment(row) : null
    },

    /** To the end of the transaction nobody else changes the tree. */
    lockTree: async (): Promise<void> => {
      await db.raw('select pg_advisory_xact_lock(?)', [treeLock])
    },

    /** Whether `id` is `ancestor` or lies below it. */
    isWithin: async (id: string, ancestor: string): Promise<boolean> => {
      const { rows } = await db.raw<{ rows: unknown[] }>(
        `with recursive above as (
           select id, parent from hub.departments where id = ?
           union
           select d.id, d.parent from hub.departments d join above on d.id = above.parent
         )
         select 1 from above where id = ?`,
        [id, ancestor],
      )
      return rows.length > 0
    },
  }
}

const toColumns = (change: DepartmentChange) => ({
  name: change.name,
  code: change.code ?? null,
  local_code: change.localCode ?? null,
  division: change.division,
  parent: change.parent ?? null,
  kind: change.kind ?? 'government-department',
  level: change.level ?? null,
})

function toDepartment({
  local_code: localCode,
  created_at: createdAt,
  ...row
}: DepartmentRow): Department {
  return { ...row, localCode, createdAt }
}
