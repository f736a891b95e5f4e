import type { Field } from '../../../schemas/field.ts'
import {
  aliasesName,
  departuresName,
  historyName,
  isClock,
  quoted,
  recordsName,
  type RecordTable,
} from './record-table.ts'

/**
 * The SQL of a merge, written once per resource version. `$base` is the resource's last change number:
 * a staged row's own number is base + ordinal + 1, so numbers follow the order of the source.
 */
export interface MergeStatements {
  stage: string
  insertFresh: string
  compare: string
  insertNew: string
  keepHistory: string | null
  keepOvertaken: string | null
  /** Null where nothing is looked up by; lists are spoken of only where the resource has look-ups of lists. */
  keepAliases: string | null
  keepDepartures: (filterFields: readonly string[]) => string
  applyChanged: string
  applyCleared: string
  applyTouched: string
  applyDeleted: string
  keepTombstones: string
  promoteVersions: (filterFields: readonly string[]) => readonly string[]
}

/** The staged rows' fate, decided against the live records under the resource's lock. */
export type Outcome =
  | 'fresh'
  | 'new'
  | 'changed'
  | 'revived'
  | 'unchanged'
  | 'touched'
  | 'cleared'
  | 'stale'
  | 'overtaken'
  | 'deleted'
  | 'absent'

export const stageName = (table: RecordTable): string => `stage_${table.number}`
export const fateName = (table: RecordTable): string => `fate_${table.number}`

/**
 * Look-ups of a record itself, whose former values are kept: one value, or a list of texts. Not those of
 * children: a house is not to be found by who once owned it.
 */
const ownLookups = (fields: readonly Field[]): Field[] =>
  fields.filter((field) => field.lookup && !field.fields && field.type !== 'object')

/** A flag that an accepted newer row takes away. */
const refusedFlag = `'{newer-version-refused}'`

/** The staged row is older than a version that was refused: landing, it repairs nothing. */
const isBeforeRefused = 's._source_at < t._refused_at'

/**
 * The fate of another version than the live one. Versions are ordered by number, not by the clock, and a
 * cancelled one never outranks a living one; but of one and the same version a late row does not win, and
 * one that says what the history has already is no news. A deletion that names a version is of that alone.
 */
function versionCase({ versionField, history }: RecordTable): string {
  if (versionField === null) return ''
  const version = quoted(versionField)
  const rank = (alias: string): string =>
    `(${alias}._status <> 'cancelled', length(coalesce(${alias}.${version}::text, '')), coalesce(${alias}.${version}::text, ''))`
  const known = history
    ? {
        late: `when s._source_at < former._source_at then 'stale'`,
        same: `when s._hash = former._hash then 'unchanged'`,
      }
    : { late: '', same: '' }
  return `when t._status <> 'deleted' and s.${version} is distinct from t.${version}
      and (s._op = 'u' or s.${version} is not null) then case
        ${known.late}
        when s._op = 'u' and ${rank('s')} > ${rank('t')} then 'changed'
        ${known.same}
        else 'overtaken' end`
}

/** The staged version's last entry in the history: only resources with versions look it up. */
function formerJoin({ number, versionField, history }: RecordTable): string {
  if (versionField === null || !history) return ''
  const version = quoted(versionField)
  return `left join lateral (select h._hash, h._source_at from ${historyName(number)} h
      where t.${version} is distinct from s.${version}
        and h._key = s._key and h.${version} is not distinct from s.${version}
      order by h._seq desc limit 1) former on true`
}

/** Order of the questions, first yes decides. A late row never wins (`stale`). */
function outcomeCase(table: RecordTable): string {
  return `case
    when t._seq > $1 then 'fresh'
    when t._key is null then case when s._op = 'd' then 'absent' else 'new' end
    ${versionCase(table)}
    when s._source_at < t._source_at then 'stale'
    when s._source_at is null and t._received_at > $2 then 'stale'
    when s._op = 'd' then case when t._status = 'deleted' then 'unchanged' else 'deleted' end
    when t._status = 'deleted' then 'revived'
    when s._hash <> t._hash then 'changed'
    when t._flags @> ${refusedFlag} and (${isBeforeRefused}) is not true then 'cleared'
    when s._source_at > t._source_at or (s._source_at is not null and t._source_at is null) then 'touched'
    else 'unchanged'
  end`
}

