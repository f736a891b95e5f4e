import type { SourceBlock } from '../../connectors/contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import { pullLimits } from './pull-limits.ts'

/** What is done while a source is waited for. */
export interface Watch {
  /** Milliseconds without a row after which the source is given up. */
  silentMsMax: number
  /** Aborts when the run has to stop. */
  signal: AbortSignal
  /** Tells the source to let go. */
  giveUp(): void
  /** Called while the source is waited for: what was collected may land meanwhile. */
  onIdle(): Promise<void>
}

type Waited<T> = { value: T } | 'waited'

/** The promise's value, or `waited` after so long; throws the signal's reason. Leaves no listener behind. */
function valueWithin<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<Waited<T>> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const onAbort = (): void => settle(() => reject(asError(signal.reason)))
    const timer = setTimeout(() => settle(() => resolve('waited')), ms)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    promise.then(
      (value) => settle(() => resolve({ value })),
      (error: unknown) => settle(() => reject(asError(error))),
    )
  })
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))

const silent = (ms: number): Refusal =>
  new Refusal(
    'source-unreachable',
    `来源 ${Math.round(ms / 1000)} 秒没有给出任何数据,已放弃 / The source gave nothing for ${Math.round(ms / 1000)} s`,
  )

/** One question to the source: what does not answer is given up, so that a stuck run always ends. */
export async function answered<T>(asked: Promise<T>, watch: Watch): Promise<T> {
  // Whoever gave up first must not leave the other's failure unhandled.
  asked.catch(() => undefined)
  const waited = await valueWithin(asked, watch.silentMsMax, watch.signal)
  if (waited !== 'waited') return waited.value
  watch.giveUp()
  throw silent(watch.silentMsMax)
}

/** The source's blocks. Only the time spent waiting for it counts against its silence, not that of landing. */
export async function* watchedBlocks(
  blocks: AsyncIterable<SourceBlock>,
  watch: Watch,
): AsyncGenerator<SourceBlock> {
  const iterator = blocks[Symbol.asyncIterator]()
  let silentMs = 0
  let isDone = false
  try {
    for (;;) {
      const waiting = iterator.next()
      waiting.catch(() => undefined)
      const startedAt = performance.now()
      const next = await nextBlock(waiting, { watch, silentMs })
      silentMs += performance.now() - startedAt
      if (next.done === true) {
        isDone = true
        return
      }
      if (next.value.rows.length > 0 || next.value.isUnitEnd) silentMs = 0
      yield next.value
    }
  } finally {
    if (!isDone) await letGo(iterator, watch)
  }
}

async function nextBlock(
  waiting: Promise<IteratorResult<SourceBlock>>,
  { watch, silentMs }: { watch: Watch; silentMs: number },
): Promise<IteratorResult<SourceBlock>> {
  let leftMs = watch.silentMsMax - silentMs
  while (leftMs > 0) {
    const stepMs = Math.min(leftMs, pullLimits.batchWaitMs)
    const waited = await valueWithin(waiting, stepMs, watch.signal)
    if (waited !== 'waited') return waited.value
    leftMs -= stepMs
    await watch.onIdle()
  }
  throw silent(watch.silentMsMax)
}

/** A source that hangs would hang its own return too. */
async function letGo(iterator: AsyncIterator<SourceBlock>, watch: Watch): Promise<void> {
  watch.giveUp()
  await settledWithin(Promise.resolve(iterator.return?.()), pullLimits.closeWaitMs)
}

/** Waits for an end that may never come, for so long; how it ended is nobody's concern any more. */
export async function settledWithin(ending: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([ending.then(() => undefined).catch(() => undefined), over])
  clearTimeout(timer)
}
