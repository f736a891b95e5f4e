import type { ClientBase, Pool } from 'pg'
import type { Reconciliation } from '../../../schemas/api/syncs.ts'
import type { ServedResource } from '../catalog/served-resource.ts'
import type { Batch } from '../intake/batch.ts'
import { missingFrom } from '../intake/commit-snapshot.ts'
import type { RejectSeal } from '../intake/reject-store.ts'
import { recordsName } from '../records/record-table.ts'
import { pullLimits } from './pull-limits.ts'

type Queryable = Pick<ClientBase, 'query'> | Pick<Pool, 'query'>

/** How many keys differ, and how. */
export type Differences = NonNullable<Reconciliation['differences']>

export const noDifferences: Differences = { missing: 0, extra: 0, differing: 0 }

export interface FoundDifference {
  key: string
  kind: keyof Differences
}

export interface Compared {
  differences: FoundDifference[]
  /** Rows whose record says the same. */
  same: number
  /** Rows whose record is newer than the check: not judged. */
  newer: number
}

/**
 * What a batch would change. The merge decides by the same hash; of resources with versions a record
 * holds one of many, so that only its key is compared.
 */
export async function compareBatch(
  client: Queryable,
  { served, startSeq, batch }: { served: ServedResource; startSeq: number; batch: Batch },
): Promise<Compared> {
  const rows = batch.layers.flat()
  const hasVersions = served.table.versionField !== null
  const { rows: found } = await client.query<{ key: string; kind: string }>(
    `select g.key, case
         when t._seq > $3 then 'newer'
         when t._key is null or t._status = 'deleted' then 'missing'
         when not $4 and t._hash <> decode(g.hash, 'hex') then 'differing' end as kind
     from unnest($1::text[], $2::text[]) g (key, hash)
     left join ${recordsName(served.number)} t on t._key = g.key
     where t._key is null or t._seq > $3 or t._status = 'deleted'
       or (not $4 and t._hash <> decode(g.hash, 'hex'))`,
    [rows.map(({ key }) => key), rows.map(({ hash }) => hash), startSeq, hasVersions],
  )
  const differences = found.flatMap(({ key, kind }): FoundDifference[] =>
    kind === 'missing' || kind === 'differing' ? [{ key, kind }] : [],
  )
  return {
    differences,
    same: rows.length - found.length,
    newer: found.length - differences.length,
  }
}

/** Records that the check's run has not met: how many there are, and the first of them. */
export async function extraKeys(
  db: Queryable,
  { runId, served, startSeq }: { runId: string; served: ServedResource; startSeq: number },
): Promise<{ count: number; keys: string[] }> {
  const values = [runId, startSeq]
  const counted = await db.query<{ count: number }>(
    `select count(*)::integer as count ${missingFrom(served)}`,
    values,
  )
  const { rows } = await db.query<{ key: string }>(
    `select t._key as key ${missingFrom(served)} order by t._key limit ${pullLimits.differencesMax}`,
    values,
  )
  return { count: counted.rows[0]?.count ?? 0, keys: rows.map(({ key }) => key) }
}

const sealContext = (runId: string, number: number): string => `difference:${runId}:${number}`

interface KeptDifference {
  number: number
  kind: FoundDifference['kind']
  sealed: Buffer
}

/** Differing keys are personal data: they are sealed as rejects are, and only the first of them are kept. */
export const differenceStore = (db: Queryable, vault: RejectSeal) => ({
  /** `foundBefore`: how many the run has met already. */
  add: async (
    runId: string,
    differences: readonly FoundDifference[],
    foundBefore: number,
  ): Promise<void> => {
    const kept = differences.slice(0, Math.max(0, pullLimits.differencesMax - foundBefore))
    if (kept.length === 0) return
    const numbered = kept.map((difference, at) => ({ ...difference, number: foundBefore + at + 1 }))
    await db.query(
      `insert into hub.run_differences (run_id, number, kind, sealed)
       select $1, * from unnest($2::integer[], $3::text[], $4::bytea[])`,
      [
        runId,
        numbered.map(({ number }) => number),
        numbered.map(({ kind }) => kind),
        numbered.map(({ key, number }) =>
          vault.seal(Buffer.from(key, 'utf8'), sealContext(runId, number)),
        ),
      ],
    )
  },
  list: async (runId: string): Promise<FoundDifference[]> => {
    const { rows } = await db.query<KeptDifference>(
      'select number, kind, sealed from hub.run_differences where run_id = $1 order by number',
      [runId],
    )
    return rows.map(({ number, kind, sealed }) => ({
      key: vault.open(sealed, sealContext(runId, number)).toString('utf8'),
      kind,
    }))
  },
  forget: (runId: string): Promise<unknown> =>
    db.query('delete from hub.run_differences where run_id = $1', [runId]),
})
