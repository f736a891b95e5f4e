import type { KeyObject } from 'node:crypto'
import type pg from 'pg'
import { hashSubject } from '../keys.ts'
import { watchLimits } from './limits.ts'

/** Cannot be a resource's id, which is a slug. */
const addressNamespace = '#address'
const dayMs = 24 * 60 * 60 * 1000

/**
 * From where systems call. What this process saw today it need not ask about; everything else is one statement,
 * which notes the address and says whether it was known.
 */
export class AddressMemory {
  readonly #pool: Pick<pg.Pool, 'query'>
  readonly #key: KeyObject
  /** System and address → the day on which it was noted. */
  readonly #noted = new Map<string, number>()

  constructor(pool: Pick<pg.Pool, 'query'>, key: KeyObject) {
    this.#pool = pool
    this.#key = key
  }

  /** Whether there is nothing to ask; answers true once a day for each system and address. */
  isDue(system: string, address: string, at: Date): boolean {
    const name = `${system} ${address}`
    const day = Math.floor(at.getTime() / dayMs)
    if (this.#noted.get(name) === day) return false
    this.#noted.delete(name)
    this.#noted.set(name, day)
    if (this.#noted.size > watchLimits.systemsMax * 4) {
      const oldest = this.#noted.keys().next()
      if (!oldest.done) this.#noted.delete(oldest.value)
    }
    return true
  }

  /** Notes it. True where the system has called before, and not from there for 30 days; its very first address is none. */
  async isNew(system: string, address: string, at: Date): Promise<boolean> {
    const hash = hashSubject(this.#key, addressNamespace, address)
    const { rows } = await this.#pool.query<{ was_known: boolean; others: string }>(
      `with known as (
         select address_hash, seen_at from hub.system_addresses
         where system = $1 and seen_at >= $3::timestamptz - make_interval(days => ${watchLimits.addressDays})
       ), noted as (
         insert into hub.system_addresses as a (system, address_hash, seen_at)
         select $1::text, $2::bytea, $3::timestamptz
         where (select count(*) from known) < ${watchLimits.addressesPerSystemMax}
           or exists (select from known where address_hash = $2)
         on conflict (system, address_hash) do update set seen_at = greatest(a.seen_at, excluded.seen_at)
       )
       select exists (select from known where address_hash = $2) as was_known,
         (select count(*) from known) as others`,
      [system, hash, at],
    )
    const [row] = rows
    return row !== undefined && !row.was_known && Number(row.others) > 0
  }
}