/**
 * The staged rows of which something becomes, fetched by their place: without an index, a stage of
 * twenty thousand rows would otherwise be read through for each of the few that changed.
 */
export const fateJoin = (table: RecordTable): string =>
  `${fateName(table)} f join ${stageName(table)} s on s.ctid = f._place`

/** One row for each staged row whose fate is to be applied; `fresh` ones are told too, for the flags. */
export const fateStatement = (table: RecordTable): string =>
  `create temporary table if not exists ${fateName(table)} (_place tid not null, outcome text not null) on commit delete rows`

/**
 * Bytes of a list's value that is kept: with a merge key of 256 code points it must fit into an index entry of
 * 2,704 bytes, or the whole batch fails. Nothing of a list limits its values otherwise; no number is so long.
 */
const listValueBytesMax = 1500

/** What `t` had in a list of texts, each beside itself where `s` has it still; no rows where the lists are alike. */
function listPairs({ name }: Field): string {
  const [former, present] = [`t.${quoted(name)}`, `s.${quoted(name)}`]
  return `select '${name}', entry.value, case when ${present} ? entry.value then entry.value end
      from jsonb_array_elements_text(case when jsonb_typeof(${former}) = 'array'
        and (s._op = 'd' or ${former} is distinct from ${present}) then ${former} end) entry (value)
      where octet_length(entry.value) <= ${listValueBytesMax}`
}

function keepAliases(table: RecordTable): string | null {
  const lookups = ownLookups(table.fields)
  if (lookups.length === 0) return null
  const lists = lookups.filter(({ type }) => type === 'array')
  const values = lookups
    .filter(({ type }) => type !== 'array')
    .map(({ name }) => `('${name}', t.${quoted(name)}::text, s.${quoted(name)}::text)`)
  const ofScalars = values.length === 0 ? [] : [`values ${values.join(', ')}`]
  const pairs = [...ofScalars, ...lists.map(listPairs)].join(' union all ')
  return `insert into ${aliasesName(table.number)} (value, field, _key)
    select v.former, v.field, t._key
    from ${fateJoin(table)} join ${recordsName(table.number)} t on t._key = s._key
    cross join lateral (${pairs}) v (field, former, present)
    where f.outcome in ('changed', 'deleted') and v.former is not null
      and v.former is distinct from case when s._op = 'd' then null else v.present end
    on conflict do nothing`
}

/** Former values of the fields that grants filter by, noted where one of them changes or the record goes. */
function keepDepartures(table: RecordTable, filterFields: readonly string[]): string {
  const { former, hasMoved } = departing(table, filterFields, 's')
  return `insert into ${departuresName(table.number)} (_seq, _key, former)
    select $1 + s._ordinal + 1, t._key, ${former}
    from ${fateJoin(table)} join ${recordsName(table.number)} t on t._key = s._key
    where f.outcome = 'deleted' or (f.outcome = 'changed' and (${hasMoved}))
    on conflict do nothing`
}

/** What the live row `t` was to those who follow it, and whether it may leave them for what `next` says. */
function departing(
  table: RecordTable,
  filterFields: readonly string[],
  next: string,
): { former: string; hasMoved: string } {
  const live = filterFields.filter((name) => table.fields.some((field) => field.name === name))
  const values = live.map((name) => `, '${name}', t.${quoted(name)}`).join('')
  const moved = live.map((name) => `t.${quoted(name)} is distinct from ${next}.${quoted(name)}`)
  const marked = [`${next}._quality is distinct from t._quality`, 't._flags is not null']
  return {
    former: `jsonb_build_object('_flagged', t._quality is not null or t._flags is not null${values})`,
    hasMoved: [...moved, ...marked].join(' or '),
  }
}

