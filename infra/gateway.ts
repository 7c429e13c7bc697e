import { createApp, routePatterns } from '../shared/http/app.ts'
import { mountHealth } from '../shared/http/health.ts'
import { mountMetrics } from '../shared/http/metrics.ts'
import type { Logger } from '../shared/logger.ts'
import { createMetrics, joinMetrics } from '../shared/metrics.ts'
import type { Service } from '../shared/service.ts'
import type { Dispatchers } from './dispatchers.ts'
import type { Fetch } from './front.ts'

type Parts = { ingest: Service; status: Service; dispatchers: Pick<Dispatchers, 'states' | 'metrics'>; metricsToken: string | undefined }

/** The name of this process, as its metrics have it. */
const gateway = 'gateway'

/** One port for two services that know nothing of each other: who posts events is sent to ingest, all else to status. */
export function createGateway({ ingest, status, dispatchers, metricsToken }: Parts, log: Logger): Fetch {
  const own = createApp(log)
  mountHealth(own, async () => ({
    ...named('ingest', await ingest.ready()),
    ...named('status', await status.ready()),
    ...dispatchers.states(),
  }))
  const metrics = createMetrics(gateway)
  metrics.watchProcess()
  const ours = [metrics, ingest.metrics, status.metrics]
  const allMetrics = () => Promise.all([...ours.map((one) => one.text(gateway)), dispatchers.metrics()])
  mountMetrics(own, async () => joinMetrics((await allMetrics()).flat()), metricsToken)
  // Where both have a path, it is ingest's only for the methods that it has a route of its own for.
  const [posts, statusRoutes] = [routePatterns(ingest.app), routePatterns(status.app)]
  const isForIngest = (method: string, path: string) =>
    posts.some((route) => route.method === method && route.pattern.test(path)) ||
    (posts.some((route) => route.pattern.test(path)) && !statusRoutes.some((route) => route.pattern.test(path)))

  return (request, bindings) => {
    const path = new URL(request.url).pathname.replace(/(.)\/$/, '$1')
    if (['/healthz', '/readyz', '/metrics'].includes(path)) return own.fetch(request, bindings)
    return (isForIngest(request.method, path) ? ingest : status).app.fetch(request, bindings)
  }
}

const named = (name: string, dependencies: Record<string, string>) =>
  Object.fromEntries(Object.entries(dependencies).map(([dependency, state]) => [`${name}.${dependency}`, state]))
