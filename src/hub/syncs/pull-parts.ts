import type { ReadBounds, Source } from '../../connectors/contract.ts'
import { bindConnector } from '../../connectors/index.ts'
import type { Pipeline } from '../../exchange/pipeline.ts'
import { Refusal } from '../../shared/refusal.ts'
import { mappingOfSync } from '../intake/sync-mapping.ts'
import type { Hub } from '../hub.ts'
import { type IntakeResource, intakeResource } from '../intake/intake-resource.ts'
import type { IntakeParts } from '../intake/parts.ts'
import { pullLimits } from './pull-limits.ts'
import { settledWithin, type Watch } from './pull-watch.ts'
import type { ClaimedRun } from './run-work.ts'
import { openSettings } from './settings-seal.ts'
import type { SyncRow } from './sync-rows.ts'

/** What one run that reads a source works with: everything of it is the run's own. */
export interface PullParts extends ClaimedRun {
  /** Intake under the name of the run's holder. */
  intake: IntakeParts
  clock: Hub['clock']
  resource: IntakeResource
  /** It counts unmapped values of this run only. */
  pipeline: Pipeline
  /** Without one, rows come in the standard's own shape. */
  hasMapping: boolean
  cells: 'text' | 'json'
  source: Source
  watch: Watch
}

/** Kinds whose cells are texts, whatever they say; the others give JSON values. */
const textKinds = new Set(['postgres', 'mysql', 'sqlite', 'sqlserver', 'oracle', 'dm'])
const textFormats = new Set<unknown>(['csv', 'xlsx', 'xls'])

const cellsOf = ({ connector, settings }: SyncRow): 'text' | 'json' =>
  textKinds.has(connector) || textFormats.has(settings['format']) ? 'text' : 'json'

/** Opens what a run needs, does its work, and lets go of the source however the work ended. */
export async function withSource<T>(
  hub: Hub,
  claimed: ClaimedRun,
  work: (parts: PullParts) => Promise<T>,
): Promise<T> {
  const giveUp = new AbortController()
  const signal = AbortSignal.any([claimed.signal, giveUp.signal])
  const parts = await partsOf(hub, claimed, {
    giveUp,
    source: await openSource(hub, claimed, signal),
  })
  try {
    return await work(parts)
  } finally {
    await settledWithin(parts.source.close(), pullLimits.closeWaitMs)
  }
}

async function openSource(hub: Hub, { sync }: ClaimedRun, signal: AbortSignal): Promise<Source> {
  const bound = await bindConnector(sync.connector, openSettings(sync, hub.keys))
  const source = bound.openSource?.({ filesDirs: hub.config.filesDirs, signal })
  if (source !== undefined) return source
  throw new Refusal(
    'state-conflict',
    `连接器 ${sync.connector} 不能作为来源 / The connector cannot be read from`,
  )
}

async function partsOf(
  hub: Hub,
  claimed: ClaimedRun,
  { giveUp, source }: { giveUp: AbortController; source: Source },
): Promise<PullParts> {
  const { sync, signal } = claimed
  const served = await hub.intake.parts.served(sync.resource)
  if (served === null) {
    throw new Refusal('state-conflict', '资源已下架 / The resource was withdrawn')
  }
  const resource = intakeResource(served)
  const cells = cellsOf(sync)
  const { mappingOfAdapter } = hub.intake.parts
  const mapping = mappingOfSync(sync, served, mappingOfAdapter)
  return {
    ...claimed,
    intake: { ...hub.intake.parts, holder: claimed.holder, isClosing: () => signal.aborted },
    clock: hub.clock,
    resource,
    pipeline: resource.pipeline(cells, mapping),
    hasMapping: mapping !== null,
    cells,
    source,
    watch: {
      silentMsMax: (sync.limits.noProgressSeconds ?? pullLimits.noProgressSeconds) * 1000,
      signal,
      giveUp: () => giveUp.abort(),
      onIdle: async () => undefined,
    },
  }
}

/** Everything that there is, in the source's own order. */
export const wholeSource: ReadBounds = {
  cursor: null,
  after: null,
  upTo: null,
  overlap: 0,
  range: null,
}
