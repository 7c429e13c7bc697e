import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Closes the run with one plain line, `3 passed, 0 failed`, for machines and people in a hurry. A file that could not
 * be loaded and an error outside of any test are failures too, although no test bears them.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result()
        counts[result.state]++
        if (result.state === 'skipped') process.stdout.write(`skipped: ${test.fullName}${result.note ? ` (${result.note})` : ''}\n`)
      }
      counts.failed += module.errors().length
    }
    const skipped = counts.skipped + counts.pending
    const line = `${counts.passed} passed, ${counts.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
    // the default reporter still writes its own closing lines after this, so ours waits for the end of the process
    process.once('exit', () => process.stdout.write(`${line}\n`))
  }
}
