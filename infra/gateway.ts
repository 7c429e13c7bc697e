import { createApp, routePatterns } from '../shared/http/app.ts'
import { mountHealth } from '../shared/http/health.ts'
import type { Logger } from '../shared/logger.ts'
import type { Service } from '../shared/service.ts'
import type { Fetch } from './front.ts'

type Parts = { ingest: Service; status: Service; dispatchers: () => Record<string, string> }

/** One port for two services that know nothing of each other: who posts events is sent to ingest, all else to status. */
export function createGateway({ ingest, status, dispatchers }: Parts, log: Logger): Fetch {
  const health = createApp(log)
  mountHealth(health, async () => ({
    ...named('ingest', await ingest.ready()),
    ...named('status', await status.ready()),
    ...dispatchers(),
  }))
  // Where both have a path, it is ingest's only for the methods that it has a route of its own for.
  const [posts, statusRoutes] = [routePatterns(ingest.app), routePatterns(status.app)]
  const isForIngest = (method: string, path: string) =>
    posts.some((route) => route.method === method && route.pattern.test(path)) ||
    (posts.some((route) => route.pattern.test(path)) && !statusRoutes.some((route) => route.pattern.test(path)))

  return (request, bindings) => {
    const path = new URL(request.url).pathname.replace(/(.)\/$/, '$1')
    if (path === '/healthz' || path === '/readyz') return health.fetch(request, bindings)
    return (isForIngest(request.method, path) ? ingest : status).app.fetch(request, bindings)
  }
}

const named = (name: string, dependencies: Record<string, string>) =>
  Object.fromEntries(Object.entries(dependencies).map(([dependency, state]) => [`${name}.${dependency}`, state]))
