import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, HubRefusal } from '../demo/client.ts'
import { changeSource, sourceDefinition } from './changing-source.ts'
import type { CuttableProxy } from './cuttable-proxy.ts'
import type { HubProcess } from './hub-process.ts'
import { addsUp } from './judge-kills.ts'
import { differencesOf, lostByCursor } from './judge-syncs.ts'
import { runSql, type SourceServer } from './source-server.ts'
import type { RedisProcess } from './redis-process.ts'
import { prepareSyncs } from './sync-world.ts'

export interface ShakeOptions {
  hub: HubProcess
  adminToken: string
  server: SourceServer
  proxy: CuttableProxy
  redis: RedisProcess | null
  seconds: number
  rowsPerSecond: number
  hubKills: number
  postgresKills: number
  cutSeconds: number
  random: () => number
  log: (line: string) => void
}

export interface ShakeResult {
  changeCount: number
  /** Runs that had moved rows when the shaking ended. */
  workedCount: number
  differences: string[]
  /** Runs that say they ended well although their counts do not add up, or are still called running. */
  wrongRuns: string[]
}

interface Run {
  id: string
  kind: string
  state: string
  counts: Record<string, number>
}

/**
 * A source changes without rest while a pull and a delivery run every three seconds, and everything they
 * stand on is taken away at random: the hub, its PostgreSQL, its queue, the way to the source. Then the
 * source rests, and what it holds must stand in the records and with the subscriber, row by row.
 */
export async function shakeSyncs(options: ShakeOptions): Promise<ShakeResult> {
  const { hub, server, log } = options
  await runSql(server.urlOf('source'), sourceDefinition)
  await hub.start()
  const sourceUrl = server.urlOf('source', options.proxy.port)
  await prepareSyncs(hub.url, options.adminToken, { sourceUrl, targetUrl: server.urlOf('target') })
  const source = await changeSource({ ...options, url: server.urlOf('source') })
  await untilMoving(options)
  await shake(options)
  await source.stop()
  log(`  the source rests after ${source.changeCount} changes`)
  const worked = await workedRuns(options)
  const caughtUp = await runToEnd(options, 'counters-in', {})
  log(`  incremental pull: ${caughtUp.state}, ${JSON.stringify(caughtUp.counts)}`)
  const places = {
    sourceUrl: server.urlOf('source'),
    hubUrl: hub.databaseUrl(),
    recordTable: await recordTable(hub),
    targetUrl: server.urlOf('target'),
  }
  const lost = await lostByCursor(places)
  await settle(options)
  // The schedule goes on: what it starts now would be running when the runs are judged.
  for (const sync of ['counters-in', 'counters-out']) await rest(options, sync)
  const runs = await allRuns(options)
  const differences = [...lost, ...(await differencesOf({ ...places, hubUrl: hub.databaseUrl() }))]
  return {
    changeCount: source.changeCount,
    workedCount: worked.length,
    differences,
    wrongRuns: runs.filter(isWrong).map(({ id, kind, state }) => `${kind} ${id}: ${state}`),
  }
}

const workedRuns = async (options: ShakeOptions): Promise<Run[]> =>
  (await allRuns(options)).filter(({ counts }) => (counts['read'] ?? 0) > 0)

/** Blows strike what moves: on a slow machine the hub may hardly do more afterwards than start again. */
const untilMoving = (options: ShakeOptions): Promise<void> =>
  untilTaken(
    async () => {
      if ((await workedRuns(options)).length === 0) throw new Error('no run has moved a row')
    },
    Date.now() + settleSecondsMax * 1000,
  )

interface Blow {
  atMs: number
  name: string
  strike: () => Promise<void> | void
}

async function shake(options: ShakeOptions): Promise<void> {
  const begunAt = Date.now()
  for (const blow of blowsOf(options)) {
    await sleep(Math.max(0, begunAt + blow.atMs - Date.now()))
    options.log(`  ${Math.round((Date.now() - begunAt) / 1000)} s: ${blow.name}`)
    await blow.strike()
  }
  await sleep(Math.max(0, begunAt + options.seconds * 1000 - Date.now()))
}

