import type { Target } from '../../connectors/contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import { settledWithin } from '../syncs/pull-watch.ts'
import { deliveryLimits } from './limits.ts'

interface Watch {
  /** After which a target that does not answer is given up. */
  silentMsMax: number
  /** Aborts when the run has to stop. */
  signal: AbortSignal
  /** Tells the target to let go. */
  giveUp(): void
}

/**
 * A target that hangs ends the run instead of holding it for ever. What it was given may still arrive: the
 * batch keeps its number, by which it arrives once. The end of a full load, which may delete for long, is
 * waited for as long as the run may go on.
 */
export function watchTarget(target: Target, watch: Watch): Target {
  const { silentMsMax } = watch
  return {
    commits: target.commits,
    prepare: (shape) => answered(target.prepare(shape), silentMsMax, watch),
    lastBatch: () => answered(target.lastBatch(), silentMsMax, watch),
    write: (batch) => answered(target.write(batch), silentMsMax, watch),
    finish: (end) => answered(target.finish(end), null, watch),
    close: () => settledWithin(target.close(), deliveryLimits.closeWaitMs),
  }
}

async function answered<T>(asked: Promise<T>, ms: number | null, watch: Watch): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(watch.signal.reason)
  const timer =
    ms === null
      ? undefined
      : setTimeout(() => {
          reject(silent(ms))
          watch.giveUp()
        }, ms)
  watch.signal.addEventListener('abort', stop, { once: true })
  try {
    watch.signal.throwIfAborted()
    return await Promise.race([asked, promise])
  } finally {
    clearTimeout(timer)
    watch.signal.removeEventListener('abort', stop)
    // Whoever was given up may fail later, and nobody waits for it any more.
    asked.catch(() => undefined)
  }
}

const silent = (ms: number): Refusal => {
  const seconds = Math.round(ms / 1000)
  return new Refusal(
    'source-unreachable',
    `交付目标 ${seconds} 秒没有应答,已放弃 / The target gave no answer for ${seconds} s`,
  )
}
