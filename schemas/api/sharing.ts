import { type Static, Type } from 'typebox'
import { maskKinds } from '../field.ts'
import { closed, Instant, nullable, Slug } from './common.ts'

/** What a grant may allow; `deliver` is a delivery by the hub into the consumer's own store. */
export const shareOperations = ['read', 'list', 'verify', 'changes', 'deliver'] as const
export type ShareOperation = (typeof shareOperations)[number]

export const applicationStates = [
  'submitted',
  'supplement-required',
  'extension-requested',
  'extended',
  'agreed',
  'refused',
] as const
export type ApplicationState = (typeof applicationStates)[number]

export const decisions = [
  'consent',
  'agree',
  'refuse',
  'request-supplement',
  'request-extension',
  'approve-extension',
] as const
export type Decision = (typeof decisions)[number]

/**
 * Which state allows which decision, where it leads and whose it is (Decree 809, art. 20 and 21).
 * `consent` is the word of the consumer's own share-office head, kept beside the application; a
 * supplement and an extension may be asked for once each.
 *
 *   submitted ──request-supplement──▶ supplement-required ──(the applicant files it anew)──▶ submitted
 *       │ ├────request-extension────▶ extension-requested ──approve-extension──▶ extended
 *       │ │                                    │                                    │
 *       └─┴── agree ▶ agreed, refuse ▶ refused ┴────────────────────────────────────┘
 */
export const decisionTable: Readonly<
  Record<
    Decision,
    {
      by: 'consumer' | 'provider' | 'bureau'
      from: readonly ApplicationState[]
      /** Null: the state stays. */
      to: ApplicationState | null
    }
  >
> = {
  consent: { by: 'consumer', from: ['submitted', 'extension-requested', 'extended'], to: null },
  agree: { by: 'provider', from: ['submitted', 'extension-requested', 'extended'], to: 'agreed' },
  refuse: { by: 'provider', from: ['submitted', 'extension-requested', 'extended'], to: 'refused' },
  'request-supplement': {
    by: 'provider',
    from: ['submitted', 'extended'],
    to: 'supplement-required',
  },
  'request-extension': { by: 'provider', from: ['submitted'], to: 'extension-requested' },
  'approve-extension': { by: 'bureau', from: ['extension-requested'], to: 'extended' },
}

export const grantStates = ['active', 'suspended', 'terminated'] as const
export type GrantState = (typeof grantStates)[number]

export const grantActions = ['suspend', 'resume', 'terminate'] as const
export type GrantAction = (typeof grantActions)[number]

/** active ⇄ suspended, and either one → terminated, for good (Decree 809, art. 27). */
export const grantTransitions: Readonly<
  Record<GrantAction, { from: readonly GrantState[]; to: GrantState }>
> = {
  suspend: { from: ['active'], to: 'suspended' },
  resume: { from: ['suspended'], to: 'active' },
  terminate: { from: ['active', 'suspended'], to: 'terminated' },
}

/** The only grounds to end a service outside setup mode (art. 27). */
export const terminationGrounds = ['rectification-failed', 'filed-change', 'expired'] as const

/** Days of one extension at most, in working days (art. 21). */
export const extensionDaysMax = 10

const Words = Type.String({ minLength: 1, maxLength: 2000, pattern: '\\S' })

/** `name`, or `holders.name` for a field of a child list. */
const FieldPath = Type.String({
  pattern: '^[a-z][A-Za-z0-9]{0,62}(\\.[a-z][A-Za-z0-9]{0,62})?$',
  examples: ['name', 'holders.name'],
})

export const Purpose = Type.String({
  pattern: '^[\\w.-]{1,64}$',
  description: '事项编码 / code of a service item',
})

const RowValue = Type.Union([Type.String({ maxLength: 500 }), Type.Number(), Type.Boolean()])
const Rows = Type.Record(
  Type.String({ maxLength: 130 }),
  Type.Array(RowValue, { minItems: 1, maxItems: 1000 }),
  { maxProperties: 20 },
)
export type Rows = Static<typeof Rows>

const Masks = Type.Record(Type.String({ maxLength: 130 }), Type.Enum([...maskKinds]))
export type Masks = Static<typeof Masks>

const asked = {
  resource: Slug,
  system: Slug,
  operations: Type.Array(Type.Enum([...shareOperations]), { minItems: 1, uniqueItems: true }),
  fields: Type.Array(FieldPath, { minItems: 1, maxItems: 1000, uniqueItems: true }),
  rows: Type.Optional(Rows),
  purposes: Type.Array(Purpose, { minItems: 1, maxItems: 100, uniqueItems: true }),
  basis: Words,
  scenario: Words,
  scope: Words,
  method: Words,
  validUntil: Type.String({
    description: '日期(含当日,北京时间)或时刻 / a date (that day included) or an instant',
    anyOf: [{ format: 'date' }, { format: 'date-time' }],
  }),
  dailyQuota: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: '每日记录数 / records a day' }),
  ),
  unflaggedOnly: Type.Optional(
    Type.Boolean({ description: '只要无存疑的记录 / only records without a flag' }),
  ),
  caseNumberRequired: Type.Optional(Type.Boolean()),
}

