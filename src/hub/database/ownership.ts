import type { Knex } from 'knex'

/**
 * Whether this connection could change or empty the log: it belongs to the owner of the schemas, or to a
 * superuser. `/readyz` says so, for the log's protection then rests on the checkpoints alone.
 */
export async function runsAsOwner(knex: Knex): Promise<boolean> {
  const { rows } = await knex.raw<{ rows: { owns: boolean }[] }>(
    `select pg_has_role(current_user, nspowner, 'usage') as owns
     from pg_namespace where nspname = 'audit'`,
  )
  return rows[0]?.owns ?? false
}
