import autocannon from 'autocannon'
import { mean } from './results.ts'

/** One side of a comparison: the same question put to the hub or to the bare route. */
export interface Side {
  url: string
  headers: Record<string, string>
  /** The body of the n-th request. */
  bodyAt(index: number): string
}

export interface SideFigures {
  requestsPerSecond: number
  p99Ms: number
}

export interface Rounds {
  connectionCount: number
  roundSeconds: number
  roundCount: number
  /** Different requests that each connection repeats, made before the clock starts. */
  requestsPerConnection: number
}

/** Alternates A B A B, so that a machine that gets slower meanwhile slows both; the first of each warms up. */
export async function alternate(
  hub: Side,
  bare: Side,
  rounds: Rounds,
): Promise<{ hub: SideFigures; bare: SideFigures }> {
  const figures: { hub: SideFigures[]; bare: SideFigures[] } = { hub: [], bare: [] }
  for (let round = 0; round <= rounds.roundCount; round++) {
    figures.hub.push(await fire(hub, rounds))
    figures.bare.push(await fire(bare, rounds))
  }
  return { hub: middle(figures.hub.slice(1)), bare: middle(figures.bare.slice(1)) }
}

const middle = (rounds: readonly SideFigures[]): SideFigures => ({
  requestsPerSecond: mean(rounds.map(({ requestsPerSecond }) => requestsPerSecond)),
  p99Ms: mean(rounds.map(({ p99Ms }) => p99Ms)),
})

async function fire(side: Side, rounds: Rounds): Promise<SideFigures> {
  const headers = { 'content-type': 'application/json', ...side.headers }
  let next = 0
  const result = await autocannon({
    url: side.url,
    connections: rounds.connectionCount,
    duration: rounds.roundSeconds,
    timeout: 30,
    setupClient: (client) => {
      client.setRequests(
        Array.from({ length: rounds.requestsPerConnection }, () => ({
          method: 'POST',
          headers,
          body: side.bodyAt(next++),
        })),
      )
    },
  })
  if (result.errors > 0 || result.non2xx > 0 || result['2xx'] === 0) {
    throw new Error(
      `${side.url}: ${result['2xx']} answers, ${result.non2xx} refused, ${result.errors} errors`,
    )
  }
  return { requestsPerSecond: result['2xx'] / result.duration, p99Ms: result.latency.p99 }
}
