import type { Redaction } from '../../../schemas/api/audit-care.ts'
import { conflict, fault, refuseFaults } from '../catalog/faults.ts'
import { Refusal } from '../../shared/refusal.ts'
import { retentionEndsAt } from './archive/retention.ts'
import { type Details, openDetails, sealDetails } from './details.ts'
import { instantOfId, monthOfId } from './entry.ts'
import type { AuditKeys } from './keys.ts'
import { digestsOf, eraseFacts, isBoundBy, redactableFacts } from './redact-entry.ts'
import type { Execution, RedactedEntry, redactionStore } from './redaction-store.ts'

export const requestOperation = 'audit.request-redaction'
export const redactOperation = 'audit.redact'

export interface Redacting {
  store: ReturnType<typeof redactionStore>
  keys: AuditKeys
  now: Date
}

type Asked = Pick<Redaction, 'entry' | 'facts' | 'instrument'>

/** An entry whose facts may be redacted as asked, and what it says. */
export interface Redactable extends RedactedEntry {
  details: Buffer
  opened: Details
}

/**
 * Whether a redaction is allowed now. `request-invalid` for facts that never can be redacted or that the entry does
 * not have, `not-found` where the log has no such entry, `state-conflict` before retention ends unless a legal
 * instrument is named, and where what is stored does not prove the leaf: that has to be looked into first.
 */
export async function demandRedactable(
  { store, keys, now }: Redacting,
  asked: Asked,
): Promise<Redactable> {
  refuseNames(asked.facts, (name) => redactableFacts.has(name), neverRedacted)
  const found = await store.readEntry(asked.entry)
  if (!found?.details) throw entryUnknown(asked.entry)
  demandGrounds(asked, now)
  const opened = openDetails(await keys.month(monthOfId(asked.entry)), found.details)
  const erased = await store.erasedDigests(asked.entry)
  if (!isBoundBy(found.leafBytes, digestsOf(opened, erased))) throw leafBroken(asked.entry)
  if (tellingOperations.has(opened.facts.operation)) throw tellsOfRedaction(asked.entry)
  const salts: Record<string, string> = opened.salts
  refuseNames(asked.facts, (name) => salts[name] !== undefined, notInEntry)
  return { ...found, details: found.details, opened }
}

/** What is left of an entry, sealed anew, and the digests of what was taken out. */
export async function takeOut(
  { keys }: Pick<Redacting, 'keys'>,
  { entry, facts }: Asked,
  { details, opened }: Redactable,
): Promise<Pick<Execution, 'detailsSeen' | 'detailsLeft' | 'erased'>> {
  const left = eraseFacts(opened, facts)
  const key = await keys.month(monthOfId(entry))
  const detailsLeft = sealDetails(key, left.facts, left.salts)
  return { detailsSeen: details, detailsLeft, erased: left.erased }
}

/** What tells of a redaction, its grounds and its officers, is not redacted in its turn. */
const tellingOperations: ReadonlySet<unknown> = new Set([redactOperation, requestOperation])

const neverRedacted = '此项永不可消除 / this is never redacted'
const notInEntry = '该记录没有此项,或已消除 / the entry does not have it, or not any more'

function refuseNames(
  names: readonly string[],
  isGood: (name: string) => boolean,
  message: string,
): void {
  const faults = names.flatMap((name, index) =>
    isGood(name) ? [] : [fault(`/facts/${index}`, 'fact', `${name}: ${message}`)],
  )
  refuseFaults(faults, '信息项不可消除 / These facts cannot be redacted')
}

function demandGrounds({ entry, instrument }: Asked, now: Date): void {
  const endsAt = retentionEndsAt(instantOfId(entry))
  if (instrument !== null || endsAt <= now) return
  const day = endsAt.toISOString().slice(0, 10)
  throw conflict(
    `保存期至 ${day},此前须列明法律文书 / Retention ends on ${day}; before that a legal instrument must be named`,
  )
}

const entryUnknown = (entry: string): Refusal =>
  new Refusal(
    'not-found',
    `库中没有审计记录 ${entry} 的明细(未曾记录或已归档移出) / The details of entry ${entry} are not here: never logged, or archived`,
  )

const tellsOfRedaction = (entry: string): Refusal =>
  conflict(
    `审计记录 ${entry} 记载的是消除本身,不可消除 / Entry ${entry} tells of a redaction and is never redacted itself`,
  )

const leafBroken = (entry: string): Refusal =>
  conflict(
    `审计记录 ${entry} 的明细与其叶不符,请先查明 / The details of entry ${entry} do not prove its leaf: find out why first`,
  )
