import type pg from 'pg'
import type { Caller } from '../identity/caller.ts'
import { may } from '../identity/permissions.ts'
import type { AuditKeys } from './keys.ts'
import type { FoundEntry } from './search.ts'

export interface AuditParts {
  database: { pool: pg.Pool }
  keys: AuditKeys
  /** Of the log's SM2 signatures, where it has them. */
  guomiSigning?: Buffer | undefined
  /** The merge keys behind a key as asked for: a look-up key, a former number. */
  resolveKeys(resource: string, key: string): Promise<readonly string[]>
  /** Every form in which these records may have been asked for (`subject-names.ts`). */
  namesOf(
    resource: string,
    asked: { key: string; mergeKeys: readonly string[] },
  ): Promise<readonly string[]>
  /** The change numbers that a record has had. */
  sequencesOf(resource: string, mergeKeys: readonly string[]): Promise<readonly { seq: number }[]>
  /** The department that provides a resource; null for an unknown one. */
  providerOf(resource: string): Promise<string | null>
}

/** Whether an entry is of the caller's department, or about what it provides. */
export async function maySee(
  caller: Caller | null,
  { entry }: FoundEntry,
  parts: Pick<AuditParts, 'providerOf'>,
): Promise<boolean> {
  if (may(caller, 'audit.read', entry.department)) return true
  return (
    entry.resource !== null && may(caller, 'audit.read', await parts.providerOf(entry.resource))
  )
}

/** Whether the call was made by a machine of this machine's department. */
export const isOwnCall = (caller: Caller | null, { entry }: FoundEntry): boolean =>
  caller?.kind === 'system' &&
  entry.system !== null &&
  entry.department === caller.department &&
  // A hint is about a system, and not for it.
  entry.operation !== 'audit.hint'
