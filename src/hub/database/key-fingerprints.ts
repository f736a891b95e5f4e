import type { Knex } from 'knex'
import type { FingerprintLedger } from '../keys.ts'

interface KeyFingerprint {
  name: string
  fingerprint: string
}

/** The fingerprints of the hub's keys in `hub.key_fingerprints`; the first of a name stays. */
export function fingerprintLedger(knex: Knex): FingerprintLedger {
  async function find(name: string): Promise<string | undefined> {
    const found = await knex<KeyFingerprint>('hub.key_fingerprints')
      .where({ name })
      .select('fingerprint')
    return found[0]?.fingerprint
  }
  return {
    find,
    record: async (name, fingerprint) => {
      await knex.raw(
        'insert into hub.key_fingerprints (name, fingerprint) values (?, ?) on conflict do nothing',
        [name, fingerprint],
      )
      const kept = await find(name)
      if (kept === undefined) throw new Error(`fingerprint of ${name} was not kept`)
      return kept
    },
  }
}
