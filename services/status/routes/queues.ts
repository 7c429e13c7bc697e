import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import { createMiddleware } from 'hono/factory'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import { asksBrowser } from '../../../shared/http/ask-browser.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import { isSafe, originOf } from '../../../shared/http/same-origin.ts'
import { Problem } from '../../../shared/problem.ts'
import type { StatusDeps } from '../deps.ts'
import { append } from './audited.ts'

type Deps = Pick<StatusDeps, 'shards' | 'settings' | 'storage' | 'clock' | 'log'>

const path = '/queues'

/** Bull Board links a font of another origin: with this it is not asked for, and the page takes one of the system. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

/** Bull Board, which has no login of its own: behind an admin key, and only to look at unless the settings say otherwise. */
export function addQueueRoutes(app: App, authenticate: Authenticate, deps: Deps): void {
  const { shards, settings } = deps
  const board = new HonoAdapter(serveStatic)
  board.setBasePath(path)
  createBullBoard({
    queues: shards.all.map(
      ({ queue }, i) => new BullMQAdapter(queue.bull, { readOnlyMode: !settings.queuesWritable, prefix: i === 0 ? '' : `${i}-` }),
    ),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Tidings' } },
  })
  app.use(`${path}/*`, secured, asksBrowser('Tidings queues, the password is an admin key'), authenticate('admin'), createProtection(deps))
  app.route(path, board.registerPlugin())
}

const secured = createMiddleware<AppEnv>(async function setsPolicy(c, next) {
  await next()
  c.res.headers.set('content-security-policy', policy)
})

/**
 * A browser sends the credentials of HTTP Basic with requests that other sites make, too, so that a change must come
 * from this page itself (Fetch Metadata; `Origin` where a browser does not send that).
 */
const createProtection = (deps: Deps) =>
  createMiddleware<AppEnv>(async function protectsQueues(c, next) {
    if (isSafe(c.req.method)) return next()
    if (!deps.settings.queuesWritable)
      throw new Problem('method_not_allowed', 'the queues are only to look at; QUEUES_WRITABLE=true lets them be changed')
    if (originOf(c) === 'foreign') throw new Problem('forbidden', 'the queues can be changed from their own page only')
    await next()
    if (c.res.status >= 400) return
    const target = { targetType: 'queues', targetId: c.req.path.slice(path.length + 1) }
    await append(c, deps, c.get('key'), { action: `${c.req.method} /queues`, ...target, before: null, after: null })
  })
