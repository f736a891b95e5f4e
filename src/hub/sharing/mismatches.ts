import { createHmac } from 'node:crypto'
import type pg from 'pg'
import { todayInShanghai } from '../../shared/conditions.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Clock } from '../clock.ts'
import { secondsToMidnight } from './quotas.ts'

/** Wrong claims about one record that one system may make in a day; then it gets no more answers (pitfalls, 11). */
export const mismatchesMax = 10

/** The record that claims are about, and who makes them. */
export interface Claimant {
  system: string
  resource: string
  key: string
}

export interface Mismatches {
  /** Refuses with `rate-limited` who has guessed too often about this record today. */
  refuseGuessing(claimant: Claimant): Promise<void>
  /** Counts one more wrong claim; `rate-limited` where it is one too many to be answered. */
  count(claimant: Claimant): Promise<void>
  /** One after another for each name: guesses sent at once must not overtake their count. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T>
}

export function createMismatches(pool: pg.Pool, key: Buffer, clock: Clock): Mismatches {
  const turns = new Map<string, Promise<unknown>>()
  const values = ({ system, resource, key: record }: Claimant): unknown[] => [
    createHmac('sha256', key).update(`verify\0${resource}\0${record}`).digest(),
    system,
    todayInShanghai(clock.now()),
  ]
  const limited = (): Refusal =>
    new Refusal(
      'rate-limited',
      `对同一记录的核验当日不一致已达 ${mismatchesMax} 次,次日再试 / ${mismatchesMax} claims about this record were wrong today; try again tomorrow`,
      { retryAfterSeconds: secondsToMidnight(clock.now()) },
    )

  return {
    refuseGuessing: async (claimant) => {
      const { rows } = await pool.query<{ count: number }>({
        name: 'verify-mismatches',
        text: 'select count from hub.verify_mismatches where subject = $1 and system = $2 and day = $3',
        values: values(claimant),
      })
      if ((rows[0]?.count ?? 0) >= mismatchesMax) throw limited()
    },
    count: async (claimant) => {
      const { rows } = await pool.query<{ count: number }>({
        name: 'count-verify-mismatch',
        text: `insert into hub.verify_mismatches (subject, system, day) values ($1, $2, $3)
          on conflict (subject, system, day) do update set count = verify_mismatches.count + 1
          returning count`,
        values: values(claimant),
      })
      if ((rows[0]?.count ?? 0) > mismatchesMax) throw limited()
    },
    inTurn: async (name, work) => {
      const before = turns.get(name)
      const turn = (before ?? Promise.resolve()).then(work, work)
      const settled = turn.catch(() => undefined)
      turns.set(name, settled)
      try {
        return await turn
      } finally {
        if (turns.get(name) === settled) turns.delete(name)
      }
    },
  }
}
