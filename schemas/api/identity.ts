import { type Static, Type } from 'typebox'
import { closed, Division, Instant, Name, nullable, Slug } from './common.ts'

/** What a department is in the administrative order. */
export const departmentKinds = [
  'government-department',
  'dispatched-office',
  'township',
  'village',
  'vertical-body',
  'authorised-organisation',
  'public-institution',
  'data-bureau',
  'other',
] as const

/** The five levels of government, and the nation above them. */
export const departmentLevels = [
  'national',
  'province',
  'city',
  'county',
  'township',
  'village',
] as const

const departmentFields = {
  name: Name,
  code: Type.Optional(
    Type.String({ minLength: 18, maxLength: 18, description: '统一社会信用代码 (GB 32100)' }),
  ),
  localCode: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  division: Division,
  parent: Type.Optional(Slug),
  kind: Type.Optional(Type.Enum([...departmentKinds])),
  level: Type.Optional(Type.Enum([...departmentLevels])),
}

const departmentExample = {
  name: '市公安局',
  division: '430182',
  kind: 'government-department',
  level: 'county',
}

export const DepartmentDraft = closed(
  { id: Slug, ...departmentFields },
  { examples: [{ id: 'public-security', ...departmentExample }] },
)
export type DepartmentDraft = Static<typeof DepartmentDraft>

export const DepartmentChange = closed(departmentFields, { examples: [departmentExample] })
export type DepartmentChange = Static<typeof DepartmentChange>

export const Department = Type.Object({
  id: Slug,
  name: Type.String(),
  code: nullable(Type.String()),
  localCode: nullable(Type.String()),
  division: Type.String(),
  parent: nullable(Slug),
  kind: Type.Enum([...departmentKinds]),
  level: nullable(Type.Enum([...departmentLevels])),
  createdAt: Instant,
})
export type Department = Static<typeof Department>

export const systemKinds = ['front-end-machine', 'business-system', 'hub'] as const
export type SystemKind = (typeof systemKinds)[number]
export const accountStates = ['active', 'disabled'] as const

export const SystemDraft = closed(
  { id: Slug, department: Slug, name: Name, kind: Type.Enum([...systemKinds]) },
  {
    examples: [
      {
        id: 'ps-front-1',
        department: 'public-security',
        name: '公安前置机',
        kind: 'front-end-machine',
      },
    ],
  },
)
export type SystemDraft = Static<typeof SystemDraft>

export const SystemChange = closed({ name: Name }, { examples: [{ name: '公安前置机 (新机房)' }] })

const systemFields = {
  id: Slug,
  department: Slug,
  name: Type.String(),
  kind: Type.Enum([...systemKinds]),
  state: Type.Enum([...accountStates]),
  createdAt: Instant,
  disabledAt: nullable(Instant),
}
export const System = Type.Object(systemFields)
export type System = Static<typeof System>

const Token = Type.String({ description: '只显示一次 / shown once', examples: ['sq_…'] })
export const SystemWithToken = Type.Object({ ...systemFields, token: Token })

export const TokenRotation = closed(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 30 * 86_400,
        default: 0,
        description: '旧令牌继续有效的秒数 / how long the old token still works',
      }),
    ),
  },
  { examples: [{ overlapSeconds: 3600 }] },
)
export const NewToken = Type.Object({
  id: Slug,
  token: Token,
  previousValidUntil: nullable(Instant),
})

const Role = Type.String({ examples: ['operator'] })

/** At most 1,024 characters: more would only make hashing slow. */
const Password = Type.String({ minLength: 12, maxLength: 1024 })
const staffFields = {
  name: Name,
  department: Type.Optional(Slug),
  roles: Type.Array(Role, { maxItems: 12, uniqueItems: true }),
  password: Type.Optional(Password),
}

export const StaffDraft = closed(
  {
    id: Slug,
    account: Type.Optional(Type.String({ pattern: '^[\\w.@-]{1,64}$' })),
    ...staffFields,
  },
  {
    examples: [
      { id: 'zhang-san', name: '张三', department: 'public-security', roles: ['operator'] },
    ],
  },
)
export type StaffDraft = Static<typeof StaffDraft>

export const StaffChange = closed(
  { ...staffFields, state: Type.Optional(Type.Enum([...accountStates])) },
  {
    examples: [{ name: '张三', department: 'public-security', roles: ['operator', 'cataloguer'] }],
  },
)
export type StaffChange = Static<typeof StaffChange>

const staffAnswer = {
  id: Slug,
  account: Type.String(),
  name: Type.String(),
  department: nullable(Slug),
  roles: Type.Array(Role),
  state: Type.Enum([...accountStates]),
  createdAt: Instant,
}
export const Staff = Type.Object(staffAnswer)
export type Staff = Static<typeof Staff>
export const StaffWithToken = Type.Object({ ...staffAnswer, token: Type.Optional(Token) })

export const SignIn = closed(
  {
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    account: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  },
  { examples: [{ token: 'sq_…' }, { account: 'zhang-san', password: '一个足够长的口令 2026' }] },
)

const sessionFields = {
  staff: Type.Object({
    id: Slug,
    name: Type.String(),
    department: nullable(Slug),
    roles: Type.Array(Role),
  }),
  setupMode: Type.Boolean(),
}
export const OpenedSession = Type.Object({
  signedIn: Type.Literal(true),
  token: Token,
  expiresAt: Instant,
  ...sessionFields,
})
export const Session = Type.Object({
  signedIn: Type.Boolean(),
  staff: Type.Optional(sessionFields.staff),
  setupMode: Type.Optional(Type.Boolean()),
})

/** One shape for both kinds of caller: a system has `systemKind`, a member of staff has `roles`. */
export const Me = Type.Object({
  kind: Type.Enum(['system', 'staff']),
  id: Slug,
  name: Type.String(),
  department: nullable(Slug),
  systemKind: Type.Optional(Type.Enum([...systemKinds])),
  roles: Type.Optional(Type.Array(Role)),
  setupMode: Type.Boolean(),
})

export const Setup = Type.Object({ setupMode: Type.Boolean() })
