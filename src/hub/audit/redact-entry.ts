import canonicalize from 'canonicalize'
import { hash } from 'node:crypto'
import { type CommittedName, committedNames } from './canonical-facts.ts'
import type { Details } from './details.ts'
import { digestFact } from './leaf.ts'

/** Who called is never taken out, though a reader may be shown an entry without the member of staff. */
const keptForEver: ReadonlySet<CommittedName> = new Set<CommittedName>(['open', 'staff'])

/**
 * What may be taken out of an entry: facts that the leaf commits to one by one, and that say neither who, nor
 * when, nor which resource (audit log design, redaction).
 */
export const redactableFacts: ReadonlySet<string> = new Set(
  committedNames.filter((name) => !keptForEver.has(name)),
)

/** Digests by the name of what is committed to: a leaf binds the canonical JSON of them all. */
export type Digests = Record<string, string>

interface Part {
  name: string
  salt: string
  value: unknown
}

/** What a leaf commits to, in its order: facts with salts of their own, and all others together as `open`. */
function partsOf({ facts, salts }: Details): Part[] {
  const saltOf: Record<string, string> = { ...salts }
  const valueOf: Record<string, unknown> = { ...facts }
  const open = Object.fromEntries(
    Object.entries(valueOf).filter(([name]) => saltOf[name] === undefined),
  )
  return Object.entries(saltOf)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, salt]) => ({ name, salt, value: name === 'open' ? open : valueOf[name] }))
}

const digestOf = ({ name, salt, value }: Part): string =>
  digestFact(salt, name, canonicalize(value) ?? 'null')

/** The digests that details give, with those of facts that were redacted before. */
export const digestsOf = (details: Details, erased: Digests): Digests => ({
  ...Object.fromEntries(partsOf(details).map((part) => [part.name, digestOf(part)])),
  ...erased,
})

/** Whether these are the digests that a leaf binds, whatever its version. */
export function isBoundBy(leafBytes: Buffer, digests: Digests): boolean {
  const leaf: unknown = JSON.parse(leafBytes.toString())
  const bound = hash('sha256', canonicalize(digests) ?? '', 'base64url')
  return typeof leaf === 'object' && leaf !== null && 'facts' in leaf && leaf.facts === bound
}

export interface Remainder {
  /** Canonical JSON of what is left, as `sealDetails` takes it. */
  facts: string
  /** Its salts, one behind the other: the secret that salts of version 1 followed from is not among them. */
  salts: string
  /** Of what was taken out: they tell nothing, for nobody has the salts any more. */
  erased: Digests
}

/** Takes facts out of details, together with their salts. */
export function eraseFacts(details: Details, names: readonly string[]): Remainder {
  const parts = partsOf(details)
  const left = parts.filter(({ name }) => !names.includes(name))
  const gone = parts.filter(({ name }) => names.includes(name))
  return {
    facts: canonicalize(Object.fromEntries(left.map(({ name, value }) => [name, value]))) ?? '{}',
    salts: left.map(({ salt }) => salt).join(''),
    erased: Object.fromEntries(gone.map((part) => [part.name, digestOf(part)])),
  }
}
