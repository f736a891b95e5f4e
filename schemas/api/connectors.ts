import { type Static, Type } from 'typebox'
import { closed } from './common.ts'

export const connectorKinds = [
  'postgres',
  'mysql',
  'sqlite',
  'sqlserver',
  'oracle',
  'dm',
  'file',
  'sftp',
  'http',
] as const
export type ConnectorKind = (typeof connectorKinds)[number]

const Word = Type.String({ minLength: 1, maxLength: 200 })
const Path = Type.String({ minLength: 1, maxLength: 1000 })

/**
 * An exchange table (前置库交换表): what each column says, and where receipts and rejected rows are written
 * back. Rows are taken by batch and within it by time; a batch that has been taken is marked.
 */
export const ExchangeSettings = closed({
  operation: Word,
  batch: Word,
  time: Word,
  /** Set to `1` once the row's batch has been taken; without it the receipts alone say so. */
  mark: Type.Optional(Word),
  receipts: Word,
  rejects: Word,
})
export type ExchangeSettings = Static<typeof ExchangeSettings>

const table = {
  /** `schema.table` or `table`; a view does as well. */
  table: Word,
  columns: Type.Optional(Type.Array(Word, { minItems: 1, maxItems: 2000 })),
  /** Times without a zone are read as of this IANA zone and given as RFC 3339; absent: as written. */
  zone: Type.Optional(Type.String({ maxLength: 60 })),
  exchange: Type.Optional(ExchangeSettings),
}

const Tls = closed({
  /** PEM. */
  ca: Type.Optional(Type.String({ maxLength: 100_000 })),
  /** False accepts any certificate: for a first try only, and said so by every probe. */
  verify: Type.Optional(Type.Boolean({ default: true })),
})

/** `postgres`, `mysql`, `sqlserver`, `oracle`, `dm`: the whole URL is secret. */
export const ServerSettings = closed({
  url: Type.String({ minLength: 1, maxLength: 2000, pattern: '^[a-z]+://' }),
  tls: Type.Optional(Tls),
  ...table,
})
export type ServerSettings = Static<typeof ServerSettings>

export const SqliteSettings = closed({ path: Path, ...table })
export type SqliteSettings = Static<typeof SqliteSettings>

export const fileFormats = ['csv', 'ndjson', 'json', 'xlsx', 'xls'] as const
const rowFile = {
  format: Type.Enum([...fileFormats]),
  /** Of CSV: `utf-8` or `gb18030`; absent: whichever fits. */
  encoding: Type.Optional(Type.Enum(['utf-8', 'gb18030'])),
  /** Of a workbook: the sheet's name; absent: the first. */
  sheet: Type.Optional(Word),
  /** A file counts as whole once this file lies beside it: `.ok`; absent: once it has stopped growing. */
  marker: Type.Optional(Type.String({ pattern: '^\\.[A-Za-z0-9_-]{1,20}$' })),
  /** Seconds without growth after which a file counts as whole. */
  settleSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, default: 10 })),
  /** Folder into which files are moved once they have been taken; absent: they stay, and are known by digest. */
  archive: Type.Optional(Path),
}

/** One file (`path`) or the files of a drop folder (`glob`), below the folders that the hub may read. */
export const FileSettings = closed({
  path: Type.Optional(Path),
  glob: Type.Optional(Path),
  ...rowFile,
  /** Of a target: a new file with all records each time, or one with the changes of each run. */
  content: Type.Optional(Type.Enum(['full', 'changes'])),
})
export type FileSettings = Static<typeof FileSettings>

/** `sftp://user:password@host:22`: the whole URL is secret. */
export const SftpSettings = closed({
  url: Type.String({ minLength: 1, maxLength: 2000, pattern: '^sftp://' }),
  path: Type.Optional(Path),
  glob: Type.Optional(Path),
  privateKey: Type.Optional(Type.String({ maxLength: 20_000 })),
  passphrase: Type.Optional(Type.String({ maxLength: 1000 })),
  /** `SHA256:…` of the server's key, as ssh-keygen prints it; the probe tells which one the server shows. */
  hostKey: Type.String({ pattern: '^SHA256:[A-Za-z0-9+/]{43}$' }),
  ...rowFile,
})
export type SftpSettings = Static<typeof SftpSettings>

const Pointer = Type.String({
  maxLength: 500,
  pattern: '^(/[^/]*)*$',
  description: 'RFC 6901',
})

