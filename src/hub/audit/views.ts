import type { Entry, EntrySeal, Look, Receipt } from '../../../schemas/api/audit.ts'
import { type Details, openDetails } from './details.ts'
import { monthOfId } from './entry.ts'
import type { AuditKeys } from './keys.ts'
import type { FoundEntry, FoundLook } from './search.ts'
import type { Seal } from './sealed/sealed-log.ts'

/** What an entry says; nothing where it was erased. */
async function readDetails(keys: AuditKeys, id: string, sealed: Buffer | null): Promise<Details> {
  if (!sealed) return { facts: {}, salts: {} }
  return openDetails(await keys.month(monthOfId(id)), sealed)
}

/** What of a seal goes beside the leaf that it is about. */
export const sealView = ({ index, size, hashes, checkpoint, verifierKey }: Seal): EntrySeal => ({
  index,
  size,
  hashes: hashes.map((hash) => hash.toString('base64')),
  checkpoint,
  verifierKey,
})

/** What is known of an entry beside what was found in the log's tables. */
export interface EntryProof<Sealed extends Seal | null> {
  seal: Sealed
  /** Of what was redacted. */
  digests: Record<string, string>
}

/** One entry, with all that is needed to compute its leaf, and the leaf's digests, again. */
export async function entryView(
  keys: AuditKeys,
  found: FoundEntry,
  { seal, digests }: EntryProof<Seal | null>,
): Promise<Entry> {
  const { id, readyAt } = found.entry
  const receipt = { id, leaf: found.leafHash.toString('hex') }
  const leafBytes = found.leafBytes.toString('base64')
  const shown = await shownFacts(keys, found, digests)
  const redacted = Object.keys(digests).toSorted()
  return {
    id,
    readyAt,
    ...shown,
    ...(redacted.length > 0 && { redacted }),
    receipt,
    leafBytes,
    seal: seal && sealView(seal),
  }
}

/** The receipt as a file of its own: what was said, that it was logged, and where. */
export async function receiptView(
  keys: AuditKeys,
  found: FoundEntry,
  { seal, digests }: EntryProof<Seal>,
): Promise<Receipt> {
  const { id } = found.entry
  return {
    format: 'shuqiao-receipt/1',
    id,
    leaf: found.leafHash.toString('hex'),
    leafBytes: found.leafBytes.toString('base64'),
    ...sealView(seal),
    ...(await shownFacts(keys, found, digests)),
  }
}

async function shownFacts(
  keys: AuditKeys,
  { entry, details }: FoundEntry,
  digests: Record<string, string>,
): Promise<Pick<Entry, 'facts' | 'salts' | 'digests'>> {
  const { facts, salts } = await readDetails(keys, entry.id, details)
  return Object.keys(digests).length === 0 ? { facts, salts } : { facts, salts, digests }
}

/** One look at a record, and who took it. */
export async function lookView(keys: AuditKeys, { entry, details }: FoundLook): Promise<Look> {
  const { facts } = await readDetails(keys, entry.id, details)
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  return { ...entry, staff: text(facts.staff), operator: text(facts.operator) }
}