function historyStatements(
  table: RecordTable,
): Pick<MergeStatements, 'keepHistory' | 'keepOvertaken'> {
  if (!table.history) return { keepHistory: null, keepOvertaken: null }
  const names = table.fields.map(({ name }) => quoted(name))
  const business = names.map((name) => `, ${name}`).join('')
  const system = '_key, _status, _seq, _hash, _run, _source_at, _received_at, _quality, _flags'
  const live = `t._key, t._status, t._seq, t._hash, t._run, t._source_at, t._received_at, t._quality, t._flags`
  // A version that is deleted must be remembered as such, or it would be given back as the highest one.
  const deletedVersion =
    table.versionField === null
      ? ''
      : ` or (f.outcome = 'deleted' and s.${quoted(table.versionField)} is not null)`
  return {
    keepHistory: `insert into ${historyName(table.number)} (${system}${business}, _until)
      select ${live}${names.map((name) => `, t.${name}`).join('')}, $1
      from ${fateJoin(table)} join ${recordsName(table.number)} t on t._key = s._key
      where f.outcome in ('changed', 'deleted') on conflict do nothing`,
    keepOvertaken: `insert into ${historyName(table.number)} (${system}${business}, _until)
      select s._key, case when s._op = 'd' then 'deleted' when s._status = 'cancelled' then 'cancelled' else 'superseded' end, $1::bigint + s._ordinal + 1, s._hash, $2, s._source_at, $3::timestamptz, s._quality, null${names.map((name) => `, s.${name}`).join('')}, $3::timestamptz
      from ${fateJoin(table)} where f.outcome = 'overtaken'${deletedVersion} on conflict do nothing`,
  }
}

/**
 * When the current version of a licence is cancelled, or it alone is deleted, the highest one that is
 * neither becomes current again: the two change places between the live table and the history.
 */
function promoteVersions(table: RecordTable, filterFields: readonly string[]): string[] {
  if (table.versionField === null || !table.history) return []
  const version = quoted(table.versionField)
  const names = table.fields.map(({ name }) => quoted(name))
  const history = historyName(table.number)
  const live = recordsName(table.number)
  const best = `select distinct on (h._key) h.*, s._ordinal from ${stageName(table)} s
      join ${live} t on t._key = s._key and (t._status = 'cancelled'
        or (t._status = 'deleted' and s._op = 'd' and s.${version} is not null))
      join ${history} h on h._key = t._key and h._status in ('current', 'superseded')
        and h.${version} is distinct from t.${version}
      where not exists (select from ${history} later where later._key = h._key
        and later.${version} is not distinct from h.${version} and later._seq > h._seq)
      order by h._key, length(h.${version}::text) desc, h.${version}::text desc, h._seq desc`
  const columns = '_status, _hash, _run, _source_at, _quality, _flags'
  const moved = [...names, '_hash', '_run', '_source_at', '_quality']
  const { former, hasMoved } = departing(table, filterFields, 'b')
  return [
    `insert into ${history} (_key, _seq, _received_at, ${columns}${names.map((name) => `, ${name}`).join('')}, _until)
      select t._key, t._seq, t._received_at, ${columns
        .split(', ')
        .map((name) => `t.${name}`)
        .join(', ')}${names.map((name) => `, t.${name}`).join('')}, $2
      from ${live} t join (${best}) b on b._key = t._key where $1::bigint is not null on conflict do nothing`,
    // To whoever followed the cancelled version, its record leaves when the older one is of another division.
    `insert into ${departuresName(table.number)} (_seq, _key, former)
      select $1::bigint + b._ordinal + 1, t._key, ${former}
      from ${live} t join (${best}) b on b._key = t._key
      where t._status <> 'deleted' and $2::timestamptz is not null and (${hasMoved}) on conflict do nothing`,
    `update ${live} t set ${moved.map((name) => `${name} = b.${name}`).join(', ')},
        _status = 'current', _seq = $1::bigint + b._ordinal + 1, _received_at = $2
      from (${best}) b where t._key = b._key`,
  ]
}

