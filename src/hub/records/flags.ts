import type { ClientBase } from 'pg'
import { fateName, stageName } from './merge-statements.ts'
import {
  aliasesName,
  departuresName,
  quoted,
  recordsName,
  type RecordTable,
} from './record-table.ts'

/**
 * Flags that no row can know of by itself: one number carried by two records, rights on one unit that
 * exceed the whole. They live in `_flags`, beside the row's own `_quality`, and a record whose flags
 * change gets a new change number, so that followers learn of it.
 */
export interface FlagStatements {
  /** Re-evaluates what the merged batch may have changed; answers the last change number used. */
  refresh(
    client: ClientBase,
    merged: { base: number; changed: number },
  ): Promise<number>
  /** How many staged rows have a record that is flagged by the hub and not by the row itself. */
  countFlagged(client: ClientBase): Promise<number>
  /** Marks live records whose newer version was refused, unless what was refused is older than they are. */
  markRefused(
    client: ClientBase,
    refused: { keys: readonly string[]; sourceTimes: readonly (string | null)[]; base: number },
  ): Promise<number>
}

/**
 * Sets or clears one flag on the records that `verdict` names (columns _key, flagged). A record that
 * becomes flagged leaves the rows of grants for unflagged records: its departure is noted.
 */
function settle(table: RecordTable, flag: string, verdict: string): string {
  const live = recordsName(table.number)
  const isFlagged = `coalesce(t._flags @> '{${flag}}', false)`
  return `with verdict as (${verdict}), differing as (
      select v._key, v.flagged, t._flags, $1::bigint + row_number() over () as seq,
        t._flags is null and t._quality is null as unflagged
      from verdict v join ${live} t on t._key = v._key where ${isFlagged} <> v.flagged
    ), departed as (
      insert into ${departuresName(table.number)} (_seq, _key, former)
      select seq, _key, '{"_flagged": false}' from differing where flagged and unflagged
      on conflict do nothing
    )
    update ${live} t set _seq = d.seq, _flags = case when d.flagged
        then array_append(coalesce(d._flags, '{}'), '${flag}')
        else nullif(array_remove(d._flags, '${flag}'), '{}') end
    from differing d where t._key = d._key`
}

/** Fields that could be the merge key themselves: a number that two current records carry is doubtful. */
function sharedStatements(table: RecordTable): string[] {
  const live = recordsName(table.number)
  const stage = stageName(table)
  return table.identityFields.map((name) => {
    const column = quoted(name)
    return settle(
      table,
      'key-shared',
      `select t._key, count(*) over (partition by t.${column}) > 1 as flagged
       from (
         select s.${column}::text as value from ${stage} s
         join ${live} other on other.${column} = s.${column} and other._key <> s._key
         union
         select a.value from ${aliasesName(table.number)} a join ${stage} s on s._key = a._key
         join ${fateName(table)} f on f._ordinal = s._ordinal and f.outcome in ('changed', 'deleted')
         where a.field = '${name}'
       ) touched join ${live} t on t.${column} = touched.value and t._status = 'current'`,
    )
  })
}

/** Current rights on a touched unit whose shares (percent) add up to more than the whole. */
function overlapStatement(table: RecordTable): string | null {
  if (!table.overlap) return null
  const { unit, children, share, right } = table.overlap
  const live = recordsName(table.number)
  const stage = stageName(table)
  const rightKind = right === undefined ? '' : `, t.${quoted(right)}`
  const held = `(select coalesce(sum((h->>'${share}')::numeric), 100)
      from jsonb_array_elements(coalesce(t.${quoted(children)}, '[]')) h)`
  return settle(
    table,
    'current-rights-overlap',
    `select t._key, sum(case when t._status = 'current' then ${held} else 0 end)
         over (partition by t.${quoted(unit)}${rightKind}) > 100 and t._status = 'current' as flagged
     from (
       select s.${quoted(unit)} as value from ${stage} s
       union
       select a.value from ${aliasesName(table.number)} a join ${stage} s on s._key = a._key
       where a.field = '${unit}'
     ) touched join ${live} t on t.${quoted(unit)} = touched.value and t._status <> 'deleted'`,
  )
}

function markRefusedStatement(table: RecordTable): string {
  const live = recordsName(table.number)
  return settle(
    table,
    'newer-version-refused',
    `select distinct t._key, true as flagged
     from unnest($2::text[], $3::timestamptz[]) refused (key, source_at)
     join ${live} t on t._key = refused.key and t._status <> 'deleted'
       and (refused.source_at is null or t._source_at is null or refused.source_at >= t._source_at)`,
  )
}

export function flagStatements(table: RecordTable): FlagStatements {
  const shared = sharedStatements(table)
  const overlap = overlapStatement(table)
  const refreshing = overlap === null ? shared : [...shared, overlap]
  const refused = markRefusedStatement(table)
  // The partial index on flagged records makes this a look at a few of them, not at all that were staged.
  const counting = `select count(*)::integer as count from ${stageName(table)} s where s._quality is null
    and s._key in (select _key from ${recordsName(table.number)} where _flags is not null)`
  return {
    refresh: async (client, { base, changed }) => {
      if (changed === 0) return base
      let lastSeq = base
      for (const sql of refreshing) {
        const { rowCount } = await client.query(sql, [lastSeq])
        lastSeq += rowCount ?? 0
      }
      return lastSeq
    },
    countFlagged: async (client) => {
      const { rows } = await client.query<{ count: number }>(counting)
      return rows[0]?.count ?? 0
    },
    markRefused: async (client, { keys, sourceTimes, base }) => {
      if (keys.length === 0) return base
      const { rowCount } = await client.query(refused, [base, keys, sourceTimes])
      return base + (rowCount ?? 0)
    },
  }
}
