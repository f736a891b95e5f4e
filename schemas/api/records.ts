import { type Static, Type } from 'typebox'
import {
  closed,
  Instant,
  nullable,
  pageLimitDefault,
  pageLimitMax,
  pageQuery,
  Slug,
} from './common.ts'

/** Keys of one `query`. */
export const queryKeysMax = 500

const Key = Type.String({
  minLength: 1,
  maxLength: 600,
  description: '查询键:`值` 或 `信息项:值` / a look-up value, or `field:value`',
})

const contextText = Type.String({ minLength: 1, maxLength: 100 })
export const CallContext = closed({
  purpose: Type.Optional(contextText),
  operator: Type.Optional(contextText),
  caseNumber: Type.Optional(contextText),
})
export type CallContext = Static<typeof CallContext>

const Fields = Type.Array(Type.String({ maxLength: 130 }), { minItems: 1, maxItems: 1000 })
const common = { fields: Type.Optional(Fields), context: Type.Optional(CallContext) }

export const ReadBody = closed(
  { key: Key, asOf: Type.Optional(Instant), ...common },
  {
    examples: [
      {
        key: '430182190001010017',
        fields: ['name'],
        context: { purpose: '430182-0001', operator: '窗口3', caseNumber: 'BJ-2026-0001' },
      },
    ],
  },
)
export type ReadBody = Static<typeof ReadBody>

const FilterValue = Type.Union([Type.String({ maxLength: 500 }), Type.Number(), Type.Boolean()])
export const ListBody = closed(
  {
    where: Type.Record(Type.String({ maxLength: 130 }), FilterValue, { maxProperties: 10 }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLimitMax })),
    after: Type.Optional(Type.String({ maxLength: 2000 })),
    ...common,
  },
  { examples: [{ where: { 'holders.idNumber': '430182190001010017' } }] },
)
export type ListBody = Static<typeof ListBody>

export const QueryBody = Type.Union(
  [
    closed({ keys: Type.Array(Key, { minItems: 1, maxItems: queryKeysMax }), ...common }),
    closed({
      items: Type.Array(closed({ key: Key, caseNumber: Type.Optional(contextText) }), {
        minItems: 1,
        maxItems: queryKeysMax,
      }),
      ...common,
    }),
  ],
  { examples: [{ keys: ['430182190001010017'] }] },
)
export type QueryBody = Static<typeof QueryBody>

export const VerifyBody = closed(
  {
    key: Key,
    claims: Type.Record(Type.String({ maxLength: 130 }), FilterValue, {
      minProperties: 1,
      maxProperties: 50,
    }),
    context: Type.Optional(CallContext),
  },
  { examples: [{ key: '430182190001010017', claims: { name: '张三' } }] },
)
export type VerifyBody = Static<typeof VerifyBody>

const fieldsText = Type.String({
  maxLength: 8000,
  description: '信息项,逗号分隔 / comma-separated',
})
export const ReadQuery = Type.Object(
  { fields: Type.Optional(fieldsText) },
  { additionalProperties: false },
)
/** Every other parameter is a filter: `?<field>=<value>`. */
export const ListQuery = Type.Object(
  { ...pageQuery, fields: Type.Optional(fieldsText) },
  { additionalProperties: Type.String({ maxLength: 500 }) },
)
export const ChangesQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,15}(\\.[0-9]{1,15})?$', description: '上次的 next' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: pageLimitMax, default: pageLimitDefault }),
    ),
    fields: Type.Optional(fieldsText),
  },
  { additionalProperties: false },
)

export const ResourceParams = Type.Object({ id: Slug })
export const RecordParams = Type.Object({ id: Slug, key: Key })

const Meta = Type.Object({
  resource: Slug,
  version: Type.Integer(),
  status: Type.Enum(['current', 'cancelled', 'historical', 'superseded']),
  quality: Type.Array(Type.String()),
  source: Type.Object({ department: Slug, runId: Type.String() }),
  updatedAt: Instant,
  seq: Type.Integer(),
})
export type RecordMeta = Static<typeof Meta>

const AnyRecord = Type.Record(Type.String(), Type.Unknown())
export const RecordAnswer = Type.Object({ record: AnyRecord, meta: Meta })
export const RecordPage = Type.Object({
  items: Type.Array(RecordAnswer),
  next: nullable(Type.String()),
})
export const QueryAnswer = Type.Object({ items: Type.Array(nullable(RecordAnswer)) })
export const VerifyAnswer = Type.Object({
  result: Type.Enum(['match', 'mismatch', 'absent']),
  claims: Type.Record(Type.String(), Type.Enum(['match', 'mismatch', 'absent'])),
  subjectStatus: nullable(Type.String()),
  quality: Type.Array(Type.String(), {
    description: '记录的存疑标记 / flag codes of the record that the claims were compared with',
  }),
})
export const ChangesAnswer = Type.Object({
  items: Type.Array(
    Type.Object({
      seq: Type.Integer(),
      op: Type.Enum(['upsert', 'delete']),
      key: Type.String(),
      record: Type.Optional(AnyRecord),
      meta: Type.Optional(Meta),
    }),
  ),
  next: Type.String({ description: '下次从这里继续 / where to ask again' }),
})
