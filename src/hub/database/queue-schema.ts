import type { Client } from 'pg'

/** BullMQ's own schema: its functions are found by search path alone. */
export const queueSchema = 'bullmq'

/**
 * Makes or brings up BullMQ's tables and functions, as the owner of the database: the app's role may not
 * create schemas, only sequences in this one (BullMQ numbers each queue's jobs by one). Repeated at each
 * migration, since the queue's library brings its own versions.
 */
export async function migrateQueue(client: Client): Promise<void> {
  // Only here: whoever reads the migrations' status does not load the queue.
  const { runMigrations } = await import('bullmq')
  await runMigrations(client, queueSchema)
  await client.query(`
    grant usage, create on schema ${queueSchema} to shuqiao_app;
    grant select, insert, update, delete on all tables in schema ${queueSchema} to shuqiao_app;
    grant execute on all functions in schema ${queueSchema} to shuqiao_app`)
  // Those that the app's role has made belong to it, and nobody else may grant on them.
  await client.query(`
    do $$
    declare sequence regclass;
    begin
      for sequence in
        select oid from pg_class where relkind = 'S' and relnamespace = '${queueSchema}'::regnamespace
          and pg_has_role(relowner, 'usage')
      loop
        execute format('grant usage, select, update on sequence %s to shuqiao_app', sequence);
      end loop;
    end
    $$`)
}
