import { createReadStream, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExportFiles } from '../../src/shared/proofs/export-files.ts'

/** A file or folder that was named and cannot be read, or holds nothing that can be verified. */
export class Unreadable extends Error {
  override name = 'Unreadable'
}

const absentCodes = ['ENOENT', 'ENOTDIR', 'EISDIR']

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && absentCodes.includes(String(error.code))

export function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  if (!isFile(path)) return
  const input = createReadStream(path)
  try {
    yield* createInterface({ input, crlfDelay: Infinity })
  } finally {
    input.destroy()
  }
}

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** An export's folder; read at once, for a program that has nothing else to do is several times as fast so. */
export const openFolder = (folder: string): ExportFiles => ({
  read: (path) => readOrNull(join(folder, path)),
  lines: (path) => linesOf(join(folder, path)),
})

export type Given =
  | { kind: 'export'; name: string; files: ExportFiles }
  | { kind: 'receipt'; name: string; value: unknown }
  | { kind: 'checkpoint'; name: string; note: string }

/** Tells by its look what a person has named: a folder is an export, JSON a receipt, other text a checkpoint. */
export function readGiven(name: string): Given {
  if (isFolder(name)) return { kind: 'export', name, files: openFolder(name) }
  const text = readText(name)
  return text.trimStart().startsWith('{')
    ? { kind: 'receipt', name, value: parseJson(name, text) }
    : { kind: 'checkpoint', name, note: text }
}

function isFolder(name: string): boolean {
  const found = statSync(name, { throwIfNoEntry: false })
  if (found === undefined) throw new Unreadable(`${name} 不存在 / ${name} does not exist`)
  return found.isDirectory()
}

export function readBytes(name: string): Buffer {
  const bytes = readOrNull(name)
  if (bytes === null) throw new Unreadable(`${name} 无法读取 / ${name} cannot be read`)
  return bytes
}

export const readText = (name: string): string => readBytes(name).toString('utf8')

export function parseJson(name: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    throw new Unreadable(`${name} 不是 JSON / ${name} is no JSON`)
  }
}
