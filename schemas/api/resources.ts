import { Type, type Static } from 'typebox'
import { closed, Instant, nullable, pageQuery, Slug } from './common.ts'
import { type Field, fieldTypes, identifierKinds, maskKinds, sensitivities } from '../field.ts'

/** Reserved words (`limit`, `after`, `fields`) are refused by the catalog, which can say why. */
const FieldName = Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,62}$', examples: ['idNumber'] })

const fieldProperties = {
  name: FieldName,
  title: Type.String({ minLength: 1, maxLength: 200 }),
  titleEn: Type.Optional(Type.String({ maxLength: 200 })),
  type: Type.Enum([...fieldTypes]),
  length: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  precision: Type.Optional(Type.Integer({ minimum: 0, maximum: 30 })),
  required: Type.Optional(Type.Boolean()),
  codeTable: Type.Optional(Type.String({ maxLength: 100 })),
  identifier: Type.Optional(Type.Enum([...identifierKinds])),
  identifierWhen: Type.Optional(
    Type.Object(
      {
        field: FieldName,
        in: Type.Array(Type.Union([Type.String({ maxLength: 100 }), Type.Null()]), {
          maxItems: 50,
        }),
      },
      { additionalProperties: false },
    ),
  ),
  sensitivity: Type.Enum([...sensitivities]),
  mask: Type.Optional(Type.Enum([...maskKinds])),
  lookup: Type.Optional(Type.Boolean()),
  indexed: Type.Optional(Type.Boolean()),
  authority: Type.Optional(Type.String({ maxLength: 63 })),
  source: Type.Optional(Type.String({ maxLength: 100 })),
}

export const ChildField = Type.Object(fieldProperties, { additionalProperties: false })

/** One field (信息项) of a resource; an `array` with `fields` is a child list. */
export const ResourceField = Type.Object(
  { ...fieldProperties, fields: Type.Optional(Type.Array(ChildField, { maxItems: 200 })) },
  { additionalProperties: false },
)

/** As answered: what the catalog and the standards hold, as it stands. */
export const ResourceFields = Type.Unsafe<readonly Field[]>(Type.Array(ResourceField))
export const MergeKeys = Type.Unsafe<readonly (readonly string[])[]>(
  Type.Array(Type.Array(Type.String()), {
    description: '合并键,按优先次序 / merge keys, the first whole one counts',
  }),
)

const Assessment = Type.Object(
  {
    conclusion: Type.String({ minLength: 1, maxLength: 1000 }),
    by: Type.String({ minLength: 1, maxLength: 100 }),
    on: Type.String({ format: 'date' }),
  },
  { additionalProperties: false },
)

export const formatClasses = [
  'document',
  'spreadsheet',
  'database',
  'image',
  'stream',
  'self-describing',
  'interface',
] as const

export const shareTypes = ['unconditional', 'conditional', 'not-shared'] as const
export const grades = [
  'core',
  'important',
  'general-1',
  'general-2',
  'general-3',
  'general-4',
] as const
export const updateCycles = [
  'realtime',
  'daily',
  'weekly',
  'monthly',
  'quarterly',
  'half-yearly',
  'yearly',
  'irregular',
] as const
export const strictnesses = ['strict', 'lenient'] as const

