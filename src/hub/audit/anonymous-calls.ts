import type { AuditFacts } from './facts.ts'
import { auditLimits } from './limits.ts'

/*
 * Calls without a valid token, counted instead of logged one by one: per address and minute one entry,
 * whose facts are those of the first call and whose note says how many there were, of what kinds. So a
 * flood costs the log a handful of rows, and the caller never waits for it.
 */

interface Fold {
  facts: AuditFacts
  count: number
  lastAt: Date
  /** How many of each operation and problem code, the first few kinds apart. */
  kinds: Map<string, number>
}

const kindsMax = 20
const minuteMs = 60_000

/** Where calls are counted once there are too many addresses within a minute. */
const otherAddresses = '*'

export class AnonymousCalls {
  #folds = new Map<string, Fold>()

  get size(): number {
    return this.#folds.size
  }

  add(facts: AuditFacts): void {
    const fold = this.#findFold(facts)
    fold.count++
    if (facts.requestedAt > fold.lastAt) fold.lastAt = facts.requestedAt
    const kind = `${facts.operation} ${facts.code ?? facts.outcome}`
    const counted = fold.kinds.has(kind) || fold.kinds.size < kindsMax ? kind : 'other'
    fold.kinds.set(counted, (fold.kinds.get(counted) ?? 0) + 1)
  }

  /** Takes out what has been counted, as entries' facts. */
  take(): AuditFacts[] {
    const folds = [...this.#folds.values()]
    this.#folds = new Map()
    return folds.map(({ facts, count, lastAt, kinds }) => ({
      ...facts,
      note: { count, lastAt: lastAt.toISOString(), kinds: Object.fromEntries(kinds) },
    }))
  }

  #findFold(facts: AuditFacts): Fold {
    const minute = Math.floor(facts.requestedAt.getTime() / minuteMs)
    const address = facts.address ?? otherAddresses
    const own = `${minute} ${address}`
    const isFull = this.#folds.size >= auditLimits.foldedAddressesMax
    const key = isFull && !this.#folds.has(own) ? `${minute} ${otherAddresses}` : own
    const kept = this.#folds.get(key)
    if (kept) return kept
    const first = key === own ? facts : { ...facts, address: otherAddresses }
    const fold = {
      facts: first,
      count: 0,
      lastAt: facts.requestedAt,
      kinds: new Map<string, number>(),
    }
    this.#folds.set(key, fold)
    return fold
  }
}

/** Milliseconds until the minute ends. */
export const untilNextMinute = (now: number): number => minuteMs - (now % minuteMs)
