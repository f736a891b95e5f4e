import type { ClientBase } from 'pg'
import { fateJoin, stageName } from './merge-statements.ts'
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
  refresh(client: ClientBase, merged: { base: number; changed: number }): Promise<number>
  /** The same where every row of the batch was inserted; `before` is the last change number before it. */
  refreshFresh(client: ClientBase, merged: { base: number; before: number }): Promise<number>
  /** How many staged rows have a record that is flagged by the hub and not by the row itself. */
  countFlagged(client: ClientBase): Promise<number>
  /** The same for rows that were never staged; their keys are asked for only if some record is flagged. */
  countFlaggedKeys(client: ClientBase, keys: () => readonly string[]): Promise<number>
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

/** Where the rows that may have changed a flag are found. */
type Sources = (table: RecordTable) => string

/**
 * All of the batch was new: what now stands behind the change number before it ($2). `offset 0` keeps the
 * planner from taking this apart: it would walk all numbers in their index's order to pass these few.
 */
const inserted: Sources = (table) =>
  `(select * from ${recordsName(table.number)} where _seq > $2 offset 0) s`

/** A source that touches its timestamps nightly changes no flag by it. */
const withFate: Sources = (table) => `${fateJoin(table)} and f.outcome <> 'touched'`

/**
 * Fields that could be the merge key themselves: a number that two current records carry is doubtful.
 * The touched numbers are an array, by which the planner goes through the index; joined as a table they
 * are believed to be thousands, and the whole resource is read for them. `union all`: to leave out the few
 * repeats, it would be read in the order of its numbers.
 */
function sharedStatements(table: RecordTable, sources: Sources): string[] {
  const live = recordsName(table.number)
  return table.identityFields.map((name) => {
    const column = quoted(name)
    return settle(
      table,
      'key-shared',
      `select t._key, count(*) over (partition by t.${column}) > 1 as flagged
       from ${live} t where t._status = 'current' and t.${column} = any(array(
         select s.${column}::text as value from ${sources(table)}
         join ${live} other on other.${column} = s.${column} and other._key <> s._key
         union all
         select a.value from ${fateJoin(table)} join ${aliasesName(table.number)} a on a._key = s._key
         where f.outcome in ('changed', 'deleted') and a.field = '${name}'))`,
    )
  })
}

/**
 * What a right holds, in percent: all of it where no share is told. A share that is written in words or
 * fractions which nobody could read counts for nothing, since a flag must rest on knowledge.
 */
function heldPercent({ children, share, shareText }: NonNullable<RecordTable['overlap']>): string {
  const whole =
    shareText === undefined
      ? '100'
      : `case when bool_or(h->>'${shareText}' is not null) then 0 else 100 end`
  return `(select coalesce(sum((h->>'${share}')::numeric), ${whole})
      from jsonb_array_elements(coalesce(t.${quoted(children)}, '[]')) h)`
}

/**
 * Current rights on a touched unit whose shares (percent) add up to more than the whole. Two broken unit
 * numbers that are written alike are not one unit.
 */
function overlapStatement(table: RecordTable, sources: Sources): string[] {
  if (!table.overlap) return []
  const { unit, right } = table.overlap
  const live = recordsName(table.number)
  const rightKind = right === undefined ? '' : `, t.${quoted(right)}`
  const held = heldPercent(table.overlap)
  const isBroken = `coalesce(t._quality @> '[{"code": "identifier-form", "field": "${unit}"}]', false)`
  return [
    settle(
      table,
      'current-rights-overlap',
      `select t._key, sum(case when t._status = 'current' then ${held} else 0 end)
         over (partition by t.${quoted(unit)}${rightKind}) > 100 and t._status = 'current' as flagged
       from ${live} t where t._status <> 'deleted' and not ${isBroken} and t.${quoted(unit)} = any(array(
         select s.${quoted(unit)} as value from ${sources(table)}
         union all
         select a.value from ${fateJoin(table)} join ${aliasesName(table.number)} a on a._key = s._key
         where a.field = '${unit}'))`,
    ),
  ]
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

/** Until when marked records lag behind their source: only a row as new as what was refused takes the mark away. */
const rememberRefusedStatement = (table: RecordTable): string =>
  `update ${recordsName(table.number)} t set _refused_at = refused.source_at
   from (select key, max(source_at) as source_at
     from unnest($1::text[], $2::timestamptz[]) given (key, source_at) group by key) refused
   where t._key = refused.key and t._flags @> '{newer-version-refused}'
     and refused.source_at > coalesce(t._refused_at, '-infinity')`

/**
 * Rows whose record carries a flag that the hub set and none of its own. Most resources have no such
 * record at all: then one look at the partial index of flagged records answers. It is asked for in the
 * index's order, since the planner, believing that most records are flagged, would else read the table.
 */
function countStatements(table: RecordTable) {
  const live = recordsName(table.number)
  const first = `(select _key from ${live} where _flags is not null order by _key limit 1)`
  const count = 'select count(*)::integer as count'
  return {
    countAny: `${count} from ${first} flagged`,
    countStaged: `${count} from ${stageName(table)} s where s._quality is null
      and ${first} is not null and s._key in (select _key from ${live} where _flags is not null)`,
    countKeys: `${count} from ${live}
      where _flags is not null and _quality is null and _key = any($1::text[])`,
  }
}

async function countOf(client: ClientBase, sql: string, values: unknown[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(sql, values)
  return rows[0]?.count ?? 0
}

/** Runs the statements one after the other; each goes on from the last change number used. */
async function settleAll(
  client: ClientBase,
  statements: readonly string[],
  [base, ...values]: [number, ...number[]],
): Promise<number> {
  let lastSeq = base
  for (const sql of statements) {
    const { rowCount } = await client.query(sql, [lastSeq, ...values])
    lastSeq += rowCount ?? 0
  }
  return lastSeq
}

export function flagStatements(table: RecordTable): FlagStatements {
  const refreshing = (sources: Sources): string[] => [
    ...sharedStatements(table, sources),
    ...overlapStatement(table, sources),
  ]
  const afterFresh = refreshing(inserted)
  const afterMerge = refreshing(withFate)
  const refused = markRefusedStatement(table)
  const remembering = rememberRefusedStatement(table)
  const { countStaged, countAny, countKeys } = countStatements(table)
  return {
    refresh: async (client, { base, changed }) =>
      changed === 0 ? base : settleAll(client, afterMerge, [base]),
    refreshFresh: (client, { base, before }) => settleAll(client, afterFresh, [base, before]),
    countFlagged: (client) => countOf(client, countStaged, []),
    countFlaggedKeys: async (client, keys) =>
      (await countOf(client, countAny, [])) === 0 ? 0 : countOf(client, countKeys, [keys()]),
    markRefused: async (client, { keys, sourceTimes, base }) => {
      if (keys.length === 0) return base
      const { rowCount } = await client.query(refused, [base, keys, sourceTimes])
      await client.query(remembering, [keys, sourceTimes])
      return base + (rowCount ?? 0)
    },
  }
}
