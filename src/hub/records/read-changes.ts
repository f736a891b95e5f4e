import type pg from 'pg'
import { proofCells, proofCount, type Proof, proven, type Proven, runProven } from './proof.ts'
import { type FoundRecord, hiddenKey, type Reading, readFound } from './reading.ts'
import { departuresName, quoted, recordsName } from './record-table.ts'
import { literal, type Parameters, type Source } from './sql-conditions.ts'
import { makeStatement, type Statement } from './statements.ts'

/**
 * Where a follower stands: it has everything up to `seq`. One that began on an empty store also has
 * `base`, the last change number of that moment: what was deleted before it, the follower never had,
 * so that a tombstone purged since then is no loss to it until it has caught up.
 */
export interface Cursor {
  seq: number
  base: number | null
}

export function readCursor(text: string | undefined): Cursor {
  const [seq = '0', base] = (text ?? '0').split('.')
  return { seq: Number(seq), base: base === undefined ? null : Number(base) }
}

export const writeCursor = ({ seq, base }: Cursor): string =>
  base === null || seq >= base ? String(seq) : `${seq}.${base}`

export interface Change {
  seq: number
  /** The merge key, and whether the answer must hide it. */
  key: string
  isKeyHidden: boolean
  /** Null: the record is gone, or has left what the scope shows. */
  record: FoundRecord | null
}

export type Changes =
  | { kind: 'changes'; items: Change[]; next: Cursor; after: number }
  | { kind: 'expired' }

export interface Following {
  reading: Reading
  /** Whether values of a field may be seen as they are. */
  isOpen: (path: string) => boolean
}

export interface ChangesCall {
  proof: Proof
  cursor: Cursor
  limit: number
  /** Nothing beyond this change number: a range that was read before is read again. */
  through?: number
  windowRows?: number
}

/** Rows looked at in one statement where a grant shows only some of them. */
const windowRowsUsual = 20_000

/**
 * The next changes of a scope, folded to the last one of each record. Change numbers are given under the
 * resource's lock and so in commit order: whatever commits later has a higher number than all that this
 * snapshot sees, and nothing is missed. Looks on until something is found or the end is reached, however
 * far it is, since an empty answer means the end; each window is a statement of its own, with a time limit
 * of its own, that proves the grant anew.
 */
export async function readChanges(
  pool: Pick<pg.Pool, 'query'>,
  following: Following,
  call: ChangesCall,
): Promise<Proven<Changes>> {
  const { cursor, limit, through, windowRows = windowRowsUsual } = call
  const statement = changesStatement(following, through !== undefined)
  let rowsMax = following.reading.isPartial ? Math.max(limit, windowRows) : limit
  let seq = cursor.seq
  let base = cursor.base
  for (;;) {
    const values = [seq, rowsMax, limit, ...(through === undefined ? [] : [through])]
    const answer = await runProven(pool, statement, { proof: call.proof, values })
    if (answer.held !== 'all') return answer
    const page = readPage(following.reading, answer.found, seq)
    if (cursor.seq === 0) base ??= page.lastSeq
    if (isExpired({ seq: cursor.seq, base }, page.clearedSeq)) {
      return { held: 'all', found: { kind: 'expired' } }
    }
    const isFull = page.items.length === limit
    seq = isFull ? (page.items.at(-1)?.seq ?? seq) : page.scannedTo
    if (page.items.length > 0 || page.scannedCount < rowsMax) {
      const found = {
        kind: 'changes',
        items: page.items,
        next: { seq, base },
        after: cursor.seq,
      } as const
      return { held: 'all', found }
    }
    // Where one window shows nothing (tombstones of what was never seen), the next had better be a large one.
    rowsMax = Math.max(rowsMax, windowRows)
  }
}

const isExpired = ({ seq, base }: Cursor, clearedSeq: number): boolean =>
  Math.max(seq, base ?? 0) < clearedSeq

interface Page {
  lastSeq: number
  clearedSeq: number
  scannedTo: number
  scannedCount: number
  items: Change[]
}

