import { createHash, timingSafeEqual } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { metricsType, type Metrics } from '../metrics.ts'
import { Problem, problemKinds } from '../problem.ts'
import type { App, AppEnv } from './app.ts'
import { presentedKey } from './authenticate.ts'

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function refusalCounter(metrics: Metrics) {
  const refusals = metrics.counter('tidings_refusals_total', 'Requests that were refused, by the code of their problem.', ['reason'])
  for (const code of Object.keys(problemKinds)) refusals(code)
  return refusals
}

/** Counts requests by the pattern of their route: a path itself may hold an id, and there is no end of those. */
export function countRequests(metrics: Metrics) {
  const requests = metrics.counter('tidings_http_requests_total', 'Requests answered.', ['method', 'route', 'status'])
  const seconds = metrics.histogram('tidings_http_request_seconds', 'Until a request was answered.', buckets, ['method', 'route'])
  const refusals = refusalCounter(metrics)
  return createMiddleware<AppEnv>(async function countsRequests(c, next) {
    const startedAt = performance.now()
    await next()
    const pattern = routePath(c, -1)
    const route = pattern === '/*' || pattern === '*' ? 'none' : pattern
    requests(c.req.method, route, String(c.res.status)).add()
    seconds(c.req.method, route).observe((performance.now() - startedAt) / 1_000)
    if (c.error instanceof Problem) refusals(c.error.code).add()
    else if (c.res.status === problemKinds.fault.status) refusals('fault').add()
  })
}

/** `/metrics`, for who has the token; where none is set, for this machine. */
export function mountMetrics(app: App, text: () => Promise<string>, token: string | undefined): void {
  app.get('/metrics', async (c) => {
    admit(c, token)
    return c.body(await text(), 200, { 'content-type': metricsType, 'cache-control': 'no-store' })
  })
}

function admit(c: Context<AppEnv>, token: string | undefined): void {
  if (token === undefined) {
    if (isFromHere(c)) return
    throw new Problem('forbidden', 'without METRICS_TOKEN metrics are shown to this machine alone; set it, and show it as a Bearer token')
  }
  if (!isSame(presentedKey(c.req.header('authorization')) ?? '', token))
    throw new Problem('unauthenticated', 'metrics are shown to who has the METRICS_TOKEN of this process: Authorization: Bearer …')
}

const digest = (text: string) => createHash('sha256').update(text).digest()
/** Takes as long whatever is wrong with it. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/** What a proxy on this machine hands on comes from elsewhere, and says so. */
function isFromHere(c: Context<AppEnv>): boolean {
  if (['forwarded', 'x-forwarded-for', 'via'].some((name) => c.req.header(name) !== undefined)) return false
  const address = (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? ''
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
