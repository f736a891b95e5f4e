import { lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'

/** What a delivery's file is called by. */
export interface FileNaming {
  delivery: string
  runId: string
  at: Date
  extension: string
}

/** Where a target's files go: a folder, or one path with `{date}` and `{run}` in it. */
export interface FilePlace {
  path: string
  isFolder: boolean
  /** The folder in front of the first `{…}`: half-written files lie there, on the same file system. */
  workFolder: string
}

/**
 * Refuses (`request-invalid`) a path that leaves the folders the hub may write to, symbolic links
 * followed. A relative path begins at the first of them. A path is a folder when it ends with a
 * separator or is one.
 */
export async function placeOf(path: string, filesDirs: readonly string[]): Promise<FilePlace> {
  const [first] = filesDirs
  if (first === undefined) throw outside(path)
  const whole = isAbsolute(path) ? resolve(path) : resolve(first, path)
  const isFolder = /[\\/]$/.test(path) || (await isDirectory(whole))
  const fixed = isFolder ? join(whole, 'x') : whole
  const workFolder = dirname(fixed.split('{', 1)[0] + 'x')
  await refuseOutside(workFolder, filesDirs)
  return { path: whole, isFolder, workFolder }
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() ?? false

const outside = (path: string): Refusal =>
  new Refusal(
    'request-invalid',
    `路径不在允许的文件目录内:${path} / The path lies outside the folders for files`,
    {
      errors: [
        {
          pointer: '/settings/path',
          code: 'path-outside',
          message: '须在 SHUQIAO_FILES_DIR 所开放的目录之内 / Must lie below an allowed folder',
        },
      ],
    },
  )

/** The nearest ancestor that exists, symbolic links resolved, with what is missing behind it. */
async function realPathOf(path: string): Promise<string> {
  const found = await realpath(path).catch(() => null)
  if (found !== null) return found
  // A link that leads nowhere yet would lead somewhere once its goal is made.
  if (await lstat(path).catch(() => null)) throw outside(path)
  return join(await realPathOf(dirname(path)), basename(path))
}

export async function refuseOutside(path: string, filesDirs: readonly string[]): Promise<void> {
  const real = await realPathOf(path)
  for (const folder of filesDirs) {
    const top = await realpath(folder).catch(() => null)
    if (top !== null && (real === top || real.startsWith(top.endsWith(sep) ? top : top + sep)))
      return
  }
  throw outside(path)
}

/** `20261122T083000Z`: sorts by time, and every file system takes it. */
const instantWord = (at: Date): string =>
  at.toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')

/** Days are those of the receiving offices: `Asia/Shanghai`. */
const dateWord = (at: Date): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(at)

const safeWord = (word: string): string => word.replaceAll(/[^A-Za-z0-9_-]/g, '_')

/**
 * The path of a run's file; its folder is made. A run that is taken up again has a later instant: the
 * file that it has already put into a folder is written anew under its own name.
 */
export async function filePathOf(
  { path, isFolder }: FilePlace,
  naming: FileNaming,
  filesDirs: readonly string[],
): Promise<string> {
  const run = safeWord(naming.runId)
  const filled = path.replaceAll('{date}', dateWord(naming.at)).replaceAll('{run}', run)
  const folder = isFolder ? filled : dirname(filled)
  await refuseOutside(folder, filesDirs)
  await mkdir(folder, { recursive: true })
  if (!isFolder) return filled
  const front = `${naming.delivery}-`
  const back = `-${run}.${naming.extension}`
  const isOurs = (name: string): boolean =>
    name.startsWith(front) &&
    name.endsWith(back) &&
    /^\d{8}T\d{6}Z$/.test(name.slice(front.length, name.length - back.length))
  const former = (await readdir(folder)).find(isOurs)
  return join(folder, former ?? `${front}${instantWord(naming.at)}${back}`)
}
