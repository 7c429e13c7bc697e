import { startServices } from '../../infra/services.ts'
import { ingestSettings } from '../../services/ingest/settings.ts'
import { statusSettings } from '../../services/status/settings.ts'
import { serve } from '../../shared/http/serve.ts'
import { readSettings } from '../../shared/settings.ts'
import { openStorage } from '../../shared/storage/open.ts'
import { collected } from './memory.ts'

/**
 * The gateway of `npm start` in a process of its own, without dispatchers: nothing that the fuzzer registers is ever
 * sent to. It says on its channel how much memory is in use once all garbage is gone.
 */

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    process.stderr.write(`fault: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
}

const settings = { ingest: readSettings(ingestSettings, process.env), status: readSettings(statusSettings, process.env) }
const storage = await openStorage(settings.ingest.databaseUrl)
const services = await startServices({
  ...settings,
  storage,
  dispatchers: { states: () => ({}), metrics: async () => [] },
  env: process.env,
})
const serving = await serve((request, bindings) => services.fetch(request, bindings), settings.ingest)

process.on('message', () => void process.send?.(collected()))

process.once('SIGTERM', () => void end())
process.once('disconnect', () => void end())
async function end(): Promise<void> {
  await serving.stop()
  await services.ingest.stop()
  await services.status.stop()
  await storage.close()
  process.exit(0)
}

process.send?.({ ready: true, url: serving.url, key: services.newAdminKey })
