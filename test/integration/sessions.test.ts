import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAdminLink } from '../../services/status/sessions.ts'
import type { Session, SignInLink } from '../../shared/contracts/api/session.ts'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import { anId, someTime } from '../support/builders.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'
import type { z } from 'zod'

const hours = 3_600_000
const here = { 'sec-fetch-site': 'same-origin' }
const secure = { 'x-forwarded-proto': 'https' }

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const call = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown, app = status) =>
  app.call<Session>(method, path, body, { key: null, headers })
const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie') ?? ''
/** As a browser gives it back. */
const held = (answer: { headers: Headers }) => ({ cookie: cookieOf(answer).split(';')[0] as string })
const signIn = async (scope: 'read' | 'write' | 'admin' = 'admin', headers: Record<string, string> = {}) =>
  held(await call('POST', '/session', headers, { key: await status.makeKey([scope]) }))
const linkFor = async (key: string) =>
  (await status.call<z.infer<typeof SignInLink>>('POST', '/session/links', undefined, { key })).body.path

describe('signing in', () => {
  it('gives a cookie that no script and no other site can use', async () => {
    const answer = await call('POST', '/session', here, { key: await status.makeKey(['write']) })

    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ organization: 'org', key: { label: 'write', scopes: ['write'] } })
    expect(cookieOf(answer)).toMatch(/^tidings-session=tds_[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(answer.text).not.toContain('tds_')
  })

  it('binds the cookie to TLS and to this host where there is TLS', async () => {
    const answer = await call('POST', '/session', { ...here, ...secure }, { key: await status.makeKey(['read']) })

    expect(cookieOf(answer)).toMatch(/^__Host-tidings-session=tds_[\w-]{43}; .*HttpOnly; Secure; SameSite=Strict$/)
    expect((await call('GET', '/session', { ...held(answer), ...secure })).status).toBe(200)
    // over plain HTTP nobody can be trusted to have set it
    expect((await call('GET', '/session', held(answer))).status).toBe(401)
  })

  it('stores nothing that opens anything', async () => {
    const { cookie } = await signIn()
    const text = cookie.split('=')[1] as string

    expect(await status.storage.sessions.find(text, status.clock.now())).toBeUndefined()
    expect(await status.storage.sessions.find(hashApiKey(text), status.clock.now())).toBeDefined()
  })

  it.each([
    ['an unknown key', { key: 'tdk_guessed' }, {}, 401],
    ['no key', {}, {}, 422],
    ['a page of another site', { key: 'tdk_guessed' }, { 'sec-fetch-site': 'cross-site' }, 403],
    ['a form', 'key=tdk_guessed', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])('is refused with %s', async (_, body, headers, code) => {
    const answer = await call('POST', '/session', headers as Record<string, string>, body)

    expect(answer.status).toBe(code)
    expect(cookieOf(answer)).toBe('')
  })

  it('is refused to a key that can only post events', async () => {
    expect((await call('POST', '/session', here, { key: await status.makeKey(['ingest']) })).status).toBe(403)
  })

  it('is refused where the cookie would travel in clear', async () => {
    const body = { key: await status.makeKey(['read']) }
    const answer = await call('POST', 'http://tidings.example:8400/session', here, body)

    expect(answer.status).toBe(403)
    expect(answer.text).toContain('PUBLIC_URL')
    for (const host of ['127.0.0.1:8400', 'localhost', '[::1]:8400'])
      expect((await call('POST', `http://${host}/session`, here, body)).status).toBe(201)
  })
})

describe('a browser that is signed in', () => {
  it('may what its key may', async () => {
    const reader = await signIn('read')

    expect((await call('GET', '/session', reader)).body).toMatchObject({ organization: 'org', key: { scopes: ['read'] } })
    expect((await call('GET', '/webhooks', reader)).status).toBe(200)
    expect((await call('POST', '/webhooks', { ...reader, ...here }, { url: 'https://example.com/' })).status).toBe(403)
  })

  it('changes something only from a page of ours', async () => {
    const browser = await signIn('write')
    const create = (headers: Record<string, string>) =>
      call('POST', '/webhooks', { ...browser, ...headers }, { url: 'https://example.com/' })

    const foreigners: Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example', host: 'localhost' },
      { origin: 'null', host: 'localhost' },
      { 'sec-fetch-site': 'cross-site', origin: 'http://localhost', host: 'localhost' },
    ]
    for (const headers of foreigners) expect((await create(headers)).status, JSON.stringify(headers)).toBe(403)
    expect((await create(here)).status).toBe(201)
    expect((await create({ origin: 'http://localhost', host: 'localhost' })).status).toBe(201)
  })

  it('stays signed in while it is used, and no longer', async () => {
    const app = await openStatusApp()
    const browser = held(await call('POST', '/session', here, { key: await app.makeKey(['read']) }, app))
    const visit = () => call('GET', '/session', browser, undefined, app)

    expect(cookieOf(await visit())).toBe('')
    app.clock.forward(11 * hours)
    expect(cookieOf(await visit())).toContain(browser.cookie)
    app.clock.forward(11 * hours)
    expect((await visit()).status).toBe(200)
    app.clock.forward(12 * hours + 1)
    expect((await visit()).status).toBe(401)
    await app.close()
  })

  it('is signed out at once, and with its key', async () => {
    const browser = await signIn()
    const answer = await call('DELETE', '/session', { ...browser, ...here })

    expect(answer.status).toBe(204)
    expect(cookieOf(answer)).toMatch(/^tidings-session=; Max-Age=0/)
    expect((await call('GET', '/session', browser)).status).toBe(401)

    const text = createApiKey()
    const key = {
      id: anId(),
      organizationId: 'org',
      label: 'short',
      scopes: ['read' as const],
      createdAt: someTime,
      expiresAt: null,
      lastUsedAt: null,
      rateLimit: null,
    }
    await status.storage.keys.create(key, hashApiKey(text))
    const other = held(await call('POST', '/session', here, { key: text }))
    await status.storage.keys.remove('org', key.id, someTime)
    expect((await call('GET', '/session', other)).status).toBe(401)
  })
})

describe('a link', () => {
  it('signs in once', async () => {
    const path = await linkFor(await status.makeKey(['write']))

    const first = await call('GET', path)
    const second = await call('GET', path)

    expect(first.status).toBe(303)
    expect(first.headers.get('location')).toBe('/')
    expect((await call('GET', '/session', held(first))).body).toMatchObject({ key: { scopes: ['write'] } })
    expect([second.status, cookieOf(second)]).toEqual([401, ''])
    expect(second.text).toContain('no longer signs in')
  })

  it('is worth nothing after ten minutes, nor as a session', async () => {
    const app = await openStatusApp()
    const path = await createAdminLink('org', app.deps)
    const token = (path as string).split('=')[1]

    expect((await call('GET', '/session', { cookie: `tidings-session=${token}` }, undefined, app)).status).toBe(401)
    app.clock.forward(600_000)
    expect((await call('GET', path as string, {}, undefined, app)).status).toBe(401)
    await app.close()
  })

  it('is not used up by a browser that only looks ahead', async () => {
    const path = await linkFor(await status.makeKey(['read']))

    expect((await call('GET', path, { 'sec-purpose': 'prefetch' })).status).toBe(401)
    expect((await call('GET', path)).status).toBe(303)
  })

  it.each(['/login?token=guessed', `/login?token=${'x'.repeat(5000)}`, '/login?token=%00'])(
    'that was never made opens nothing: %s',
    async (path) => {
      expect((await call('GET', path)).status).toBe(401)
    },
  )
})
