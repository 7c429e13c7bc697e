import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import type { Scope } from '../../shared/storage/storage.ts'
import { anId, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { openStatusApp, type Answer, type StatusApp } from '../support/status-app.ts'

/** Every route of the reference, tried by everybody who must not get in; a new route is tried without a word here. */
type Operation = { method: string; path: string; template: string; scope: Scope | 'none' }
type Document = { paths: Record<string, Record<string, { security?: { apiKey?: Scope[] }[] }>> }

const marker = 'of-the-owner-7f3a'
let status: StatusApp
let operations: Operation[]
let guarded: Operation[]
const ids: Record<string, string> = {}

beforeAll(async () => {
  status = await openStatusApp()
  const make = async (path: string, body: unknown) => (await status.call<{ id: string }>('POST', path, body)).body.id
  ids.webhooks = await make('/webhooks', { url: `https://example.com/${marker}`, label: marker, headers: { 'x-own': marker } })
  ids.subscriptions = await make(`/webhooks/${ids.webhooks}/subscriptions`, { event_type: '*', filters: { domains: [marker] } })
  await make('/sources', { name: marker, adapter: 'cloudevents' })
  await status.call('PUT', '/event-types/of.owner', { description: marker })
  await status.call('PUT', `/directory/users/${marker}`, {})
  await status.call('PUT', `/directory/teams/${marker}`, {})
  ids.keys = await make('/keys', { label: marker, scopes: ['read'] })
  const sent = await storeDelivery(
    status.storage,
    'org',
    await storeWebhook(status.storage, 'org', { label: marker }),
    'failed',
    someTime,
    { subject: marker },
  )
  ids.deliveries = sent.id
  ids.events = sent.eventId
  ids.redeliveries = await make('/webhook-deliveries/redeliver', { filter: { field: 'subject', op: 'eq', value: marker } })

  const { body } = await status.call<Document>('GET', '/openapi.json')
  operations = Object.entries(body.paths)
    .flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({
        method: method.toUpperCase(),
        template,
        path: filled(template),
        scope: security?.[0]?.apiKey?.[0] ?? ('none' as const),
      })),
    )
    // what the reference shows of ingest's own doors is tried at those
    .filter(({ scope, template }) => scope !== 'ingest' && !template.startsWith('/sources/{source}/'))
  guarded = operations.filter(({ scope }) => scope !== 'none')
})
afterAll(() => status.close())

/** Ids of records that are there, and are the owner's. */
const filled = (template: string) =>
  template
    .replace(/^((?:\/api\/v1)?\/webhooks)\/\{id\}/, `$1/${ids.webhooks}`)
    .replace(/^\/webhook-deliveries\/\{id\}/, `/webhook-deliveries/${ids.deliveries}`)
    .replace(/^\/events\/\{id\}/, `/events/${ids.events}`)
    .replace(/^\/keys\/\{id\}/, `/keys/${ids.keys}`)
    .replace(/^\/redeliveries\/\{id\}/, `/redeliveries/${ids.redeliveries}`)
    .replace('/event-types/{name}', '/event-types/of.owner')
    .replace('{subscriptionId}', ids.subscriptions as string)
    .replace(/\{\w+\}/g, marker)

async function keyThat(scopes: Scope[], members: { expiresAt?: number; removed?: boolean; organizationId?: string } = {}): Promise<string> {
  const text = createApiKey()
  const { expiresAt = null, organizationId = 'org', removed } = members
  const row = { id: anId(), organizationId, label: 'x', scopes, createdAt: someTime, expiresAt, lastUsedAt: null, rateLimit: null }
  await status.storage.keys.create(row, hashApiKey(text))
  if (removed) expect(await status.storage.keys.remove(organizationId, row.id, someTime)).toBe(true)
  return text
}

async function codesOf(tried: Operation[], call: (operation: Operation) => Promise<Answer>): Promise<Record<string, number>> {
  const codes: Record<string, number> = {}
  for (const operation of tried) {
    const answer = await call(operation)
    codes[`${operation.method} ${operation.template}`] = answer.status
  }
  return codes
}
const all = (tried: Operation[], code: number) => Object.fromEntries(tried.map(({ method, template }) => [`${method} ${template}`, code]))
const withKey =
  (key: string | null, headers = {}) =>
  ({ method, path }: Operation) =>
    status.call(method, path, undefined, { key, headers })