function blowsOf(options: ShakeOptions): Blow[] {
  const { hub, proxy, redis, random, seconds, cutSeconds } = options
  const anytime = (): number => random() * seconds * 1000
  const several = (count: number, make: () => Omit<Blow, 'atMs'>): Blow[] =>
    Array.from({ length: count }, () => ({ ...make(), atMs: anytime() }))
  const hubKill = (): Omit<Blow, 'atMs'> => ({
    name: 'the hub is killed',
    strike: async () => {
      await hub.kill()
      await hub.start()
    },
  })
  const postgresKill = (): Omit<Blow, 'atMs'> => ({
    name: 'PostgreSQL is killed',
    strike: () => hub.killPostgres(),
  })
  const cutAtMs = random() * Math.max(0, seconds - cutSeconds) * 1000
  const blows: Blow[] = [
    ...several(options.hubKills, hubKill),
    ...several(options.postgresKills, postgresKill),
    { atMs: cutAtMs, name: 'the way to the source is cut', strike: () => proxy.cut() },
    { atMs: cutAtMs + cutSeconds * 1000, name: 'the way is mended', strike: () => proxy.mend() },
  ]
  if (redis !== null) {
    const lose = (): Omit<Blow, 'atMs'> => ({
      name: 'Redis loses everything',
      strike: () => redis.loseEverything(),
    })
    blows.push(...several(1, lose))
  }
  return blows.sort((a, b) => a.atMs - b.atMs)
}

const settleSecondsMax = 300

/** One full pull for what was deleted at the source, then both syncs until a run finds nothing to do. */
async function settle(options: ShakeOptions): Promise<void> {
  const pulled = await runToEnd(options, 'counters-in', { mode: 'full', force: true })
  options.log(`  full pull: ${pulled.state}, ${JSON.stringify(pulled.counts)}`)
  for (let round = 0; round < 5; round += 1) {
    const delivered = await runToEnd(options, 'counters-out', {})
    options.log(`  delivery: ${delivered.state}, ${delivered.counts['read']} changes`)
    if (delivered.state === 'succeeded' && delivered.counts['read'] === 0) return
  }
  throw new Error('the delivery never came to rest')
}

/** Pauses a sync and waits until none of its runs is under way; one that never ends is a fault. */
async function rest(options: ShakeOptions, sync: string): Promise<void> {
  const client = createClient(options.hub.url, options.adminToken)
  const giveUpAt = Date.now() + settleSecondsMax * 1000
  await untilTaken(() => client.post(`/v1/syncs/${sync}/pause`, {}), giveUpAt)
  await untilTaken(async () => {
    const { items } = await client.get<{ items: Run[] }>(`/v1/runs?sync=${sync}&limit=20`)
    if (items.some(({ state }) => state === 'running')) throw new Error('still running')
    for (const { id } of items.filter(({ state }) => state === 'queued')) {
      await client.post(`/v1/runs/${id}/cancel`, {})
    }
  }, giveUpAt)
}

/** Starts a run by hand, as soon as the sync's scheduled one has ended, and waits for its end. */
async function runToEnd(options: ShakeOptions, sync: string, body: object): Promise<Run> {
  const client = createClient(options.hub.url, options.adminToken)
  const giveUpAt = Date.now() + settleSecondsMax * 1000
  await rest(options, sync)
  await untilTaken(() => client.post(`/v1/syncs/${sync}/resume`, {}), giveUpAt)
  const started = await untilTaken(
    () => client.post<{ id: string }>(`/v1/syncs/${sync}/runs`, body),
    giveUpAt,
  )
  return untilTaken(async () => {
    const run = await client.get<Run>(`/v1/runs/${started.id}`)
    if (run.state === 'queued' || run.state === 'running') throw new Error(`${sync}: ${run.state}`)
    if (run.state === 'failed') throw new Error(`${sync}: ${JSON.stringify(run)}`)
    return run
  }, giveUpAt)
}

async function untilTaken<T>(attempt: () => Promise<T>, giveUpAt: number): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const isHopeless = error instanceof HubRefusal && error.status < 500 && error.status !== 409
      if (isHopeless || Date.now() > giveUpAt) throw error
    }
    await sleep(200)
  }
}

async function allRuns({ hub, adminToken }: ShakeOptions): Promise<Run[]> {
  const client = createClient(hub.url, adminToken)
  const runs: Run[] = []
  for (let after = ''; ;) {
    const page = await client.get<{ items: Run[]; next: string | null }>(
      `/v1/runs?limit=1000${after}`,
    )
    runs.push(...page.items)
    if (page.next === null) return runs
    after = `&after=${encodeURIComponent(page.next)}`
  }
}

/** The records' table is called by the resource's number; there is but one resource. */
const recordTable = async (hub: HubProcess): Promise<string> => {
  const [row] = await runSql<{ name: string }>(
    hub.databaseUrl(),
    `select 'records.r_' || resource_number as name from hub.change_numbers`,
  )
  if (row === undefined) throw new Error('there is no record table')
  return row.name
}

function isWrong({ kind, state, counts }: Run): boolean {
  if (state === 'running') return true
  if (state !== 'succeeded' && state !== 'partial') return false
  return !addsUp(counts) && !(kind === 'pull' && addsUp({ ...counts, deleted: 0 }))
}
