import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorCode } from '../../error-code.ts'
import { StartRefusal } from '../../start-refusal.ts'

/*
 *   <folder>.part made ──▶ files, each on the disk ──▶ verified ──▶ renamed to <folder>
 *                               │ fails
 *                               └──▶ <folder>.part removed (left behind by a kill: refused next time)
 */
export interface PartFolder {
  readonly path: string
  write(path: string, bytes: Uint8Array | string): Promise<void>
  /** Adds to a text file. */
  append(path: string, text: string): Promise<void>
  /** Puts the folder in its place, where nothing may be. */
  finish(): void
  remove(): void
}

/** Makes the folder that becomes `folder` when all is well: 0700, its files 0600. */
export function makePart(folder: string): PartFolder {
  const target = resolve(folder)
  const path = `${target}.part`
  if (existsSync(target)) throw exists(target)
  makeFolder(path)
  const made = new Set<string>()
  const write = async (name: string, bytes: Uint8Array | string, flags: string): Promise<void> => {
    const file = join(path, name)
    if (!made.has(dirname(file))) await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    made.add(dirname(file))
    const handle = await open(file, flags, 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.datasync()
    } finally {
      await handle.close()
    }
  }
  return {
    path,
    write: (name, bytes) => write(name, bytes, 'wx'),
    append: (name, text) => write(name, text, 'a'),
    finish: () => {
      for (const one of [...made, path]) syncFolder(one)
      // Renaming onto an empty folder would succeed.
      if (existsSync(target)) throw exists(target)
      renameSync(path, target)
      syncFolder(dirname(target))
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

function makeFolder(part: string): void {
  mkdirSync(dirname(part), { recursive: true, mode: 0o700 })
  try {
    mkdirSync(part, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    throw new StartRefusal(
      `${part} 已存在:另一次导出正在写入,或上次导出中断。确认没有导出在运行后删除它再重试。` +
        ` / ${part} exists: another export is writing it, or one broke off. Delete it when none is running, and try again.`,
    )
  }
}

/** The names of files are on the disk only when their folder is. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

const exists = (folder: string): StartRefusal =>
  new StartRefusal(
    `${folder} 已存在,导出不会覆盖它。请用 --to 指定新目录。 / ${folder} exists and is not overwritten. Name a new folder with --to.`,
  )
