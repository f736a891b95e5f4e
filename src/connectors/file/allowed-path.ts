import { realpath } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'

/**
 * The absolute path that a setting names: it lies below one of `filesDirs` both as written and with its
 * symbolic links followed, or is refused (`request-invalid`). A relative one is taken from the first
 * folder. The file need not be there: then the nearest folder above that is there decides.
 */
export async function allowedPath(filesDirs: readonly string[], setting: string): Promise<string> {
  const [first] = filesDirs
  if (first === undefined) throw noFolders()
  const path = resolve(first, setting)
  const real = await realOf(path)
  const dirs = await Promise.all(filesDirs.map(realOf))
  if (!dirs.some((dir) => isBelow(real, dir))) throw outside(setting)
  return path
}

const isBelow = (path: string, dir: string): boolean =>
  path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep)

/** The path with the links of what is there followed. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path
      ? path
      : resolve(await realOf(parent), path.slice(parent.length).replace(/^[/\\]/, ''))
  }
}

const noFolders = (): Refusal =>
  new Refusal(
    'request-invalid',
    '未开放任何文件目录;请用 SHUQIAO_FILES_DIR 指定可读写的目录 / No folder is open to file connectors; name one with SHUQIAO_FILES_DIR',
  )

const outside = (setting: string): Refusal =>
  new Refusal(
    'request-invalid',
    `“${setting}”不在已开放的目录之内;请用 SHUQIAO_FILES_DIR 开放 / “${setting}” lies outside the open folders; SHUQIAO_FILES_DIR opens one`,
  )
