import type { ConnectorKind, ProbeAnswer } from '../../../schemas/api/connectors.ts'
import type { ProbeStage } from '../../connectors/contract.ts'
import { bindConnector, type BoundConnector, secretsOf } from '../../connectors/index.ts'
import { Refusal } from '../../shared/refusal.ts'
import { secretTexts } from '../connections/settings-seal.ts'
import { watchLimits } from './watch-limits.ts'

export interface Probing {
  filesDirs: readonly string[]
}

export interface Probed {
  answer: ProbeAnswer
  /** Without secrets. */
  origin: string
}

let underWay = 0

/**
 * Tries a store stage by stage. Whatever it finds is the answer; only settings that do not fit their
 * schema are refused. No answer holds a secret, whatever words a driver or a server used.
 */
export async function probeStore(
  { kind, settings }: { kind: ConnectorKind; settings: Record<string, unknown> },
  { filesDirs }: Probing,
): Promise<Probed> {
  if (underWay >= watchLimits.probesMax) throw tooManyProbes()
  underWay += 1
  try {
    const bound = await bindConnector(kind, settings)
    const stages = await collectStages(bound, filesDirs)
    const secrets = secretTexts(settings, await secretsOf(kind))
    return { answer: toAnswer(stages, secrets), origin: bound.origin }
  } finally {
    underWay -= 1
  }
}

/** Ends in time even where a store neither answers nor heeds the signal. */
async function collectStages(
  bound: BoundConnector,
  filesDirs: readonly string[],
): Promise<ProbeStage[]> {
  const stages: ProbeStage[] = []
  const ending = new AbortController()
  const { promise: timeIsUp, resolve } = Promise.withResolvers<'over'>()
  const timer = setTimeout(() => {
    ending.abort()
    resolve('over')
  }, watchLimits.probeMsMax)
  const iterator = bound.probe({ filesDirs, signal: ending.signal })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await Promise.race([iterator.next(), timeIsUp])
      if (step === 'over') return [...stages, unanswered(stages)]
      if (step.done) return stages
      stages.push(step.value)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [...stages, { ...unanswered(stages), message: error.message }]
  } finally {
    clearTimeout(timer)
    if (ending.signal.aborted) iterator.return?.().catch(() => undefined)
  }
}

const stageAfter: Readonly<Partial<Record<ProbeStage['stage'], ProbeStage['stage']>>> = {
  resolve: 'connect',
  connect: 'sign-in',
  'sign-in': 'privilege',
  privilege: 'sample',
}

/** The stage that was being tried. */
function unanswered(stages: readonly ProbeStage[]): ProbeStage {
  const last = stages.at(-1)
  const stage = last ? (stageAfter[last.stage] ?? last.stage) : 'resolve'
  const seconds = watchLimits.probeMsMax / 1000
  return {
    stage,
    ok: false,
    message: `${seconds} 秒内无应答 / no answer within ${seconds} seconds`,
  }
}

function toAnswer(stages: readonly ProbeStage[], secrets: readonly string[]): ProbeAnswer {
  const columns = stages.findLast((stage) => stage.columns)?.columns ?? []
  return {
    ok: stages.length > 0 && stages.every(({ ok }) => ok),
    stages: stages.map(({ stage, ok, message }) => ({
      stage,
      ok,
      message: withoutSecrets(message, secrets),
    })),
    columns: columns.slice(0, watchLimits.probedColumnsMax).map((column) => ({
      name: column.name,
      type: column.type,
      nativeType: column.nativeType,
      nullable: column.isNullable,
    })),
  }
}

const withoutSecrets = (message: string, secrets: readonly string[]): string =>
  secrets.reduce((text, secret) => text.replaceAll(secret, '***'), message)

const tooManyProbes = (): Refusal =>
  new Refusal('unavailable', '同时进行的探测过多 / Too many probes at once', {
    retryAfterSeconds: 5,
  })
