import canonicalize from 'canonicalize'
import { createHash, createSecretKey } from 'node:crypto'
import { Client } from 'pg'
import { clientSettings } from '../../../src/hub/database/clients.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import type { AuditKeys } from '../../../src/hub/audit/keys.ts'
import { openAuditLog, type AuditLogOptions } from '../../../src/hub/audit/log.ts'

const subjects = createSecretKey(Buffer.alloc(32, 7))
const details = createSecretKey(Buffer.alloc(32, 8))
export const keys: AuditKeys = { subjects, month: () => details }
export const entryKeys = { subjects, details }

export const readFacts = (more: Partial<AuditFacts> = {}): AuditFacts => ({
  operation: 'records.read',
  outcome: 'allowed',
  requestId: '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90',
  requestedAt: new Date('2026-01-01T00:10:23.678Z'),
  system: 'registry-counter-1',
  department: 'natural-resources',
  operator: '王芳',
  address: '10.3.2.1',
  resource: 'population',
  subjects: [{ resource: 'population', key: '11010119900307002X' }],
  fields: ['name', 'gender'],
  purpose: 'BDC-0101',
  caseNumber: '办件2026-000123',
  ...more,
})

export async function connect(url: string): Promise<Client> {
  const client = new Client(clientSettings({ url, purpose: 'audit' }))
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** A log on the database, whose faults are kept for the test to look at. */
export function openTestLog(url: string, more: Partial<AuditLogOptions> = {}) {
  const faults: unknown[] = []
  const onFault = (fault: unknown): void => {
    faults.push(fault)
  }
  return { faults, ...openAuditLog({ keys, openClient: () => connect(url), onFault, ...more }) }
}

export const sha256 = (text: string): string =>
  createHash('sha256').update(text).digest('base64url')

/** The digest as its definition says, written apart from the code that it checks. */
export const digestOf = (salt: string, name: string, canonical: string): string =>
  createHash('sha256').update(salt).update(name).update('\0').update(canonical).digest('base64url')

/**
 * The digests behind a leaf, by name, from what its details say: of each fact that has a salt of its own,
 * and of all others together under `open`.
 */
export function digestsOf({ facts, salts }: Opened): Record<string, string> {
  const open = Object.fromEntries(Object.entries(facts).filter(([name]) => !(name in salts)))
  const parts: Record<string, unknown> = 'open' in salts ? { ...facts, open } : facts
  return Object.fromEntries(
    Object.entries(salts).map(([name, salt]) => [
      name,
      digestOf(salt, name, canonicalize(parts[name]) ?? ''),
    ]),
  )
}

interface Opened {
  facts: Record<string, unknown>
  salts: Record<string, string>
}
