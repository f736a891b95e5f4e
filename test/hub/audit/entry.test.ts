import canonicalize from 'canonicalize'
import * as fc from 'fast-check'
import { createCipheriv, createHash, createHmac, createSecretKey } from 'node:crypto'
import { v7 as createId } from 'uuid'
import { describe, expect, test } from 'vitest'
import { factNames } from '../../../src/hub/audit/canonical-facts.ts'
import { openDetails, sealDetails } from '../../../src/hub/audit/details.ts'
import { buildEntry, instantOfId, monthOfId } from '../../../src/hub/audit/entry.ts'
import type { AuditFacts } from '../../../src/hub/audit/facts.ts'
import { hashSubject, openAuditKeys } from '../../../src/hub/audit/keys.ts'
import { createEntryId } from '../../../src/hub/audit/ids.ts'
import { auditLimits } from '../../../src/hub/audit/limits.ts'
import { digestOf, digestsOf, entryKeys, readFacts, sha256 } from './audit-samples.ts'

const build = (facts: AuditFacts) => buildEntry(createId(), facts, entryKeys)
const detailsOf = (facts: AuditFacts) => openDetails(entryKeys.details, build(facts).details)

interface LeafJson {
  version: number
  id: string
  readyAt: string
  facts: string
}

describe('values that would spoil a log', () => {
  test('control characters and lone surrogates are written out, everywhere in the facts', () => {
    const entry = build(
      readFacts({
        purpose: 'a\u0000b\u001f\ud800c',
        note: { 'k\u0000': ['\u0007', '\udfff', 'line\nnext'] },
      }),
    )
    expect(entry.search.purpose).toBe('a\\u0000b\\u001f\ufffdc')
    expect(openDetails(entryKeys.details, entry.details).facts).toMatchObject({
      purpose: 'a\\u0000b\\u001f\ufffdc',
      note: { 'k\\u0000': ['\\u0007', '\ufffd', 'line\nnext'] },
    })
  })

  test('a huge value is cut with a marker and never splits a character', () => {
    const { facts } = detailsOf(
      readFacts({ purpose: '𠮷'.repeat(100_000), operator: `a${'𠮷'.repeat(600)}` }),
    )
    expect(facts.purpose).toMatch(/^(𠮷){500}…\(\+199000\)$/u)
    expect(String(facts.operator).isWellFormed()).toBe(true)
  })

  test('a note that is cyclic, deep, wide or full of what JSON cannot say still makes an entry', () => {
    const cyclic: Record<string, unknown> = {
      big: 10n,
      none: undefined,
      not: Number.NaN,
      at: new Date(0),
    }
    cyclic['self'] = cyclic
    cyclic['wide'] = Array.from({ length: 100_000 }, (_, index) => index)
    cyclic['__proto__x'] = Symbol('s')
    const { facts } = detailsOf(readFacts({ note: cyclic }))
    expect(JSON.stringify(facts.note).length).toBeLessThan(auditLimits.noteCharactersMax + 1000)
    expect(facts.note).toMatchObject({ big: '10', not: 'NaN', at: '1970-01-01T00:00:00.000Z' })
    const long = detailsOf(readFacts({ note: { reason: Array(40).fill('x'.repeat(1000)) } }))
    expect(long.facts.note).toMatchObject({ charactersOmitted: expect.any(Number) })
  })

  test('an invalid date and a count that is no number are said, not thrown', () => {
    const { facts } = detailsOf(
      readFacts({ decidedAt: new Date(Number.NaN), rowCount: Number.NaN }),
    )
    expect(facts).toMatchObject({ decidedAt: 'Invalid Date', rowCount: 'NaN' })
  })

  test('five hundred subjects and more fit, each record once', () => {
    const subjects = Array.from({ length: 12_000 }, (_, index) => ({
      resource: 'population',
      key: `k${index % 11_000}`,
    }))
    const entry = build(readFacts({ subjects }))
    expect(entry.subjects).toHaveLength(auditLimits.subjectsMax)
    expect(entry.leaf.text.length).toBeLessThan(200)
    const listed = openDetails(entryKeys.details, entry.details).facts.subjects as string[]
    expect(listed.at(-1)).toBe('…(+2000)')
  })

  test('an empty or impossible range of changes covers nothing', () => {
    const ranges = [
      { after: 5, through: 5 },
      { after: 9, through: 1 },
      { after: 0.5, through: 2 },
    ]
    for (const sequenceRange of ranges) {
      expect(build(readFacts({ sequenceRange })).range).toBeNull()
    }
    const kept = build(readFacts({ sequenceRange: { after: 1, through: 3 } })).range
    expect(kept).toEqual({ resource: 'population', after: 1, through: 3 })
  })
})

/** What may have to be erased, or kept from a reader of the rest. */
const guarded = [
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
]