/** Cells before a record's own: those of the proof, bounds (4), then the change's seq, key and whether it is hidden and shown. */
const boundsAt = proofCells
const changeAt = boundsAt + 4
const recordAt = changeAt + 4

function readPage(reading: Reading, found: unknown[][], seq: number): Page {
  const [first = []] = found
  const numberAt = (place: number, otherwise: number): number => {
    const cell = first[place]
    return typeof cell === 'number' ? cell : otherwise
  }
  return {
    lastSeq: numberAt(boundsAt, 0),
    clearedSeq: numberAt(boundsAt + 1, 0),
    scannedTo: numberAt(boundsAt + 2, seq),
    scannedCount: numberAt(boundsAt + 3, 0),
    items: found.filter((row) => row[changeAt] !== null).map((row) => readChange(reading, row)),
  }
}

const readChange = (reading: Reading, row: unknown[]): Change => ({
  seq: Number(row[changeAt]),
  key: String(row[changeAt + 1]),
  isKeyHidden: row[changeAt + 2] === true,
  record: row[changeAt + 3] === true ? readFound(reading, row, recordAt) : null,
})

const statements = {
  open: new WeakMap<Reading, Statement>(),
  bounded: new WeakMap<Reading, Statement>(),
}

/** Bounded ones are statements of their own: the planner takes far fewer rows for granted where there is an end. */
function changesStatement({ reading, isOpen }: Following, isBounded: boolean): Statement {
  const made = isBounded ? statements.bounded : statements.open
  const kept = made.get(reading) ?? composeChanges({ reading, isOpen }, isBounded)
  made.set(reading, kept)
  return kept
}

function composeChanges({ reading, isOpen }: Following, isBounded: boolean): Statement {
  const { number } = reading.served
  const table = recordsName(number)
  const end = isBounded ? 'and _seq <= $8' : ''
  return makeStatement(proofCount + (isBounded ? 4 : 3), (parameters) => {
    const hidden = hiddenKey(reading.served, isOpen, 'w') ?? 'false'
    return proven(`select b.last_seq, b.cleared_seq, s.scanned_to, s.scanned_count, c.*
      from (select last_seq, cleared_seq from hub.change_numbers where resource_number = ${number}) b
      cross join (select max(_seq), count(*) from (
        select _seq from ${table} where _seq > $5 ${end} order by _seq limit $6) scanned
      ) s (scanned_to, scanned_count)
      left join lateral (
        select w._seq as seq, w._key as key, ${hidden} as hidden, w.shown, r.*
        from (select t.*, (${reading.visible(parameters, 't')}) as shown
          from ${table} t where t._seq > $5 and t._seq <= s.scanned_to) w
        left join lateral (select ${reading.cellsOfMany('w')} where w.shown) r on true
        where w.shown or ${departed(reading, parameters)}
        order by w._seq limit $7
      ) c on true`)
  })
}

/**
 * A departure whose former state the scope showed: the follower may have the record. Also one from before
 * the cursor: where the record was changed again since, it lies behind the cursor although the follower has
 * passed the number of its departure. To be told twice that a record is gone changes nothing.
 */
function departed(reading: Reading, parameters: Parameters): string {
  const departures = departuresName(reading.served.number)
  const rows = reading.withinRows(parameters, formerSource(departures))
  const parts = [`d._key = w._key`]
  if (rows !== null) parts.push(rows)
  if (reading.unflaggedOnly) parts.push(`not (d.former ->> '_flagged')::boolean`)
  // A scalar subquery: `exists` would be hashed, that is, read all departures for every page.
  return `(select true from ${departures} d where ${parts.join(' and ')} limit 1)`
}

/**
 * A field's value when the departure was noted. One that was noted for a flag says nothing of fields:
 * then the next one that does, for a field never changes without one, and else the present value.
 */
function formerSource(departures: string): Source {
  const json = (name: string): string =>
    `coalesce((select l.former -> ${literal(name)} from ${departures} l
      where l._key = d._key and l._seq >= d._seq and l.former ? ${literal(name)}
      order by l._seq limit 1), to_jsonb(w.${quoted(name)}))`
  return { json, scalar: (name, type) => `(${json(name)} #>> '{}')::${type}` }
}
