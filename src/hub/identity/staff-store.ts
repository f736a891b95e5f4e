import type { Knex } from 'knex'
import type { Staff } from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'
import type { Role } from './caller.ts'
import { codeTaken } from './code-taken.ts'

interface StaffRow {
  id: string
  account: string
  name: string
  department: string | null
  roles: Role[]
  state: Staff['state']
  password_hash: string | null
  version: number
  created_at: string
}

export interface StaffColumns {
  name: string
  department: string | null
  roles: readonly Role[]
}

export type StaffMember = Omit<Staff, 'roles'> & { roles: Role[] }

export const staffStore = (db: Knex) => {
  const table = () => db<StaffRow>('hub.staff')
  const find = async (id: string): Promise<StaffMember | null> => {
    const row = await table().where({ id }).first()
    return row ? toStaff(row) : null
  }
  return {
    find,

    /** The member of staff, or `not-found`. */
    demand: async (id: string): Promise<StaffMember> => {
      const found = await find(id)
      if (!found)
        throw new Refusal('not-found', `没有工作人员 ${id} / There is no member of staff ${id}`)
      return found
    },

    isEmpty: async () => (await table().first('id')) === undefined,

    list: async (
      { limit, after }: PageRequest,
      department: string | null,
    ): Promise<StaffMember[]> => {
      const query = table()
        .orderBy('id')
        .limit(limit + 1)
      if (after !== null) query.where('id', '>', after)
      if (department !== null) query.where({ department })
      return (await query).map(toStaff)
    },

    insert: async (
      draft: StaffColumns & { id: string; account: string; passwordHash: string | null },
    ): Promise<StaffMember> => {
      const row = toColumns(draft)
      const [kept] = await codeTaken(`工作人员 ${draft.id}`, async () =>
        table().insert(row).returning('*'),
      )
      if (!kept) throw new Error('insert returned nothing')
      return toStaff(kept)
    },

    /** Also raises the version, so that what was remembered of the person's roles ends. */
    update: async (
      id: string,
      change: StaffColumns & { state: Staff['state']; passwordHash?: string },
    ): Promise<StaffMember | null> => {
      const { passwordHash, roles, ...columns } = change
      const [row] = await table()
        .where({ id })
        .update({
          ...columns,
          roles: [...roles],
          ...(passwordHash !== undefined && { password_hash: passwordHash }),
        })
        .increment('version', 1)
        .returning('*')
      return row ? toStaff(row) : null
    },

    /** For signing in: who has this account, and the hash of the password. */
    findAccount: async (
      account: string,
    ): Promise<(StaffMember & { passwordHash: string | null }) | null> => {
      const row = await table().where({ account, state: 'active' }).first()
      return row ? { ...toStaff(row), passwordHash: row.password_hash } : null
    },
  }
}

const toColumns = ({
  passwordHash,
  roles,
  ...columns
}: StaffColumns & { id: string; account: string; passwordHash: string | null }) => ({
  ...columns,
  roles: [...roles],
  password_hash: passwordHash,
})

function toStaff({
  password_hash: _secret,
  version: _version,
  created_at: createdAt,
  ...row
}: StaffRow): StaffMember {
  return { ...row, createdAt }
}
