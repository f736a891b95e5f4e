import { rowMessage } from '../../../schemas/api/row-codes.ts'
import type { ErrorLimit } from '../../../schemas/api/syncs.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Batch } from '../intake/batch.ts'
import { pullLimits } from './pull-limits.ts'

/** Watches how many rows of a run are refused. */
export interface ErrorWatch {
  /** Before a batch is handed on: throws `state-conflict` when the run would pass its limit with it. */
  check(batch: Pick<Batch, 'readCount' | 'rejects'>): void
  /** At the end, where the percentage is judged however few rows there were. */
  finish(): void
}

type Code = Batch['rejects'][number]['reasons'][number]['code']

/** Counts go on from what the run had read and refused before it was taken up again. */
export function watchErrors(
  limit: ErrorLimit,
  before: { read: number; rejected: number },
): ErrorWatch {
  let { read, rejected } = before
  const byCode = new Map<Code, number>()
  const judge = (isEnd: boolean): void => {
    const { count, percent } = limit
    const isOverCount = count !== undefined && rejected > count
    const isTold = isEnd || read >= pullLimits.percentRowsMin
    const isOverPercent = percent !== undefined && isTold && rejected * 100 > percent * read
    if (isOverCount || isOverPercent) throw tooMany({ read, rejected, byCode })
  }
  return {
    check: (batch) => {
      read += batch.readCount
      rejected += batch.rejects.length
      for (const { reasons } of batch.rejects) {
        const code = reasons[0]?.code
        if (code !== undefined) byCode.set(code, (byCode.get(code) ?? 0) + 1)
      }
      judge(false)
    },
    finish: () => judge(true),
  }
}

const reasonsShownMax = 3

function tooMany(seen: { read: number; rejected: number; byCode: Map<Code, number> }): Refusal {
  const commonest = [...seen.byCode].sort((a, b) => b[1] - a[1]).slice(0, reasonsShownMax)
  const reasons = commonest.map(([code, count]) => `${code} × ${count}(${rowMessage(code)})`)
  return new Refusal(
    'state-conflict',
    `问题数据超过上限:读取 ${seen.read} 行,其中 ${seen.rejected} 行有问题;最常见:${reasons.join(';')} ` +
      `/ Too many rejects: ${seen.rejected} of ${seen.read} rows; the batch that passed the limit has not landed`,
  )
}
