import type { FileSettings } from '../../../schemas/api/connectors.ts'

/** What tells that a file is still the same without reading it. */
export interface FileStamp {
  size: number
  modifiedAtMs: number
}

export interface StoredFile extends FileStamp {
  /** Below the folder that is searched, with `/`; of a single file its own name. */
  name: string
  /** As the store finds it. */
  path: string
}

/**
 * Where files lie: a local folder or one on an SFTP server. Paths are joined with `/`. A store that
 * cannot be read or written is `source-unreachable`, a path that may not be used `request-invalid`.
 */
export interface FolderStore {
  /** False where the files' times come from another machine's clock. */
  readonly hasOwnClock: boolean
  /** The path that a setting names, checked to lie where the hub may go; it need not be there yet. */
  resolve(setting: string): Promise<string>
  /** The files that a pattern names, in name order. */
  find(glob: string): Promise<StoredFile[]>
  /** Null where there is no such file. */
  stat(path: string): Promise<FileStamp | null>
  /** The bytes from..to, `to` not included. */
  read(path: string, from: number, to: number): AsyncIterable<Uint8Array>
  /** Puts a small file in place, whole or not at all; one of that name is replaced. */
  write(path: string, pieces: AsyncIterable<string>): Promise<void>
  /** The place must be free. */
  move(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  makeFolder(path: string): Promise<void>
  close(): Promise<void>
}

/** The settings that files of all stores share. */
export type RowFileSettings = Pick<
  FileSettings,
  'path' | 'glob' | 'format' | 'encoding' | 'sheet' | 'marker' | 'settleSeconds' | 'archive'
>

export const isSameStamp = (one: FileStamp, other: FileStamp): boolean =>
  one.size === other.size && one.modifiedAtMs === other.modifiedAtMs

export const byName = (one: StoredFile, other: StoredFile): number =>
  one.name < other.name ? -1 : one.name > other.name ? 1 : 0

/** Cuts a pattern into the folder that it begins in and what is to be matched there. */
export function splitGlob(glob: string): { base: string; pattern: string } {
  const segments = glob.split('/')
  const first = segments.findIndex((segment) => /[*?[\]{}()!]/.test(segment))
  const at = first < 0 ? segments.length - 1 : first
  const base = segments.slice(0, at).join('/')
  return {
    base: base === '' && glob.startsWith('/') ? '/' : base,
    pattern: segments.slice(at).join('/'),
  }
}
