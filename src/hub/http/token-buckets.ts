interface Bucket {
  tokens: number
  filledAtMs: number
}

export interface BucketLimits {
  /** Tokens that flow in per second; 0 switches the limit off. */
  perSecond: number
  /** Most that a bucket holds: the size of a burst. A second's worth when absent. */
  burst?: number
  /** Buckets kept at once; the one longest unused goes first, and begins full when it comes back. */
  bucketsMax?: number
}

export interface TokenBuckets {
  /** Takes one token: 0 when there was one, else the seconds until there is. */
  take(key: string): number
  /** Seconds until a token is there, without taking one. */
  wait(key: string): number
}

/**
 * Token buckets by key (a token's digest, an address), in memory: a take costs well under a microsecond.
 * Each process counts for itself. `nowMs` must never go back.
 */
export function tokenBuckets(limits: BucketLimits, nowMs: () => number): TokenBuckets {
  const { perSecond, burst = Math.max(1, perSecond), bucketsMax = 20_000 } = limits
  const buckets = new Map<string, Bucket>()

  const fill = (key: string): Bucket => {
    const at = nowMs()
    let bucket = buckets.get(key)
    if (!bucket) {
      if (buckets.size >= bucketsMax) dropOldest(buckets)
      bucket = { tokens: burst, filledAtMs: at }
      buckets.set(key, bucket)
      return bucket
    }
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.filledAtMs) / 1000) * perSecond)
    bucket.filledAtMs = at
    return bucket
  }
  const missingSeconds = (bucket: Bucket): number =>
    bucket.tokens >= 1 ? 0 : (1 - bucket.tokens) / perSecond

  return {
    wait: (key) => (perSecond <= 0 ? 0 : missingSeconds(fill(key))),
    take: (key) => {
      if (perSecond <= 0) return 0
      const bucket = fill(key)
      const seconds = missingSeconds(bucket)
      if (seconds === 0) bucket.tokens -= 1
      return seconds
    },
  }
}

/**
 * The oldest by first use: exact recency would cost a re-insertion on every call. With 20,000 buckets a
 * caller would have to use as many addresses to win one burst.
 */
function dropOldest(buckets: Map<string, Bucket>): void {
  const oldest = buckets.keys().next()
  if (!oldest.done) buckets.delete(oldest.value)
}
