/** How far a backup or a restore is. */
export interface Progress {
  step: 'copying' | 'verifying' | 'loading'
  table: string
  tablesDone: number
  tablesTotal: number
  /** Of the tables that are done. */
  rows: number
  /** Of everything that has passed, uncompressed; while verifying, as it lies on disk. */
  bytes: number
  /** 0 to 1. */
  share: number
}

export type TellProgress = (progress: Progress) => void

export interface Tally {
  begin(table: string, weight: number): void
  count(bytes: number): void
  end(rows: number): void
}

const tellBytes = 4 * 1024 * 1024

/**
 * Adds up what passes and tells of it: at each table's end, and every few megabytes within a large one.
 * `total`: the sum of the tables' weights. A weight may be a guess: a table never counts for more.
 */
export function createTally(
  step: Progress['step'],
  total: { tables: number; weight: number },
  tell: TellProgress,
): Tally {
  let [table, weight, tableBytes, untold] = ['', 0, 0, 0]
  let [tablesDone, rows, bytes, doneWeight] = [0, 0, 0, 0]
  const say = (): void => {
    untold = 0
    const passed = doneWeight + Math.min(tableBytes, weight)
    const share = total.weight === 0 ? 1 : Math.min(passed / total.weight, 1)
    tell({ step, table, tablesDone, tablesTotal: total.tables, rows, bytes, share })
  }
  return {
    begin: (name, tableWeight) => {
      ;[table, weight, tableBytes] = [name, tableWeight, 0]
    },
    count: (count) => {
      bytes += count
      tableBytes += count
      untold += count
      if (untold >= tellBytes) say()
    },
    end: (tableRows) => {
      tablesDone += 1
      rows += tableRows
      doneWeight += weight
      ;[weight, tableBytes] = [0, 0]
      say()
    },
  }
}

const stepNames = {
  copying: '备份 / copied',
  verifying: '核对 / verified',
  loading: '恢复 / loaded',
} as const

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1)

/** One line of progress, in Chinese and English. */
export function progressLine(progress: Progress): string {
  const { step, table, tablesDone, tablesTotal, rows, bytes, share } = progress
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  const rowsText = step === 'verifying' ? '' : `, ${rows} 行 / rows`
  return `${percent}  ${stepNames[step]} ${tablesDone}/${tablesTotal} 表 / tables${rowsText}, ${megabytes(bytes)} MB  ${table}`
}

const lineMs = 1000

/** Prints at most one line a second, and the last one of each step. */
export function progressPrinter(print: (line: string) => void): TellProgress {
  let printedAtMs = -Infinity
  return (progress) => {
    const isLast = progress.tablesDone === progress.tablesTotal
    if (!isLast && performance.now() - printedAtMs < lineMs) return
    printedAtMs = performance.now()
    print(progressLine(progress))
  }
}
