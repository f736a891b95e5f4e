import type { ServedResource } from '../catalog/served-resource.ts'
import type { Hub } from '../hub.ts'
import { compileMasks } from '../../shared/masks.ts'
import { compileReading, type Reading } from '../records/reading.ts'
import {
  decide,
  type DecisionRequest,
  type GrantFacts,
  type Obligations,
  type Verdict,
} from './decide.ts'
import { createGrantCache, type GrantCache } from './grant-cache.ts'
import { createMismatches, type Mismatches } from './mismatches.ts'
import { createQuotas, type Quotas } from './quotas.ts'

/** Compiled obligations held per version of a resource. */
const readingsMax = 5000

/** The sharing of this process: grants, decisions, compiled obligations, quotas. */
export interface Sharing {
  hub: Hub
  grants: GrantCache
  quotas: Quotas
  mismatches: Mismatches
  /** Decides with what is remembered (at once, then), and asks the database before it denies. */
  judge(request: Omit<DecisionRequest, 'grants'>): Verdict | Promise<Verdict>
  /** Obligations as SQL and masks, compiled once for a grant's version, a resource's version and a field list. */
  reading(served: ServedResource, obligations: Obligations): Reading
  /**
   * The rows of the obligations with other columns, unmasked: what claims are compared with inside the
   * hub. Nothing of it may become part of an answer.
   */
  comparison(served: ServedResource, obligations: Obligations, columns: readonly string[]): Reading
}

export function openSharing(hub: Hub): Sharing {
  const { database, keys, clock, changes } = hub
  const grants = createGrantCache(database.pool)
  changes.subscribe((what) => {
    if (what.startsWith('grant:') || what === 'everything') grants.clear()
  })
  return {
    hub,
    grants,
    quotas: createQuotas(database.pool, clock),
    mismatches: createMismatches(database.pool, keys.masks, clock),
    judge: (request) => {
      const { subject, resource } = request
      const verdict = decide({ ...request, grants: grants.remembered(subject, resource.id) })
      return verdict.permit ? verdict : judgeNow(grants, request)
    },
    reading: rememberLast(
      rememberReadings((served, obligations) =>
        compileReading(served, { ...obligations, mask: maskOf(served, obligations, keys.masks) }),
      ),
    ),
    comparison: compareUnmasked(),
  }
}

const judgeNow = async (
  grants: GrantCache,
  request: Omit<DecisionRequest, 'grants'>,
): Promise<Verdict> =>
  decide({ ...request, grants: await grants.findNow(request.subject, request.resource.id) })

function compareUnmasked(): Sharing['comparison'] {
  // Remembered apart: with the same columns, an answer's reading has masks and this one has none.
  const remember = rememberReadings((served, obligations) => compileReading(served, obligations))
  return (served, { grantId, grantVersion, rows, unflaggedOnly, maxRows }, columns) =>
    remember(served, { grantId, grantVersion, rows, unflaggedOnly, maxRows, columns, masks: {} })
}

/** Obligations of whole grants are one object for all calls: found without spelling out their columns. */
function rememberLast(find: Sharing['reading']): Sharing['reading'] {
  const last = new WeakMap<Obligations, Reading>()
  return (served, obligations) => {
    const known = last.get(obligations)
    if (known?.served === served) return known
    const found = find(served, obligations)
    last.set(obligations, found)
    return found
  }
}

function rememberReadings(
  compile: (served: ServedResource, obligations: Obligations) => Reading,
): Sharing['reading'] {
  const remembered = new WeakMap<ServedResource, Map<string, Reading>>()
  return (served, obligations) => {
    const readings = remembered.get(served) ?? new Map<string, Reading>()
    remembered.set(served, readings)
    const name = `${obligations.grantId} ${obligations.grantVersion} ${obligations.columns.join()}`
    const known = readings.get(name)
    if (known) return known
    if (readings.size >= readingsMax) readings.clear()
    const made = compile(served, obligations)
    readings.set(name, made)
    return made
  }
}

/** Hashes are stable within a grant and tell nothing across grants. */
function maskOf(
  served: ServedResource,
  { masks, grantId }: Obligations,
  key: Buffer,
): Reading['mask'] {
  if (Object.values(masks).every((kind) => kind === 'none')) return undefined
  return compileMasks(masks, { fields: served.fields, key, scope: grantId })
}

/** Whether a grant shows a field's values as they are; for fields of merge keys, which changes name. */
export const openFields =
  (served: ServedResource, grant: GrantFacts) =>
  (path: string): boolean => {
    if (grant.paths.includes(path)) return (grant.masks[path] ?? 'none') === 'none'
    const field = served.fields.find(({ name }) => name === path)
    return field?.sensitivity === 'public' || field?.sensitivity === 'internal'
  }
