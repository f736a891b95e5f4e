import { realpathSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'

/**
 * The real path of a database file below one of the folders; links are followed first, so that none leads
 * out. A file that is not there yet (of a target) is judged by its folder.
 */
export function allowedPath(path: string, filesDirs: readonly string[]): string {
  const real = realOf(path)
  const isInside = filesDirs.some((folder) => {
    const root = tryReal(folder)
    return root !== null && real !== null && real.startsWith(root.endsWith(sep) ? root : root + sep)
  })
  if (real !== null && isInside) return real
  throw new Refusal(
    'request-invalid',
    `文件 ${path} 不在允许读取的目录内,请核对路径或由管理员增加目录 / The file ${path} is not below a folder that may be read; check the path, or have the folder added`,
  )
}

function realOf(path: string): string | null {
  const folder = tryReal(dirname(path))
  return tryReal(path) ?? (folder === null ? null : join(folder, basename(path)))
}

function tryReal(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}
