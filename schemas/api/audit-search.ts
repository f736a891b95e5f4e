import { type Static, Type } from 'typebox'
import { EntrySearch, SubjectSearch } from './audit.ts'
import { closed, Instant, nullable, page, pageQuery, Slug } from './common.ts'

/** "Who looked at my data", for the person whom the record is about. */
export const SubjectExport = closed(
  {
    resource: SubjectSearch.properties.resource,
    key: SubjectSearch.properties.key,
    language: Type.Optional(
      Type.Enum(['both', 'zh', 'en'], { description: '语言;缺省为中文在前、英文在旁' }),
    ),
    format: Type.Optional(
      Type.Enum(['html', 'text', 'csv'], { description: '缺省 html:可打印的单个文件' }),
    ),
  },
  { examples: [{ resource: 'population', key: '11010119900307002X', format: 'html' }] },
)
export type SubjectExport = Static<typeof SubjectExport>

const { limit: _limit, after: _after, ...filters } = EntrySearch.properties

/** The filters of the search; `format` decides the file. */
export const EntryExport = Type.Object({
  ...filters,
  format: Type.Optional(Type.Enum(['csv', 'ndjson'], { description: '缺省 csv' })),
})
export type EntryExport = Static<typeof EntryExport>

export const hintKinds = [
  'night-burst',
  'sequential-keys',
  'many-absents',
  'new-address',
  'quota-jump',
] as const
export type HintKind = (typeof hintKinds)[number]

const Kind = Type.Enum([...hintKinds], {
  description: '夜间突增、按号码顺序查询、大量查无此人、陌生地址、用量突增',
})

export const Hint = Type.Object(
  {
    id: Type.String({
      format: 'uuid',
      description: '记载此提示的审计记录 / the entry that tells it',
    }),
    readyAt: Instant,
    kind: Kind,
    system: Slug,
    department: nullable(Type.String()),
    evidence: Type.Record(Type.String(), Type.Unknown(), {
      description: '依据:只有数量、比率与时段,没有号码 / counts, rates and times; never a key',
    }),
  },
  {
    examples: [
      {
        id: '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90',
        readyAt: '2026-01-01T00:10:23.678Z',
        kind: 'many-absents',
        system: 'registry-counter-1',
        department: 'natural-resources',
        evidence: { calls: 240, absents: 180 },
      },
    ],
  },
)
export type Hint = Static<typeof Hint>

export const HintPage = page(Hint)
export const HintSearch = Type.Object({
  ...pageQuery,
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  kind: Type.Optional(Kind),
  system: Type.Optional(Slug),
})
export type HintSearch = Static<typeof HintSearch>
