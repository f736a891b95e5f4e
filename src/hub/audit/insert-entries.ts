import { type ClientBase, DatabaseError } from 'pg'
import { copyTables } from './copy-tables.ts'
import type { AuditEntry } from './entry.ts'
import { CopyWriter } from './wire.ts'

interface Table {
  name: string
  columns: string
  put: (writer: CopyWriter, entry: AuditEntry, id: Buffer) => void
  /** How many rows of an entry; one where it is not said. */
  rowsOf?: (entry: AuditEntry) => number
}

/** The entry comes first: a repetition must fail there, before it has touched anything else. */
const tables: readonly Table[] = [
  { name: 'entries', columns: 'id, leaf_bytes, leaf_hash', put: putEntry },
  { name: 'pending', columns: 'id', put: putPending },
  {
    name: 'search',
    columns:
      'id, ready_at, operation, outcome, code, department, system, resource, purpose, case_hash, details',
    put: putSearch,
  },
  {
    name: 'subjects',
    columns: 'subject, id',
    put: putSubjects,
    rowsOf: ({ subjects }) => subjects.length,
  },
  {
    name: 'ranges',
    columns: 'resource, after, through, id',
    put: putRange,
    rowsOf: ({ range }) => (range ? 1 : 0),
  },
]

function putEntry(writer: CopyWriter, { leaf }: AuditEntry, id: Buffer): void {
  writer.beginRow(3)
  writer.putBytes(id)
  writer.putText(leaf.text)
  writer.putHex(leaf.hash)
}

function putPending(writer: CopyWriter, _: AuditEntry, id: Buffer): void {
  writer.beginRow(1)
  writer.putBytes(id)
}

function putSearch(writer: CopyWriter, entry: AuditEntry, id: Buffer): void {
  const { search } = entry
  writer.beginRow(11)
  writer.putBytes(id)
  writer.putInstant(entry.readyAt)
  writer.putText(search.operation)
  writer.putText(search.outcome)
  writer.putText(search.code)
  writer.putText(search.department)
  writer.putText(search.system)
  writer.putText(search.resource)
  writer.putText(search.purpose)
  writer.putBytes(entry.caseHash)
  writer.putBytes(entry.details)
}

function putSubjects(writer: CopyWriter, { subjects }: AuditEntry, id: Buffer): void {
  for (const { hash } of subjects) {
    writer.beginRow(2)
    writer.putBytes(hash)
    writer.putBytes(id)
  }
}

function putRange(writer: CopyWriter, { range }: AuditEntry, id: Buffer): void {
  if (!range) return
  writer.beginRow(4)
  writer.putText(range.resource)
  writer.putBigint(range.after)
  writer.putBigint(range.through)
  writer.putBytes(id)
}

/**
 * Writes the entries, the sealer's list, and what finds them, in one transaction; resolves once it is
 * committed. `repeated`: the same entries were sent before and no answer came. As they go in together or
 * not at all, they are there already when the first of them is: PostgreSQL lets a unique key wait for a
 * transaction that is still under way.
 */
export async function insertEntries(
  client: ClientBase,
  entries: readonly AuditEntry[],
  repeated: boolean,
): Promise<void> {
  try {
    const writer = writerOf(client)
    const sql = writeTables(writer, entries)
    await copyTables(client, sql, writer.bytes)
  } catch (error) {
    // The socket may still be sending what was refused: it is not written over.
    writers.delete(client)
    if (!repeated || !isUniqueViolation(error) || !(await areThere(client, entries))) throw error
  }
}

const isUniqueViolation = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === '23505'

async function areThere(client: ClientBase, entries: readonly AuditEntry[]): Promise<boolean> {
  const { rowCount } = await client.query('select from audit.entries where id = any($1::uuid[])', [
    entries.map(({ id }) => id),
  ])
  return rowCount === entries.length
}

/**
 * One of each connection, used again: a buffer of its own for each batch costs the collector more than writing
 * it. What a broken connection may still be sending lies in a writer that ends with it.
 */
const writers = new WeakMap<ClientBase, CopyWriter>()

function writerOf(client: ClientBase): CopyWriter {
  const kept = writers.get(client) ?? new CopyWriter(writerBytes)
  writers.set(client, kept)
  kept.clear()
  return kept
}

/** More than a full batch of ordinary entries. */
const writerBytes = 512 * 1024

/** Answers the statements. Tables without rows are left out: each costs PostgreSQL as much as several entries. */
function writeTables(writer: CopyWriter, entries: readonly AuditEntry[]): string {
  const ids = entries.map(({ id }) => Buffer.from(id.replaceAll('-', ''), 'hex'))
  const statements: string[] = []
  for (const { name, columns, put, rowsOf } of tables) {
    if (rowsOf && entries.every((entry) => rowsOf(entry) === 0)) continue
    statements.push(`copy audit.${name} (${columns}) from stdin binary`)
    writer.beginTable()
    for (const [index, entry] of entries.entries()) put(writer, entry, ids[index]!)
    writer.endTable()
  }
  return statements.join(';')
}
