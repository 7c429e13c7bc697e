import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import { createMiddleware } from 'hono/factory'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import { isSafe, originOf } from '../../../shared/http/same-origin.ts'
import { Problem } from '../../../shared/problem.ts'
import type { StatusDeps } from '../deps.ts'

const path = '/queues'

/** Bull Board links a font of another origin: with this it is not asked for, and the page takes one of the system. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

/** Bull Board, which has no login of its own: behind an admin key, and only to look at unless the settings say otherwise. */
export function addQueueRoutes(app: App, authenticate: Authenticate, { queue, settings }: Pick<StatusDeps, 'queue' | 'settings'>): void {
  const board = new HonoAdapter(serveStatic)
  board.setBasePath(path)
  createBullBoard({
    queues: [new BullMQAdapter(queue.bull, { readOnlyMode: !settings.queuesWritable })],
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Tidings' } },
  })
  app.use(`${path}/*`, secured, authenticate('admin'), createProtection(settings.queuesWritable))
  app.route(path, board.registerPlugin())
}

const secured = createMiddleware<AppEnv>(async function asksBrowser(c, next) {
  await next()
  c.res.headers.set('content-security-policy', policy)
  // Makes a browser ask: the key is the password, whatever the user name.
  if (c.res.status === 401)
    c.res.headers.set('www-authenticate', 'Basic realm="Tidings queues, the password is an admin key", charset="UTF-8"')
})

/**
 * A browser sends the credentials of HTTP Basic with requests that other sites make, too, so that a change must come
 * from this page itself (Fetch Metadata; `Origin` where a browser does not send that).
 */
const createProtection = (writable: boolean) =>
  createMiddleware<AppEnv>(async function protectsQueues(c, next) {
    if (isSafe(c.req.method)) return next()
    if (!writable) throw new Problem('method_not_allowed', 'the queues are only to look at; QUEUES_WRITABLE=true lets them be changed')
    if (originOf(c) === 'foreign') throw new Problem('forbidden', 'the queues can be changed from their own page only')
    return next()
  })