describe('the leaf', () => {
  const everyFact = (facts: AuditFacts) => {
    const entry = build(facts)
    const leaf = JSON.parse(entry.leaf.text) as LeafJson
    const details = openDetails(entryKeys.details, entry.details)
    return { entry, leaf, ...details, digests: digestsOf(details) }
  }

  test("is canonical JSON of version, id, time and the digests' digest, hashed as RFC 6962 says", () => {
    const { entry, leaf } = everyFact(readFacts())
    expect(entry.leaf.text).toBe(canonicalize(leaf))
    expect(leaf).toMatchObject({ version: 2, id: entry.id })
    expect(Date.parse(leaf.readyAt)).toBe(instantOfId(entry.id))
    const hash = createHash('sha256').update('\0').update(entry.leaf.text).digest('hex')
    expect(entry.leaf.hash).toBe(hash)
  })

  test('shows no operator, case, address or subject, in clear or as a hash that repeats', () => {
    const facts = readFacts()
    const { entry, digests } = everyFact(facts)
    const { text } = entry.leaf
    const hashes = [entry.caseHash, ...entry.subjects.map(({ hash }) => hash)]
    for (const hash of hashes) {
      expect(text).not.toContain(hash?.toString('base64url'))
      expect(text).not.toContain(hash?.toString('hex'))
    }
    for (const secret of ['王芳', '000123', '10.3.2.1', '11010119900307002X', 'population']) {
      expect(text).not.toContain(secret)
      expect(entry.details.toString('latin1')).not.toContain(secret)
    }
    const again = everyFact(facts).digests
    const repeated = Object.entries(digests).filter(([name, digest]) => again[name] === digest)
    expect(repeated).toEqual([])
    expect(Object.keys(again)).toContain('operator')
  })

  test('has a salt of its own, of at least 128 bits, for every guarded fact, and one for the others', () => {
    const everything = {
      ...readFacts(),
      code: 'grant-missing',
      decidedAt: new Date(),
      grantIds: ['g'],
      note: { result: 'match' },
      policyVersion: 1,
      recordHash: 'ab',
      recordSeq: 5,
      requestBytes: 1,
      requestDigest: 'cd',
      resourceVersion: 1,
      responseBytes: 2,
      responseDigest: 'ef',
      rowCount: 1,
      runId: 'r',
      sequenceRange: { after: 1, through: 2 },
      staff: 'zhang-wei',
      traceId: '0af7651916cd43dd8448eb211c80319c',
    }
    const { salts, facts } = everyFact(everything)
    expect(Object.keys(facts).toSorted()).toEqual(factNames)
    expect(Object.keys(salts)).toEqual([...guarded, 'open'].toSorted())
    const all = Object.values(salts)
    expect(new Set(all).size).toBe(all.length)
    for (const salt of all) expect(Buffer.from(salt, 'base64url')).toHaveLength(18)
  })

  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant('\u0000\ud800'))
  const anyFacts = fc.record(
    {
      operation: text,
      outcome: fc.constantFrom('allowed', 'denied', 'absent', 'failed'),
      requestId: text,
      requestedAt: fc.date(),
      operator: text,
      caseNumber: text,
      subjects: fc.array(fc.record({ resource: text, key: text }), { maxLength: 20 }),
      sequenceRange: fc.record({ after: fc.integer(), through: fc.integer() }),
      fields: fc.array(text),
      rowCount: fc.oneof(fc.double(), fc.integer()),
      note: fc.dictionary(text, fc.jsonValue()),
    },
    { requiredKeys: ['operation', 'outcome', 'requestId', 'requestedAt'] },
  ) as fc.Arbitrary<AuditFacts>

  test('follows from the stored values and salts, whatever the facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { leaf, facts: stored, salts, digests, entry } = everyFact(facts)
        expect(entry.leaf.text).toBe(canonicalize(leaf))
        const committed = Object.keys(stored).filter((name) => guarded.includes(name))
        expect(Object.keys(salts)).toEqual([...committed, 'open'].toSorted())
        expect(leaf.facts).toBe(sha256(canonicalize(digests) ?? ''))
      }),
      { numRuns: 300 },
    )
  })

  test.each(['address', 'caseNumber', 'operator', 'subjects'] as const)(
    'binds %s shown alone, beside the digests of the others',
    (name) => {
      const { leaf, facts, salts, digests } = everyFact(readFacts())
      const { [name]: _, ...others } = digests
      const shown = (value: unknown) => {
        const digest = digestOf(salts[name] ?? '', name, canonicalize(value) ?? '')
        return sha256(canonicalize({ ...others, [name]: digest }) ?? '')
      }
      expect(shown(facts[name])).toBe(leaf.facts)
      expect(shown('李强')).not.toBe(leaf.facts)
    },
  )

  test('binds the open facts shown together, and stands when everything else was erased', () => {
    const { leaf, facts, salts, digests } = everyFact(readFacts())
    const { open: _, ...others } = digests
    const open = Object.fromEntries(
      Object.entries(facts).filter(([name]) => !guarded.includes(name)),
    )
    const shown = (value: object) =>
      sha256(
        canonicalize({
          ...others,
          open: digestOf(salts.open ?? '', 'open', canonicalize(value) ?? ''),
        }) ?? '',
      )
    expect(shown(open)).toBe(leaf.facts)
    for (const name of Object.keys(open)) {
      expect(shown({ ...open, [name]: 'another' })).not.toBe(leaf.facts)
      expect(JSON.stringify(open)).not.toContain('王芳')
    }
    expect(shown({ ...open, operator: '王芳' })).not.toBe(leaf.facts)
  })

  test('whose salts are all shown but one leaves that one fact to nobody who guesses', () => {
    const { facts, salts, digests } = everyFact(readFacts())
    const { operator: own, ...known } = salts
    const guesses = Object.values(known).map((salt) =>
      digestOf(salt ?? '', 'operator', canonicalize(facts.operator) ?? ''),
    )
    expect(guesses).not.toContain(digests['operator'])
    expect(digestOf(own ?? '', 'operator', '"王芳"')).toBe(digests['operator'])
  })

  test('fact names stand in the order of canonical JSON', () => {
    expect(factNames).toEqual(factNames.toSorted())
  })
})

