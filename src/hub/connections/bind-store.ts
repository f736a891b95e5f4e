import { isDeepStrictEqual } from 'node:util'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import type { ConnectorKind } from '../../../schemas/api/connectors.ts'
import { bindConnector, type BoundConnector } from '../../connectors/index.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { hiddenLeft, keepSecrets } from './settings-seal.ts'

const fault = (pointer: string, code: string, message: string): RequestFault => ({
  pointer,
  code,
  message,
})

/** A store as it was, its secrets in their places. */
export interface KnownStore {
  connector: ConnectorKind
  settings: Record<string, unknown>
}

/** A store whose settings its connector has accepted, complete with secrets. */
export interface BoundStore extends KnownStore {
  bound: BoundConnector
}

interface Binding {
  /** What the settings were before: secrets that are left out are taken from there. */
  known: KnownStore | null
  pointer: string
  filesDirs: readonly string[]
}

/** The store ready to be opened, or every fault of its settings below `pointer`. Reaches out to nothing. */
export async function bindStore(
  given: KnownStore,
  { known, pointer, filesDirs }: Binding,
): Promise<{ bound: BoundStore | null; faults: readonly RequestFault[] }> {
  const { connector } = given
  const before = known?.connector === connector ? known : null
  const settings = before
    ? await keepSecrets(connector, given.settings, before.settings)
    : given.settings
  const faults = [
    ...(await hiddenLeft(connector, settings)).map((path) => secretNeeded(`${pointer}${path}`)),
    ...folderFaults(settings, { connector, filesDirs, pointer }),
    ...urlFaults(settings, connector, pointer),
  ]
  try {
    const bound = await bindConnector(connector, settings, pointer)
    if (before && !(await leadsBack(bound, before, { given: given.settings, settings }))) {
      faults.push(secretNeeded(pointer))
    }
    return faults.length > 0
      ? { bound: null, faults }
      : { bound: { connector, settings, bound }, faults }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { bound: null, faults: [...faults, ...faultsOf(error, pointer)] }
  }
}

const faultsOf = (refusal: Refusal, pointer: string): readonly RequestFault[] =>
  refusal.errors.length > 0 ? refusal.errors : [fault(pointer, refusal.code, refusal.message)]

/**
 * Whether kept secrets go where they went before. Sent to another store they would be in the hands of
 * whoever runs that one, without whoever changed the settings ever having known them.
 */
async function leadsBack(
  { origin }: BoundConnector,
  before: KnownStore,
  { given, settings }: { given: Record<string, unknown>; settings: Record<string, unknown> },
): Promise<boolean> {
  if (isDeepStrictEqual(given, settings)) return true
  return origin === (await bindConnector(before.connector, before.settings)).origin
}

const secretNeeded = (pointer: string): RequestFault =>
  fault(
    pointer,
    'secret-needed',
    '此处密钥须重新填写:没有可沿用的,或连接目标已变 / Give the secret anew: there is none to keep, or it would go to another store',
  )

/** The address of an interface is shown: a password in it would be, too. */
function urlFaults(
  { url }: Record<string, unknown>,
  connector: ConnectorKind,
  pointer: string,
): RequestFault[] {
  if (connector !== 'http' || typeof url !== 'string' || !URL.canParse(url)) return []
  const { username, password } = new URL(url)
  if (username === '' && password === '') return []
  const message = '地址中不得含用户名与口令,请用 auth / No user or password in the URL; use auth'
  return [fault(`${pointer}/url`, 'secret-in-url', message)]
}

const pathSettings = ['path', 'glob', 'archive'] as const

/** Files of this machine lie below the folders that the hub may read; links are judged when they are opened. */
function folderFaults(
  settings: Record<string, unknown>,
  { connector, filesDirs, pointer }: { connector: ConnectorKind } & Omit<Binding, 'known'>,
): RequestFault[] {
  if (connector !== 'file' && connector !== 'sqlite') return []
  // As their connectors take a relative path: from the first folder, and from where the hub was started.
  const base = connector === 'file' ? filesDirs[0] : '.'
  return pathSettings.flatMap((name) => {
    const path = settings[name]
    if (typeof path !== 'string' || base === undefined) return []
    const full = resolve(base, path)
    if (filesDirs.some((dir) => isWithin(full, dir))) return []
    const message =
      '路径不在枢纽可读写的目录之内 / The path is not within a folder that the hub may use'
    return [fault(`${pointer}/${name}`, 'folder', message)]
  })
}

function isWithin(path: string, dir: string): boolean {
  const way = relative(resolve(dir), path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
