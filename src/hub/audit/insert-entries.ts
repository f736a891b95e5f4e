import type pg from 'pg'
import type { AuditEntry, SearchTexts } from './entry.ts'
import { auditLimits } from './limits.ts'
import { bigintArray, byteaArray, instantArray, textArray, uuidArray } from './wire.ts'

/**
 * One statement, hence one transaction: the entries, the sealer's list, and what finds them. The first
 * try is a plain insert. A repetition (the connection died after sending: the first may have committed,
 * and the sealer may have taken it) writes of each entry everything or nothing.
 */
const statement = (repeated: boolean): string => {
  const unlessThere = repeated ? 'join entered using (id)' : ''
  return `
with entered as (
  insert into audit.entries (id, leaf_bytes, leaf_hash)
  select * from unnest($1::uuid[], $2::bytea[], $3::bytea[])
  ${repeated ? 'on conflict (id) do nothing returning id' : ''}
), waiting as (
  insert into audit.pending (id)
  select id from unnest($1::uuid[]) as new (id) ${unlessThere}
), looked_at as (
  insert into audit.subjects (resource, subject, id)
  select resource, subject, id
  from unnest($14::text[], $15::bytea[], $16::uuid[]) as new (resource, subject, id) ${unlessThere}
), covered as (
  insert into audit.ranges (resource, after, through, id)
  select resource, after, through, id
  from unnest($17::text[], $18::bigint[], $19::bigint[], $20::uuid[])
    as new (resource, after, through, id) ${unlessThere}
)
insert into audit.search (id, ready_at, operation, outcome, code, department, system, resource, purpose,
  case_hash, details)
select new.*
from unnest($1::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::bytea[], $13::bytea[])
  as new (id, ready_at, operation, outcome, code, department, system, resource, purpose, case_hash, details)
  ${unlessThere}`
}

const statements = {
  first: { name: 'audit-insert', text: statement(false) },
  repeated: { name: 'audit-insert-again', text: statement(true) },
}

/** Writes the entries; resolves once they are committed. `repeated`: some may be there already. */
export async function insertEntries(
  client: pg.ClientBase,
  entries: readonly AuditEntry[],
  repeated: boolean,
): Promise<void> {
  const query = {
    ...(repeated ? statements.repeated : statements.first),
    values: parameters(entries),
    // Understood by pg for a single query too, though not in its types.
    query_timeout: auditLimits.flushMsMax,
  }
  await client.query(query)
}

function parameters(entries: readonly AuditEntry[]): Buffer[] {
  const texts = (name: keyof SearchTexts): Buffer =>
    textArray(entries.map(({ search }) => search[name]))
  return [
    uuidArray(entries.map(({ id }) => id)),
    byteaArray(entries.map(({ leaf }) => leaf.bytes)),
    byteaArray(entries.map(({ leaf }) => Buffer.from(leaf.hash, 'hex'))),
    instantArray(entries.map(({ readyAt }) => readyAt)),
    texts('operation'),
    texts('outcome'),
    texts('code'),
    texts('department'),
    texts('system'),
    texts('resource'),
    texts('purpose'),
    byteaArray(entries.map(({ caseHash }) => caseHash)),
    byteaArray(entries.map(({ details }) => details)),
    ...subjectParameters(entries),
    ...rangeParameters(entries),
  ]
}

function subjectParameters(entries: readonly AuditEntry[]): Buffer[] {
  const rows = entries.flatMap(({ id, subjects }) =>
    subjects.map((subject) => ({ id, ...subject })),
  )
  return [
    textArray(rows.map(({ resource }) => resource)),
    byteaArray(rows.map(({ hash }) => hash)),
    uuidArray(rows.map(({ id }) => id)),
  ]
}

function rangeParameters(entries: readonly AuditEntry[]): Buffer[] {
  const rows = entries.flatMap(({ id, range }) => (range ? [{ id, ...range }] : []))
  return [
    textArray(rows.map(({ resource }) => resource)),
    bigintArray(rows.map(({ after }) => after)),
    bigintArray(rows.map(({ through }) => through)),
    uuidArray(rows.map(({ id }) => id)),
  ]
}
