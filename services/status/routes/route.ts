import type { z } from 'zod'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { ProblemDetails } from '../../../shared/contracts/problem.ts'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import { requireContentType } from '../../../shared/http/content-type.ts'
import { parseJson } from '../../../shared/http/json.ts'
import { Problem } from '../../../shared/problem.ts'
import type { Scope } from '../../../shared/storage/storage.ts'
import { isChange, type createAudited } from './audited.ts'

/** Far above any registration or filter, far below what would trouble memory. */
const maxBodyBytes = 1024 * 1024
export const jsonType = 'application/json'
export const mergePatchType = 'application/merge-patch+json'
export const jsonPatchType = 'application/json-patch+json'

/** Who may call a route. It is part of the route's definition, so that the reference and the check cannot differ. */
export const needs = (scope: Scope) => ({ security: [{ apiKey: [scope] }] })
/** For who has not come in yet. */
export const open = { security: [] }

export const json = <T extends z.ZodType>(schema: T, description: string) =>
  ({ description, content: { [jsonType]: { schema } } }) as { description: string; content: { 'application/json': { schema: T } } }

export const body = <T extends z.ZodType>(schema: T) =>
  ({ body: { required: true, content: { [jsonType]: { schema } } } }) as {
    body: { required: true; content: { 'application/json': { schema: T } } }
  }

const meanings = {
  400: 'Not JSON, or nested too deep.',
  401: 'No API key, or one that is unknown, expired or removed.',
  403: 'The key lacks the scope.',
  404: 'Not there, or of another organization.',
  409: 'In conflict with what is stored; `detail` says with what.',
  413: 'The body is larger than 1 MiB.',
  415: 'The content type is not JSON.',
  422: 'Values that are not allowed; `errors` names each field.',
} as const
type Refused = keyof typeof meanings
const ProblemBody = ProblemDetails.meta({ id: 'Problem' })
type ProblemResponse = { description: string; content: { 'application/problem+json': { schema: typeof ProblemBody } } }

/** What a route may refuse with, beside a missing key or scope, which all may. */
export const refusals = <S extends Refused>(...statuses: S[]): Record<S | 401 | 403, ProblemResponse> =>
  Object.fromEntries(
    [401, 403, ...statuses].map((status) => [
      status,
      { description: meanings[status as Refused], content: { 'application/problem+json': { schema: ProblemBody } } },
    ]),
  ) as Record<S | 401 | 403, ProblemResponse>

export const badBody = [400, 413, 415, 422] as const

type GuardedRoute = {
  method: string
  path: string
  security: { apiKey: Scope[] }[]
  request?: { params?: unknown; query?: unknown; body?: { required?: boolean; content: Record<string, unknown> } }
  getRoutingPath(): string
}
export type Guard = <R extends GuardedRoute>(route: R) => R

/** `app.openapi(guard(route), …)`: the key, then the size and form of the body, are looked at before anything else, and a change is written down. */
export function createGuard(app: App, authenticate: Authenticate, audited: ReturnType<typeof createAudited>): Guard {
  const limited = bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw new Problem('too_large', `a request body may have ${maxBodyBytes} bytes`)
    },
  })
  return (route) => {
    const scope = route.security[0]?.apiKey[0]
    if (!scope && route.security.length > 0) throw new Error(`${route.method} ${route.getRoutingPath()} does not say which scope it needs`)
    const wanted = route.request?.body
    const described = { method: route.method, path: route.path, scope }
    const handlers = [
      ...(scope ? [authenticate(scope)] : []),
      ...(wanted ? [limited, readsJson(Object.keys(wanted.content), wanted.required ?? false)] : []),
      ...(isChange(described) ? [audited(described)] : []),
    ]
    if (handlers.length > 0) app.on([route.method.toUpperCase()], [route.getRoutingPath()], ...handlers)
    return route
  }
}

const readsJson = (types: string[], required: boolean) =>
  createMiddleware<AppEnv>(async function readsJsonBody(c, next) {
    const bytes = new Uint8Array(await c.req.arrayBuffer())
    const contentType = c.req.header('content-type')
    if (bytes.length > 0 || contentType !== undefined || required) {
      requireContentType(contentType, ...(types as [string, ...string[]]))
      parseJson(bytes)
    }
    await next()
  })
