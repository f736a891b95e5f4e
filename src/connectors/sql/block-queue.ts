import type { CellBlock, Cells } from './dialect.ts'

const blockRowsMax = 1000
const blockBytesMax = 1024 * 1024
/** Blocks that may wait for the consumer before the driver is told to stop reading. */
const waitingBlocksMax = 2

export interface BlockQueue {
  push(row: Cells): void
  end(): void
  fail(error: unknown): void
  blocks(): AsyncGenerator<CellBlock, void, undefined>
}

/**
 * Gathers rows that a driver hands over one by one into blocks, and holds the driver back while blocks
 * wait: memory stays flat however slow the consumer is.
 */
export function blockQueue(driver: { pause(): void; resume(): void }): BlockQueue {
  const waiting: CellBlock[] = []
  let rows: Cells[] = []
  let byteCount = 0
  let isEnded = false
  let isPaused = false
  let failure: { error: unknown } | null = null
  let wake: (() => void) | null = null
  const signal = (): void => {
    wake?.()
    wake = null
  }
  const close = (): void => {
    if (rows.length > 0) waiting.push({ rows, byteCount })
    rows = []
    byteCount = 0
    if (waiting.length >= waitingBlocksMax && !isPaused && !isEnded) {
      isPaused = true
      driver.pause()
    }
    signal()
  }
  return {
    push(row) {
      rows.push(row)
      for (const cell of row) byteCount += (cell?.length ?? 0) + 1
      if (rows.length >= blockRowsMax || byteCount >= blockBytesMax) close()
    },
    end() {
      isEnded = true
      close()
    },
    fail(error) {
      failure ??= { error }
      signal()
    },
    async *blocks() {
      for (;;) {
        const block = waiting.shift()
        if (failure) throw failure.error
        if (block) {
          yield block
          continue
        }
        if (isEnded) return
        if (isPaused) {
          isPaused = false
          driver.resume()
        }
        if (waiting.length === 0 && !isEnded && !failure) {
          await new Promise<void>((settle) => (wake = settle))
        }
      }
    },
  }
}
