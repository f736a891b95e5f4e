import { Client } from 'pg'

/** Where the same facts must stand in the end. */
export interface Places {
  sourceUrl: string
  /** The hub's database, as its owner or application. */
  hubUrl: string
  recordTable: string
  targetUrl: string
}

const rowsOf = async (url: string, sql: string): Promise<Map<string, string>> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ key: string; facts: string }>(sql)
    return new Map(rows.map(({ key, facts }) => [key, facts]))
  } finally {
    await client.end()
  }
}

/** The facts of one row as text, so that three tables of different make can be compared. */
const facts = (key: string): string =>
  `${key}::text as key, concat_ws('|', value, (amount::numeric(24, 4))::text) as facts`

/** What differs, in words; empty when source, records and subscriber hold the same rows. */
export async function differencesOf(places: Places): Promise<string[]> {
  const source = await rowsOf(places.sourceUrl, `select ${facts('id')} from counters`)
  const records = await rowsOf(
    places.hubUrl,
    `select ${facts('counter')} from ${places.recordTable} where _status <> 'deleted'`,
  )
  const target = await rowsOf(places.targetUrl, `select ${facts('counter')} from received`)
  return [
    ...compare('source → records', source, records),
    ...compare('records → subscriber', records, target),
  ]
}

/**
 * Rows of the source that the records lack or have otherwise, once an incremental pull has ended: what a cursor
 * lost. Rows that are too many are not its doing, since it cannot see what was deleted.
 */
export async function lostByCursor({
  sourceUrl,
  hubUrl,
  recordTable,
}: Omit<Places, 'targetUrl'>): Promise<string[]> {
  const source = await rowsOf(sourceUrl, `select ${facts('id')} from counters`)
  const records = await rowsOf(
    hubUrl,
    `select ${facts('counter')} from ${recordTable} where _status <> 'deleted'`,
  )
  const known = new Map([...records].filter(([key]) => source.has(key)))
  return compare('source → records, by cursor alone', source, known)
}

function compare(what: string, from: Map<string, string>, to: Map<string, string>): string[] {
  const missing = [...from.keys()].filter((key) => !to.has(key))
  const extra = [...to.keys()].filter((key) => !from.has(key))
  const differing = [...from].filter(([key, value]) => to.has(key) && to.get(key) !== value)
  const say = (count: number, how: string, example: string | undefined): string[] =>
    count === 0 ? [] : [`${what}: ${count} rows ${how}, such as ${example}`]
  return [
    ...say(missing.length, 'missing', missing[0]),
    ...say(extra.length, 'too many', extra[0]),
    ...say(differing.length, 'different', differing[0]?.[0]),
  ]
}
