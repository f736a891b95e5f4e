import canonicalize from 'canonicalize'
import { hash } from 'node:crypto'
import type { EntryBody } from './entries.ts'

/** What an entry says, as far as it is shown, with the salts that its digests were made with. */
export interface DisclosedFacts {
  facts: Readonly<Record<string, unknown>>
  /** By name; `open` is the salt of all facts that have none of their own. */
  salts: Readonly<Record<string, string>>
  /** Digests of what is kept back or was erased, by name. */
  digests?: Readonly<Record<string, string>> | undefined
}

/** The name of what holds every fact without a salt of its own. */
const openName = 'open'
const versionsKnown: readonly number[] = [1, 2]

const digestOf = (salt: string, name: string, value: unknown): string =>
  hash('sha256', `${salt}${name}\0${canonicalize(value) ?? ''}`, 'base64url')

/**
 * Whether an entry commits to these facts and to no others: the digests of all of them, in canonical JSON
 * (RFC 8785), have the digest that the entry holds. A digest is SHA-256(salt ‖ name ‖ 0x00 ‖ canonical value).
 */
export function verifyFacts(
  entry: EntryBody,
  { facts, salts, digests = {} }: DisclosedFacts,
): boolean {
  if (!versionsKnown.includes(entry.version)) return false
  const own = Object.keys(salts).filter((name) => name !== openName)
  const others = Object.entries(facts).filter(([name]) => !own.includes(name))
  if (others.length > 0 && salts[openName] === undefined) return false
  const shown = Object.entries(salts).map(([name, salt]): [string, string] => [
    name,
    digestOf(salt, name, name === openName ? Object.fromEntries(others) : facts[name]),
  ])
  const all = { ...digests, ...Object.fromEntries(shown) }
  return hash('sha256', canonicalize(all) ?? '', 'base64url') === entry.facts
}
