import type { Readable } from 'node:stream'
import type { City } from './city.ts'
import type { Pushed } from './feed.ts'

export interface Load {
  seconds: number
  pushed: Pushed
}

/** Pushes a whole body, both sides at rest before: dirty pages of what came earlier are on disk. */
export async function load(
  city: City,
  resource: string,
  { mediaType, body }: { mediaType: string; body: () => Readable },
): Promise<Load> {
  await city.database.query('checkpoint')
  const begun = performance.now()
  const pushed = await Promise.race([
    city.push(resource, { mediaType, body: body() }),
    city.hub.ended,
  ])
  return { seconds: (performance.now() - begun) / 1000, pushed }
}

/** A load in which rows were rejected, or went another way than they should, measured something else. */
export function demandCounts({ pushed }: Load, expected: Record<string, number>): void {
  const { counts, rejects } = pushed
  for (const [name, count] of Object.entries(expected)) {
    if (counts[name] === count) continue
    throw new Error(
      `${name}: ${String(counts[name])} instead of ${count}; ${JSON.stringify({ counts, rejects: rejects.slice(0, 3) })}`,
    )
  }
}
