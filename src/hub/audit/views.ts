import type { Entry, Look } from '../../../schemas/api/audit.ts'
import { type Details, openDetails } from './details.ts'
import { monthOfId } from './entry.ts'
import type { AuditKeys } from './keys.ts'
import type { FoundEntry, FoundLook } from './search.ts'

/** What an entry says; nothing where it was erased. */
async function readDetails(keys: AuditKeys, id: string, sealed: Buffer | null): Promise<Details> {
  if (!sealed) return { facts: {}, salts: {} }
  return openDetails(await keys.month(monthOfId(id)), sealed)
}

/** One entry, with all that is needed to compute its leaf, and the leaf's digests, again. */
export async function entryView(keys: AuditKeys, found: FoundEntry): Promise<Entry> {
  const { id, readyAt } = found.entry
  const { facts, salts } = await readDetails(keys, id, found.details)
  const receipt = { id, leaf: found.leafHash.toString('hex') }
  return { id, readyAt, facts, salts, receipt, leafBytes: found.leafBytes.toString('base64') }
}

/** One look at a record, and who took it. */
export async function lookView(keys: AuditKeys, { entry, details }: FoundLook): Promise<Look> {
  const { facts } = await readDetails(keys, entry.id, details)
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  return { ...entry, staff: text(facts.staff), operator: text(facts.operator) }
}
