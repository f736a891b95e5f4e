import type { Reporter, TestModule } from 'vitest/node'

/** The last line of a run, for people and machines alike: `12 passed, 0 failed, 1 skipped`. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string): number =>
      tests.filter((test) => test.result().state === state).length
    // A file that could not even be loaded, or an error outside every test, is a failure too.
    const broken = modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module))
    const failedCount = count('failed') + broken.length + unhandledErrors.length
    const skippedCount = count('skipped')
    const skipped = skippedCount > 0 ? `, ${skippedCount} skipped` : ''
    process.once('exit', () => {
      process.stdout.write(`${count('passed')} passed, ${failedCount} failed${skipped}\n`)
    })
  }
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests('failed')].length > 0
}
