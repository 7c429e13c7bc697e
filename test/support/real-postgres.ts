import { findBinaries, startCluster, type Cluster } from './postgres.ts'

const { TEST_POSTGRES_URL: given } = process.env
const isGiven = given !== undefined && given !== 'pglite'
const binaries = isGiven ? undefined : findBinaries()

/** For tests that several connections stand in: PGlite has one. */
export const hasRealPostgres = isGiven || binaries !== undefined
export const reason = hasRealPostgres ? '' : ' (skipped: no Postgres server is installed, and TEST_POSTGRES_URL names none)'

/** The server of TEST_POSTGRES_URL, or one of our own, which waits for its disk only when `durable`. */
export async function realPostgres(options: { durable?: boolean } = {}): Promise<Cluster> {
  if (isGiven) return { url: given, stop: async () => {} }
  if (!binaries) throw new Error('there is no Postgres server')
  return startCluster(binaries, options)
}
