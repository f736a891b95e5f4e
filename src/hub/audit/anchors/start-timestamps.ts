import type { Client } from 'pg'
import type { Config } from '../../config.ts'
import { connectClient } from '../../database/clients.ts'
import type { Log } from '../../database/log.ts'
import { opensslVersion } from './openssl.ts'
import { type TimestampAuthority, timestampCheckpoint } from './timestamp-checkpoint.ts'
import { findUnstamped, keepTimestamp } from './timestamp-store.ts'

export interface TimestampParts {
  config: Pick<Config, 'roles'>
  /** Undefined: no timestamps are made. */
  authority: TimestampAuthority | undefined
  /** With the sealer's rights, past a transaction pooler. */
  sealerUrl: string
  log: Log
  /** Of one timestamp to the next. */
  everySeconds?: number
}

export interface Timestamps {
  /** Has the last checkpoint stamped if it is time; says whether it was. Throws what goes wrong. */
  stampIfDue(): Promise<boolean>
  close(): Promise<void>
}

const hourSeconds = 3600
/** How often it is looked whether it is time; a failure is tried again as soon. */
const lookEveryMs = 5 * 60_000
const lockKey = 7_305_118_461

/** Has checkpoints stamped by an authority outside, one an hour, where this process has the role `sealer`. */
export async function startTimestamps(parts: TimestampParts): Promise<Timestamps> {
  const { authority, config, log } = parts
  if (authority === undefined || !config.roles.includes('sealer')) return idle
  if ((await opensslVersion()) === null) {
    log.warn({}, opensslMissing)
    return idle
  }
  let underWay: Promise<void> = Promise.resolve()
  const look = (): void => {
    underWay = underWay
      .then(() => stampIfDue(parts, authority))
      .then((isStamped) => log.debug({ isStamped }, 'it was looked whether a timestamp is due'))
      .catch((error: unknown) => log.warn({ err: error }, stampFailed))
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  look()
  return {
    stampIfDue: () => stampIfDue(parts, authority),
    close: async () => {
      clearInterval(timer)
      await underWay
    },
  }
}

const idle: Timestamps = {
  stampIfDue: () => Promise.resolve(false),
  close: () => Promise.resolve(),
}

const opensslMissing =
  '已设置 SHUQIAO_TIMESTAMP_URL,但本机没有 openssl 命令,不会加盖时间戳 / ' +
  'SHUQIAO_TIMESTAMP_URL is set, but openssl is not installed here: no timestamps are made'
const stampFailed =
  '检查点的时间戳未能取得,稍后重试 / The checkpoint could not be stamped; it is tried again'

async function stampIfDue(parts: TimestampParts, authority: TimestampAuthority): Promise<boolean> {
  const client = await connectClient({ url: parts.sealerUrl, purpose: 'leader' })
  try {
    return await stampAlone(client, authority, parts.everySeconds ?? hourSeconds)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The lock goes with the session: of several sealers one asks the authority. */
async function stampAlone(
  client: Client,
  authority: TimestampAuthority,
  everySeconds: number,
): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock($1) as held',
    [lockKey],
  )
  if (rows[0]?.held !== true) return false
  const due = await findUnstamped(client, everySeconds)
  if (due === null) return false
  await keepTimestamp(client, due.size, await timestampCheckpoint(authority, due.note))
  return true
}
