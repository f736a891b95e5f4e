import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

/** A department's table that never stands still. */
export interface ChangingSource {
  /** Changes made so far. */
  readonly changeCount: number
  /** Makes the last changes and stops; every transaction has ended then. */
  stop(): Promise<void>
}

export interface ChangingSourceOptions {
  url: string
  rowsPerSecond: number
  random: () => number
}

/** Ties are wanted: `updated_at` has whole milliseconds, and a transaction gives all its rows the same one. */
export const sourceDefinition = `create table counters (
  id bigint primary key, value text not null, amount numeric(24, 4), updated_at timestamptz(3) not null);
  create index counters_updated on counters (updated_at, id)`

const tickMs = 100
/** Every tenth transaction stays open so long: its rows are older than what others have committed before. */
const lateMsMax = 2000

/** Inserts, updates and deletes rows, some of them in transactions that commit late. */
export async function changeSource(options: ChangingSourceOptions): Promise<ChangingSource> {
  const { url, rowsPerSecond, random } = options
  const rowsPerTick = Math.max(1, Math.round((rowsPerSecond * tickMs) / 1000))
  const late = new Set<Promise<void>>()
  const prompt = await connected(url)
  const stop = new AbortController()
  let changeCount = 0
  let newest = 0
  const work = (async () => {
    for (let tick = 0; !stop.signal.aborted; tick += 1) {
      const rows = changesOf(rowsPerTick, { newest, random, tick })
      newest = Math.max(newest, ...rows.map(({ id }) => id))
      if (tick % 10 === 9) {
        const writing = writeLate(url, rows, random() * lateMsMax).finally(() =>
          late.delete(writing),
        )
        late.add(writing)
      } else {
        await write(prompt, rows)
      }
      changeCount += rows.length
      await sleep(tickMs)
    }
  })()
  return {
    get changeCount() {
      return changeCount
    },
    stop: async () => {
      stop.abort()
      await work
      await Promise.all(late)
      await prompt.end()
    },
  }
}

interface Change {
  id: number
  /** Null: the row goes. */
  value: string | null
}

/** Half new rows, a tenth deleted ones, the rest changed ones; late transactions keep to rows of their own. */
function changesOf(
  count: number,
  { newest, random, tick }: { newest: number; random: () => number; tick: number },
): Change[] {
  const changes = new Map<number, string | null>()
  for (let index = 0; index < count; index += 1) {
    const isNew = newest === 0 || index % 2 === 0
    const id = isNew ? newest + index + 1 : 1 + Math.floor(random() * newest)
    const goes = !isNew && random() < 0.2
    changes.set(id, goes ? null : `第 ${tick} 轮的值 ${index}`)
  }
  return [...changes].map(([id, value]) => ({ id, value })).sort((a, b) => a.id - b.id)
}

async function write(client: Client, changes: readonly Change[]): Promise<void> {
  const kept = changes.filter(({ value }) => value !== null)
  const gone = changes.filter(({ value }) => value === null)
  await client.query('begin')
  await client.query(
    `insert into counters select id, value, id * 1.5, date_trunc('milliseconds', now())
     from unnest($1::bigint[], $2::text[]) r (id, value)
     on conflict (id) do update set value = excluded.value, updated_at = excluded.updated_at`,
    [kept.map(({ id }) => id), kept.map(({ value }) => value)],
  )
  await client.query('delete from counters where id = any($1)', [gone.map(({ id }) => id)])
  await client.query('commit')
}

/** `now()` is the transaction's beginning: the rows come to light with a time that has long passed. */
async function writeLate(url: string, changes: readonly Change[], lateMs: number): Promise<void> {
  const client = await connected(url)
  const fresh = changes.filter(({ value }) => value !== null)
  try {
    await client.query('begin')
    await client.query('select now()')
    await sleep(lateMs)
    await client.query(
      `insert into counters select id, value, id * 1.5, date_trunc('milliseconds', now())
       from unnest($1::bigint[], $2::text[]) r (id, value) on conflict (id) do nothing`,
      [fresh.map(({ id }) => id), fresh.map(({ value }) => value)],
    )
    await client.query('commit')
  } finally {
    await client.end()
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
