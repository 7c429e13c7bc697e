import { createMiddleware } from 'hono/factory'
import { createApp, problemResponse, routePatterns, type App, type AppEnv } from '../../shared/http/app.ts'
import { createAuthenticate } from '../../shared/http/authenticate.ts'
import { mountHealth } from '../../shared/http/health.ts'
import { mountMetrics } from '../../shared/http/metrics.ts'
import { Problem } from '../../shared/problem.ts'
import type { StatusDeps } from './deps.ts'
import { invalidIn } from './refuse.ts'
import { addAsyncApiRoutes } from './routes/asyncapi.ts'
import { addAuditRoutes } from './routes/audit.ts'
import { createAudited } from './routes/audited.ts'
import { addAcceptReference } from './routes/accept-reference.ts'
import { addConsoleRoutes } from './routes/console.ts'
import { addDeliveryRoutes } from './routes/deliveries.ts'
import { addDirectoryRoutes } from './routes/directory.ts'
import { addDocsRoutes } from './routes/docs.ts'
import { addEventRoutes } from './routes/events.ts'
import { addEventTypeRoutes } from './routes/event-types.ts'
import { addKeyRoutes } from './routes/keys.ts'
import { addLedgerRoutes } from './routes/ledger.ts'
import { addOpenMetadataRoutes } from './routes/openmetadata.ts'
import { addPartialRoutes } from './routes/partials.ts'
import { addPreviewRoutes } from './routes/preview.ts'
import { addQueueRoutes } from './routes/queues.ts'
import { addRedeliveryRoutes } from './routes/redeliveries.ts'
import { addReplayRoutes } from './routes/replays.ts'
import { createGuard } from './routes/route.ts'
import { addSessionRoutes } from './routes/sessions.ts'
import { addSourceRoutes } from './routes/sources.ts'
import { addStatsRoutes } from './routes/stats.ts'
import { addSubscriptionRoutes } from './routes/subscriptions.ts'
import { addWebhookRoutes } from './routes/webhooks.ts'

/** What people and programs steer Tidings by: registry, delivery log, reference, queues. */
export function createStatusApp(deps: StatusDeps): App {
  const { metrics } = deps
  const app = createApp(deps.log, metrics)
  app.defaultHook = (result) => {
    if (!result.success) throw invalidIn(result.error.issues, result.target === 'json' ? '' : result.target)
  }
  app.use('*', headers)
  const authenticate = createAuthenticate(deps.storage, deps.clock, { publicUrl: deps.settings.publicUrl, limits: deps.limits })
  const guard = createGuard(app, authenticate, createAudited(app, deps))

  mountHealth(app, deps.ready)
  if (metrics) mountMetrics(app, () => metrics.text(), deps.settings.metricsToken)
  addStatsRoutes(app, guard, deps)
  addPreviewRoutes(app, guard, deps)
  addWebhookRoutes(app, guard, deps)
  addSubscriptionRoutes(app, guard, deps)
  addDeliveryRoutes(app, guard, deps)
  addRedeliveryRoutes(app, guard, deps)
  addReplayRoutes(app, guard, deps)
  addAcceptReference(app)
  addEventRoutes(app, guard, deps)
  addLedgerRoutes(app, guard, deps)
  addSourceRoutes(app, guard, deps)
  addPartialRoutes(app, guard, deps)
  addEventTypeRoutes(app, guard, deps)
  addKeyRoutes(app, guard, deps)
  addAuditRoutes(app, guard, deps)
  addSessionRoutes(app, guard, authenticate, deps)
  addOpenMetadataRoutes(app, guard, deps)
  addDirectoryRoutes(app, guard, deps)
  addDocsRoutes(app, authenticate, deps)
  addAsyncApiRoutes(app, authenticate, deps)
  addQueueRoutes(app, authenticate, deps)
  addConsoleRoutes(app)
  refuseWrongMethods(app)
  return app
}

const noPage = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Answers may hold secrets that are shown once, and texts that came from receivers. */
const headers = createMiddleware<AppEnv>(async function setsHeaders(c, next) {
  await next()
  c.res.headers.set('x-content-type-options', 'nosniff')
  // what is no page of ours is no page at all
  if (!c.res.headers.has('content-security-policy')) c.res.headers.set('content-security-policy', noPage)
  if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
})

/** A path that is there is answered with what it takes (RFC 9110 §15.5.6). */
function refuseWrongMethods(app: App): void {
  const known = routePatterns(app).filter(({ method }) => method !== 'ALL')

  app.notFound((c) => {
    const allowed = new Set(known.filter(({ pattern }) => pattern.test(c.req.path)).map(({ method }) => method))
    if (allowed.size === 0)
      return problemResponse(new Problem('not_found', `nothing is at ${c.req.method} ${c.req.path}`), c.get('requestId'))
    const allow = [...allowed].sort().join(', ')
    return problemResponse(new Problem('method_not_allowed', `${c.req.path} takes ${allow}`, { allow }), c.get('requestId'))
  })
}
