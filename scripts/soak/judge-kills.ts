import type { KillResult } from './kill-pushes.ts'

/** What a fault run must not show; empty when all promises held. */
export function faultsOf(result: KillResult): string[] {
  const { followed, acknowledged, doubledCount, runs } = result
  const lost = [...acknowledged].filter(([key, value]) => followed.get(key) !== value)
  const extra = [...followed.keys()].filter((key) => !acknowledged.has(key))
  const wrong = runs.filter(({ state, counts }) => isEnded(state) && !addsUp(counts))
  return [
    ...(lost.length > 0
      ? [`${lost.length} acknowledged records lost or old, such as ${lost[0]?.[0]}`]
      : []),
    ...(extra.length > 0
      ? [`${extra.length} records that nobody was told of, such as ${extra[0]}`]
      : []),
    ...(doubledCount > 0 ? [`${doubledCount} changes came twice`] : []),
    ...(wrong.length > 0 ? [`${wrong.length} runs whose counts do not add up`] : []),
  ]
}

const isEnded = (state: string): boolean => state === 'succeeded' || state === 'partial'

/** Whether a run's counts add up (`records`). */
export const addsUp = ({ read = 0, ...counts }: Record<string, number>): boolean =>
  read ===
  ['inserted', 'updated', 'unchanged', 'stale', 'superseded', 'deleted', 'rejected'].reduce(
    (sum, name) => sum + (counts[name] ?? 0),
    0,
  )
