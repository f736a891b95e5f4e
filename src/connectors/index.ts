import { Check, Errors } from 'typebox/value'
import {
  type ConnectorKind,
  connectorKinds,
  connectorSettings,
  type ConnectorView,
  type FileSettings,
  type HttpSettings,
  type ServerSettings,
  type SftpSettings,
  type SqliteSettings,
} from '../../schemas/api/connectors.ts'
import { Refusal, type RequestFault } from '../shared/refusal.ts'
import type { Connector, ConnectorContext, ProbeStage, Source, Target } from './contract.ts'

interface SettingsOf {
  postgres: ServerSettings
  mysql: ServerSettings
  sqlserver: ServerSettings
  oracle: ServerSettings
  dm: ServerSettings
  sqlite: SqliteSettings
  file: FileSettings
  sftp: SftpSettings
  http: HttpSettings
}

/** Loaded on demand: a hub that pulls from no MySQL holds no MySQL driver in memory. */
const loaders: { [Kind in ConnectorKind]: () => Promise<Connector<SettingsOf[Kind]>> } = {
  postgres: async () => (await import('./postgres/connector.ts')).postgres,
  mysql: async () => (await import('./mysql/connector.ts')).mysql,
  sqlite: async () => (await import('./sqlite/connector.ts')).sqlite,
  sqlserver: async () => (await import('./sqlserver/connector.ts')).sqlserver,
  oracle: async () => (await import('./oracle/connector.ts')).oracle,
  dm: async () => (await import('./dm/connector.ts')).dm,
  file: async () => (await import('./file/connector.ts')).file,
  sftp: async () => (await import('./sftp/connector.ts')).sftp,
  http: async () => (await import('./http/connector.ts')).http,
}

/** A connector with settings that its schema has accepted. */
export interface BoundConnector {
  kind: ConnectorKind
  isTried: boolean
  origin: string
  probe(context: ConnectorContext): AsyncIterable<ProbeStage>
  /** Absent where the kind is only written to. */
  openSource: ((context: ConnectorContext) => Source) | undefined
  openTarget: ((context: ConnectorContext) => Target) | undefined
}

/** Refuses (`request-invalid`) settings that do not fit, naming every fault below `pointer`. */
export async function bindConnector(
  kind: ConnectorKind,
  settings: Record<string, unknown>,
  pointer = '/settings',
): Promise<BoundConnector> {
  return bind(kind, settings, pointer)
}

async function bind<Kind extends ConnectorKind>(
  kind: Kind,
  settings: Record<string, unknown>,
  pointer: string,
): Promise<BoundConnector> {
  const schema = connectorSettings[kind]
  const accepts = (value: unknown): value is SettingsOf[Kind] => Check(schema, value)
  if (!accepts(settings)) throw settingsRefused(faultsOf(schema, settings, pointer))
  const connector: Connector<SettingsOf[Kind]> = await loaders[kind]()
  const { openSource, openTarget } = connector
  return {
    kind,
    isTried: connector.isTried,
    origin: originOf(connector, settings, pointer),
    probe: (context) => connector.probe(settings, context),
    openSource: openSource && ((context) => openSource.call(connector, settings, context)),
    openTarget: openTarget && ((context) => openTarget.call(connector, settings, context)),
  }
}

/** A URL may fit its pattern and be none: what is wrong with it is told without showing it. */
function originOf<Settings>(
  connector: Connector<Settings>,
  settings: Settings,
  pointer: string,
): string {
  try {
    return connector.origin(settings)
  } catch (error) {
    if (error instanceof Refusal) throw error
    const message = '不是有效的地址 / Not a valid URL'
    throw settingsRefused([{ pointer: `${pointer}/url`, code: 'url', message }])
  }
}

/** Dotted paths of a kind's secret settings; `headers.*` stands for every entry of an object. */
export const secretsOf = async (kind: ConnectorKind): Promise<readonly string[]> =>
  (await loaders[kind]()).secrets

/** Every kind with what it can do. */
export const connectorViews = (): Promise<ConnectorView[]> =>
  Promise.all(
    connectorKinds.map(async (kind) => {
      const { title, titleEn, isTried, openSource, openTarget } = await loaders[kind]()
      const isSource = openSource !== undefined
      return { kind, title, titleEn, isTried, isSource, isTarget: openTarget !== undefined }
    }),
  )

type Schema = (typeof connectorSettings)[ConnectorKind]

const faultsOf = (schema: Schema, settings: unknown, pointer: string): RequestFault[] =>
  Errors(schema, settings)
    .slice(0, 50)
    .map(({ instancePath, keyword, message }) => ({
      pointer: `${pointer}${instancePath}`,
      code: keyword,
      message,
    }))

const settingsRefused = (errors: readonly RequestFault[]): Refusal =>
  new Refusal(
    'request-invalid',
    '连接器设置有误,见各处说明 / The connector’s settings have faults',
    { errors },
  )