test('details of version 1, with a secret for all salts, still open and give the digests of their leaf', () => {
  const facts = { operation: 'records.read', operator: '王芳', outcome: 'allowed' }
  const secret = 'a'.repeat(44)
  const salts = createHash('shake256', { outputLength: 54 }).update(secret).digest('base64url')
  const nonce = Buffer.alloc(12, 1)
  const cipher = createCipheriv('aes-256-gcm', entryKeys.details, nonce)
  const text = JSON.stringify({ version: 1, secret, facts })
  const sealed = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  const opened = openDetails(entryKeys.details, sealed)
  expect(opened.facts).toEqual(facts)
  expect(opened.salts).toEqual({
    operation: salts.slice(0, 24),
    operator: salts.slice(24, 48),
    outcome: salts.slice(48),
  })
  expect(digestsOf(opened)['operator']).toBe(digestOf(salts.slice(24, 48), 'operator', '"王芳"'))
})

test('details of a version that nobody knows are refused', () => {
  const sealed = sealDetails(entryKeys.details, '{}', '","version":3,"x":"')
  expect(() => openDetails(entryKeys.details, sealed)).toThrow('version 3')
})

describe('keys', () => {
  test('a subject hash is the first half of HMAC-SHA-256 of resource, zero byte and key', () => {
    const expected = (key: Buffer, message: string) =>
      createHmac('sha256', key).update(message).digest().subarray(0, 16)
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 130 }),
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.constantFrom(0, 1, 200, 2000),
        (secret, text, repeats) => {
          const [key, message] = [Buffer.from(secret), `${text}${'身'.repeat(repeats)}`]
          const found = hashSubject(createSecretKey(key), 'population', message)
          expect(found).toEqual(expected(key, `population\0${message}`))
          expect(hashSubject(createSecretKey(key), 'r', '')).toEqual(expected(key, 'r\0'))
        },
      ),
    )
  })

  test('details open with the key of the month of their id only, and not when a bit was changed', () => {
    const entry = build(readFacts())
    expect(monthOfId(entry.id)).toBe(new Date(entry.readyAt).toISOString().slice(0, 7))
    expect(() => openDetails(createSecretKey(Buffer.alloc(32, 9)), entry.details)).toThrow()
    entry.details[20]! ^= 1
    expect(() => openDetails(entryKeys.details, entry.details)).toThrow()
  })

  test('a month key is opened once and then at hand', async () => {
    let openedCount = 0
    const auditMonth = async () => Buffer.alloc(32, ++openedCount)
    const keys = openAuditKeys({ subjects: Buffer.alloc(32), auditMonth })
    const first = await keys.month('2026-01')
    expect(keys.month('2026-01')).toBe(first)
    expect(openedCount).toBe(1)
  })
})

describe('ids', () => {
  test('ascend and carry their time, within a millisecond and when the clock is set back', () => {
    const at = Date.now() + 1000
    const times = [...Array<number>(5000).fill(at), at - 500, at - 1, at + 1, at]
    const ids = times.map((time) => createEntryId(time))
    expect(ids).toEqual([...new Set(ids)].toSorted())
    expect(ids.map((id) => instantOfId(id))).toEqual(
      times.map((time, index) => (index < 5002 ? at : Math.max(time, at + 1))),
    )
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(4990)
  })
})
