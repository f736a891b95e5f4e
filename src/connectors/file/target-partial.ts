import { createHash, randomBytes } from 'node:crypto'
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'

/** A file on its way: it takes its final name only once it is whole and on the disk. */
export interface PartialFile {
  append(bytes: Uint8Array): Promise<void>
  /** On the disk and closed; refused (`state-conflict`) when another process has begun anew. */
  seal(): Promise<void>
  /** Moves the sealed file to `path` in one step; answers its size and SHA-256 (hex). */
  place(path: string): Promise<{ bytes: number; sha256: string }>
  discard(): Promise<void>
}

const partialPrefix = (delivery: string): string => `.${delivery}.`
const partialSuffix = '.partial'

/**
 * Opens a new partial file, removing what broken runs of the delivery left. The name is this opening's
 * own: a process that was overtaken finds its file gone when it wants to put it in place.
 */
export async function openPartial(folder: string, delivery: string): Promise<PartialFile> {
  await mkdir(folder, { recursive: true })
  await removePartials(folder, delivery)
  const token = randomBytes(8).toString('hex')
  const path = join(folder, `${partialPrefix(delivery)}${token}${partialSuffix}`)
  const file = await open(path, 'wx', 0o640)
  const hash = createHash('sha256')
  let byteCount = 0
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) await file.close()
    isOpen = false
  }
  return {
    append: async (bytes) => {
      await file.appendFile(bytes)
      hash.update(bytes)
      byteCount += bytes.byteLength
    },
    seal: async () => {
      await file.sync()
      await close()
      await access(path).catch(overtaken)
    },
    place: async (finalPath) => {
      await rename(path, finalPath).catch(overtaken)
      await syncFolder(dirname(finalPath))
      return { bytes: byteCount, sha256: hash.digest('hex') }
    },
    discard: async () => {
      await close()
      await rm(path, { force: true })
    },
  }
}

export async function removePartials(folder: string, delivery: string): Promise<void> {
  const names = await readdir(folder)
  const prefix = partialPrefix(delivery)
  for (const name of names.filter(
    (name) => name.startsWith(prefix) && name.endsWith(partialSuffix),
  ))
    await rm(join(folder, name), { force: true })
}

const overtaken = (error: unknown): never => {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error
  throw new Refusal(
    'state-conflict',
    '另有进程已重新开始此次交付 / Another process has begun this delivery anew',
    { cause: error },
  )
}

/** A rename lasts through a loss of power only once its folder is on the disk too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
