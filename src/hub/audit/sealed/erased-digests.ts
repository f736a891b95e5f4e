import type { Pool } from 'pg'

/** Digests, by name, of what was redacted of an entry: with what is left of it they still give its leaf. */
export async function erasedDigests(
  pool: Pick<Pool, 'query'>,
  entryId: string,
): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ digests: Record<string, string> }>(
    'select digests from audit.redactions where entry = $1',
    [entryId],
  )
  return Object.fromEntries(rows.flatMap(({ digests }) => Object.entries(digests)))
}
