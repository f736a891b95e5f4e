import type { Knex } from 'knex'
import type { Mount } from '../../../schemas/api/mounts.ts'

export interface MountRow {
  resource: string
  mount: Mount
  /** The sealed secrets of its settings. */
  secrets: Buffer | null
  version: number
  updated_by: string
  updated_at: string
}

export const mountStore = (db: Knex) => ({
  find: (resource: string): Promise<MountRow | undefined> =>
    db<MountRow>('hub.mounts').where({ resource }).first(),

  /** Whatever was compiled from the mount before holds no longer: its version rises. */
  save: async (kept: Omit<MountRow, 'version' | 'updated_at'>): Promise<MountRow> => {
    const { rows } = await db.raw<{ rows: MountRow[] }>(
      `insert into hub.mounts (resource, mount, secrets, updated_by) values (?, ?, ?, ?)
       on conflict (resource) do update set mount = excluded.mount, secrets = excluded.secrets,
         updated_by = excluded.updated_by, version = mounts.version + 1, updated_at = now()
       returning *`,
      [kept.resource, JSON.stringify(kept.mount), kept.secrets, kept.updated_by],
    )
    const [row] = rows
    if (!row) throw new Error('insert returned nothing')
    return row
  },
})
