import { type Static, Type } from 'typebox'
import { closed, Instant, nullable, pageQuery, Slug } from './common.ts'
import { Reconciliation } from './syncs.ts'

export const runStates = [
  'queued',
  'running',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const
export const runModes = ['upsert', 'delete', 'changes', 'snapshot'] as const

const Mode = Type.Enum([...runModes])

/** `?mode=&dryRun=&force=` of a push. */
export const PushQuery = Type.Object(
  {
    mode: Type.Optional(Type.Enum([...runModes], { default: 'upsert' })),
    dryRun: Type.Optional(Type.Boolean({ default: false })),
    force: Type.Optional(Type.Boolean({ default: false })),
  },
  { additionalProperties: false },
)
export type PushQuery = Static<typeof PushQuery>

const Count = Type.Integer({ minimum: 0 })

/** read = inserted + updated + unchanged + stale + superseded + deleted + rejected; flagged is counted beside. */
export const Counts = Type.Object({
  read: Count,
  inserted: Count,
  updated: Count,
  unchanged: Count,
  stale: Count,
  superseded: Count,
  deleted: Count,
  rejected: Count,
  flagged: Count,
})

const reasonProperties = {
  field: nullable(Type.String()),
  code: Type.String(),
  message: Type.String(),
}

/** One rejected row: its first reason in front, all of them behind. */
export const AnsweredReject = Type.Object({
  line: Type.Integer(),
  key: Type.Optional(Type.String()),
  ...reasonProperties,
  reasons: Type.Array(Type.Object(reasonProperties)),
})

export const KeptReject = Type.Object({
  line: Type.Integer(),
  source: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String()]),
  ...reasonProperties,
  reasons: Type.Array(Type.Object(reasonProperties)),
  state: Type.Enum(['open', 'repaired']),
})

export const PushAnswer = Type.Object({
  runId: Type.String({ format: 'uuid' }),
  state: Type.Enum([...runStates]),
  counts: Counts,
  rejects: Type.Array(AnsweredReject),
  lastSeq: nullable(Type.Integer()),
})

const RunFault = nullable(Type.Object({ code: Type.String(), message: Type.String() }))

export const Run = Type.Object({
  id: Type.String({ format: 'uuid' }),
  resource: Slug,
  kind: Type.Enum(['push', 'load', 'replay', 'pull', 'deliver', 'check']),
  mode: Mode,
  state: Type.Enum([...runStates]),
  dryRun: Type.Boolean(),
  system: nullable(Type.String()),
  staff: nullable(Type.String()),
  department: Slug,
  counts: Counts,
  progress: Type.Object({
    batches: Type.Integer({ description: '已提交批次 / batches committed' }),
    bytes: Type.Integer({ description: '已提交的源字节 / source bytes committed' }),
    rows: Type.Integer({ description: '已读取的行 / rows read' }),
    rowsPerSecond: nullable(Type.Number({ description: '平均 / on average since the start' })),
    eta: nullable(
      Type.String({
        format: 'date-time',
        description: '预计结束,有依据时才给出 / when it will end, once there is ground to say so',
      }),
    ),
  }),
  checkpoint: nullable(Type.String({ description: '从何处继续 / where it would go on, in words' })),
  nextBatch: nullable(Type.Integer()),
  lastSeq: nullable(Type.Integer()),
  columns: nullable(Type.Array(Type.String())),
  drift: Type.Array(
    Type.String({ description: '映射未用到的源列 / source columns that nothing uses' }),
  ),
  unmapped: Type.Array(
    Type.Object({ field: Type.String(), value: Type.String(), count: Type.Integer() }),
  ),
  rejectCodes: Type.Optional(
    Type.Array(Type.Object({ code: Type.String(), count: Type.Integer() })),
  ),
  replayOf: nullable(Type.String()),
  error: RunFault,
  /** Of a sync's run; null for everything that is pushed. */
  sync: nullable(Slug),
  scheduledAt: nullable(Instant),
  aside: Type.Boolean({ description: '补采或核对 / beside the live sync: a backfill or a check' }),
  attempt: Type.Integer({ description: '已重试次数 / how often it was tried again' }),
  lane: Type.Enum(['small', 'large']),
  /** Why it was tried again the last time. */
  lastError: RunFault,
  reconciliation: nullable(Reconciliation),
  createdAt: Instant,
  startedAt: nullable(Instant),
  endedAt: nullable(Instant),
})
export type Run = Static<typeof Run>

export const RunQuery = Type.Object(
  {
    ...pageQuery,
    resource: Type.Optional(Slug),
    sync: Type.Optional(Slug),
    state: Type.Optional(Type.Enum([...runStates])),
    since: Type.Optional(Instant),
  },
  { additionalProperties: false },
)

export const RejectQuery = Type.Object(pageQuery, { additionalProperties: false })

export const NewLoad = closed({ mode: Type.Optional(Mode) }, { examples: [{ mode: 'upsert' }] })

export const OpenedLoad = Type.Object({
  runId: Type.String({ format: 'uuid' }),
  nextBatch: Type.Integer(),
})

export const NumberedAnswer = Type.Object({
  runId: Type.String({ format: 'uuid' }),
  batch: Type.Integer(),
  nextBatch: Type.Integer(),
  counts: Counts,
  rejects: Type.Array(AnsweredReject),
  lastSeq: nullable(Type.Integer()),
})

export const CommitQuery = Type.Object(
  { force: Type.Optional(Type.Boolean({ default: false })) },
  { additionalProperties: false },
)

export const RunParams = Type.Object({ id: Type.String({ format: 'uuid' }) })
export const BatchParams = Type.Object({
  id: Type.String({ format: 'uuid' }),
  n: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
})

/** Corrected rows of a replay; without rows all open rejects go through again as they came. */
export const ReplayBody = closed(
  {
    rows: Type.Optional(
      Type.Array(
        closed({
          line: Type.Integer({ minimum: 1 }),
          source: Type.Record(Type.String({ maxLength: 200 }), Type.Unknown()),
        }),
        { maxItems: 1000 },
      ),
    ),
  },
  { examples: [{}, { rows: [{ line: 7, source: { XM: '张三' } }] }] },
)
