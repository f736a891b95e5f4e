import { constants, createReadStream } from 'node:fs'
import { copyFile, glob, mkdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'
import { allowedPath } from './allowed-path.ts'
import {
  byName,
  type FileStamp,
  type FolderStore,
  splitGlob,
  type StoredFile,
} from './folder-store.ts'

/** Files of this machine, or of a network drive that it has mounted. */
export function localStore(filesDirs: readonly string[]): FolderStore {
  const allowed = (path: string): Promise<string> => allowedPath(filesDirs, path)
  return {
    hasOwnClock: true,
    resolve: allowed,
    find: (pattern) => reach(() => findFiles(pattern, allowed)),
    stat: (path) => reach(() => stampOf(path)),
    read: readBytes,
    write: (path, pieces) => reach(() => writeWhole(path, pieces)),
    move: (from, to) => reach(() => moveFile(from, to)),
    remove: (path) => reach(() => rm(path, { force: true })),
    makeFolder: (path) =>
      reach(async () => {
        await mkdir(path, { recursive: true })
      }),
    close: async () => undefined,
  }
}

async function findFiles(
  setting: string,
  allowed: (path: string) => Promise<string>,
): Promise<StoredFile[]> {
  const { base, pattern } = splitGlob(setting)
  if (pattern.split('/').includes('..')) throw upwards(setting)
  const folder = await allowed(base === '' ? '.' : base)
  await stat(folder)
  const files: StoredFile[] = []
  for await (const match of glob(pattern, { cwd: folder })) {
    const path = await allowed(join(folder, match))
    const stamp = await stampOf(path)
    if (stamp) files.push({ ...stamp, path, name: relative(folder, path).replaceAll(sep, '/') })
  }
  return files.toSorted(byName)
}

async function stampOf(path: string): Promise<FileStamp | null> {
  try {
    const found = await stat(path)
    return found.isFile() ? { size: found.size, modifiedAtMs: Math.trunc(found.mtimeMs) } : null
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null
    throw error
  }
}

async function* readBytes(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  if (to <= from) return
  try {
    for await (const chunk of createReadStream(path, { start: from, end: to - 1 })) {
      if (chunk instanceof Uint8Array) yield chunk
    }
  } catch (error) {
    throw isSystemError(error) ? unreachable(error) : error
  }
}

async function writeWhole(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const staging = `${path}.part`
  try {
    await writeFile(staging, pieces)
    await rename(staging, path)
  } catch (error) {
    await rm(staging, { force: true })
    throw error
  }
}

async function moveFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  if (await stampOf(to)) throw new Error(`${to} is there already`)
  try {
    await rename(from, to)
  } catch (error) {
    // Another device: there is no renaming from one to the other.
    if (codeOf(error) !== 'EXDEV') throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
    await unlink(from)
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error

async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isSystemError(error) ? unreachable(error) : error
  }
}

/** A drive that is not mounted looks like a folder that is not there: it is tried again, not taken for empty. */
const unreachable = (cause: unknown): Refusal =>
  new Refusal(
    'source-unreachable',
    `文件或目录无法访问(${codeOf(cause) ?? ''}),请检查路径、权限与挂载 / The file or folder cannot be reached (${codeOf(cause) ?? ''}); check path, rights and mounts`,
    { cause },
  )

const upwards = (glob: string): Refusal =>
  new Refusal('request-invalid', `匹配式“${glob}”不得含 .. / The pattern “${glob}” may not hold ..`)
