import { setTimeout as sleep } from 'node:timers/promises'

const dayMs = 24 * 60 * 60 * 1000
const shanghaiAheadMs = 8 * 60 * 60 * 1000
const marginMs = 30_000

/** Counts of a day begin anew at midnight in Shanghai: a test of them does not begin right before it. */
export async function awayFromMidnight(): Promise<void> {
  const leftMs = dayMs - ((Date.now() + shanghaiAheadMs) % dayMs)
  if (leftMs < marginMs) await sleep(leftMs)
}
