import { run } from '../../shared/run.ts'
import { ensureAdminKey } from './bootstrap.ts'
import { startStatus } from './service.ts'
import { statusSettings } from './settings.ts'

await run(
  'status',
  statusSettings,
  async (deps) => {
    const adminKey = await ensureAdminKey(deps.storage, deps.clock)
    // To the terminal and not to the log: logs are kept, and read by others.
    if (adminKey) process.stdout.write(`first start; the admin key, shown this once: ${adminKey}\n`)
    return startStatus(deps)
  },
  process,
)
