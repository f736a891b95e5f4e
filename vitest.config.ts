import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/support/closing-line.ts'

const config = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    reporters: ['default', new ClosingLine()],
  },
})

export default config
