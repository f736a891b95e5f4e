import type pg from 'pg'
import { v7 as newId } from 'uuid'
import { inTransaction } from '../../database/connect.ts'
import type { AuditLog } from '../facts.ts'
import { type FoundHint, hintOperation, hourOf } from './hint.ts'
import { watchLimits } from './limits.ts'

/** Makes an entry of a hint, at most once for each system, kind and hour over all processes of the hub. */
export class HintTeller {
  readonly #pool: pg.Pool
  readonly #log: AuditLog
  /** System and kind → the hour in which it was told last, here or elsewhere. */
  readonly #told = new Map<string, number>()

  constructor(pool: pg.Pool, log: AuditLog) {
    this.#pool = pool
    this.#log = log
  }

  isTold({ system, kind, at }: FoundHint): boolean {
    return this.#told.get(`${system} ${kind}`) === hourOf(at)
  }

  async tell(hint: FoundHint): Promise<void> {
    if (this.isTold(hint)) return
    const { system, kind, at } = hint
    await inTransaction(this.#pool, async (client) => {
      // A second teller waits here for the first one's transaction, and then has nothing to tell.
      const { rowCount } = await client.query(
        `insert into hub.told_hints (hour, system, kind) values (to_timestamp($1::float8 / 1000), $2, $3)
         on conflict do nothing`,
        [hourOf(at), system, kind],
      )
      if (rowCount === 1) await this.#append(hint)
    })
    this.#remember(hint)
  }

  #remember({ system, kind, at }: FoundHint): void {
    const name = `${system} ${kind}`
    this.#told.delete(name)
    this.#told.set(name, hourOf(at))
    if (this.#told.size <= watchLimits.systemsMax) return
    const oldest = this.#told.keys().next()
    if (!oldest.done) this.#told.delete(oldest.value)
  }

  async #append({ system, kind, department, evidence, at }: FoundHint): Promise<void> {
    await this.#log.append({
      operation: hintOperation,
      outcome: 'allowed',
      code: kind,
      requestId: newId(),
      requestedAt: at,
      system,
      ...(department !== undefined && { department }),
      note: { kind, system, evidence, hour: new Date(hourOf(at)).toISOString() },
    })
  }
}
