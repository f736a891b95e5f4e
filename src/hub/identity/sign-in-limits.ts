import { tokenBuckets } from '../http/token-buckets.ts'
import { Refusal } from '../../shared/refusal.ts'

export interface SignInLimits {
  /** Refuses with `rate-limited` when too many attempts have failed lately. */
  check(account: string, address: string): void
  countFailure(account: string, address: string): void
}

/**
 * Failed attempts: five at once and one a minute for an account from one address; thirty at once and
 * six a minute for an account from everywhere, so that nobody can be locked out cheaply from afar.
 */
export function signInLimits(nowMs: () => number): SignInLimits {
  const here = tokenBuckets({ perSecond: 1 / 60, burst: 5 }, nowMs)
  const everywhere = tokenBuckets({ perSecond: 0.1, burst: 30 }, nowMs)
  return {
    check: (account, address) => {
      const seconds = Math.max(here.wait(`${address} ${account}`), everywhere.wait(account))
      if (seconds === 0) return
      throw new Refusal(
        'rate-limited',
        '登录失败次数过多,请稍后再试 / Too many failed attempts; try again later',
        { retryAfterSeconds: seconds },
      )
    },
    countFailure: (account, address) => {
      here.take(`${address} ${account}`)
      everywhere.take(account)
    },
  }
}
