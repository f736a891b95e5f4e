import type pg from 'pg'
import type { Log } from '../../database/log.ts'
import type { AuditFacts, AuditLog, AuditReceipt } from '../facts.ts'
import type { AuditKeys } from '../keys.ts'
import { AddressMemory } from './address-memory.ts'
import { CallCounters } from './call-counters.ts'
import { type FoundHint, hintOperation, hourOf } from './hint.ts'
import { judgeUsage } from './judge-usage.ts'
import { watchLimits } from './limits.ts'
import { HintTeller } from './tell-hint.ts'
import { type Usage, usageStore } from './usage-store.ts'

export interface WatchParts {
  database: { pool: pg.Pool; openClient(purpose: 'leader'): Promise<pg.Client> }
  /** The log that hints are written to: the one that is watched, or what it wraps. */
  log: AuditLog
  keys: Pick<AuditKeys, 'subjects'>
  clock: { now: () => Date }
  faults: Pick<Log, 'error'>
}

export interface CallWatch {
  /** Looks at an entry that has been written; never waits and never throws. */
  see(facts: AuditFacts): void
  /** Does now what is done every minute: writes the counts down and tells what was found. */
  flush(): Promise<void>
  /** Does now what is done every hour, unless another process is at it: compares with what is usual. */
  look(): Promise<boolean>
  close(): Promise<void>
}

const dayMs = 24 * 60 * 60 * 1000
const lockKey = 7_305_118_442

/*
 *   entry written ─▶ see: counters, steps ─▶ hints ─┐
 *                     └▶ counts of the hour         ├─ every minute ─▶ audit.hint entries
 *                         └── every minute ─▶ hub.system_usage ── every hour, one process ─▶ judged ─┘
 *
 * Hints are for people to look at: nothing is refused because of them, and a call never waits for one.
 */
export function openWatch(parts: WatchParts): CallWatch {
  const { database, clock, faults } = parts
  const counters = new CallCounters()
  const addresses = new AddressMemory(database.pool, parts.keys.subjects)
  const teller = new HintTeller(database.pool, parts.log)
  const store = usageStore(database.pool)
  const counts = new Map<string, Usage>()
  /** By system, kind and hour: one that is found often must not crowd out the others. */
  const waiting = new Map<string, FoundHint>()
  let asked: AskedAddress[] = []

  const see = (facts: AuditFacts): void => {
    if (facts.operation === hintOperation) return
    count(counts, facts)
    for (const hint of counters.see(facts)) if (!teller.isTold(hint)) wait(waiting, hint)
    const { system, address, requestedAt: at, department } = facts
    if (system === undefined || address === undefined) return
    if (asked.length < watchLimits.waitingHintsMax && addresses.isDue(system, address, at)) {
      asked.push({ system, address, department, at })
    }
  }

  const write = async (): Promise<void> => {
    const calledFrom = asked
    asked = []
    await writeCounts(store, counts)
    for (const { address, ...call } of calledFrom) {
      if (!(await addresses.isNew(call.system, address, call.at))) continue
      wait(waiting, { ...call, kind: 'new-address', evidence: { days: watchLimits.addressDays } })
    }
    for (const [name, hint] of waiting) {
      await teller.tell(hint)
      waiting.delete(name)
    }
  }

  const judge = async (): Promise<void> => {
    const now = clock.now()
    const usages = await store.since(hourOf(now) - watchLimits.usualDays * dayMs)
    for (const hint of await withDepartments(database.pool, judgeUsage(usages, now))) {
      await teller.tell(hint)
    }
    await store.purge(now.getTime())
  }

  return scheduled({ see, write, judge: () => alone(database, judge), faults })
}

function wait(waiting: Map<string, FoundHint>, hint: FoundHint): void {
  const name = `${hourOf(hint.at)} ${hint.kind} ${hint.system}`
  if (waiting.size < watchLimits.waitingHintsMax && !waiting.has(name)) waiting.set(name, hint)
}

/** What is counted meanwhile waits for the next time; so does everything that could not be written. */
async function writeCounts(
  store: ReturnType<typeof usageStore>,
  counts: Map<string, Usage>,
): Promise<void> {
  const usages = [...counts.values()]
  counts.clear()
  try {
    await store.add(usages)
  } catch (error) {
    for (const usage of usages) addUsage(counts, usage)
    throw error
  }
}

interface AskedAddress {
  system: string
  address: string
  department: string | undefined
  at: Date
}

function count(counts: Map<string, Usage>, facts: AuditFacts): void {
  const { system, requestedAt, rowCount = 0, outcome, subjects, sequenceRange } = facts
  if (system === undefined) return
  // What a system brings in has rows too: only what it takes out counts.
  const takesOut = outcome === 'allowed' && (subjects !== undefined || sequenceRange !== undefined)
  const recordCount = takesOut ? rowCount : 0
  addUsage(counts, { system, hour: hourOf(requestedAt), callCount: 1, recordCount })
}

function addUsage(counts: Map<string, Usage>, added: Usage): void {
  const name = `${added.hour} ${added.system}`
  const usage = counts.get(name)
  if (usage) {
    usage.callCount += added.callCount
    usage.recordCount += added.recordCount
  } else if (counts.size < watchLimits.waitingCountsMax) counts.set(name, added)
}

async function withDepartments(pool: pg.Pool, hints: readonly FoundHint[]): Promise<FoundHint[]> {
  if (hints.length === 0) return []
  const { rows } = await pool.query<{ id: string; department: string }>(
    'select id, department from hub.systems where id = any($1)',
    [hints.map(({ system }) => system)],
  )
  const departments = new Map(rows.map(({ id, department }) => [id, department]))
  return hints.map((hint) => ({ ...hint, department: departments.get(hint.system) }))
}

/** The lock lies on a connection of its own: when this process dies, it is free. */
async function alone(
  { openClient }: WatchParts['database'],
  work: () => Promise<void>,
): Promise<boolean> {
  const client = await openClient('leader')
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'select pg_try_advisory_lock($1) as held',
      [lockKey],
    )
    if (rows[0]?.held !== true) return false
    await work()
    return true
  } finally {
    await client.end().catch(() => undefined)
  }
}

interface Scheduling {
  see(facts: AuditFacts): void
  write(): Promise<void>
  judge(): Promise<boolean>
  faults: Pick<Log, 'error'>
}

/** One thing at a time; what fails is told, and the next round goes on without it. */
function scheduled({ see, write, judge, faults }: Scheduling): CallWatch {
  let underWay: Promise<unknown> = Promise.resolve()
  const next = <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    const done = underWay.then(work).catch((error: unknown) => {
      faults.error({ err: error }, 'the watch over calls could not go on')
      return otherwise
    })
    underWay = done
    return done
  }
  const flush = (): Promise<void> => next(write, undefined)
  const look = (): Promise<boolean> => next(judge, false)
  const timers = [
    setInterval(() => void flush(), watchLimits.flushEveryMs),
    setInterval(() => void look(), watchLimits.lookEveryMs),
  ]
  for (const timer of timers) timer.unref()
  return {
    see,
    flush,
    look,
    close: async () => {
      for (const timer of timers) clearInterval(timer)
      await flush()
    },
  }
}

/** The log, each of whose written entries the watch looks at. */
export function watchCalls<Opened extends AuditLog>(
  opened: Opened,
  watch: Pick<CallWatch, 'see'>,
): Opened {
  return {
    ...opened,
    append: async (facts: AuditFacts): Promise<AuditReceipt> => {
      const receipt = await opened.append(facts)
      watch.see(facts)
      return receipt
    },
  }
}
