/**
 * Files for a subscriber: one a run, with all records (`full`) or with what changed (`changes`). Rows go
 * to a partial file; the end of the run puts it in place whole, and its manifest after it.
 */
import type { FileSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type {
  ConnectorContext,
  Target,
  TargetBatch,
  TargetEnd,
  TargetRow,
  TargetShape,
} from '../contract.ts'
import { manifestRunOf } from './manifest.ts'
import { filePathOf, type FilePlace, placeOf } from './target-path.ts'
import { tellFileErrors } from './target-errors.ts'
import { openRunFile, type RunFile, type RunFileOptions } from './target-run.ts'
import { refused, refuseSettings, type TargetFormat } from './write-rows.ts'

/** Columns in front of each row of a file of changes. */
const changeColumns = ['operation', 'key', 'seq'] as const

type Content = 'full' | 'changes'

/** What `prepare` has settled. */
interface Prepared extends Omit<RunFileOptions, 'folder'> {
  place: FilePlace
  content: Content
  rowOf(row: TargetRow): readonly unknown[]
}

export function openFileTarget(settings: FileSettings, context: ConnectorContext): Target {
  const { filesDirs } = context
  let prepared: Prepared | null = null
  let current: RunFile | null = null
  const ready = (): Prepared => {
    if (prepared) return prepared
    throw new Error('A file target is prepared before it is written to.')
  }
  const begin = async (runId: string): Promise<RunFile> => {
    if (current?.runId === runId) return current
    await current?.discard()
    const { place, ...options } = ready()
    current = await openRunFile({ ...options, folder: place.workFolder }, runId)
    return current
  }
  return {
    commits: 'run',
    prepare: async (shape) => {
      prepared = await tellFileErrors(() => prepare(settings, filesDirs, shape))
    },
    lastBatch: async () => null,
    write: (batch) =>
      tellFileErrors(async () => {
        context.signal?.throwIfAborted()
        const file = await begin(batch.runId)
        await file.write(batch, rowsOf(batch, ready()))
      }),
    finish: (end) =>
      tellFileErrors(async () => {
        await finish(ready(), end, { begin, current, filesDirs })
        return { deletedCount: 0 }
      }),
    close: async () => {
      await current?.discard()
      current = null
    },
  }
}

async function prepare(
  settings: FileSettings,
  filesDirs: readonly string[],
  { delivery, columns }: TargetShape,
): Promise<Prepared> {
  const format = refuseSettings(settings)
  const content = settings.content ?? 'full'
  const place = await placeOf(settings.path ?? '', filesDirs)
  if (content === 'changes' && !place.isFolder && !place.path.includes('{run}')) throw overwritten()
  const names = columns.map(({ name }) => name)
  const allNames = content === 'changes' ? [...changeColumns, ...names] : names
  refuseTwice(allNames)
  const rowOf = ({ operation, key, seq, values }: TargetRow): unknown[] => {
    const cells = names.map((name) => values?.[name] ?? null)
    return content === 'changes' ? [operation, key, seq, ...cells] : cells
  }
  const naming = { delivery, format: format satisfies TargetFormat, sheet: settings.sheet }
  return { ...naming, columns: allNames, place, content, rowOf }
}

const overwritten = (): Refusal =>
  refused(
    '/settings/path',
    'path-fixed',
    '变更文件须写入目录,或在 path 中含 {run},否则后一次会覆盖前一次 / Files of changes need a folder, or {run} in “path”: else each overwrites the one before',
  )

function refuseTwice(names: readonly string[]): void {
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  if (twice.length === 0) return
  const list = twice.join(', ')
  throw new Refusal(
    'state-conflict',
    `列名重复:${list},请在 columns 中改名 / Columns named twice: ${list}; rename them in “columns”`,
  )
}

/** A full file holds the records that are there, and has no word for those that are not. */
const rowsOf = ({ rows }: TargetBatch, { content }: Prepared): readonly TargetRow[] =>
  content === 'changes' ? rows : rows.filter(({ operation }) => operation === 'upsert')

interface Ending {
  begin(runId: string): Promise<RunFile>
  current: RunFile | null
  filesDirs: readonly string[]
}

async function finish(
  prepared: Prepared,
  end: TargetEnd,
  { begin, current, filesDirs }: Ending,
): Promise<void> {
  const { runId, isFull, at, checkpoint = null } = end
  const { content, place, delivery, format } = prepared
  const mine = current?.runId === runId ? current : null
  if (mine?.isPlaced) return
  if (content === 'full' && !isFull) throw notFull()
  const isEmpty = mine === null || mine.rowCount === 0
  if (content === 'changes' && isEmpty) {
    await mine?.discard()
    return
  }
  const path = await filePathOf(place, { delivery, runId, at, extension: format }, filesDirs)
  if (mine === null && (await manifestRunOf(path)) === runId) return
  const file = mine ?? (await begin(runId))
  await file.place(path, { content, at, checkpoint })
}

const notFull = (): Refusal =>
  new Refusal(
    'state-conflict',
    '全量文件须由全量运行写出 / A file with all records needs a run that delivers all of them',
  )
