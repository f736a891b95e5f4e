import type { KeyObject } from 'node:crypto'
import {
  canonicalPart,
  committedNames,
  type HashedSubject,
  hashSubjects,
} from './canonical-facts.ts'
import { sealDetails } from './details.ts'
import type { AuditFacts } from './facts.ts'
import { hashCase } from './keys.ts'
import { digestFact, type Leaf, makeLeaf } from './leaf.ts'
import { instantText } from '../../shared/instants.ts'
import { plainText, plainWord } from './plain-values.ts'
import { drawSalt } from './salts.ts'

/** One entry, ready to be written: the leaf, what finds it, and what it says, sealed. */
export interface AuditEntry {
  /** UUIDv7: its time is `readyAt`, and decides the month. */
  id: string
  /** Milliseconds since 1970. */
  readyAt: number
  leaf: Leaf
  search: SearchTexts
  caseHash: Buffer | null
  subjects: readonly HashedSubject[]
  range: { resource: string; after: number; through: number } | null
  details: Buffer
  /** Roughly what it weighs in memory and on the wire. */
  bytes: number
}

type SearchName =
  | 'operation'
  | 'outcome'
  | 'code'
  | 'department'
  | 'system'
  | 'resource'
  | 'purpose'
export type SearchTexts = Record<SearchName, string | null>

/** The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7). */
export const instantOfId = (id: string): number =>
  Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

/** The month (`2026-01`, UTC) whose key and partition an entry belongs to. */
export const monthOfId = (id: string): string => instantText(instantOfId(id)).slice(0, 7)

export interface EntryKeys {
  subjects: KeyObject
  /** Of the id's month. */
  details: KeyObject
}

/** Makes the entry of some facts under a UUIDv7; never refuses a value (`plain-values.ts`). */
export function buildEntry(id: string, facts: AuditFacts, keys: EntryKeys): AuditEntry {
  const readyAt = instantOfId(id)
  const subjects = hashSubjects(facts.subjects, keys.subjects)
  const { json, salts, digests } = commit(facts, subjects)
  const leaf = makeLeaf(id, instantText(readyAt), digests)
  const details = sealDetails(keys.details, json, salts)
  return {
    id,
    readyAt,
    leaf,
    search: searchTexts(facts),
    caseHash: facts.caseNumber === undefined ? null : hashCase(keys.subjects, facts.caseNumber),
    subjects,
    range: rangeOf(facts),
    details,
    bytes: 600 + details.length + subjects.length * 120,
  }
}

interface Commitment {
  /** What is committed to, as one canonical object. */
  json: string
  /** Its members' salts, one behind the other. */
  salts: string
  /** Its members' digests, as a canonical object. */
  digests: string
}

function commit(facts: AuditFacts, subjects: readonly HashedSubject[]): Commitment {
  let json = ''
  let salts = ''
  let digests = ''
  for (const name of committedNames) {
    const canonical = canonicalPart(name, facts, subjects)
    if (canonical === undefined) continue
    const salt = drawSalt()
    const start = salts === '' ? '{' : ','
    json += `${start}"${name}":${canonical}`
    digests += `${start}"${name}":"${digestFact(salt, name, canonical)}"`
    salts += salt
  }
  return { json: `${json}}`, salts, digests: `${digests}}` }
}

const searchText = (value: string | undefined): string | null =>
  value === undefined ? null : plainWord(value)

const searchTexts = (facts: AuditFacts): SearchTexts => ({
  operation: searchText(facts.operation),
  outcome: searchText(facts.outcome),
  code: searchText(facts.code),
  department: searchText(facts.department),
  system: searchText(facts.system),
  resource: searchText(facts.resource),
  purpose: searchText(facts.purpose),
})

/** An empty range covered nothing, so nothing need be found by it. */
function rangeOf({ resource, sequenceRange }: AuditFacts): AuditEntry['range'] {
  if (resource === undefined || !sequenceRange) return null
  const { after, through } = sequenceRange
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(through) || through <= after)
    return null
  return { resource: plainText(resource), after, through }
}
