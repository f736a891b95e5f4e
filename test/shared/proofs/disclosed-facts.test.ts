import { describe, expect, test } from 'vitest'
import { openDetails } from '../../../src/hub/audit/details.ts'
import { buildEntry } from '../../../src/hub/audit/entry.ts'
import { verifyFacts } from '../../../src/shared/proofs/disclosed-facts.ts'
import { readEntry } from '../../../src/shared/proofs/entries.ts'
import { digestOf, entryKeys, readFacts } from '../../hub/audit/audit-samples.ts'

const id = '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90'
const made = buildEntry(id, readFacts({ note: { 甲: [1, 'a\u0000'] } }), entryKeys)
const shown = openDetails(entryKeys.details, made.details)
const facts: Record<string, unknown> = { ...shown.facts }
const salts: Record<string, string> = { ...shown.salts }
const entry = readEntry(Buffer.from(made.leaf.text))
if (entry === null) throw new Error('the log writes entries that no verifier reads')

describe('facts that are shown', () => {
  test('are those that the entry commits to', () => {
    expect(Object.keys(facts).length).toBeGreaterThan(8)
    expect(verifyFacts(entry, { facts, salts })).toBe(true)
  })

  test('one that is changed, added or left out is found, and a salt that is another', () => {
    for (const name of Object.keys(facts)) {
      const { [name]: _, ...fewer } = facts
      expect(verifyFacts(entry, { facts: { ...facts, [name]: 'x' }, salts }), name).toBe(false)
      expect(verifyFacts(entry, { facts: fewer, salts }), name).toBe(false)
    }
    expect(verifyFacts(entry, { facts: { ...facts, invented: 1 }, salts })).toBe(false)
    for (const name of Object.keys(salts)) {
      const changed = { ...salts, [name]: 'A'.repeat(24) }
      expect(verifyFacts(entry, { facts, salts: changed }), name).toBe(false)
    }
    expect(verifyFacts({ ...entry, version: 99 }, { facts, salts })).toBe(false)
  })

  test('one may be kept back: its digest stands for it', () => {
    const { operator, ...others } = facts
    const { operator: salt, ...otherSalts } = salts
    if (typeof operator !== 'string' || salt === undefined) throw new Error('nobody asked')
    const digests = { operator: digestOf(salt, 'operator', JSON.stringify(operator)) }
    expect(verifyFacts(entry, { facts: others, salts: otherSalts, digests })).toBe(true)
    expect(verifyFacts(entry, { facts: others, salts: otherSalts })).toBe(false)
  })
})
