import { type Static, Type } from 'typebox'
import { closed, Instant, nullable, pageQuery, Slug } from './common.ts'
import { connectorKinds, SettingsBody } from './connectors.ts'
import type { Mapping } from './mapping.ts'

export const syncDirections = ['pull', 'deliver'] as const
export const syncModes = ['full', 'incremental'] as const
export const driftPolicies = ['pause', 'ignore', 'add'] as const

/** `10m`, `2h`, `90s`, `1d`; a bare number counts values of a numeric cursor. */
export const Overlap = Type.String({ pattern: '^[0-9]{1,9}[smhd]?$', maxLength: 10 })

const Name = Type.String({ minLength: 1, maxLength: 200 })

/** Where rows come from or go to: a connector with settings, an adapter's source (its mapping), or both. */
export const SyncStore = closed({
  adapter: Type.Optional(Slug),
  source: Type.Optional(Name),
  connector: Type.Optional(Type.Enum([...connectorKinds])),
  settings: Type.Optional(SettingsBody),
})
export type SyncStore = Static<typeof SyncStore>

export const Schedule = closed({
  /** Five fields, or six with seconds in front. */
  cron: Type.String({ minLength: 9, maxLength: 200 }),
  timezone: Type.Optional(Type.String({ maxLength: 60, default: 'Asia/Shanghai' })),
})
export type Schedule = Static<typeof Schedule>

export const SyncLimits = closed({
  rowsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
  /** Times of day, in the schedule's zone, within which the sync may run: `22:00-06:00`. */
  windows: Type.Optional(
    Type.Array(
      Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$' }),
      {
        minItems: 1,
        maxItems: 10,
      },
    ),
  ),
  /** Runs at once against the same store, over all syncs that lead there. */
  concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  /** Seconds without a row after which a run is ended as stuck. */
  noProgressSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 86_400 })),
})
export type SyncLimits = Static<typeof SyncLimits>

export const ErrorLimit = closed({
  count: Type.Optional(Type.Integer({ minimum: 0 })),
  percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
})
export type ErrorLimit = Static<typeof ErrorLimit>

/** On whose behalf a delivery runs, as `X-Purpose` and its kin say it of a call. */
export const DeliveryContext = closed({
  purpose: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,64}$' })),
  operator: Type.Optional(Name),
  caseNumber: Type.Optional(Name),
})
export type DeliveryContext = Static<typeof DeliveryContext>

export const SyncDraft = closed(
  {
    id: Slug,
    title: Type.Optional(Name),
    resource: Slug,
    direction: Type.Enum([...syncDirections]),
    source: Type.Optional(SyncStore),
    target: Type.Optional(SyncStore),
    mode: Type.Enum([...syncModes]),
    cursor: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 4 })),
    overlap: Type.Optional(Overlap),
    schedule: Type.Optional(nullable(Schedule)),
    limits: Type.Optional(SyncLimits),
    errorLimit: Type.Optional(ErrorLimit),
    onDrift: Type.Optional(Type.Enum([...driftPolicies])),
    /** Share of the last full read that a source must give before its deletions are believed. */
    fewerThanShareMin: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0.8 })),
    /** Hours without a new row after which the source counts as silent. */
    silentAfterHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8784 })),
    priority: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 5 })),
    mapping: Type.Optional(
      Type.Unsafe<Mapping>(Type.Object({}, { description: '映射 / a mapping of its own' })),
    ),
    /** Of a delivery: field of the resource → column of the target; absent: the fields' own names. */
    columns: Type.Optional(Type.Record(Type.String(), Name)),
    grant: Type.Optional(Slug),
    context: Type.Optional(DeliveryContext),
  },
  {
    examples: [
      {
        id: 'population-nightly',
        resource: 'population',
        direction: 'pull',
        source: {
          connector: 'postgres',
          settings: { url: 'postgres://reader:password@10.1.2.3/rk', table: 'public.czrk' },
        },
        mode: 'incremental',
        cursor: ['czrksjxgxsj', 'czrkrkid'],
        schedule: { cron: '0 2 * * *', timezone: 'Asia/Shanghai' },
      },
    ],
  },
)
export type SyncDraft = Static<typeof SyncDraft>

/** What may be changed later; secrets that are left out stay as they are. */
export const SyncChange = Type.Partial(
  Type.Pick(SyncDraft, [
    'title',
    'source',
    'target',
    'schedule',
    'limits',
    'errorLimit',
    'onDrift',
    'fewerThanShareMin',
    'silentAfterHours',
    'priority',
    'mapping',
    'overlap',
    'context',
  ]),
  {
    additionalProperties: false,
    examples: [{ priority: 3, schedule: { cron: '0 3 * * *', timezone: 'Asia/Shanghai' } }],
  },
)
export type SyncChange = Static<typeof SyncChange>

/**
 * How a sync is, at a glance:
 *   paused · failing (its last run failed) · late (it should have run) · silent (the source gives nothing
 *   new for longer than is usual) · running · waiting (never run, nothing due) · healthy
 */
