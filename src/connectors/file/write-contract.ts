/** Values of one line in the columns' order. */
export type FileRow = readonly unknown[]

/** Rows of one format, passed on as bytes while they come. */
export interface RowWriter {
  write(rows: readonly FileRow[]): Promise<void>
  /** Ends the format; afterwards every byte has been passed on. */
  end(): Promise<void>
}

export interface RowWriterOptions {
  columns: readonly string[]
  /** Of a workbook; absent: the first one's usual name. */
  sheet: string | undefined
  append(bytes: Uint8Array): Promise<void>
}
