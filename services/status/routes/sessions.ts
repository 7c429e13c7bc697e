import { createRoute } from '@hono/zod-openapi'
import { Session, SignInInput, SignInLink } from '../../../shared/contracts/api/session.ts'
import type { App } from '../../../shared/http/app.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import { originOf } from '../../../shared/http/same-origin.ts'
import { forgetSession, requirePrivacy, writeSession } from '../../../shared/http/session-cookie.ts'
import { Problem } from '../../../shared/problem.ts'
import type { StatusDeps } from '../deps.ts'
import { createLink, openLink, openSession, sessionOf } from '../sessions.ts'
import { iso } from '../shape.ts'
import { badBody, body, json, needs, open, refusals, type Guard } from './route.ts'

const tags = ['Sessions']

const create = createRoute({
  method: 'post',
  path: '/session',
  tags,
  ...open,
  summary: 'Sign in',
  description:
    'Answers with a cookie that stands for the key in this browser: HttpOnly, `SameSite=Strict`, ended 12 hours after its last use. Over plain HTTP on this machine alone.',
  request: body(SignInInput),
  responses: { 201: json(Session, 'Signed in.'), ...refusals(...badBody) },
})
const get = createRoute({
  method: 'get',
  path: '/session',
  tags,
  ...needs('read'),
  summary: 'Who am I',
  responses: { 200: json(Session, 'The key, its scopes and its organization.'), ...refusals() },
})
const remove = createRoute({
  method: 'delete',
  path: '/session',
  tags,
  ...needs('read'),
  summary: 'Sign out',
  responses: { 204: { description: 'Signed out.' }, ...refusals() },
})
const link = createRoute({
  method: 'post',
  path: '/session/links',
  tags,
  ...needs('read'),
  summary: 'Make a link that signs in once',
  description: 'With the key that asks, within ten minutes.',
  responses: { 201: json(SignInLink, 'Made.'), ...refusals() },
})

/** Signing in and out. The cookie is the browser's; nothing that a page can read ever holds it. */
export function addSessionRoutes(app: App, guard: Guard, authenticate: Authenticate, deps: StatusDeps): void {
  const { publicUrl } = deps.settings

  app.openapi(guard(create), async (c) => {
    // or another site could sign a browser in with a key of its own
    if (originOf(c) === 'foreign') throw new Problem('forbidden', 'sign in from a page of this very address')
    requirePrivacy(c, publicUrl)
    const key = await authenticate.key(c.req.valid('json').key, 'read')
    c.set('key', key)
    const { text, session } = await openSession(key, deps)
    writeSession(c, publicUrl, text)
    return c.json(sessionOf(key, session), 201)
  })
  app.openapi(guard(get), (c) => c.json(sessionOf(c.get('key'), c.get('session')), 200))
  app.openapi(guard(remove), async (c) => {
    const session = c.get('session')
    if (session) {
      await deps.storage.sessions.remove(session.id)
      authenticate.forget(session.id)
    }
    forgetSession(c, publicUrl)
    return c.body(null, 204)
  })
  app.openapi(guard(link), async (c) => {
    const { path, expiresAt } = await createLink(c.get('key'), deps)
    return c.json({ path, expires_at: iso(expiresAt) }, 201)
  })

  app.get('/login', async (c) => {
    const token = c.req.query('token')
    if (!token) return c.redirect('/', 303)
    requirePrivacy(c, publicUrl)
    // a browser that only looks ahead must not use the link up
    const opened = /prefetch|preview/.test(c.req.header('sec-purpose') ?? '') ? undefined : await openLink(token, deps)
    c.header('content-security-policy', "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    c.header('referrer-policy', 'no-referrer')
    if (!opened) return c.html(usedUp, 401)
    writeSession(c, publicUrl, opened.text)
    return c.redirect('/', 303)
  })
}

const usedUp = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tidings</title></head>
<body><h1>This link no longer signs in</h1>
<p>Such a link works once, within ten minutes. <a href="/">Sign in with an API key</a>, or start Tidings again: it shows a new link.</p></body>
</html>
`