/** Writes every statement of the table's merge. */
export function mergeStatements(table: RecordTable): MergeStatements {
  const names = table.fields.map(({ name }) => quoted(name))
  const business = names.map((name) => `, ${name}`).join('')
  const stagedBusiness = names.map((name) => `, s.${name}`).join('')
  const live = recordsName(table.number)
  const stage = stageName(table)
  const system = '_key, _status, _seq, _hash, _run, _source_at, _received_at, _quality'
  const staged = `s._key, s._status, $1::bigint + s._ordinal + 1, s._hash, $2::uuid, s._source_at, $3::timestamptz, s._quality`
  const applied = names.map((name) => `${name} = s.${name}, `).join('')
  const emptied = names.map((name) => `${name} = null, `).join('')
  const fate = fateName(table)
  const clocks = table.fields
    .filter(isClock)
    .map(({ name }) => `${quoted(name)} = s.${quoted(name)}, `)
    .join('')
  return {
    stage,
    ...historyStatements(table),
    insertFresh: `insert into ${live} (${system}${business})
      select ${staged}${stagedBusiness} from ${stage} s where s._op = 'u' on conflict (_key) do nothing`,
    compare: `with compared as materialized (
        select s.ctid as _place, ${outcomeCase(table)} as outcome
        from ${stage} s left join ${live} t on t._key = s._key ${formerJoin(table)}
      ), kept as (
        insert into ${fate} (_place, outcome) select _place, outcome from compared
        where outcome not in ('unchanged', 'stale')
      )
      select outcome, count(*)::integer as count from compared group by outcome`,
    insertNew: `insert into ${live} (${system}${business})
      select ${staged}${stagedBusiness} from ${fateJoin(table)} where f.outcome = 'new'`,
    keepAliases: keepAliases(table),
    keepDepartures: (filterFields) => keepDepartures(table, filterFields),
    applyChanged: `update ${live} t set ${applied}_status = s._status, _seq = $1::bigint + s._ordinal + 1,
        _hash = s._hash, _run = $2::uuid, _source_at = coalesce(s._source_at, t._source_at),
        _received_at = $3::timestamptz, _quality = s._quality,
        _flags = case when t._flags @> ${refusedFlag} and ${isBeforeRefused} then ${refusedFlag}::text[] end,
        _refused_at = case when ${isBeforeRefused} then t._refused_at end
      from ${fateJoin(table)} where t._key = s._key and f.outcome in ('changed', 'revived')`,
    applyCleared: `update ${live} t set _flags = nullif(array_remove(t._flags, 'newer-version-refused'), '{}'),
        _refused_at = null, _seq = $1::bigint + s._ordinal + 1, _source_at = coalesce(s._source_at, t._source_at)
      from ${fateJoin(table)} where t._key = s._key and f.outcome = 'cleared'`,
    applyTouched: `update ${live} t set ${clocks}_source_at = s._source_at
      from ${fateJoin(table)} where t._key = s._key and f.outcome = 'touched'`,
    applyDeleted: `update ${live} t set ${emptied}_status = 'deleted', _seq = $1::bigint + s._ordinal + 1,
        _hash = '', _run = $2::uuid, _source_at = coalesce(s._source_at, t._source_at),
        _received_at = $3::timestamptz, _quality = null, _flags = null, _refused_at = null
      from ${fateJoin(table)} where t._key = s._key and f.outcome = 'deleted'`,
    keepTombstones: `insert into ${live} (_key, _status, _seq, _hash, _run, _source_at, _received_at)
      select s._key, 'deleted', $1::bigint + s._ordinal + 1, ''::bytea, $2::uuid, s._source_at, $3::timestamptz
      from ${fateJoin(table)} where f.outcome = 'absent' and s._source_at is not null`,
    promoteVersions: (filterFields) => promoteVersions(table, filterFields),
  }
}
