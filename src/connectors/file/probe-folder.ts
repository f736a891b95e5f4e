import { posix } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'
import type { ProbeStage, SourceColumn } from '../contract.ts'
import { fileRows } from './file-rows.ts'
import type { FolderStore, RowFileSettings } from './folder-store.ts'
import { folderSource } from './folder-source.ts'
import { sampleColumns, sampleRowsMax } from './sample-columns.ts'
import { findWholeFiles } from './whole-files.ts'

/** Runs one stage: what `work` answers is told; what it throws ends the probe with the reason. */
export async function probeStage(
  stage: ProbeStage['stage'],
  work: () => Promise<Omit<ProbeStage, 'stage' | 'ok'>>,
): Promise<ProbeStage> {
  try {
    return { stage, ok: true, ...(await work()) }
  } catch (error) {
    return { stage, ok: false, message: reasonOf(error) }
  }
}

/** What a refusal says; of other errors only what is never secret: the system's own code. */
export function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return `出现意外错误 ${code} / An unexpected error ${code}`
}

/** The last two stages, alike for all stores: what may be read and written, and what the first file holds. */
export async function* probeFiles(
  store: FolderStore,
  settings: RowFileSettings,
  signal: AbortSignal | undefined,
): AsyncGenerator<ProbeStage> {
  const privilege = await probeStage('privilege', async () => {
    const { names } = await findWholeFiles(store, { ...settings, settleSeconds: 0 }, signal)
    if (settings.archive !== undefined) await tryArchive(store, settings.archive)
    return { message: `可读,现有 ${names.size} 个文件 / Readable; ${names.size} files are there` }
  })
  yield privilege
  if (!privilege.ok) return
  yield await probeStage('sample', () => sample(store, settings, signal))
}

async function tryArchive(store: FolderStore, archive: string): Promise<void> {
  const folder = await store.resolve(archive)
  await store.makeFolder(folder)
  const place = posix.join(folder, '.shuqiao-probe')
  await store.write(
    place,
    (async function* () {
      yield ''
    })(),
  )
  await store.remove(place)
}

async function sample(
  store: FolderStore,
  settings: RowFileSettings,
  signal: AbortSignal | undefined,
): Promise<Omit<ProbeStage, 'stage' | 'ok'>> {
  const { whole } = await findWholeFiles(store, { ...settings, settleSeconds: 0 }, signal)
  const [file] = whole
  if (file === undefined) {
    return { message: '目前没有可取的文件 / There is no file to take at the moment' }
  }
  const source = {
    size: file.size,
    stream: (from: number, to: number) => store.read(file.path, from, to),
  }
  let rowCount = 0
  let seen: SourceColumn[] = []
  for await (const { rows } of fileRows(source, file.name, settings)) {
    rowCount = Math.min(sampleRowsMax, rows.length)
    seen = sampleColumns(rows)
    break
  }
  const { columns } = await folderSource(store, { ...settings, settleSeconds: 0 }, {}).describe()
  return {
    message: `“${file.name}”可读,试读 ${rowCount} 行 / “${file.name}” can be read; ${rowCount} rows were tried`,
    columns: columns ?? seen,
  }
}
