import type { Pool } from 'pg'
import { Refusal } from '../../../shared/refusal.ts'
import type { Log } from '../../database/log.ts'
import type { GaugeReading } from '../../http/metrics.ts'
import type { AuditFacts, AuditLog } from '../facts.ts'
import { readSealLag, type SealLag, sealLagLimits, shareOfLimits } from './seal-lag.ts'

export interface LagWatch {
  /** As last read; null before the first time. */
  readonly lag: SealLag | null
  /** Reads it now. */
  refresh(): Promise<void>
  close(): Promise<void>
}

const lookEveryMs = 2000

/** Looks every two seconds how far the seal lies behind. Where that cannot be read, the last reading holds. */
export function watchLag(pool: Pick<Pool, 'query'>, log: Pick<Log, 'warn'>): LagWatch {
  let lag: SealLag | null = null
  let looking: Promise<void> | null = null
  const look = async (): Promise<void> => {
    try {
      lag = await readSealLag(pool)
    } catch (error) {
      log.warn({ err: error }, 'how far the sealed log lies behind cannot be read')
    }
  }
  const refresh = (): Promise<void> => (looking ??= look().finally(() => (looking = null)))
  const timer = setInterval(() => void refresh(), lookEveryMs)
  timer.unref()
  void refresh()
  return {
    get lag() {
      return lag
    },
    refresh,
    close: async () => {
      clearInterval(timer)
      await looking
    },
  }
}

/**
 * The log, which from the limit on takes no entry of a call that hands out data: as nothing leaves without its
 * entry (`audit.md`, 2), neither an answer nor a delivery does then. The refusal, and every other call, is
 * logged as ever.
 */
export function stopWhenBehind<Opened extends AuditLog>(
  opened: Opened,
  watch: Pick<LagWatch, 'lag'>,
): Opened {
  return {
    ...opened,
    append: (facts: AuditFacts) =>
      handsOut(facts) && watch.lag !== null && shareOfLimits(watch.lag) >= 1
        ? Promise.reject(new SealedTooLate())
        : opened.append(facts),
  }
}

/** That somebody is not on record is told as well as what is recorded. */
const handsOut = ({ operation, outcome, subjects, sequenceRange }: AuditFacts): boolean =>
  (outcome === 'allowed' || outcome === 'absent') &&
  (subjects !== undefined || sequenceRange !== undefined || operation.startsWith('rejects.'))

/** Seconds after which a call, or a delivery, that was stopped may be tried again. */
const retryAfterSeconds = 30

/** Why nothing is handed out: passes by itself once the sealer is back, and is no fault of who asked. */
export class SealedTooLate extends Refusal {
  constructor() {
    super(
      'unavailable',
      '审计日志密封滞后过多,暂停提供数据 / The audit log is sealed too late: no data is given out until it is',
      { retryAfterSeconds },
    )
  }
}

/** That the seal lies behind, from 70 % of a limit on, and that no data is given out, from the limit on. */
export async function sealingWarnings({ lag }: Pick<LagWatch, 'lag'>): Promise<string[]> {
  const share = lag === null ? 0 : shareOfLimits(lag)
  if (lag === null || share < sealLagLimits.warnShare) return []
  const seconds = Math.round(lag.waitingSeconds)
  const isStopped = share >= 1
  return [
    `审计日志密封滞后:${lag.unsealedEntries} 条未密封,已等待 ${seconds} 秒${isStopped ? ',已暂停提供数据' : ''};请检查 sealer 角色的进程 / ` +
      `The audit log is sealed late: ${lag.unsealedEntries} entries, the oldest for ${seconds} s` +
      `${isStopped ? '; no data is given out' : ''}. Look at the process with the role sealer`,
  ]
}

/** What Prometheus is told; NaN until it is known. */
export const sealingGauges = (watch: Pick<LagWatch, 'lag'>): GaugeReading[] => [
  {
    name: 'shuqiao_audit_unsealed_entries',
    help: 'Audit entries that no checkpoint covers',
    read: () => watch.lag?.unsealedEntries ?? Number.NaN,
  },
  {
    name: 'shuqiao_audit_seal_waiting_seconds',
    help: 'How long the oldest unsealed entry waits, or since the last checkpoint if that is shorter',
    read: () => watch.lag?.waitingSeconds ?? Number.NaN,
  },
  {
    name: 'shuqiao_audit_checkpoint_size',
    help: 'Entries that the last checkpoint covers',
    read: () => watch.lag?.checkpointSize ?? Number.NaN,
  },
]
