import { startIngest } from '../services/ingest/service.ts'
import type { IngestSettings } from '../services/ingest/settings.ts'
import { defaultOrganization, ensureAdminKey } from '../services/status/bootstrap.ts'
import { startStatus } from '../services/status/service.ts'
import { createAdminLink } from '../services/status/sessions.ts'
import type { StatusSettings } from '../services/status/settings.ts'
import { systemClock } from '../shared/clock.ts'
import { createLogger } from '../shared/logger.ts'
import { openVaultOf } from '../shared/secrets.ts'
import type { Service } from '../shared/service.ts'
import type { Storage } from '../shared/storage/storage.ts'
import { startTracing, type Tracing } from '../shared/tracing.ts'
import type { Fetch } from './front.ts'
import type { Dispatchers } from './dispatchers.ts'
import { createGateway } from './gateway.ts'

type Given = {
  ingest: IngestSettings
  status: StatusSettings
  storage: Storage
  dispatchers: Pick<Dispatchers, 'states' | 'metrics'>
  env: Record<string, string | undefined>
}
export type Services = {
  status: Service
  ingest: Service
  fetch: Fetch
  newAdminKey: string | undefined /** Path that signs in once. */
  loginPath: string | undefined
}

/** Ingest and status in this process, behind one door. Loads nearly all of the code, so it is imported late. */
export async function startServices({ ingest: forIngest, status: forStatus, storage, dispatchers, env }: Given): Promise<Services> {
  const newAdminKey = await ensureAdminKey(storage, systemClock)
  const shared = {
    storage,
    redis: { url: forIngest.redisUrl, prefix: forIngest.redisPrefix },
    vault: openVaultOf(forIngest),
    clock: systemClock,
  }
  const log = (name: string) => createLogger(name, forIngest.logLevel)
  const traced = async (name: string) => ({ log: log(name), tracing: await startTracing(name, env, log(name)) })
  const [ofIngest, ofStatus] = await Promise.all([traced('ingest'), traced('status')])
  const status = withTracing(await startStatus({ ...shared, ...ofStatus, settings: forStatus }), ofStatus.tracing)
  const started = await startIngest({ ...shared, ...ofIngest, settings: forIngest }).catch(async (error: unknown) => {
    await status.stop()
    throw error
  })
  const ingest = withTracing(started, ofIngest.tracing)
  const loginPath = await createAdminLink(defaultOrganization, { storage, clock: systemClock })
  const { metricsToken } = forStatus
  const fetch = createGateway({ ingest, status, dispatchers, metricsToken }, log('gateway'))
  return { status, ingest, newAdminKey, loginPath, fetch }
}

/** What the service told last is sent after it has ended. */
const withTracing = (service: Service, tracing: Tracing): Service => ({
  ...service,
  async stop() {
    await service.stop()
    await tracing.stop()
  },
})
