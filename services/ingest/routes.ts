import { bodyLimit } from 'hono/body-limit'
import type { Context } from 'hono'
import type { Clock } from '../../shared/clock.ts'
import { createApp, type App, type AppEnv } from '../../shared/http/app.ts'
import type { Authenticate } from '../../shared/http/authenticate.ts'
import type { Logger } from '../../shared/logger.ts'
import { Problem } from '../../shared/problem.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Source, Storage } from '../../shared/storage/storage.ts'
import { accept, type AcceptDeps } from './accept.ts'
import type { IngestSettings } from './settings.ts'
import type { Limits, ReceivedRequest, SourceAdapter } from './source.ts'

export type RouteDeps = AcceptDeps & {
  storage: Pick<Storage, 'events' | 'sources'>
  adapters: Registry<SourceAdapter>
  schemes: Registry<Scheme>
  vault: Vault
  authenticate: Authenticate
  settings: IngestSettings
  clock: Clock
  log: Logger
}

/** Events posted with an API key and without a registered source are of this one. */
const ownSource = 'api'

/**
 * Where a catalog's POST comes in. Two doors: `POST /events` for who has an API key, and
 * `POST /sources/{source}/events` for a registered catalog that signs (or shows a key) and speaks its own words.
 */
export function createIngestApp(deps: RouteDeps): App {
  const app = createApp(deps.log)
  const { settings } = deps
  const limits: Limits = { eventBytes: settings.eventMaxBytes, eventsPerRequest: settings.requestMaxEvents, depth: 64 }
  const limited = bodyLimit({
    maxSize: settings.requestMaxBytes,
    onError: () => {
      throw new Problem('too_large', `a request may have ${settings.requestMaxBytes} bytes; send fewer events at a time`)
    },
  })

  app.post('/events', deps.authenticate('ingest'), limited, async (c) => {
    const request = await receive(c)
    const drafts = adapterFor(request, deps).parse(request, limits)
    const events = await accept({ organizationId: c.get('key').organizationId, source: ownSource, drafts, headers: request.headers }, deps)
    return c.json({ events }, 202)
  })

  app.post('/sources/:source/events', limited, async (c) => {
    const source = await locate(c, deps)
    const request = await receive(c)
    verify(source, request, deps)
    const adapter = deps.adapters.get(source.adapter)
    const { organizationId, name } = source
    const { identity, answer } = adapter
    const events = await accept(
      { organizationId, source: name, drafts: adapter.parse(request, limits), headers: request.headers, ...(identity && { identity }) },
      deps,
    )
    return answer ? c.json(answer.accepted.body as object, answer.accepted.status as 200) : c.json({ events }, 202)
  })

  for (const path of ['/events', '/sources/:source/events']) {
    app.all(path, (c) => {
      throw new Problem('method_not_allowed', `${c.req.path} takes POST`, { allow: 'POST' })
    })
  }
  return app
}

async function receive(c: Context<AppEnv>): Promise<ReceivedRequest> {
  const encoding = c.req.header('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', `content-encoding "${encoding}" is not taken; send the body as it is`)
  }
  return { headers: c.req.header(), body: new Uint8Array(await c.req.arrayBuffer()) }
}

/** CloudEvents are told by their content type or their `ce-` headers (HTTP protocol binding §3), the rest is native. */
function adapterFor(request: ReceivedRequest, { adapters }: RouteDeps): SourceAdapter {
  const isCloudEvent =
    /^application\/cloudevents/i.test(request.headers['content-type'] ?? '') || request.headers['ce-specversion'] !== undefined
  return adapters.get(isCloudEvent ? 'cloudevents' : 'tidings')
}

/** With a key, the name means one of the key's organization; with a signature alone, the source says whose it is. */
async function locate(c: Context<AppEnv, '/sources/:source/events'>, deps: RouteDeps): Promise<Source> {
  const name = c.req.param('source')
  if (!c.req.header('authorization')) {
    const source = await deps.storage.sources.locate(name)
    if (source?.scheme) return source
    throw new Problem('unauthenticated', 'send an API key, or sign the request with the scheme of a registered source')
  }
  await deps.authenticate('ingest')(c, async () => {})
  const { organizationId } = c.get('key')
  const source = await deps.storage.sources.find(organizationId, name)
  if (!source) throw new Problem('not_found', `there is no source "${name}"`)
  return source
}

/** Over the raw bytes, before anything is parsed. */
function verify(source: Source, { headers, body }: ReceivedRequest, deps: RouteDeps): void {
  if (!source.scheme) return
  const secrets = source.secrets.map((sealed) => deps.vault.open(sealed, source.id))
  const toleranceSeconds = deps.settings.signatureToleranceSeconds
  const verdict = deps.schemes.get(source.scheme).verify({ headers, body, secrets, now: deps.clock.now(), toleranceSeconds })
  if (verdict.valid) return
  deps.log.warn({ source: source.name, reason: verdict.reason }, 'signature refused')
  throw new Problem('bad_signature', verdict.reason)
}
