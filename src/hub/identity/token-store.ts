import type { Knex } from 'knex'
import type { Caller, Role } from './caller.ts'
import { tokenDigest } from './tokens.ts'

/** Whose token it is, as long as both are valid. */
export interface TokenHolder {
  caller: Caller
  kind: 'system' | 'staff' | 'session'
  /** How long it is still valid, by the database's clock; null: until revoked. */
  expiresInMs: number | null
}

type Owner = { systemId: string } | { staffId: string }

interface HolderRow {
  digest: Buffer
  kind: TokenHolder['kind']
  expires_in_ms: number | null
  system_id: string | null
  system_kind: 'front-end-machine' | 'business-system' | 'hub' | null
  staff_id: string | null
  department: string | null
  roles: Role[] | null
  version: number
}

/** One index probe for any number of tokens; disabled owners and expired tokens are not found. */
const findHolders = `
  select t.digest, t.kind, t.system_id, t.staff_id,
    (extract(epoch from t.expires_at - clock_timestamp()) * 1000)::float8 as expires_in_ms,
    s.kind as system_kind, coalesce(s.department, p.department) as department,
    p.roles, coalesce(s.version, p.version) as version
  from hub.tokens t
  left join hub.systems s on s.id = t.system_id
  left join hub.staff p on p.id = t.staff_id
  where t.digest = any(?::bytea[])
    and (t.expires_at is null or t.expires_at > clock_timestamp())
    and coalesce(s.state, p.state) = 'active'`

export const tokenStore = (db: Knex) => ({
  /** Holders by digest in hex. */
  findHolders: async (digests: readonly string[]): Promise<Map<string, TokenHolder>> => {
    const wanted = digests.map((digest) => Buffer.from(digest, 'hex'))
    const { rows } = await db.raw<{ rows: HolderRow[] }>(findHolders, [wanted])
    return new Map(rows.map((row) => [row.digest.toString('hex'), toHolder(row)]))
  },

  /** Keeps a token's digest; it expires after `seconds`, or never. Answers when. */
  add: async (
    token: string,
    owner: Owner,
    session?: { seconds: number },
  ): Promise<string | null> => {
    const expiresAt = session
      ? db.raw('clock_timestamp() + make_interval(secs => ?)', [session.seconds])
      : null
    const ownerColumns =
      'systemId' in owner ? { system_id: owner.systemId } : { staff_id: owner.staffId }
    const kind = 'systemId' in owner ? 'system' : session ? 'session' : 'staff'
    const [row] = await db('hub.tokens')
      .insert({ digest: tokenDigest(token), kind, expires_at: expiresAt, ...ownerColumns })
      .returning<{ expires_at: string | null }[]>('expires_at')
    return row?.expires_at ?? null
  },

  /** Lets the system's present tokens live `seconds` more, or ends them. Answers until when. */
  expireOf: async (systemId: string, seconds: number): Promise<string | null> => {
    if (seconds === 0) {
      await db('hub.tokens').where({ system_id: systemId }).delete()
      return null
    }
    const { rows } = await db.raw<{ rows: { expires_at: string }[] }>(
      `update hub.tokens
       set expires_at = least(expires_at, clock_timestamp() + make_interval(secs => ?))
       where system_id = ? returning expires_at`,
      [seconds, systemId],
    )
    return (
      rows
        .map((row) => row.expires_at)
        .sort()
        .at(-1) ?? null
    )
  },

  deleteSession: (digest: string): Promise<number> =>
    db('hub.tokens')
      .where({ digest: Buffer.from(digest, 'hex'), kind: 'session' })
      .delete(),

  /** Signs a member of staff out everywhere (disabled, or a new password). */
  deleteSessionsOf: (staffId: string): Promise<number> =>
    db('hub.tokens').where({ staff_id: staffId, kind: 'session' }).delete(),

  deleteExpired: (): Promise<number> =>
    db('hub.tokens').whereRaw('expires_at < clock_timestamp()').delete(),
})

function toHolder(row: HolderRow): TokenHolder {
  const { kind, version, expires_in_ms: expiresInMs } = row
  if (row.system_id !== null) {
    const caller: Caller = {
      kind: 'system',
      id: row.system_id,
      department: row.department ?? '',
      systemKind: row.system_kind ?? 'business-system',
      version,
    }
    return { caller, kind, expiresInMs }
  }
  const { staff_id: staffId, department, roles } = row
  const caller: Caller = {
    kind: 'staff',
    id: staffId ?? '',
    department,
    roles: roles ?? [],
    version,
  }
  return { caller, kind, expiresInMs }
}
