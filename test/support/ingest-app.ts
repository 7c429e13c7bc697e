import { createIngestApp, type RouteDeps } from '../../services/ingest/routes.ts'
import type { AcceptedEvent } from '../../services/ingest/matching.ts'
import { ingestSettings } from '../../services/ingest/settings.ts'
import { createAuthenticate } from '../../shared/http/authenticate.ts'
import type { App } from '../../shared/http/app.ts'
import { createApiKey, createId, hashApiKey } from '../../shared/id.ts'
import { createLogger } from '../../shared/logger.ts'
import { openVault } from '../../shared/secrets.ts'
import type { Scope, Source, Storage } from '../../shared/storage/storage.ts'
import { loadSchemes, loadSources } from './samples.ts'
import { dialects } from './storage.ts'

export type IngestApp = {
  app: App
  deps: RouteDeps
  storage: Storage
  /** What was handed to the relay, which is not there. */
  offered: AcceptedEvent[]
  /** Partial events that were given to the lookup worker, which is not there either. */
  lookedUp: string[]
  keyOf(organizationId: string, scope?: Scope): Promise<string>
  addSource(source: Partial<Source> & { name: string; adapter: string }, ...secrets: string[]): Promise<void>
  close(): Promise<void>
}

export const someNow = Date.parse('2026-04-15T09:00:00Z')

/** Ingest's app over a real database, at a time that stands still. */
export async function openIngestApp(
  env: Record<string, string> = {},
  changed: (storage: Storage) => Storage = (same) => same,
): Promise<IngestApp> {
  const opened = await (dialects[0] as (typeof dialects)[number]).open()
  const storage = changed(opened.storage)
  const vault = openVault(Buffer.alloc(32, 7))
  const clock = { now: () => someNow }
  const offered: AcceptedEvent[] = []
  const settings = ingestSettings.parse({
    redisUrl: 'redis://unused',
    databaseUrl: 'sqlite:unused',
    masterKey: Buffer.alloc(32).toString('base64'),
    ...env,
  })
  const [adapters, schemes] = await Promise.all([loadSources(), loadSchemes()])
  const lookedUp: string[] = []
  const lookups = { offer: (ids: string[]) => void lookedUp.push(...ids) }
  const relay = { plan: () => undefined, offer: (events: AcceptedEvent[]) => void offered.push(...events) }
  const authenticate = createAuthenticate(storage, clock)
  const log = createLogger('test', 'silent')

  const deps = { storage, relay, lookups, pressure: { check: () => {} }, adapters, schemes, vault, authenticate, settings, clock, log }

  return {
    app: createIngestApp(deps),
    deps,
    storage,
    offered,
    lookedUp,
    async keyOf(organizationId, scope = 'ingest') {
      const key = createApiKey()
      const row = {
        id: createId(),
        organizationId,
        label: 'test',
        scopes: [scope],
        createdAt: someNow,
        expiresAt: null,
        lastUsedAt: null,
        rateLimit: null,
      }
      await storage.keys.create(row, hashApiKey(key))
      return key
    },
    async addSource(source, ...secrets) {
      const id = createId()
      const sealed = secrets.map((secret) => vault.seal(secret, id))
      const defaults = {
        organizationId: 'org',
        scheme: adapters.get(source.adapter).scheme,
        schemeParams: {},
        settings: {},
        namedSecrets: [],
        lookup: null,
        collect: null,
      }
      await storage.sources.create({ ...defaults, ...source, id, secrets: sealed, createdAt: someNow, updatedAt: someNow })
    },
    close: opened.close,
  }
}
