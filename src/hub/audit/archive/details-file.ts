import { createHmac, type KeyObject } from 'node:crypto'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { seal, unseal } from '../../keys.ts'
import { archiveDamaged } from './archive-faults.ts'

/*
 * What entries of a month say, in a file of its own, sealed with a key that follows from the month's:
 *   frame … frame, last frame     frame = length (4 bytes, big-endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
 * of AES-256-GCM over zstd over lines of JSON. Each frame is bound to the month, to its place, and to being the
 * last or not, so that none can be left out, moved, or taken from another month. The last one is empty.
 * Whoever destroys the month's key destroys what the file says, and nothing else.
 */
const frameCharacters = 1024 * 1024
const frameBytesMax = 256 * 1024 * 1024

interface FrameKey {
  key: Buffer
  month: string
}

const frameKey = (monthKey: KeyObject, month: string): FrameKey => ({
  key: createHmac('sha256', monthKey).update(`shuqiao audit archive ${month}`).digest(),
  month,
})

const contextOf = (month: string, index: number, isLast: boolean): string =>
  `audit archive ${month} ${index} ${isLast ? 'last' : 'more'}`

/** Writes the lines to a file (0600) that is whole and on the disk when it has its name. */
export async function writeDetailsFile(
  path: string,
  { monthKey, month }: { monthKey: KeyObject; month: string },
  lines: AsyncIterable<string>,
): Promise<void> {
  const part = `${path}.part`
  const file = await open(part, 'w', 0o600)
  try {
    await writeFrames(file, frameKey(monthKey, month), lines)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(part, path)
  await syncFolder(dirname(path))
}

async function writeFrames(
  file: FileHandle,
  { key, month }: FrameKey,
  lines: AsyncIterable<string>,
): Promise<void> {
  let index = 0
  let text = ''
  const write = async (isLast: boolean): Promise<void> => {
    const sealed = seal(zstdCompressSync(text), key, contextOf(month, index, isLast))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(sealed.length)
    await file.appendFile(Buffer.concat([length, sealed]))
    index += 1
    text = ''
  }
  for await (const line of lines) {
    text += `${line}\n`
    if (text.length >= frameCharacters) await write(false)
  }
  if (text !== '') await write(false)
  await write(true)
}

/** The lines of a file that `writeDetailsFile` made. Throws where a single bit is another. */
export async function* readDetailsFile(
  path: string,
  { monthKey, month }: { monthKey: KeyObject; month: string },
): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw archiveDamaged(path, error)
  })
  try {
    const opener = frameKey(monthKey, month)
    for (let index = 0; ; index += 1) {
      const sealed = await readFrame(file, path)
      const { text, isLast } = openFrame(sealed, { ...opener, index, path })
      if (isLast && (await readSome(file, 1)).length === 0) return
      if (isLast) throw archiveDamaged(path)
      yield* text.split('\n').slice(0, -1)
    }
  } finally {
    await file.close()
  }
}

async function readFrame(file: FileHandle, path: string): Promise<Buffer> {
  const head = await readSome(file, 4)
  const length = head.length === 4 ? head.readUInt32BE() : 0
  if (length === 0 || length > frameBytesMax) throw archiveDamaged(path)
  const sealed = await readSome(file, length)
  if (sealed.length < length) throw archiveDamaged(path)
  return sealed
}

async function readSome(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

function openFrame(
  sealed: Buffer,
  { key, month, index, path }: FrameKey & { index: number; path: string },
): { text: string; isLast: boolean } {
  for (const isLast of [false, true]) {
    try {
      const packed = unseal(sealed, key, contextOf(month, index, isLast))
      return { text: zstdDecompressSync(packed).toString(), isLast }
    } catch {
      // The other of the two contexts is tried; what opens under neither was changed.
    }
  }
  throw archiveDamaged(path)
}

/** The names of files are on the disk only when their folder is. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  await folder.sync()
  await folder.close()
}
