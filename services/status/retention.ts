import type { StatusDeps } from './deps.ts'
import type { StatusSettings } from './settings.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

type Deps = Pick<StatusDeps, 'storage' | 'clock' | 'log'> & { settings: Pick<StatusSettings, 'logRetentionDays'> }

/**
 * A chore for the reconciler: once an hour, makes room in the log for what comes and forgets what is older than it is to be
 * kept; one piece at each tick, so that other chores get their turn in between.
 */
export function keepLog({ storage, settings, clock, log }: Deps): () => Promise<void> {
  let nextAt = 0
  let isPrepared = false
  const forgotten = { events: 0, deliveries: 0, attempts: 0 }

  return async () => {
    const now = clock.now()
    if (now < nextAt) return
    if (!isPrepared) await storage.retention.prepare(now)
    isPrepared = true
    if (await forgetSome(now)) return
    nextAt = now + hourMs
    isPrepared = false
  }

  async function forgetSome(now: number): Promise<boolean> {
    if (settings.logRetentionDays === 0) return false
    const { more, ...counts } = await storage.retention.prune(now - settings.logRetentionDays * dayMs)
    for (const name of ['events', 'deliveries', 'attempts'] as const) forgotten[name] += counts[name]
    if (!more && forgotten.events > 0) log.info({ ...forgotten }, 'what was too old in the log is forgotten')
    if (!more) Object.assign(forgotten, { events: 0, deliveries: 0, attempts: 0 })
    return more
  }
}
