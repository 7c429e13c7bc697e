import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { RequestIdVariables } from 'hono/request-id'
import type { Logger } from 'pino'
import type { ProblemDetails } from '../contracts/problem.ts'
import type { Metrics } from '../metrics.ts'
import { Problem, invalid, problemKinds, type ProblemCode } from '../problem.ts'
import type { ApiKey, Session } from '../storage/storage.ts'
import { countRequests } from './metrics.ts'
import { tell } from './tell.ts'

export type AppEnv = { Variables: RequestIdVariables & { key: ApiKey; session?: Session } }
export type App = OpenAPIHono<AppEnv>

/**
 * An app whose every refusal is `application/problem+json`. The one place where an error becomes a response: a
 * `Problem` is shown, anything else is logged once and answered with a 500 that says nothing.
 */
export function createApp(log: Logger, metrics?: Metrics): App {
  const app = new OpenAPIHono<AppEnv>({
    strict: false,
    defaultHook: (result) => {
      if (result.success) return
      const prefix = result.target === 'json' ? '' : result.target
      throw invalid(result.error.issues, prefix)
    },
  })
  if (metrics) app.use('*', countRequests(metrics))
  app.use('*', async function namesRequest(c, next) {
    const given = c.req.header('x-request-id')
    const id = given && given.length <= 255 && /^[\w\-=]+$/.test(given) ? given : crypto.randomUUID()
    c.set('requestId', id)
    tell(c, 'x-request-id', id)
    await next()
  })
  app.notFound((c) => problemResponse(new Problem('not_found', `nothing is at ${c.req.method} ${c.req.path}`), c.get('requestId')))
  app.onError((error, c) => problemResponse(asProblem(error, log, c.get('requestId')), c.get('requestId')))
  return app
}

function asProblem(error: Error, log: Logger, id: string): Problem {
  if (error instanceof Problem) return error
  // hono's own refusals (a body that is not JSON, a wrong content type) carry a status and a short text
  if (error instanceof HTTPException && error.status < 500) return new Problem(codeOf(error.status), error.message)
  if (wasCutOff(error)) return new Problem('malformed', 'the request ended before its body was whole')
  log.error({ err: error, requestId: id }, 'request failed')
  return new Problem('fault', 'the fault is logged under this request id')
}

/** The client went away, or dripped until its time was up: nobody is left to be answered, and it is no fault of ours. */
const wasCutOff = (error: Error & { code?: string }): boolean => error.code === 'ECONNRESET' && error.message === 'aborted'

const codeOf = (status: number): ProblemCode =>
  (Object.keys(problemKinds) as ProblemCode[]).find((code) => problemKinds[code].status === status) ?? 'malformed'

export function problemResponse(problem: Problem, id: string | undefined): Response {
  const body: ProblemDetails = {
    type: `/problems/${problem.code}`,
    title: problemKinds[problem.code].title,
    status: problem.status,
    detail: problem.message,
    ...(problem.errors && { errors: problem.errors }),
    ...(id && { request_id: id }),
  }
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'x-content-type-options': 'nosniff',
  }
  if (id) headers['x-request-id'] = id
  if (problem.retryAfterSeconds !== undefined) headers['retry-after'] = String(problem.retryAfterSeconds)
  if (problem.allow) headers.allow = problem.allow
  if (problem.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer'
  // at the end, not spread into the beginning: an object that starts as a copy costs ten times as much to add to
  Object.assign(headers, problem.headers)
  return new Response(JSON.stringify(body), { status: problem.status, headers })
}

/** Which requests an app has a route for: method (`ALL` for any) and a pattern of the path. */
export const routePatterns = (app: App): { method: string; pattern: RegExp }[] =>
  app.routes
    .filter(({ path }) => !path.includes('*'))
    .map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replace(/[.]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}/?$`) }))
