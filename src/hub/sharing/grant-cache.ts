import type pg from 'pg'
import type { GrantFacts } from './decide.ts'
import { type GrantRow, toFacts } from './grant-rows.ts'

/** Systems remembered at once. */
const rememberedMax = 5000

type ByResource = ReadonlyMap<string, readonly GrantFacts[]>

export interface GrantCache {
  /** The system's grants on a resource, as they are remembered: those not terminated, the widest first. */
  remembered(system: string, resource: string): readonly GrantFacts[]
  /** The same, asked of the database now. */
  findNow(system: string, resource: string): Promise<readonly GrantFacts[]>
  clear(): void
}

/**
 * Grants by system. What is remembered may be stale: every read proves its grant in its own SQL, and
 * nothing is denied before the database was asked (`findNow`).
 */
export function createGrantCache(pool: pg.Pool): GrantCache {
  const remembered = new Map<string, ByResource>()
  const loading = new Map<string, Promise<ByResource>>()
  let generation = 0

  const load = async (system: string): Promise<ByResource> => {
    const begunIn = generation
    const grants = await readGrants(pool, system)
    if (begunIn === generation) {
      if (remembered.size >= rememberedMax) remembered.clear()
      remembered.set(system, grants)
    }
    return grants
  }
  const of = (grants: ByResource | undefined, resource: string): readonly GrantFacts[] =>
    grants?.get(resource) ?? []

  return {
    remembered: (system, resource) => of(remembered.get(system), resource),
    findNow: async (system, resource) => {
      // A load that began earlier may have missed what is asked for now; one that waits to begin has not.
      const queued = loading.get(system)
      if (queued) return of(await queued, resource)
      const begun = Promise.resolve().then(() => {
        loading.delete(system)
        return load(system)
      })
      loading.set(system, begun)
      return of(await begun, resource)
    },
    clear: () => {
      generation += 1
      remembered.clear()
    },
  }
}

async function readGrants(pool: pg.Pool, system: string): Promise<ByResource> {
  const { rows } = await pool.query<GrantRow>({
    name: 'grants-of-system',
    text: `select * from hub.grants where system = $1 and state <> 'terminated'
      order by cardinality(paths) desc, id desc`,
    values: [system],
  })
  return Map.groupBy(rows.map(toFacts), ({ resource }) => resource)
}
