import { posix } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../../shared/refusal.ts'
import {
  type FolderStore,
  isSameStamp,
  type RowFileSettings,
  type StoredFile,
} from './folder-store.ts'

const settleSecondsDefault = 10
const dayMs = 86_400_000

/** Names under which programs write before they rename: a file called so is not there yet. */
export const isTemporaryName = (name: string): boolean =>
  /^(?:\.|~\$)|\.(?:tmp|part)$/i.test(posix.basename(name))

export interface FoundFiles {
  /** Every file that could be taken, whole or not yet. */
  names: ReadonlySet<string>
  whole: StoredFile[]
}

/**
 * The files that may be taken now, in name order. With a marker a file is whole once the marker lies beside
 * it (`x.csv.ok` or `x.ok`); else once neither its size nor its time has changed for `settleSeconds`. Files
 * that are still being written are left for the next run; a single file is `source-unreachable` instead.
 */
export async function findWholeFiles(
  store: FolderStore,
  settings: RowFileSettings,
  signal: AbortSignal | undefined,
): Promise<FoundFiles> {
  const found =
    settings.path === undefined ? await dropped(store, settings) : await single(store, settings)
  const whole =
    settings.marker === undefined
      ? await settled(store, found, { settleSeconds: settings.settleSeconds, signal })
      : await marked(store, found, settings.marker)
  if (settings.path !== undefined && found.length > whole.length) throw unfinished(settings.path)
  return { names: new Set(found.map(({ name }) => name)), whole }
}

async function single(
  store: FolderStore,
  { path = '', archive }: RowFileSettings,
): Promise<StoredFile[]> {
  const resolved = await store.resolve(path)
  const stamp = await store.stat(resolved)
  if (stamp) return [{ ...stamp, path: resolved, name: posix.basename(path) }]
  // Where files are archived, no file means that the last one has been taken.
  if (archive !== undefined) return []
  throw new Refusal('source-unreachable', `文件“${path}”不存在 / The file “${path}” is not there`)
}

async function dropped(store: FolderStore, settings: RowFileSettings): Promise<StoredFile[]> {
  if (settings.glob === undefined) {
    throw new Refusal('request-invalid', '须给出 path 或 glob / Either path or glob is needed')
  }
  const { marker } = settings
  const archive = settings.archive === undefined ? null : await store.resolve(settings.archive)
  const files = await store.find(settings.glob)
  return files.filter(
    ({ name, path }) =>
      !isTemporaryName(name) &&
      !(marker !== undefined && name.endsWith(marker)) &&
      !(archive !== null && path.startsWith(`${archive}/`)),
  )
}

/** Where a marker may lie: behind the whole name, or in the place of its extension. */
export function markerPaths(path: string, marker: string): string[] {
  const stem = path
    .replace(/(?:\.[^./]+)?\.(?:gz|zst)$/i, '')
    .replace(/\.(?:csv|ndjson|jsonl|json|xlsx|xls|txt)$/i, '')
  return [...new Set([`${path}${marker}`, `${stem}${marker}`])]
}

async function marked(
  store: FolderStore,
  files: readonly StoredFile[],
  marker: string,
): Promise<StoredFile[]> {
  const whole: StoredFile[] = []
  for (const file of files) {
    for (const path of markerPaths(file.path, marker)) {
      if (!(await store.stat(path))) continue
      whole.push(file)
      break
    }
  }
  return whole
}

interface Settling {
  settleSeconds: number | undefined
  signal: AbortSignal | undefined
}

async function settled(
  store: FolderStore,
  files: readonly StoredFile[],
  { settleSeconds = settleSecondsDefault, signal }: Settling,
): Promise<StoredFile[]> {
  const settleMs = settleSeconds * 1000
  const waits = files.map((file) => waitMs(file, settleMs, store.hasOwnClock))
  const longest = Math.max(0, ...waits)
  if (longest === 0) return [...files]
  await delay(longest, undefined, { ...(signal && { signal }) })
  const whole: StoredFile[] = []
  for (const [at, file] of files.entries()) {
    const now = waits[at] === 0 ? file : await store.stat(file.path)
    if (now && isSameStamp(now, file)) whole.push(file)
  }
  return whole
}

/**
 * How long a file must still be watched. Another machine's clock may be wrong by hours: of its files only
 * those that are days old count as settled without watching.
 */
function waitMs({ modifiedAtMs }: StoredFile, settleMs: number, hasOwnClock: boolean): number {
  const ageMs = Date.now() - modifiedAtMs
  if (!hasOwnClock) return ageMs > dayMs + settleMs ? 0 : settleMs
  return ageMs < 0 ? settleMs : Math.max(0, settleMs - ageMs)
}

const unfinished = (path: string): Refusal =>
  new Refusal(
    'source-unreachable',
    `文件“${path}”尚未写完(没有完成标记或仍在变化),稍后再试 / The file “${path}” is not finished yet (no marker, or still changing); it is tried again later`,
  )
