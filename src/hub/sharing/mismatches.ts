import { createHmac, createSecretKey } from 'node:crypto'
import type pg from 'pg'
import { todayInShanghai } from '../../shared/conditions.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Clock } from '../clock.ts'
import type { Guessed } from '../records/find-one.ts'
import { runTogether } from '../records/pipelined-reads.ts'
import { makeStatement } from '../records/statements.ts'
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
  /** What the statement that reads the record counts by the way; the key is yet as asked for. */
  guessed(claimant: Claimant): Guessed
  /**
   * Refuses with `rate-limited` who has guessed too often about this record today. `count`: as the
   * statement counted it, where it counted for this very record.
   */
  refuseGuessing(claimant: Claimant, count?: number): Promise<void>
  /** Counts one more wrong claim; `rate-limited` where it is one too many to be answered. */
  count(claimant: Claimant): Promise<void>
  /** One after another for each name: guesses sent at once must not overtake their count. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T>
}

const countStatement = makeStatement(
  3,
  () =>
    'select count from hub.verify_mismatches where subject = $1::bytea and system = $2 and day = $3::date',
)

export function createMismatches(pool: pg.Pool, key: Buffer, clock: Clock): Mismatches {
  const turns = new Map<string, Promise<unknown>>()
  const secret = createSecretKey(key)
  const guessed = ({ resource, key: record }: Claimant): Guessed => ({
    subject: createHmac('sha256', secret).update(`verify\0${resource}\0${record}`).digest(),
    day: todayInShanghai(clock.now()),
  })
  const values = (claimant: Claimant): unknown[] => {
    const { subject, day } = guessed(claimant)
    return [subject, claimant.system, day]
  }
  const limited = (): Refusal =>
    new Refusal(
      'rate-limited',
      `对同一记录的核验当日不一致已达 ${mismatchesMax} 次,次日再试 / ${mismatchesMax} claims about this record were wrong today; try again tomorrow`,
      { retryAfterSeconds: secondsToMidnight(clock.now()) },
    )

  return {
    guessed,
    refuseGuessing: async (claimant, counted) => {
      if (counted !== undefined) {
        if (counted >= mismatchesMax) throw limited()
        return
      }
      const [row] = await runTogether(pool, countStatement, values(claimant))
      if (Number(row?.[0] ?? 0) >= mismatchesMax) throw limited()
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
