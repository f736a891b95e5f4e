import { Refusal } from '../../shared/refusal.ts'
import { codeOf } from './lost.ts'

export interface OptionalPackage {
  name: string
  /** The version whose documentation the connector was written to. */
  version: string
}

/**
 * A driver that the hub does not bring along: it is loaded where somebody has installed it. The name is
 * no literal, so that neither type checks nor bundlers look for the package.
 */
export async function loadDriver<Driver>(
  { name, version }: OptionalPackage,
  isDriver: (loaded: unknown) => loaded is Driver,
): Promise<Driver> {
  const loaded: unknown = await import(name).catch((error: unknown) => {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Refusal(
      'state-conflict',
      `尚未安装驱动,请在数桥主机上运行 npm install ${name}@${version} 后重试 / The driver is not installed; run npm install ${name}@${version} on the hub and try again`,
    )
  })
  const driver = hasDefault(loaded) ? loaded.default : loaded
  if (isDriver(driver)) return driver
  throw new Refusal(
    'state-conflict',
    `驱动 ${name} 的版本不合,请运行 npm install ${name}@${version} / The driver ${name} is of another make; run npm install ${name}@${version}`,
  )
}

const hasDefault = (loaded: unknown): loaded is { default: unknown } =>
  typeof loaded === 'object' && loaded !== null && 'default' in loaded

/** Whether a loaded module has functions of these names. */
export const hasFunctions = (loaded: unknown, names: readonly string[]): boolean =>
  typeof loaded === 'object' &&
  loaded !== null &&
  names.every((name) => typeof Reflect.get(loaded, name) === 'function')

/** Said by every probe of a kind that no test has seen a server of. */
export const notTried =
  '(本连接器尚未在真实服务器上试过 / this connector has not been tried against a real server here)'
