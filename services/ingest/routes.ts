import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { HttpBindings } from '@hono/node-server'
import { createApp, type App, type AppEnv } from '../../shared/http/app.ts'
import { presentedKey } from '../../shared/http/authenticate.ts'
import { limitBody } from '../../shared/http/limit-body.ts'
import { tell } from '../../shared/http/tell.ts'
import { mountMetrics } from '../../shared/http/metrics.ts'
import type { Accepted } from '../../shared/contracts/api/accept.ts'
import type { Metrics } from '../../shared/metrics.ts'
import { Problem } from '../../shared/problem.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Source } from '../../shared/storage/storage.ts'
import { accept } from './accept.ts'
import { addEntityRoutes, takeScan } from './entities.ts'
import { grantHandshake } from './handshake.ts'
import { identify, Refused, type Claim, type IdentifyDeps } from './identify.ts'
import { takeIn, type IntakeDeps } from './intake.ts'
import type { Refusals } from './refusals.ts'
import type { Answer, Limits, SourceAdapter, SourceRequest } from './source.ts'

export type RouteDeps = IntakeDeps &
  IdentifyDeps & {
    adapters: Registry<SourceAdapter>
    refusals?: Pick<Refusals, 'note' | 'noteClaimed'> | undefined
    metrics?: Metrics | undefined
    storage: IntakeDeps['storage'] & IdentifyDeps['storage']
  }

/** Events posted with an API key and without a registered source are of this one. */
const ownSource = 'api'

/**
 * Where a catalog's POST comes in. `POST /events` is for who has an API key and speaks native JSON or CloudEvents;
 * `POST /sources/{source}/events`, and the paths that some systems insist on, are for registered catalogs that sign
 * (or show a key) and speak their own words.
 */
export function createIngestApp(deps: RouteDeps): App {
  const app = createApp(deps.log, deps.metrics)
  const { settings } = deps
  const limits: Limits = { eventBytes: settings.eventMaxBytes, eventsPerRequest: settings.requestMaxEvents, depth: 64 }
  const limited = limitBody(settings.requestMaxBytes, '; send fewer events at a time')

  // Before the body is read: who has no key is not listened to.
  const withKey = createMiddleware<AppEnv>(async function authenticated(c, next) {
    const key = await deps.authenticate.key(apiKeyOf(c), 'ingest')
    c.set('key', key)
    // before there is an answer: adding to one that is made copies it
    for (const [name, value] of Object.entries(deps.authenticate.limits?.headers(key) ?? {})) tell(c, name, value)
    await next()
  })
  app.post('/events', withKey, limited, async (c) => {
    const { organizationId } = c.get('key')
    const request = await receive(c, deps)
    const drafts = adapterFor(request, deps).parse(request, limits)
    return c.json({ events: await accept({ organizationId, source: ownSource, drafts, headers: request.headers }, deps) }, 202)
  })

  const fromSource = (claimOf: (c: Context<AppEnv>) => Claim) => async (c: Context<AppEnv>) =>
    takeFrom(claimOf(c), await receive(c, deps), limits, deps)
  const named = fromSource((c) => ({ name: c.req.param('source') as string }))
  const notesTooLarge = createMiddleware<AppEnv>(async function notesWhatIsTooLarge(c, next) {
    await next()
    if (c.error instanceof Problem && c.error.code === 'too_large')
      deps.refusals?.noteClaimed(c.req.param('source') as string, c.error, Number(c.req.header('content-length') ?? 0))
  })
  app.post('/sources/:source/events', notesTooLarge, limited, named)
  for (const adapter of deps.adapters.all()) {
    const claimed = fromSource((c) => claimIn(c, adapter))
    for (const path of adapter.paths ?? []) app.post(path, limited, claimed)
  }

  const { metrics } = deps
  if (metrics) mountMetrics(app, () => metrics.text(), settings.metricsToken)
  addEntityRoutes(app, limited, (c) => receive(c, deps), limits, deps)

  app.options('/events', (c) => grantHandshake(c, settings.webhookOrigins))
  app.options('/sources/:source/events', (c) => grantHandshake(c, settings.webhookOrigins))
  for (const path of new Set(app.routes.filter(({ method }) => method === 'POST').map((route) => route.path))) {
    app.all(path, (c) => {
      throw new Problem('method_not_allowed', `${c.req.path} takes POST`, { allow: 'POST' })
    })
  }
  return app
}

