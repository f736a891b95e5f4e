import type { Config } from '../../config.ts'
import { connectClient } from '../../database/clients.ts'
import type { Log } from '../../database/log.ts'
import type { Keys } from '../../keys.ts'
import { StartRefusal } from '../../start-refusal.ts'
import { readOrigin } from './seal-keys.ts'
import { type Sealer, startSealer } from './sealer.ts'
import { ed25519Signer, type NoteSigner } from './sign-note.ts'

export interface SealingParts {
  config: Pick<Config, 'roles'>
  /** With the sealer's rights, past a transaction pooler: `ProvidedDatabase.urls.sealer`. */
  sealerUrl: string
  keys: Pick<Keys, 'signing' | 'formerSigning'>
  log: Log
  /** Signatures beside the hub's own, given the log's name: SM2. */
  moreSigners?: (origin: string) => readonly NoteSigner[]
}

/**
 * Seals the log where this process has the role `sealer`, else nothing. The log's name comes from the
 * database, so that it stays the same over restarts, hosts and backups.
 */
export async function startSealing(parts: SealingParts): Promise<Sealer> {
  if (!parts.config.roles.includes('sealer')) return idle
  const { keys, log, sealerUrl } = parts
  const origin = await prepare(sealerUrl, log)
  return startSealer({
    openClient: () => connectClient({ url: sealerUrl, purpose: 'leader' }),
    origin,
    signers: [ed25519Signer(origin, keys.signing), ...(parts.moreSigners?.(origin) ?? [])],
    formerSigners: keys.formerSigning.map((key) => ed25519Signer(origin, key)),
    log,
  })
}

const idle: Sealer = { isLeading: false, close: () => Promise.resolve() }
const patienceMs = 30_000

async function prepare(url: string, log: Log): Promise<string> {
  const client = await connectClient({ url, purpose: 'general', patienceMs }).catch(
    (error: unknown) => {
      throw sealerRefused(error)
    },
  )
  try {
    const { rows } = await client.query<{ mayWrite: boolean }>(
      `select has_table_privilege('audit.leaves', 'insert') as "mayWrite"`,
    )
    if (!rows[0]?.mayWrite) log.error({}, sealerRightless)
    return await readOrigin(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** No reason not to start: calls are logged all the same, and readiness warns while nothing is sealed. */
const sealerRightless =
  '审计日志无法密封:请用 SHUQIAO_SEALER_URL 指定 shuqiao_sealer 的连接 / ' +
  'The audit log cannot be sealed: name a connection of shuqiao_sealer in SHUQIAO_SEALER_URL'

const sealerRefused = (cause: unknown): StartRefusal =>
  new StartRefusal(
    '密封进程连不上数据库,请检查 SHUQIAO_SEALER_URL / The sealer cannot connect; check SHUQIAO_SEALER_URL',
    cause,
  )