export const Paging = Type.Union([
  closed({ kind: Type.Literal('none') }),
  closed({
    kind: Type.Literal('page'),
    parameter: Word,
    sizeParameter: Type.Optional(Word),
    size: Type.Integer({ minimum: 1, maximum: 100_000 }),
    first: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, default: 1 })),
  }),
  closed({
    kind: Type.Literal('offset'),
    parameter: Word,
    limitParameter: Type.Optional(Word),
    limit: Type.Integer({ minimum: 1, maximum: 100_000 }),
  }),
  closed({ kind: Type.Literal('cursor'), parameter: Word, next: Pointer }),
  /** `Link: <…>; rel="next"` (RFC 8288), or a pointer to the next URL in the body. */
  closed({ kind: Type.Literal('link'), next: Type.Optional(Pointer) }),
])
export type Paging = Static<typeof Paging>

export const HttpAuth = Type.Union([
  closed({ kind: Type.Literal('bearer'), token: Type.String({ maxLength: 4000 }) }),
  closed({ kind: Type.Literal('basic'), user: Word, password: Type.String({ maxLength: 1000 }) }),
  /** OAuth 2.0 client credentials (RFC 6749 §4.4). */
  closed({
    kind: Type.Literal('oauth'),
    tokenUrl: Type.String({ maxLength: 2000, pattern: '^https?://' }),
    clientId: Word,
    clientSecret: Type.String({ maxLength: 1000 }),
    scope: Type.Optional(Type.String({ maxLength: 1000 })),
  }),
])
export type HttpAuth = Static<typeof HttpAuth>

export const HttpSettings = closed({
  url: Type.String({ minLength: 1, maxLength: 2000, pattern: '^https?://' }),
  method: Type.Optional(Type.Enum(['GET', 'POST'])),
  /** Values are secret. */
  headers: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 4000 }))),
  /** Of a source: a JSON body to send; paging parameters of a POST go into it. */
  body: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  auth: Type.Optional(HttpAuth),
  /** Of a source: where the array of rows is; `` is the whole body. */
  items: Type.Optional(Pointer),
  /** Of a source: where the total is, if the interface tells it. */
  total: Type.Optional(Pointer),
  paging: Type.Optional(Paging),
  /** Of a source: the query parameter that takes the cursor's last value. */
  since: Type.Optional(Word),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, default: 60 })),
  retry: Type.Optional(
    closed({ attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 5 })) }),
  ),
  /** Of a target: the key by which batches are signed (HMAC-SHA256); demanded there. */
  signingKey: Type.Optional(Type.String({ minLength: 16, maxLength: 1000 })),
  tls: Type.Optional(Tls),
})
export type HttpSettings = Static<typeof HttpSettings>

/** The settings' shape, by kind. */
export const connectorSettings = {
  postgres: ServerSettings,
  mysql: ServerSettings,
  sqlserver: ServerSettings,
  oracle: ServerSettings,
  dm: ServerSettings,
  sqlite: SqliteSettings,
  file: FileSettings,
  sftp: SftpSettings,
  http: HttpSettings,
} as const

/** Settings as they come over HTTP, before the kind's schema has judged them. */
export const SettingsBody = Type.Unsafe<Record<string, unknown>>(
  Type.Object({}, { description: '连接器设置,依种类而定 / settings, by the connector’s kind' }),
)

export const ProbeBody = closed(
  { settings: SettingsBody },
  {
    examples: [
      {
        settings: { url: 'postgres://reader:password@10.1.2.3/rk', table: 'public.czrk' },
      },
    ],
  },
)

export const ProbeAnswer = Type.Object({
  ok: Type.Boolean(),
  stages: Type.Array(
    Type.Object({
      stage: Type.Enum(['resolve', 'connect', 'sign-in', 'privilege', 'sample']),
      ok: Type.Boolean(),
      message: Type.String(),
    }),
  ),
  columns: Type.Array(
    Type.Object({
      name: Type.String(),
      type: Type.String(),
      nativeType: Type.String(),
      nullable: Type.Boolean(),
    }),
  ),
})
export type ProbeAnswer = Static<typeof ProbeAnswer>

/** A kind of connector, as it is listed. */
export const ConnectorView = Type.Object({
  kind: Type.Enum([...connectorKinds]),
  title: Type.String(),
  titleEn: Type.String(),
  isTried: Type.Boolean({
    description:
      'false:按约定实现,未在真实服务器上试过 / built to the contract, not tried on a real server',
  }),
  isSource: Type.Boolean(),
  isTarget: Type.Boolean(),
})
export type ConnectorView = Static<typeof ConnectorView>
