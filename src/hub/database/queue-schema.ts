import type { Client } from 'pg'

/** BullMQ's own schema: its functions are found by search path alone. */
export const queueSchema = 'bullmq'

/**
 * Makes or brings up BullMQ's tables and functions, as the owner of the database: the app's role may not
 * create schemas (in this one it may make sequences: BullMQ numbers the jobs of each queue by one). Repeated at each migration, since the queue's library brings its own versions.
 */
export async function migrateQueue(client: Client): Promise<void> {
  // Only here: whoever reads the migrations' status does not load the queue.
  const { runMigrations } = await import('bullmq')
  await runMigrations(client, queueSchema)
  await client.query(`
    grant usage, create on schema ${queueSchema} to shuqiao_app;
    grant select, insert, update, delete on all tables in schema ${queueSchema} to shuqiao_app;
    grant usage, select, update on all sequences in schema ${queueSchema} to shuqiao_app;
    grant execute on all functions in schema ${queueSchema} to shuqiao_app`)
}