const Share = Type.Object(
  {
    type: Type.Enum([...shareTypes]),
    scope: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
    use: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
    methods: Type.Optional(
      Type.Array(
        Type.Object(
          {
            channel: Type.Enum(['platform', 'mail', 'disc', 'medium']),
            type: Type.Optional(Type.Enum(['interface', 'database', 'file'])),
          },
          { additionalProperties: false },
        ),
        { maxItems: 10 },
      ),
    ),
    refusal: Type.Optional(
      Type.Object(
        {
          reason: Type.String({ minLength: 1, maxLength: 2000 }),
          instrument: Type.String({ minLength: 1, maxLength: 500 }),
          article: Type.String({ minLength: 1, maxLength: 200 }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)

/** What staff fill in when they draft a resource (编目); rules between its parts are the catalog's. */
export const draftProperties = {
  id: Slug,
  code: Type.Optional(
    Type.String({ pattern: '^[1-3]\\d{5}[0-9A-Za-z]*/[0-9A-Za-z]+$', maxLength: 100 }),
  ),
  title: Type.String({ minLength: 1, maxLength: 500 }),
  provider: Slug,
  abstract: Type.String({ minLength: 1, maxLength: 4000 }),
  standard: Type.Optional(Slug),
  category: Type.Object(
    {
      class: Type.Enum(['1', '2', '3']),
      item: Type.String({ pattern: '^\\d{2}$' }),
      topic: Type.String({ pattern: '^\\d{3}$' }),
      detail: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]*$', maxLength: 40 })),
    },
    { additionalProperties: false },
  ),
  format: Type.Object(
    {
      class: Type.Enum([...formatClasses]),
      type: Type.Optional(Type.String({ maxLength: 100 })),
      note: Type.Optional(Type.String({ maxLength: 500 })),
    },
    { additionalProperties: false },
  ),
  share: Share,
  grade: Type.Enum([...grades]),
  open: Type.Object(
    { open: Type.Boolean(), condition: Type.Optional(Type.String({ maxLength: 1000 })) },
    { additionalProperties: false },
  ),
  updateCycle: Type.Enum([...updateCycles]),
  authoritative: Type.Optional(Type.Boolean()),
  strictness: Type.Optional(Type.Enum([...strictnesses])),
  fields: Type.Optional(Type.Array(ResourceField, { minItems: 1, maxItems: 500 })),
  key: Type.Optional(Type.Array(FieldName, { minItems: 1, maxItems: 8 })),
  assessments: Type.Optional(
    Type.Object(
      { secrecy: Type.Optional(Assessment), personalInformation: Type.Optional(Assessment) },
      { additionalProperties: false },
    ),
  ),
  relatedCodes: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 })),
}

export const draftExample = {
  id: 'population',
  title: '人口基础信息',
  provider: 'public-security',
  abstract: '常住人口基础信息',
  standard: 'population',
  category: { class: '1', item: '01', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: {
    type: 'conditional',
    scope: '本市行政审批部门',
    use: '行政审批核验',
    methods: [{ channel: 'platform', type: 'interface' }],
  },
  grade: 'general-3',
  open: { open: false },
  updateCycle: 'daily',
  authoritative: false,
}

export const ResourceDraft = Type.Object(draftProperties, {
  additionalProperties: false,
  examples: [draftExample],
})
export type ResourceDraft = Static<typeof ResourceDraft>

export const resourceStates = [
  'draft',
  'department-review',
  'bureau-review',
  'published',
  'returned',
  'withdrawn',
] as const
export type ResourceState = (typeof resourceStates)[number]

export const resourceActions = [
  'submit',
  'return',
  'approve',
  'publish',
  'withdraw',
  'revise',
] as const
export type ResourceAction = (typeof resourceActions)[number]

/**
 * Which state allows which step, and where it leads. `setupOnly` is the short path of setup mode. A
 * revised resource keeps serving its published version until the next one is published.
 *
 *   draft ──submit──▶ department-review ──approve──▶ bureau-review ──publish──▶ published ──withdraw──▶ withdrawn
 *     ▲ ▲                    │return                      │return                  │
 *     │ └──── returned ◀─────┴────────────────────────────┘                        │
 *     └──────────────────────────────revise───────────────────────────────────────┘
 */
export const resourceTransitions: readonly {
  action: ResourceAction
  from: readonly ResourceState[]
  to: ResourceState
  setupOnly?: true
}[] = [
  { action: 'submit', from: ['draft', 'returned'], to: 'department-review' },
  { action: 'approve', from: ['department-review'], to: 'bureau-review' },
  { action: 'return', from: ['department-review', 'bureau-review'], to: 'returned' },
  { action: 'publish', from: ['bureau-review'], to: 'published' },
  {
    action: 'publish',
    from: ['draft', 'returned', 'department-review'],
    to: 'published',
    setupOnly: true,
  },
  { action: 'withdraw', from: ['published'], to: 'withdrawn' },
  { action: 'revise', from: ['published', 'withdrawn'], to: 'draft' },
]

export const Transition = closed(
  {
    action: Type.Enum([...resourceActions]),
    comment: Type.Optional(
      Type.String({
        maxLength: 2000,
        description: '退回与下架须说明理由 / demanded for return and withdraw',
      }),
    ),
  },
  { examples: [{ action: 'submit' }, { action: 'return', comment: '请补充共享范围' }] },
)

/** The whole draft again; its id is fixed, and may be left out. */
export const ResourceChange = closed(
  { ...draftProperties, id: Type.Optional(Slug) },
  { examples: [draftExample] },
)
export type ResourceChange = Static<typeof ResourceChange>

export const ResourceQuery = Type.Object({
  ...pageQuery,
  q: Type.Optional(
    Type.String({
      maxLength: 200,
      description: '名称、编号、代码、摘要、信息项 / in titles, ids, codes, abstracts and fields',
    }),
  ),
  class: Type.Optional(Type.Enum(['1', '2', '3'])),
  department: Type.Optional(Slug),
  shareType: Type.Optional(Type.Enum([...shareTypes])),
  state: Type.Optional(Type.Enum([...resourceStates])),
  standard: Type.Optional(Slug),
})
export type ResourceQuery = Static<typeof ResourceQuery>

const { fields: _fields, assessments, ...summarised } = draftProperties

const lifecycle = {
  code: Type.String(),
  state: Type.Enum([...resourceStates]),
  version: Type.Integer({ description: 'the version being worked on or, when published, served' }),
  publishedVersion: nullable(Type.Integer()),
  publishedAt: nullable(Instant),
  strictness: Type.Enum([...strictnesses]),
  isMounted: Type.Boolean(),
  createdAt: Instant,
  updatedAt: Instant,
}

/** A resource as lists show it. */
export const ResourceSummary = Type.Object({ ...summarised, ...lifecycle })
export type ResourceSummary = Static<typeof ResourceSummary>

/** A resource as the catalog answers it; assessments are shown to the provider and the bureau. */
export const Resource = Type.Object(
  {
    ...summarised,
    assessments,
    fields: ResourceFields,
    keys: MergeKeys,
    ...lifecycle,
  },
  { examples: [{ ...draftExample, code: '101001/000001', state: 'draft', version: 1 }] },
)
export type Resource = Static<typeof Resource>

export const ResourceVersion = Type.Object({
  version: Type.Integer(),
  title: Type.String(),
  shareType: Type.Enum([...shareTypes]),
  fieldCount: Type.Integer(),
  isServed: Type.Boolean(),
  publishedAt: Instant,
  publishedBy: Type.String(),
})
export type ResourceVersion = Static<typeof ResourceVersion>

/** One step that somebody took, `draft` and `edit` included. */
export const ResourceStep = Type.Object({
  action: Type.Enum([...resourceActions, 'draft', 'edit']),
  from: nullable(Type.Enum([...resourceStates])),
  to: Type.Enum([...resourceStates]),
  version: Type.Integer(),
  staff: Type.String(),
  comment: nullable(Type.String()),
  isBypassed: Type.Boolean({ description: '初始设置模式 / taken alone, in setup mode' }),
  at: Instant,
})
export type ResourceStep = Static<typeof ResourceStep>