export const syncHealths = [
  'paused',
  'failing',
  'late',
  'silent',
  'running',
  'waiting',
  'healthy',
] as const
export type SyncHealth = (typeof syncHealths)[number]

export const Sync = Type.Object({
  id: Slug,
  title: nullable(Type.String()),
  resource: Slug,
  direction: Type.Enum([...syncDirections]),
  department: Slug,
  connector: Type.Enum([...connectorKinds]),
  adapter: nullable(Type.String()),
  source: nullable(Type.String()),
  /** Without secrets: they are shown as `***`. */
  settings: Type.Record(Type.String(), Type.Unknown()),
  origin: Type.String(),
  mode: Type.Enum([...syncModes]),
  cursor: nullable(Type.Array(Type.String())),
  overlap: nullable(Type.String()),
  schedule: nullable(Type.Object({ cron: Type.String(), timezone: Type.String() })),
  limits: SyncLimits,
  errorLimit: ErrorLimit,
  onDrift: Type.Enum([...driftPolicies]),
  fewerThanShareMin: Type.Number(),
  silentAfterHours: nullable(Type.Integer()),
  priority: Type.Integer(),
  mapping: nullable(Type.Record(Type.String(), Type.Unknown())),
  columns: nullable(Type.Record(Type.String(), Type.String())),
  grant: nullable(Type.String()),
  context: DeliveryContext,
  state: Type.Enum(['active', 'paused']),
  pausedFor: nullable(Type.String()),
  health: Type.Object({
    state: Type.Enum([...syncHealths]),
    reason: nullable(Type.String()),
    lastRunId: nullable(Type.String()),
    lastSuccessAt: nullable(Instant),
    lastRowAt: nullable(Instant),
    /** Of a delivery: change numbers not yet delivered. Of a pull: seconds since the last success. */
    lag: nullable(Type.Number()),
    nextDueAt: nullable(Instant),
  }),
  checkpoint: nullable(Type.String({ description: '从何处继续 / where it goes on, in words' })),
  version: Type.Integer(),
  createdBy: Type.String(),
  createdAt: Instant,
  updatedAt: Instant,
})
export type Sync = Static<typeof Sync>

export const SyncQuery = Type.Object(
  {
    ...pageQuery,
    resource: Type.Optional(Slug),
    direction: Type.Optional(Type.Enum([...syncDirections])),
    health: Type.Optional(Type.Enum([...syncHealths])),
    department: Type.Optional(Slug),
  },
  { additionalProperties: false },
)

/** A run by hand: `from`/`to` bound the first cursor column, half-open, and leave the sync's position alone. */
export const RunSyncBody = closed(
  {
    mode: Type.Optional(Type.Enum([...syncModes, 'check'])),
    from: Type.Optional(Name),
    to: Type.Optional(Name),
    /** Believe the source although it answers far fewer rows, or other columns, than before. */
    force: Type.Optional(Type.Boolean({ default: false })),
  },
  { examples: [{}, { mode: 'full' }, { from: '2026-11-01', to: '2026-11-08' }] },
)
export type RunSyncBody = Static<typeof RunSyncBody>

export const PauseBody = closed(
  { reason: Type.Optional(Name) },
  { examples: [{ reason: '来源系统升级 / the source is being upgraded' }] },
)

/** What a run found when it compared source and records at its end. */
export const Reconciliation = Type.Object({
  /** Rows that the source counts within what the run read. */
  sourceCount: nullable(Type.Integer()),
  readCount: Type.Integer(),
  /** Live records of the resource afterwards; null for part of a source. */
  recordCount: nullable(Type.Integer()),
  agrees: nullable(Type.Boolean()),
  note: nullable(Type.String()),
  /** Of a check by key: how many keys differ, and how. */
  differences: Type.Optional(
    Type.Object({
      missing: Type.Integer({ description: '源有而库无 / in the source, not in the records' }),
      extra: Type.Integer({ description: '库有而源无 / in the records, not in the source' }),
      differing: Type.Integer({ description: '内容不同 / different content' }),
    }),
  ),
})
export type Reconciliation = Static<typeof Reconciliation>

export const Difference = Type.Object({
  key: Type.String(),
  kind: Type.Enum(['missing', 'extra', 'differing']),
})

/** A department's adapter, its sources, and the syncs that read through them. */
export const AdapterView = Type.Object({
  id: Slug,
  title: Type.String(),
  titleEn: Type.String(),
  department: Slug,
  sources: Type.Array(
    Type.Object({
      source: Type.String(),
      title: Type.String(),
      titleEn: Type.String(),
      standard: Type.String(),
      columns: Type.Array(Type.Object({ name: Type.String(), title: Type.String() })),
      syncs: Type.Array(
        Type.Object({
          id: Slug,
          resource: Slug,
          health: Type.Object({
            state: Type.Enum([...syncHealths]),
            reason: nullable(Type.String()),
          }),
        }),
      ),
    }),
  ),
})
export type AdapterView = Static<typeof AdapterView>
