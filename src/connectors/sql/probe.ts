import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { ExchangeSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext, ProbeStage } from '../contract.ts'
import type { SqlStore, TableFacts } from './dialect.ts'
import { codeOf } from './lost.ts'
import { openTable, type OpenTable } from './open-table.ts'
import { rendered, raw } from './sql-text.ts'
import { columnsNamed, planSelect, selectFrom, type TableSettings } from './table-plan.ts'

const connectMsMax = 10_000
const sampleRowsMax = 5

export interface ServerProbe {
  /** Null for a store that is a file: its first two stages say so. */
  address: { host: string; port: number } | null
  settings: TableSettings & { exchange?: ExchangeSettings | undefined }
  /** Said with the first stage: that certificates are not checked, that the kind was never tried. */
  warnings: readonly string[]
}

type Told = Omit<ProbeStage, 'stage' | 'ok'>

/** Each stage as it ends; the first that fails is the last. Nothing is thrown for what a probe looks for. */
export async function* probeSql(
  store: SqlStore,
  probe: ServerProbe,
  context: ConnectorContext,
): AsyncGenerator<ProbeStage, void, undefined> {
  const table = openTable(store, probe.settings.table, context)
  const warning = probe.warnings.map((text) => ` ${text}`).join('')
  try {
    if (!(yield* told('resolve', () => resolve(probe, warning)))) return
    if (!(yield* told('connect', () => reach(probe, context)))) return
    if (!(yield* signIn(table, probe))) return
    if (!(yield* told('privilege', () => mayRead(table)))) return
    yield* told('sample', () => sample(table, probe.settings))
  } finally {
    await table.close().catch(() => undefined)
  }
}

async function* told(
  stage: ProbeStage['stage'],
  work: () => Promise<Told>,
): AsyncGenerator<ProbeStage, boolean, undefined> {
  try {
    yield { stage, ok: true, ...(await work()) }
    return true
  } catch (error) {
    yield { stage, ok: false, message: whyNot(error) }
    return false
  }
}

/** Only a Refusal's words are ours; a driver's message may hold the URL or values. */
function whyNot(error: unknown): string {
  if (error instanceof Refusal) return error.message
  const code = codeOf(error)
  return `失败${code ? ` (${code})` : ''} / It failed${code ? ` (${code})` : ''}`
}

async function resolve({ address }: ServerProbe, warning: string): Promise<Told> {
  if (!address) return { message: `本机文件 / A file of this machine${warning}` }
  const found = await lookup(address.host).catch(() => null)
  if (found) return { message: `${address.host} → ${found.address}${warning}` }
  throw new Refusal(
    'source-unreachable',
    `主机名 ${address.host} 无法解析,请核对或改用 IP 地址 / The host ${address.host} cannot be resolved; check it, or use its address`,
  )
}

async function reach({ address }: ServerProbe, { signal }: ConnectorContext): Promise<Told> {
  if (!address) return { message: '文件可访问 / The file is within reach' }
  const { host, port } = address
  const code = await new Promise<string | null>((settle) => {
    const socket = connect({ host, port, ...(signal && { signal }) })
    socket.setTimeout(connectMsMax, () => socket.destroy(new Error('timeout')))
    socket.once('connect', () => {
      socket.destroy()
      settle(null)
    })
    socket.once('error', (error) => settle(codeOf(error) || 'ETIMEDOUT'))
  })
  if (code === null) return { message: `${host}:${port} 可达 / ${host}:${port} answers` }
  throw new Refusal(
    'source-unreachable',
    `${host}:${port} 连接不上 (${code}),请核对端口、防火墙与服务状态 / ${host}:${port} cannot be reached (${code}); check the port, the firewall, and that the service runs`,
  )
}

/** TLS is settled by the driver as it signs in, but a certificate is a matter of the connection. */
async function* signIn(
  table: OpenTable,
  { address }: ServerProbe,
): AsyncGenerator<ProbeStage, boolean, undefined> {
  try {
    await table.session()
    const message = address
      ? '登录成功 / Signed in'
      : '文件是 SQLite 数据库 / The file is an SQLite database'
    yield { stage: 'sign-in', ok: true, message }
    return true
  } catch (error) {
    const message = tlsFault(error) ?? whyNot(error)
    yield { stage: 'sign-in', ok: false, message }
    return false
  }
}

const tlsFault = (error: unknown): string | null => {
  const cause = error instanceof Refusal ? error.cause : error
  const isTls =
    /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS|ERR_SSL|EPROTO|HANDSHAKE_|HOSTNAME)/.test(
      codeOf(cause),
    ) ||
    (cause instanceof Error && /does not support (?:SSL|secure)/i.test(cause.message))
  if (!isTls) return null
  const code = codeOf(cause)
  return `TLS 协商失败${code ? ` (${code})` : ''},请核对 tls.ca、证书与主机名 / TLS failed${code ? ` (${code})` : ''}; check tls.ca, the certificate and its host name`
}

async function mayRead(table: OpenTable): Promise<Told> {
  await table.facts()
  const { dialect } = table.store
  const none = selectFrom(raw(`1 as ${dialect.quote('n')}`), table.name, {
    where: raw('1 = 0'),
    order: '',
  })
  await (
    await table.session()
  )
    .query(rendered(none, dialect.placeholder), none.values)
    .catch((error: unknown) => {
      const code = codeOf(error)
      throw new Refusal(
        'state-conflict',
        `缺少对 ${table.name} 的 SELECT 权限${code ? ` (${code})` : ''},请对方授权 / The SELECT right on ${table.name} is missing${code ? ` (${code})` : ''}; ask for it to be granted`,
      )
    })
  return { message: `可读取 ${table.name} / ${table.name} may be read` }
}

async function sample(table: OpenTable, settings: ServerProbe['settings']): Promise<Told> {
  const facts = await table.facts()
  const chosen = settings.columns ? columnsNamed(facts, settings.columns, '') : facts.columns
  const { exchange } = settings
  if (exchange) checkExchange(facts, exchange)
  const { dialect } = table.store
  const plan = planSelect(dialect, chosen, { zone: settings.zone, position: [] })
  const select = selectFrom(plan.list, table.name, { where: null, order: '' })
  const rows = await table.query(dialect.first(select, sampleRowsMax))
  const keys = facts.keys[0]?.join(', ')
  return {
    message: `${chosen.length} 列,主键或唯一键 ${keys ?? '无'},试读 ${rows.length} 行 / ${chosen.length} columns, key ${keys ?? 'none'}, ${rows.length} rows read on trial`,
    columns: chosen.map(({ name, nativeType, type, isNullable }) => ({
      name,
      nativeType,
      type,
      isNullable,
    })),
  }
}

function checkExchange(facts: TableFacts, exchange: ExchangeSettings): void {
  const { operation, batch, time, mark } = exchange
  columnsNamed(facts, [operation, batch, time, ...(mark === undefined ? [] : [mark])], '交换')
}
