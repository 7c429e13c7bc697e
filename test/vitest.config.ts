import { defineConfig } from 'vitest/config'

type Tier = { name: string; seconds: number; together: boolean; order: number }

/** Files of the first two tiers run beside each other; the others start servers, which two cores do not carry twice. */
const tiers: Tier[] = [
  { name: 'unit', seconds: 10, together: true, order: 0 },
  { name: 'contract', seconds: 60, together: true, order: 0 },
  { name: 'integration', seconds: 60, together: false, order: 1 },
  { name: 'e2e', seconds: 120, together: false, order: 2 },
]

/**
 * Everything runs as it was compiled, tests included: worker threads and child processes cannot load TypeScript, and
 * what is tested ought to be what is run.
 */
export default defineConfig({
  test: {
    reporters: ['default', './dist/test/support/summary-reporter.js'],
    projects: tiers.map(({ name, seconds, together, order }) => ({
      test: {
        name,
        include: [`dist/test/${name}/**/*.test.js`],
        ...(name === 'contract' && { globalSetup: './dist/test/support/postgres-setup.js' }),
        pool: 'forks',
        fileParallelism: together,
        sequence: { groupOrder: order },
        testTimeout: seconds * 1_000,
        hookTimeout: 60_000,
        server: { deps: { external: [/\/dist\/(?!test\/\w+\/.*\.test\.js$)/] } },
      },
    })),
  },
})
