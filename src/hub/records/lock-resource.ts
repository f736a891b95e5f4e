import type { ClientBase } from 'pg'

/** Distinguishes these locks from others; the second key is the resource's number. */
const mergeLockClass = 0x5348

/**
 * Serialises what gives change numbers of one resource, until the caller's transaction ends: merges,
 * publications, grants that add a row filter.
 */
export const lockResource = (client: ClientBase, number: number): Promise<unknown> =>
  client.query('select pg_advisory_xact_lock($1, $2)', [mergeLockClass, number])
