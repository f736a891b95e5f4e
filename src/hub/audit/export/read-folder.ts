import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExportFiles } from '../../../shared/proofs/export-files.ts'
import { errorCode } from '../../error-code.ts'

const absentCodes = ['ENOENT', 'ENOTDIR', 'EISDIR']

function nullWhereAbsent(error: unknown): null {
  if (absentCodes.includes(errorCode(error) ?? '')) return null
  throw error
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path)
  try {
    yield* createInterface({ input, crlfDelay: Infinity })
  } catch (error) {
    nullWhereAbsent(error)
  } finally {
    input.destroy()
  }
}

/** An export's folder, read while other work goes on beside it. */
export const readFolder = (folder: string): ExportFiles => ({
  read: (path) => readFile(join(folder, path)).catch(nullWhereAbsent),
  lines: (path) => linesOf(join(folder, path)),
})