async function takeFrom(claim: Claim, request: SourceRequest, limits: Limits, deps: RouteDeps): Promise<Response> {
  let adapter = 'adapter' in claim ? deps.adapters.get(claim.adapter) : undefined
  let source: Source | undefined
  try {
    source = await identify(claim, request, deps)
    if (!request.apiKey) deps.authenticate.limits?.takeOrganization(source.organizationId)
    adapter = deps.adapters.get(source.adapter)
    const greeting = adapter.handshake?.(request)
    if (greeting) return respond(greeting)
    const done = (await takeScan(source, adapter, request, limits, deps)) ?? (await takeEvents(source, adapter, request, limits, deps))
    return respond(adapter.answer?.accepted ?? { status: 202, body: done })
  } catch (error) {
    if (error instanceof Refused) source = error.source
    if (source) adapter = deps.adapters.get(source.adapter)
    if (source && error instanceof Problem) deps.refusals?.note(source, error, request.body.length)
    const answer = error instanceof Problem ? inItsWords(error, adapter) : undefined
    if (!answer) throw error
    deps.observe?.refused(error as Problem)
    return respond(answer, error as Problem)
  }
}

async function takeEvents(
  source: Source,
  adapter: SourceAdapter,
  request: SourceRequest,
  limits: Limits,
  deps: RouteDeps,
): Promise<Accepted> {
  const drafts = adapter.parse(request, limits, source.settings)
  return takeIn(source, adapter, drafts, request.headers, deps)
}

/** A refusal as the system expects it, where it expects anything. */
function inItsWords(problem: Problem, adapter: SourceAdapter | undefined): Answer | undefined {
  return adapter?.answer?.refused?.({
    code: problem.code,
    reason: problem.message,
    ...(problem instanceof Refused && { kind: problem.kind }),
  })
}

/** A path of one system may carry the name of a source, or a key (which is a key in the place of a password). */
function claimIn(c: Context<AppEnv>, adapter: SourceAdapter): Claim {
  const { token: _, ...names } = c.req.param() as Record<string, string>
  const [name] = Object.values(names)
  return name === undefined ? { adapter: adapter.name } : { name }
}

function respond({ status, headers, body }: Answer, problem?: Problem): Response {
  const seconds = problem?.retryAfterSeconds
  const more = { ...(seconds !== undefined && { 'retry-after': String(seconds) }), ...problem?.headers, ...headers }
  return typeof body === 'string'
    ? new Response(body, { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...more } })
    : new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...more } })
}

async function receive(c: Context<AppEnv>, { settings }: RouteDeps): Promise<SourceRequest> {
  const encoding = c.req.header('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', `content-encoding "${encoding}" is not taken; send the body as it is`)
  }
  const incoming = (c.env as Partial<HttpBindings> | undefined)?.incoming
  return {
    // as Node has read them: a `Headers` of them would cost more than all the rest of reading a request
    headers: (incoming?.headers as Record<string, string> | undefined) ?? c.req.header(),
    body: new Uint8Array(await c.req.arrayBuffer()),
    method: c.req.method,
    url: settings.publicUrl ? knownAs(settings.publicUrl, c.req.url) : c.req.url,
    apiKey: apiKeyOf(c),
    remoteAddress: incoming?.socket.remoteAddress,
  }
}

function knownAs(publicUrl: string, url: string): string {
  const { pathname, search } = new URL(url)
  return `${publicUrl.replace(/\/$/, '')}${pathname}${search}`
}

/** A header; a query parameter, which the CloudEvents web hook spec §3.2 has a target take too; or a part of the path. */
function apiKeyOf(c: Context<AppEnv>): string | undefined {
  const presented = presentedKey(c.req.header('authorization')) ?? c.req.query('access_token') ?? c.req.param('token')
  // Another system's own token in `Authorization` is no key of ours, and its request may be signed.
  return presented?.startsWith('tdk_') || c.req.path === '/events' ? presented : undefined
}

/** CloudEvents are told by their content type or their `ce-` headers (HTTP protocol binding §3), the rest is native. */
function adapterFor(request: SourceRequest, { adapters }: RouteDeps): SourceAdapter {
  const isCloudEvent =
    /^application\/cloudevents/i.test(request.headers['content-type'] ?? '') || request.headers['ce-specversion'] !== undefined
  return adapters.get(isCloudEvent ? 'cloudevents' : 'tidings')
}
