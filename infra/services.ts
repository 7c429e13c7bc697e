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
import type { Fetch } from './front.ts'
import { createGateway } from './gateway.ts'

type Given = { ingest: IngestSettings; status: StatusSettings; storage: Storage; dispatchers: () => Record<string, string> }
export type Services = {
  status: Service
  ingest: Service
  fetch: Fetch
  newAdminKey: string | undefined /** Path that signs in once. */
  loginPath: string | undefined
}

/** Ingest and status in this process, behind one door. Loads nearly all of the code, so it is imported late. */
export async function startServices({ ingest: forIngest, status: forStatus, storage, dispatchers }: Given): Promise<Services> {
  const newAdminKey = await ensureAdminKey(storage, systemClock)
  const shared = {
    storage,
    redis: { url: forIngest.redisUrl, prefix: forIngest.redisPrefix },
    vault: openVaultOf(forIngest),
    clock: systemClock,
  }
  const log = (name: string) => createLogger(name, forIngest.logLevel)
  const status = await startStatus({ ...shared, settings: forStatus, log: log('status') })
  const ingest = await startIngest({ ...shared, settings: forIngest, log: log('ingest') }).catch(async (error: unknown) => {
    await status.stop()
    throw error
  })
  const loginPath = await createAdminLink(defaultOrganization, { storage, clock: systemClock })
  return { status, ingest, newAdminKey, loginPath, fetch: createGateway({ ingest, status, dispatchers }, log('gateway')) }
}
