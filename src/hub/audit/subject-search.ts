import type { AuditParts } from './audit-parts.ts'
import { findLooks, type FoundLook } from './search.ts'
import { subjectKey } from './subject-key.ts'
import { subjectHashes } from './subject-names.ts'

/** A record as somebody names it, resolved to all that the log may know it by. */
export interface Subject {
  resource: string
  hashes: readonly Buffer[]
  /** The change numbers that it has had. */
  sequences: readonly number[]
}

/**
 * Every name both as it is and as `subjectKey` folds it: what is no identifier is stored as its source has it,
 * full-width signs and all, and a look in vain is logged folded.
 */
export async function resolveSubject(
  parts: AuditParts,
  { resource, key }: { resource: string; key: string },
): Promise<Subject> {
  const found = await parts.resolveKeys(resource, key)
  const mergeKeys = [...new Set([key, subjectKey(key), ...found])]
  const [names, sequences] = await Promise.all([
    parts.namesOf(resource, { key, mergeKeys: found }),
    parts.sequencesOf(resource, mergeKeys),
  ])
  const forms = new Set([key, ...names].flatMap((name) => [name, subjectKey(name)]))
  const hashes = subjectHashes(parts.keys.subjects, resource, [...forms])
  return { resource, hashes, sequences: sequences.map(({ seq }) => seq) }
}

const looksPerRead = 500

/** All looks, newest first, until the caller has enough. */
export async function* everyLook(parts: AuditParts, subject: Subject): AsyncGenerator<FoundLook> {
  let beforeId: string | null = null
  for (;;) {
    const looks: FoundLook[] = await findLooks(parts.database.pool, {
      ...subject,
      beforeId,
      rowsMax: looksPerRead,
    })
    yield* looks
    const last = looks.at(-1)
    if (last === undefined || looks.length < looksPerRead) return
    beforeId = last.entry.id
  }
}
