import type { Knex } from 'knex'

/** Facts about the hub itself, by name. */
export const settingsStore = (db: Knex) => ({
  has: async (name: string): Promise<boolean> =>
    (await db('hub.settings').where({ name }).first('name')) !== undefined,

  /** Writes a fact once: false when it is there already. */
  addOnce: async (name: string, value: unknown): Promise<boolean> => {
    const added = await db('hub.settings')
      .insert({ name, value: JSON.stringify(value) })
      .onConflict('name')
      .ignore()
      .returning('name')
    return added.length > 0
  },
})
