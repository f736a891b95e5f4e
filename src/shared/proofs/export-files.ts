import type { ReadFile } from './tree-from-tiles.ts'

/** A folder, whoever holds it. */
export interface ExportFiles {
  read: ReadFile
  /** A text file line by line, without ever holding it whole. */
  lines(path: string): AsyncIterable<string>
}
