import { type Static, Type } from 'typebox'
import { closed, Instant, nullable, page, pageQuery, Slug } from './common.ts'

const Uuid = Type.String({ format: 'uuid', description: 'UUIDv7' })
const Outcome = Type.Enum(['allowed', 'denied', 'absent', 'failed'], {
  description: '允许、拒绝、无此记录、失败',
})

const entryExample = {
  id: '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90',
  readyAt: '2026-01-01T00:10:23.678Z',
  operation: 'records.read',
  outcome: 'allowed',
  code: null,
  department: 'natural-resources',
  system: 'registry-counter-1',
  resource: 'population',
  purpose: 'BDC-0101',
}

const listedFields = {
  id: Uuid,
  readyAt: Instant,
  operation: Type.String(),
  outcome: Outcome,
  code: nullable(Type.String({ description: '问题代码 / problem code' })),
  department: nullable(Type.String()),
  system: nullable(Type.String()),
  resource: nullable(Type.String()),
  purpose: nullable(Type.String()),
}

/** An entry as lists show it: nothing that tells whose record it was. */
export const ListedEntry = Type.Object(listedFields, { examples: [entryExample] })
export type ListedEntry = Static<typeof ListedEntry>

export const EntryPage = page(ListedEntry)

/** Filters of the search, any combination; `from` is included, `to` is not. */
export const EntrySearch = Type.Object({
  ...pageQuery,
  department: Type.Optional(Slug),
  system: Type.Optional(Slug),
  resource: Type.Optional(Slug),
  outcome: Type.Optional(Outcome),
  purpose: Type.Optional(Type.String({ maxLength: 200 })),
  caseNumber: Type.Optional(Type.String({ maxLength: 200, description: '办件编号' })),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
})
export type EntrySearch = Static<typeof EntrySearch>

export const EntryParams = Type.Object({ id: Uuid })

/** One entry with what it says, and all that is needed to compute its leaf again. */
export const Entry = Type.Object(
  {
    id: Uuid,
    readyAt: Instant,
    facts: Type.Record(Type.String(), Type.Unknown(), {
      description: '明细;案卷主体只以密钥散列出现 / what was logged; subjects only as keyed hashes',
    }),
    salts: Type.Record(Type.String(), Type.String(), {
      description:
        '各项的盐;摘要 = SHA-256(盐 ‖ 名 ‖ 0x00 ‖ 规范化 JSON 值),base64url / salt of each fact, as text',
    }),
    receipt: Type.Object({
      id: Uuid,
      leaf: Type.String({ description: 'SHA-256(0x00 ‖ leafBytes), hex (RFC 6962)' }),
    }),
    leafBytes: Type.String({ description: 'base64' }),
  },
  {
    examples: [
      {
        id: entryExample.id,
        readyAt: entryExample.readyAt,
        facts: { operation: 'records.read', outcome: 'allowed' },
        salts: { operation: 'cZk3Yf0m9xq0bX1w2Jr4TgQe', outcome: 'Jm0R5n0yK1h8p2QxZc7uVw3k' },
        receipt: {
          id: entryExample.id,
          leaf: '5f4dcc3b5aa765d61d8327deb882cf99a1b2c3d4e5f60718293a4b5c6d7e8f90',
        },
        leafBytes: 'eyJkaWdlc3RzIjp7fX0=',
      },
    ],
  },
)
export type Entry = Static<typeof Entry>

const subjectFields = {
  resource: Slug,
  key: Type.String({
    minLength: 1,
    maxLength: 1000,
    description: '任一查询键,包括曾用号码 / any look-up key, former numbers included',
  }),
}

export const SubjectQuery = Type.Object({ ...subjectFields, ...pageQuery })
export const SubjectSearch = closed(
  { ...subjectFields, ...pageQuery },
  { examples: [{ resource: 'population', key: '11010119900307002X' }] },
)
export type SubjectSearch = Static<typeof SubjectSearch>

/** A call that was about the record, and who made it. */
export const Look = Type.Object(
  {
    ...listedFields,
    staff: nullable(Type.String()),
    operator: nullable(Type.String({ description: '经办人' })),
    via: Type.Enum(['subject', 'range'], {
      description: '逐条查询,或随变更批次取得 / asked for by key, or within a range of changes',
    }),
  },
  { examples: [{ ...entryExample, staff: null, operator: '王芳', via: 'subject' }] },
)
export type Look = Static<typeof Look>

export const LookPage = page(Look)