const applicationExample = {
  resource: 'population',
  system: 'approval-1',
  operations: ['read', 'verify'],
  fields: ['name', 'idNumber', 'sex'],
  rows: { hukouDivision: ['430182'] },
  purposes: ['430182-0001'],
  basis: '《不动产登记暂行条例》第二十五条',
  scenario: '不动产转移登记核验申请人身份',
  scope: '市不动产登记中心窗口',
  method: 'interface',
  validUntil: '2030-12-31',
  dailyQuota: 10_000,
}

/** Art. 20: basis, scenario, scope, method and period must be stated. */
export const ApplicationDraft = closed(asked, { examples: [applicationExample] })
export type ApplicationDraft = Static<typeof ApplicationDraft>

export const DecisionBody = closed(
  {
    decision: Type.Enum([...decisions]),
    reason: Type.Optional(Words),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: extensionDaysMax })),
    missing: Type.Optional(Type.Array(Words, { minItems: 1, maxItems: 100 })),
    masks: Type.Optional(Masks),
    rows: Type.Optional(Rows),
    caseNumberRequired: Type.Optional(Type.Boolean()),
  },
  { examples: [{ decision: 'agree', masks: { name: 'none' } }] },
)
export type DecisionBody = Static<typeof DecisionBody>

const DecisionTaken = Type.Object({
  decision: Type.Enum([...decisions]),
  staff: Type.String(),
  at: Instant,
  reason: nullable(Type.String()),
  missing: nullable(Type.Array(Type.String())),
  days: nullable(Type.Integer()),
})

export const Application = Type.Object({
  id: Slug,
  ...asked,
  resourceVersion: Type.Integer(),
  shareType: Type.Enum(['unconditional', 'conditional']),
  provider: Slug,
  consumer: Slug,
  state: Type.Enum([...applicationStates]),
  filedBy: Type.String(),
  filedAt: Instant,
  submittedAt: Instant,
  extensionDays: nullable(Type.Integer()),
  decidedAt: nullable(Instant),
  decisions: Type.Array(DecisionTaken),
  grant: nullable(Slug),
})
export type Application = Static<typeof Application>

export const Grant = Type.Object({
  id: Slug,
  version: Type.Integer(),
  application: Slug,
  resource: Slug,
  resourceVersion: Type.Integer(),
  provider: Slug,
  consumer: Slug,
  system: Slug,
  operations: Type.Array(Type.Enum([...shareOperations])),
  fields: Type.Array(Type.String()),
  rows: nullable(Type.Record(Type.String(), Type.Array(Type.String()))),
  masks: Masks,
  purposes: Type.Array(Type.String()),
  validFrom: Instant,
  validUntil: Instant,
  dailyQuota: nullable(Type.Integer()),
  caseNumberRequired: Type.Boolean(),
  unflaggedOnly: Type.Boolean(),
  state: Type.Enum([...grantStates]),
  stateGround: nullable(Type.String()),
  stateReason: nullable(Type.String()),
  stateChangedAt: nullable(Instant),
  grantedBy: Type.String(),
})
export type Grant = Static<typeof Grant>

export const DecisionAnswer = Type.Object({ application: Application, grant: Type.Optional(Grant) })

export const GrantTransition = closed(
  { action: Type.Enum([...grantActions]), ground: Words, reason: Words },
  { examples: [{ action: 'suspend', ground: 'misuse', reason: '超范围使用,责令整改' }] },
)
export type GrantTransition = Static<typeof GrantTransition>

/** One grant as the system that holds it sees it. */
export const Allowance = Type.Object({
  resource: Slug,
  title: Type.String(),
  grant: Slug,
  operations: Type.Array(Type.Enum([...shareOperations])),
  fields: Type.Array(Type.String()),
  masks: Masks,
  rows: nullable(Type.Record(Type.String(), Type.Array(Type.String()))),
  purposes: Type.Array(Type.String()),
  operatorRequired: Type.Boolean(),
  caseNumberRequired: Type.Boolean(),
  unflaggedOnly: Type.Boolean(),
  validFrom: Instant,
  validUntil: Instant,
  dailyQuota: nullable(Type.Integer()),
  quotaLeft: nullable(Type.Integer()),
})
export type Allowance = Static<typeof Allowance>
