import { type Static, Type } from 'typebox'
import { closed, Instant, nullable, page, pageQuery } from './common.ts'

const Uuid = Type.String({ format: 'uuid', description: 'UUIDv7' })
const Words = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '\\S', description })

/** The legal instrument that orders a value to be redacted before retention has ended. */
export const Instrument = closed({
  kind: Words(100, '文书种类:判决、裁定、行政决定…… / judgment, ruling, administrative decision …'),
  number: Words(200, '文号 / its number'),
  title: Words(500, '文书名称 / its title'),
})
export type Instrument = Static<typeof Instrument>

const requestFields = {
  entry: Uuid,
  facts: Type.Array(Words(100, '信息项名 / name of a fact'), {
    minItems: 1,
    maxItems: 40,
    uniqueItems: true,
    description:
      '要消除的项:subjects、caseNumber、operator、address、note 等;谁、何时、哪个资源永不可消除 / what to redact; who, when and which resource never can be',
  }),
  reason: Words(2000, '理由,勿写个人信息:它会记入日志 / why, without personal data: it is logged'),
}

const requestExample = {
  entry: '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90',
  facts: ['operator', 'caseNumber'],
  instrument: { kind: '判决', number: '(2026)测01行终1号', title: '示例行政判决书' },
  reason: '依判决消除经办人与办件编号 / as the judgment orders',
}

/** What one officer asks for. Without an instrument it is refused until retention has ended. */
export const RedactionDraft = closed(
  { ...requestFields, instrument: Type.Optional(Instrument) },
  { examples: [requestExample] },
)
export type RedactionDraft = Static<typeof RedactionDraft>

export const Redaction = Type.Object(
  {
    id: Uuid,
    ...requestFields,
    instrument: nullable(Instrument),
    state: Type.Enum(['requested', 'confirmed'], { description: '待确认、已执行' }),
    requestedBy: Type.String(),
    requestedAt: Instant,
    confirmedBy: nullable(Type.String()),
    confirmedAt: nullable(Instant),
    toldIn: nullable(
      Type.String({ description: '记载本次消除的审计记录 / the audit entry that tells of it' }),
    ),
  },
  {
    examples: [
      {
        id: '019b7699-0b1c-7d20-8a11-5b0c9d3e7f42',
        ...requestExample,
        state: 'requested',
        requestedBy: 'auditor-1',
        requestedAt: '2026-01-01T02:00:00.000Z',
        confirmedBy: null,
        confirmedAt: null,
        toldIn: null,
      },
    ],
  },
)
export type Redaction = Static<typeof Redaction>

export const RedactionPage = page(Redaction)
export const RedactionSearch = Type.Object({ ...pageQuery, entry: Type.Optional(Uuid) })
export const RedactionParams = Type.Object({ id: Uuid })
