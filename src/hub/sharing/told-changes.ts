import { hashMask } from '../../shared/masks.ts'
import type { AuditFacts } from '../audit/facts.ts'
import type { Change, Changes } from '../records/read-changes.ts'
import type { Reading } from '../records/reading.ts'

/** A change's key as a grant may show it: where it is hidden, a hash that is stable within the grant. */
export const shownKeys =
  (secret: Buffer, grantId: string) =>
  ({ key, isKeyHidden }: Change): string =>
    isKeyHidden ? hashMask(key, secret, grantId) : key

interface Told extends Pick<Extract<Changes, { kind: 'changes' }>, 'next' | 'after'> {
  items: readonly Change[]
}

/** What the log is told of changes that leave, as an answer or as a delivery. */
export const changeFacts = (
  reading: Reading,
  told: Told,
): Pick<AuditFacts, 'rowCount' | 'sequenceRange' | 'subjects'> => ({
  rowCount: told.items.filter(({ record }) => record !== null).length,
  sequenceRange: { after: told.after, through: told.next.seq },
  ...subjectsOf(reading, told.items),
})

/**
 * A record that keeps its former versions is found in a range by the numbers that it has had (pitfalls, 12).
 * One that does not forgets them with its next change: then the log names it.
 */
function subjectsOf({ served }: Reading, items: readonly Change[]) {
  if (served.table.history || items.length === 0) return {}
  return { subjects: items.map(({ key }) => ({ resource: served.id, key })) }
}
