import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { readOrigin } from '../../src/hub/audit/sealed/seal-keys.ts'
import { leadLockKey, type Sealer, startSealer } from '../../src/hub/audit/sealed/sealer.ts'
import { ed25519Signer } from '../../src/hub/audit/sealed/sign-note.ts'
import { connectClient } from '../../src/hub/database/clients.ts'
import { silentLog } from '../../src/hub/database/log.ts'
import type { City } from './city.ts'
import { percentile, type Results, within } from './results.ts'

const entriesPerSecond = 5000
const tickMs = 100
const backlogEntries = 100_000
/** How long the hub has to show that it seals by itself. */
const patienceMs = 3000

/** As the log's writer inserts them, with leaves of the usual length. Answers the last id. */
const insertText = `with made as (
    select uuidv7() as id, encode(sha256(convert_to(n || '/' || random(), 'UTF8')), 'base64') as facts
    from generate_series(1, $1) n
  ), leaves as (
    select id, convert_to(format('{"facts":"%s","id":"%s","readyAt":"2026-11-01T00:00:00.000Z","version":2}',
      rtrim(facts, '='), id), 'UTF8') as leaf from made
  ), entries as (
    insert into audit.entries (id, leaf_bytes, leaf_hash) select id, leaf, sha256('\\x00'::bytea || leaf) from leaves
  ), pending as (insert into audit.pending select id from leaves)
  select id from made order by id desc limit 1`

/** One transaction that was committed: an entry of it, and when. */
interface Commit {
  id: string
  committedAt: number
}

/**
 * How long it takes from an entry's commit until a signed checkpoint covers it, while entries come at a
 * steady pace, and how fast a backlog is sealed.
 */
export async function measureAuditSeal(
  city: Pick<City, 'options' | 'databaseUrl'>,
): Promise<Results> {
  const database = new Client({ connectionString: city.databaseUrl })
  database.on('error', () => undefined) // Its server ends before it when the bench is broken off.
  await database.connect()
  const sealer = (await isSealing(database)) ? null : await startOwn(database, city.databaseUrl)
  try {
    await untilSealed(database)
    const commits = await insertAtPace(database, city.options.roundSeconds * 4)
    await untilSealed(database)
    const lags = await lagsOf(database, commits)
    const rate = await backlogRate(database)
    const returnSeconds = await secondsAfterReturn(city.databaseUrl, database)
    return {
      'audit-seal': within(2, { value: percentile(lags, 1) / 1000, unit: 's' }),
      'audit-seal-rate': {
        value: rate,
        unit: 'entries/s',
        baseline: null,
        ratio: null,
        target: `≥ ${entriesPerSecond} entries/s`,
        ok: rate >= entriesPerSecond,
      },
      'audit-return': within(2, { value: returnSeconds, unit: 's' }),
    }
  } finally {
    await sealer?.close()
    await database.end()
  }
}

/** Whether the hub seals: it signs the empty tree as soon as it leads. */
async function isSealing(database: Client): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += tickMs) {
    const { rowCount } = await database.query('select from audit.checkpoints limit 1')
    if (rowCount === 1) return true
    await sleep(tickMs)
  }
  return false
}

async function startOwn(database: Client, url: string): Promise<Sealer> {
  const origin = await readOrigin(database)
  return startSealer({
    openClient: () => connectClient({ url, purpose: 'leader' }),
    origin,
    signers: [ed25519Signer(origin, generateKeyPairSync('ed25519').privateKey)],
    log: silentLog,
  })
}

async function untilSealed(database: Client): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ isDone: boolean }>(
      `select not exists (select from audit.pending)
         and (select size from audit.tree) = (select max(size) from audit.checkpoints) as "isDone"`,
    )
    if (rows[0]?.isDone) return
    await sleep(20)
  }
}

async function insert(database: Client, count: number): Promise<Commit> {
  const { rows } = await database.query<{ id: string }>(insertText, [count])
  return { id: rows[0]?.id ?? '', committedAt: Date.now() }
}

/** Throws when the machine cannot even insert at that pace: its lag would say nothing. */
async function insertAtPace(database: Client, seconds: number): Promise<Commit[]> {
  const commits: Commit[] = []
  const begun = performance.now()
  const tickCount = Math.ceil((seconds * 1000) / tickMs)
  while (commits.length < tickCount) {
    commits.push(await insert(database, (entriesPerSecond * tickMs) / 1000))
    const dueMs = begun + commits.length * tickMs
    await sleep(Math.max(0, dueMs - performance.now()))
  }
  const tookSeconds = (performance.now() - begun) / 1000
  if (tookSeconds > seconds * 1.1) {
    throw new Error(
      `entries came too slowly: ${seconds} s of them took ${tookSeconds.toFixed(1)} s`,
    )
  }
  return commits
}

/** Milliseconds from each commit to the first checkpoint behind its entry's position. */
async function lagsOf(database: Client, commits: readonly Commit[]): Promise<number[]> {
  const { rows } = await database.query<{ id: string; signedAt: Date }>(
    `select entry as id, (select min(signed_at) from audit.checkpoints where size > position) as "signedAt"
     from audit.leaves where entry = any($1)`,
    [commits.map(({ id }) => id)],
  )
  const signed = new Map(rows.map(({ id, signedAt }) => [id, signedAt.getTime()]))
  return commits.map(({ id, committedAt }) => {
    const signedAt = signed.get(id)
    if (signedAt === undefined) throw new Error(`${id} was never sealed`)
    return Math.max(0, signedAt - committedAt)
  })
}

/** Entries a second, from the commit of many at once to the checkpoint that covers the last. */
async function backlogRate(database: Client): Promise<number> {
  await insert(database, backlogEntries)
  const begun = performance.now()
  await untilSealed(database)
  return backlogEntries / ((performance.now() - begun) / 1000)
}

const returnCount = 5

/**
 * Seconds from the sealer's return until everything is sealed that was written while it was gone: the longest of
 * several. Its session is cut, and its lock held by the bench, so that it returns when that is let go.
 */
async function secondsAfterReturn(url: string, database: Client): Promise<number> {
  let longest = 0
  for (let time = 0; time < returnCount; time++) {
    const holder = new Client({ connectionString: url })
    await holder.connect()
    await takeLead(holder)
    for (let tick = 0; tick < 10; tick++) await insert(database, (entriesPerSecond * tickMs) / 1000)
    await holder.end()
    const begun = performance.now()
    await untilSealed(database)
    longest = Math.max(longest, (performance.now() - begun) / 1000)
  }
  return longest
}

/** Cuts the leader's session until its lock is free for `holder`. */
async function takeLead(holder: Client): Promise<void> {
  for (;;) {
    await holder.query(
      `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and pid <> pg_backend_pid() and (classid::bigint << 32) + objid::bigint = $1`,
      [leadLockKey],
    )
    const { rows } = await holder.query<{ held: boolean }>(
      'select pg_try_advisory_lock($1) as held',
      [leadLockKey],
    )
    if (rows[0]?.held) return
    await sleep(20)
  }
}
