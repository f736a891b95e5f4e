import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/support/closing-line.ts'
import { redisMissing } from './test/support/servers/redis.ts'

/** What runs on the queue runs once more with the queue on Redis. */
const onQueue = ['hub/queue', 'hub/syncs', 'hub/delivery', 'journeys']

const onRedis = {
  extends: true as const,
  test: {
    name: 'redis',
    include: onQueue.map((folder) => `test/${folder}/**/*.test.ts`),
    // Pushes and sealing, in hubs of their own: no run of theirs is rung for.
    exclude: ['test/journeys/killed.test.ts', 'test/journeys/sealed-calls.test.ts'],
    env: { SHUQIAO_TEST_QUEUE: 'redis' },
  },
}

const missing = redisMissing()
if (missing !== null) console.warn(`Skipped, the queue on Redis: ${missing}`)

const config = defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    teardownTimeout: 30_000,
    reporters: ['default', new ClosingLine()],
    projects: [
      { extends: true, test: { name: 'postgresql', include: ['test/**/*.test.ts'] } },
      ...(missing === null ? [onRedis] : []),
    ],
    // For what hangs: a test that starts a hub takes seconds, and half a minute where a machine pauses.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})

export default config
