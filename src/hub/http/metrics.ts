import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Api } from './api.ts'

/** A number that an area reports, read when metrics are asked for. */
export interface GaugeReading {
  name: string
  help: string
  read: () => number | Promise<number>
}

export interface Metrics {
  registry: Registry
  /** Areas add what they watch: unsealed entries, queue lengths. */
  addGauge(reading: GaugeReading): void
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

/** A registry of its own for each app, so that two apps in one process (tests) do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    addGauge: ({ name, help, read }) => {
      const registers = [registry]
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        collect: async (): Promise<void> => gauge.set(await read()),
      })
    },
  }
}

/**
 * A reading that asks its source at most so often, however many scrape: what moves by the month need not be
 * counted every second. NaN where it cannot be found out: one gauge must not take the others with it.
 */
export function readAtMostEvery(
  intervalMs: number,
  read: () => Promise<number>,
): () => Promise<number> {
  let reading: Promise<number> = Promise.resolve(Number.NaN)
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - readAtMs >= intervalMs) {
      readAtMs = performance.now()
      reading = read().catch(() => Number.NaN)
    }
    return reading
  }
}

/** Counts and durations by route pattern and status, and what is in flight: never a URL, never a key. */
export function measureCalls(app: Api, metrics: Metrics): void {
  const registers = [metrics.registry]
  const labelNames = ['method', 'route', 'status'] as const
  const total = new Counter({
    name: 'shuqiao_http_requests_total',
    help: 'Calls answered, by route pattern and status',
    labelNames,
    registers,
  })
  const seconds = new Histogram({
    name: 'shuqiao_http_request_seconds',
    help: 'Seconds until a call was answered',
    labelNames: ['method', 'route'] as const,
    buckets: secondsBuckets,
    registers,
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    const { method } = request
    total.inc({ method, route, status: reply.statusCode })
    seconds.observe({ method, route }, reply.elapsedTime / 1000)
    done()
  })
}