describe('every route', () => {
  it.each<[string, () => Promise<string | null>]>([
    ['no key', async () => null],
    ['a key that is guessed', async () => createApiKey()],
    ['a key that has expired', () => keyThat(['admin'], { expiresAt: someTime })],
    ['a key that was removed', () => keyThat(['admin'], { removed: true })],
    ['a link in the place of a key', async () => `tdl_${'x'.repeat(43)}`],
  ])('answers 401 to %s', async (_, makeKey) => {
    expect(guarded.length).toBeGreaterThan(45)
    expect(await codesOf(guarded, withKey(await makeKey()))).toEqual(all(guarded, 401))
  })

  it('answers 403 to a key without the scope, and to a signed-in browser without it', async () => {
    const weaker: Record<Scope, Scope[]> = { read: ['ingest'], write: ['read', 'ingest'], admin: ['write', 'ingest'], ingest: [] }
    const keys = Object.fromEntries(
      await Promise.all((['read', 'write', 'admin'] as const).map(async (scope) => [scope, await keyThat(weaker[scope])])),
    )

    expect(await codesOf(guarded, (operation) => withKey(keys[operation.scope] as string)(operation))).toEqual(all(guarded, 403))
  })

  it('shows nothing of another organization, and changes nothing of it', async () => {
    const stranger = await keyThat(['admin'], { organizationId: 'stranger' })
    // by itself the name of a record that was asked for is no news
    const asked = new RegExp(`"detail":"[^"]*"|${marker}(?=\\\\?")(?<=no \\w+ \\\\?"${marker})`, 'g')
    for (const operation of guarded) {
      const answer = await withKey(stranger)(operation)
      expect(answer.text.replace(asked, ''), `${operation.method} ${operation.path}`).not.toContain(marker)
      const isOne = /\/(\{id\}|\{name\})/.test(operation.template)
      const takesBody = answer.status === 415 || answer.status === 422
      const makesIt = operation.method === 'PUT' && operation.template.split('/').length === 4
      if (isOne && !takesBody && !makesIt) expect(answer.status, `${operation.method} ${operation.path}`).toBe(404)
    }
    expect((await status.call('GET', `/webhooks/${ids.webhooks}`)).body).toMatchObject({ label: marker })
    expect((await status.call('GET', `/sources/${marker}`)).status).toBe(200)
    expect((await status.call('GET', `/keys/${ids.keys}`)).status).toBe(200)
  })
})

describe('a page of another site', () => {
  it('changes nothing by the cookie of a signed-in browser, at any route', async () => {
    const signIn = await status.call(
      'POST',
      '/session',
      { key: await keyThat(['admin']) },
      { key: null, headers: { 'sec-fetch-site': 'same-origin' } },
    )
    const cookie = (signIn.headers.get('set-cookie') as string).split(';')[0] as string
    const unsafe = guarded.filter(({ method }) => method !== 'GET')

    for (const foreign of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }, {}] as Record<string, string>[])
      expect(await codesOf(unsafe, withKey(null, { cookie, ...foreign }))).toEqual(all(unsafe, 403))
  })

  it('makes no other method of GET or POST', async () => {
    const key = await keyThat(['admin'])
    for (const headers of [
      { 'x-http-method-override': 'DELETE' },
      { 'x-method-override': 'DELETE' },
      { 'x-http-method': 'DELETE' },
    ] as Record<string, string>[]) {
      await status.call('POST', `/webhooks/${ids.webhooks}?_method=DELETE`, undefined, { key, headers })
      await status.call('GET', `/webhooks/${ids.webhooks}?_method=DELETE`, undefined, { key, headers })
    }
    expect((await status.call('GET', `/webhooks/${ids.webhooks}`)).status).toBe(200)
  })
})

describe('characters that mean something to SQL', () => {
  const hostile = [
    "' OR '1'='1",
    "'; DROP TABLE webhooks; --",
    '" OR ""="',
    "\\' OR 1=1 --",
    '%',
    '_',
    '*/ OR 1 /*',
    "x') UNION SELECT hash FROM api_keys --",
  ]

  it.each(hostile)('are letters like any other: %s', async (text) => {
    const count = async (path: string, filter: unknown) => {
      const answer = await status.call<{ data: unknown[] }>('POST', path, { filter })
      return answer.status === 200 ? answer.body.data.length : answer.status
    }
    for (const op of ['eq', 'like'] as const) {
      expect(await count('/webhook-deliveries/filter', { field: 'subject', op, value: text })).toBe(0)
      expect(await count('/webhooks/filter', { field: 'label', op, value: text })).toBe(0)
    }
    expect(await count('/webhook-deliveries/filter', { field: 'subject', op: 'in', value: [text] })).toBe(0)
    expect(await count('/webhooks/filter', { field: text, op: 'eq', value: 'x' })).toBe(422)
    expect((await status.call('POST', '/webhooks/filter', { sort: [{ field: text, direction: 'asc' }] })).status).toBe(422)

    const quoted = encodeURIComponent(text)
    for (const query of [`/audit?actor=${quoted}`, `/audit?action=${quoted}`, `/audit?target_id=${quoted}`])
      expect((await status.call<{ data: unknown[] }>('GET', query)).body.data, query).toEqual([])
    for (const path of [
      `/webhooks/${quoted}`,
      `/webhook-deliveries/${quoted}`,
      `/events/${quoted}`,
      `/keys/${quoted}`,
      `/sources/${quoted}`,
    ])
      expect((await status.call('GET', path)).status, path).toBeOneOf([404, 422])
    expect((await status.call('GET', `/ledger?after=${quoted}`)).status).toBe(422)

    // and are stored and found as they are
    const { body } = await status.call<{ id: string }>('POST', '/webhooks', { url: 'https://example.com/', label: text })
    expect(await count('/webhooks/filter', { field: 'label', op: 'eq', value: text })).toBe(1)
    expect((await status.call('DELETE', `/webhooks/${body.id}`)).status).toBe(204)
  })
})
