import type { Pool } from 'pg'
import type { TimestampAuthority } from './timestamp-checkpoint.ts'
import { timestampLag } from './timestamp-store.ts'

/** Three timestamps that should have been made and were not. */
const overdueSecondsDefault = 3 * 3600

/** That checkpoints are no longer stamped, where they should be; for readiness. */
export const timestampWarnings =
  (
    pool: Pick<Pool, 'query'>,
    authority: TimestampAuthority | undefined,
    overdueSeconds = overdueSecondsDefault,
  ) =>
  async (): Promise<string[]> => {
    const seconds = authority === undefined ? 0 : await timestampLag(pool)
    if (seconds <= overdueSeconds) return []
    const hours = Math.floor(seconds / 3600)
    return [
      `审计日志检查点已 ${hours} 小时没有时间戳,请检查 SHUQIAO_TIMESTAMP_URL 与 openssl / ` +
        `The log’s checkpoints have had no timestamp for ${hours} h; look at SHUQIAO_TIMESTAMP_URL and openssl`,
    ]
  }
