import type { GrantState, ShareOperation } from '../../../schemas/api/sharing.ts'
import type { ProblemCode } from '../../../schemas/api/problems.ts'
import type { Field, MaskKind } from '../../../schemas/field.ts'
import { expandPath, isPersonal, leavesOf } from '../records/field-paths.ts'

/** A grant as decisions are made of it. `paths` are leaves (`field-paths.ts`). */
export interface GrantFacts {
  id: string
  version: number
  resource: string
  system: string
  state: GrantState
  operations: readonly ShareOperation[]
  paths: readonly string[]
  rows: Readonly<Record<string, readonly string[]>> | null
  masks: Readonly<Record<string, MaskKind>>
  purposes: readonly string[]
  /** Milliseconds since 1970, half-open. */
  validFromMs: number
  validUntilMs: number
  caseNumberRequired: boolean
  unflaggedOnly: boolean
  dailyQuota: number | null
}

export interface DecisionRequest {
  /** The calling system's id. */
  subject: string
  operation: ShareOperation
  resource: { id: string; fields: readonly Field[] }
  context: {
    atMs: number
    purpose?: string | undefined
    operator?: string | undefined
    caseNumber?: string | undefined
    /** The fields to be returned; all that are granted when absent. */
    wanted?: readonly string[] | undefined
    /** Fields that the caller claims or filters by: granted and unmasked, or answers tell them bit by bit. */
    probed?: readonly string[] | undefined
  }
  /** Only this grant will do: a delivery is bound to its own, whatever else its system holds. */
  demanded?: string | undefined
  /** Any grants; the first one that suffices is used, so that no two are ever mixed. */
  grants: readonly GrantFacts[]
}

/** What a permitted call is bound to; compiled into SQL, never applied to rows already fetched. */
export interface Obligations {
  grantId: string
  grantVersion: number
  columns: readonly string[]
  rows: GrantFacts['rows']
  masks: GrantFacts['masks']
  unflaggedOnly: boolean
  maxRows: number
}

export const denyCodes = [
  'grant-missing',
  'grant-suspended',
  'grant-expired',
  'purpose-required',
  'purpose-not-granted',
  'operator-required',
  'case-number-required',
  'field-not-granted',
] as const satisfies readonly ProblemCode[]
export type DenyCode = (typeof denyCodes)[number]

export type Verdict =
  | { permit: true; obligations: Obligations; grant: GrantFacts }
  | { permit: false; code: DenyCode; grantIds: readonly string[] }

/** Records of one answer at most (`schemas/api/common.ts`, pageLimitMax). */
const maxRows = 1000

interface Stage {
  code: DenyCode
  passes: (grant: GrantFacts, request: DecisionRequest) => boolean
}

const missing: Stage = {
  code: 'grant-missing',
  passes: (grant, { subject, operation, resource, context, demanded }) =>
    (demanded === undefined || grant.id === demanded) &&
    grant.system === subject &&
    grant.resource === resource.id &&
    grant.operations.includes(operation) &&
    grant.state !== 'terminated' &&
    grant.validFromMs <= context.atMs,
}

/** The order is part of the contract: the first question that no grant passes names the refusal. */
const stages: readonly Stage[] = [
  missing,
  { code: 'grant-suspended', passes: ({ state }) => state === 'active' },
  { code: 'grant-expired', passes: ({ validUntilMs }, { context }) => context.atMs < validUntilMs },
  {
    code: 'purpose-required',
    passes: (grant, { resource, context }) =>
      isSaid(context.purpose) || !grantsPersonal(grant, resource.fields),
  },
  {
    code: 'purpose-not-granted',
    passes: ({ purposes }, { context: { purpose } }) =>
      !isSaid(purpose) || purposes.includes(purpose),
  },
  {
    code: 'operator-required',
    passes: (grant, { resource, context }) =>
      isSaid(context.operator) || !grantsPersonal(grant, resource.fields),
  },
  {
    code: 'case-number-required',
    passes: ({ caseNumberRequired }, { context }) =>
      !caseNumberRequired || isSaid(context.caseNumber),
  },
  { code: 'field-not-granted', passes: coversFields },
]

