import type { KeyObject } from 'node:crypto'
import type { AuditFacts, AuditSubject } from './facts.ts'
import { hashSubject } from './keys.ts'
import { auditLimits } from './limits.ts'
import { canonicalNote, canonicalText, canonicalTexts, plainInstant } from './plain-values.ts'

type FactKind = 'text' | 'instant' | 'count' | 'texts' | 'subjects' | 'range' | 'note'

/** Every fact that an entry may hold. The order of names is that of RFC 8785, section 3.2.3 (all are ASCII). */
const factKinds = {
  address: 'text',
  caseNumber: 'text',
  code: 'text',
  decidedAt: 'instant',
  department: 'text',
  fields: 'texts',
  grantIds: 'texts',
  note: 'note',
  operation: 'text',
  operator: 'text',
  outcome: 'text',
  policyVersion: 'count',
  purpose: 'text',
  recordHash: 'text',
  recordSeq: 'count',
  requestBytes: 'count',
  requestDigest: 'text',
  requestId: 'text',
  requestedAt: 'instant',
  resource: 'text',
  resourceVersion: 'count',
  responseBytes: 'count',
  responseDigest: 'text',
  rowCount: 'count',
  runId: 'text',
  sequenceRange: 'range',
  staff: 'text',
  subjects: 'subjects',
  system: 'text',
  traceId: 'text',
} as const satisfies Record<keyof AuditFacts, FactKind>

export type FactName = keyof typeof factKinds

/**
 * What may have to be kept back or erased: each is committed to by itself (`leaf.ts`). A record's change
 * number and hash tell whose record it was to everybody who follows the resource's changes; a caller may put
 * anything into a trace id.
 */
const guarded: ReadonlySet<string> = new Set<FactName>([
  'address',
  'caseNumber',
  'note',
  'operator',
  'recordHash',
  'recordSeq',
  'sequenceRange',
  'staff',
  'subjects',
  'traceId',
])

const isFactName = (name: string): name is FactName => name in factKinds
export const factNames = Object.keys(factKinds).filter(isFactName)
const openNames = factNames.filter((name) => !guarded.has(name))

/** What a leaf commits to, in the order of RFC 8785: the guarded facts, and the open ones together. */
export type CommittedName = FactName | 'open'
export const committedNames: readonly CommittedName[] = [
  ...factNames.filter((name) => guarded.has(name)),
  'open' as const,
].toSorted()

/** Canonical JSON of what is committed to under a name; undefined where there is nothing to say. */
export const canonicalPart = (
  name: CommittedName,
  facts: AuditFacts,
  subjects: readonly HashedSubject[],
): string | undefined =>
  name === 'open' ? canonicalOpen(facts) : canonicalFact(name, facts, subjects)

function canonicalOpen(facts: AuditFacts): string {
  let members = ''
  for (const name of openNames) {
    const canonical = canonicalFact(name, facts, [])
    if (canonical === undefined) continue
    members += members === '' ? `"${name}":${canonical}` : `,"${name}":${canonical}`
  }
  return `{${members}}`
}

export interface HashedSubject {
  /** Of resource and key (`hashSubject`). */
  hash: Buffer
  /** The hash as base64url. */
  text: string
}

/** A record's keyed hash for every subject, each record once. */
export function hashSubjects(
  subjects: readonly AuditSubject[] | undefined,
  subjectsKey: KeyObject,
): HashedSubject[] {
  if (!subjects || subjects.length === 0) return []
  const found = new Map<string, HashedSubject>()
  for (const { resource, key } of subjects.slice(0, auditLimits.subjectsMax)) {
    const hash = hashSubject(subjectsKey, resource, key)
    const text = hash.toString('base64url')
    found.set(text, { hash, text })
  }
  return [...found.values()]
}

/** Canonical JSON (RFC 8785) of one fact. */
function canonicalFact(
  name: FactName,
  facts: AuditFacts,
  subjects: readonly HashedSubject[],
): string | undefined {
  const value: unknown = facts[name]
  if (value === undefined || value === null) return undefined
  switch (factKinds[name]) {
    case 'instant':
      return value instanceof Date ? `"${plainInstant(value)}"` : canonicalText(value)
    case 'count':
      return canonicalCount(value)
    case 'texts':
      return canonicalTexts(Array.isArray(value) ? value : [value])
    case 'subjects':
      return canonicalSubjects(subjects, facts.subjects?.length ?? 0)
    case 'range':
      return canonicalRange(facts.sequenceRange)
    case 'note':
      return canonicalNote(value)
    default:
      return canonicalText(value)
  }
}

/** ECMAScript's own form of a number is that of RFC 8785, section 3.2.2.3. */
const canonicalCount = (value: unknown): string =>
  typeof value === 'number' && Number.isFinite(value) ? `${value}` : canonicalText(value)

const canonicalRange = (range: AuditFacts['sequenceRange']): string =>
  `{"after":${canonicalCount(range?.after)},"through":${canonicalCount(range?.through)}}`

function canonicalSubjects(subjects: readonly HashedSubject[], asked: number): string {
  const hashes = subjects.map(({ text }) => text)
  if (asked > auditLimits.subjectsMax) hashes.push(`…(+${asked - auditLimits.subjectsMax})`)
  return JSON.stringify(hashes)
}
