import { findBinaries, startCluster } from './postgres.ts'

/**
 * One Postgres for all test files: the one of TEST_POSTGRES_URL, or one of our own where a server is installed. Where there
 * is none, the suites run on PGlite, which is Postgres in this process.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_POSTGRES_URL) return undefined
  const binaries = findBinaries()
  if (!binaries) return undefined
  const cluster = await startCluster(binaries)
  process.env.TEST_POSTGRES_URL = cluster.url
  return async () => {
    delete process.env.TEST_POSTGRES_URL
    await cluster.stop()
  }
}