/**
 * Whether a system may take this operation on this resource now, and bound to what (architecture,
 * principle 6). Pure: the same request always has the same verdict.
 */
export function decide(request: DecisionRequest): Verdict {
  const { grants } = request
  let furthest = 0
  for (const grant of grants) {
    const reached = stageReached(grant, request)
    if (reached === stages.length) {
      return { permit: true, grant, obligations: obligationsOf(grant, request) }
    }
    furthest = Math.max(furthest, reached)
  }
  const { code } = stages[furthest] ?? missing
  // Of grants that are not the caller's, or not for this, nothing is told.
  const standing =
    furthest === 0 ? [] : grants.filter((it) => stageReached(it, request) === furthest)
  return { permit: false, code, grantIds: standing.map(({ id }) => id) }
}

/** The stage that the grant does not pass; the number of stages where it passes all. */
function stageReached(grant: GrantFacts, request: DecisionRequest): number {
  const reached = stages.findIndex(({ passes }) => !passes(grant, request))
  return reached === -1 ? stages.length : reached
}

/** A blank says nothing, in a header as in a body. */
const isSaid = (text: string | undefined): text is string =>
  text !== undefined && text.trim() !== ''

/** Purpose and operator are demanded where personal or sensitive fields are granted. */
export function grantsPersonal(
  { paths }: Pick<GrantFacts, 'paths'>,
  fields: readonly Field[],
): boolean {
  const leaves = leavesOf(fields)
  return paths.some((path) => {
    const leaf = leaves.get(path)
    return leaf !== undefined && isPersonal(leaf)
  })
}

/** The granted leaves that a wanted name stands for. */
const granted = (grant: GrantFacts, fields: readonly Field[], name: string): string[] =>
  expandPath(fields, name).filter((path) => grant.paths.includes(path))

const isUnmasked = (grant: GrantFacts, path: string): boolean =>
  (grant.masks[path] ?? 'none') === 'none'

function coversFields(
  grant: GrantFacts,
  { resource: { fields }, context }: DecisionRequest,
): boolean {
  const { wanted = [], probed = [] } = context
  const leaves = leavesOf(fields)
  return (
    wanted.every((name) => granted(grant, fields, name).length > 0) &&
    probed.every(
      (path) => leaves.has(path) && grant.paths.includes(path) && isUnmasked(grant, path),
    )
  )
}

const whole = new WeakMap<GrantFacts, { fields: readonly Field[]; obligations: Obligations }>()

/** Of all that is granted they are always the same, and made once. */
function obligationsOf(
  grant: GrantFacts,
  { resource: { fields }, context: { wanted } }: DecisionRequest,
): Obligations {
  if (wanted !== undefined) {
    return makeObligations(
      grant,
      fields,
      wanted.flatMap((name) => granted(grant, fields, name)),
    )
  }
  const kept = whole.get(grant)
  if (kept?.fields === fields) return kept.obligations
  const obligations = makeObligations(grant, fields, grant.paths)
  whole.set(grant, { fields, obligations })
  return obligations
}

function makeObligations(
  grant: GrantFacts,
  fields: readonly Field[],
  paths: readonly string[],
): Obligations {
  const chosen = new Set(paths)
  const columns = [...leavesOf(fields).keys()].filter((path) => chosen.has(path))
  const masked = Object.entries(grant.masks).filter(([path]) => chosen.has(path))
  return {
    grantId: grant.id,
    grantVersion: grant.version,
    columns,
    rows: grant.rows,
    masks: Object.fromEntries(masked),
    unflaggedOnly: grant.unflaggedOnly,
    maxRows,
  }
}
