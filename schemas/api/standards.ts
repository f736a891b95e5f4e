import { type Static, Type } from 'typebox'
import { nullable, page } from './common.ts'
import { MergeKeys, ResourceFields } from './resources.ts'

const standardHead = {
  id: Type.String({ examples: ['population'] }),
  title: Type.String(),
  titleEn: Type.String(),
  source: Type.String({ description: '依据 / what it rests on' }),
  keys: MergeKeys,
}

export const StandardSummary = Type.Object({ ...standardHead, fieldCount: Type.Integer() })

/** A data standard (数据标准): its fields, and the JSON Schema of a record. */
export const Standard = Type.Object({
  ...standardHead,
  fields: ResourceFields,
  requireAny: MergeKeys,
  schema: Type.Object({}, { description: 'JSON Schema 2020-12' }),
})

const codeTableHead = {
  id: Type.String({ examples: ['GB/T 2261.1'] }),
  slug: Type.String({ examples: ['gbt-2261-1'] }),
  title: Type.String(),
  titleEn: Type.String(),
  source: Type.String(),
  status: Type.Enum(['confirmed', 'derived', 'unconfirmed']),
  open: Type.Boolean({ description: '允许表外代码 / codes beside these are no fault' }),
  entryCount: Type.Integer(),
}

export const CodeTableSummary = Type.Object(codeTableHead)
export type CodeTableSummary = Static<typeof CodeTableSummary>

const CodeTableEntry = Type.Object({
  code: Type.String(),
  name: Type.String(),
  nameEn: Type.Optional(Type.String()),
  letter: Type.Optional(Type.String()),
  aliases: Type.Optional(Type.Array(Type.String())),
  from: Type.Optional(Type.String({ description: '始见 / first month listed (divisions)' })),
  to: Type.Optional(
    nullable(Type.String({ description: '止 / last month listed; null: current' })),
  ),
})
export type CodeTableEntry = Static<typeof CodeTableEntry>

/** A code table (码表) with one page of its codes. */
export const CodeTable = Type.Object({
  ...codeTableHead,
  note: Type.Optional(Type.String()),
  ...page(CodeTableEntry).properties,
})
