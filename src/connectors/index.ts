import { Check, Errors } from 'typebox/value'
import {
  type ConnectorKind,
  connectorKinds,
  connectorSettings,
  type ConnectorView,
  FileSettings,
  HttpSettings,
  ServerSettings,
  SftpSettings,
  SqliteSettings,
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
export const bindConnector = (
  kind: ConnectorKind,
  settings: Record<string, unknown>,
  pointer = '/settings',
): Promise<BoundConnector> => binders[kind](settings, pointer)

type Binder = (settings: Record<string, unknown>, pointer: string) => Promise<BoundConnector>

/** What a loader gives takes the settings that its own kind's schema has accepted, and no others. */
function binder<Settings>(
  kind: ConnectorKind,
  accepts: (value: unknown) => value is Settings,
  load: () => Promise<Connector<Settings>>,
): Binder {
  return async (settings, pointer) => {
    if (!accepts(settings)) {
      throw settingsRefused(faultsOf(connectorSettings[kind], settings, pointer))
    }
    const connector = await load()
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
}

const isServer = (value: unknown): value is ServerSettings => Check(ServerSettings, value)
const isSqlite = (value: unknown): value is SqliteSettings => Check(SqliteSettings, value)
const isFile = (value: unknown): value is FileSettings => Check(FileSettings, value)
const isSftp = (value: unknown): value is SftpSettings => Check(SftpSettings, value)
const isHttp = (value: unknown): value is HttpSettings => Check(HttpSettings, value)

const binders: Record<ConnectorKind, Binder> = {
  postgres: binder('postgres', isServer, loaders.postgres),
  mysql: binder('mysql', isServer, loaders.mysql),
  sqlserver: binder('sqlserver', isServer, loaders.sqlserver),
  oracle: binder('oracle', isServer, loaders.oracle),
  dm: binder('dm', isServer, loaders.dm),
  sqlite: binder('sqlite', isSqlite, loaders.sqlite),
  file: binder('file', isFile, loaders.file),
  sftp: binder('sftp', isSftp, loaders.sftp),
  http: binder('http', isHttp, loaders.http),
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
