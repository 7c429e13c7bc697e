import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultRetryPolicy } from '../../shared/contracts/retry.ts'
import type { ProblemDetails } from '../../shared/contracts/problem.ts'
import { aWebhook, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { openStatusApp, type Answer, type StatusApp } from '../support/status-app.ts'

type Row = [what: string, method: string, path: string, body: unknown, status: number, field?: string]
type Operation = { method: string; path: string; takesBody: boolean; needsBody: boolean; scope: string }
type Document = { paths: Record<string, Record<string, { security?: { apiKey: string[] }[]; requestBody?: { required: boolean } }>> }

let status: StatusApp
let webhook: string
let delivery: string
let operations: Operation[]

beforeAll(async () => {
  status = await openStatusApp()
  webhook = await storeWebhook(status.storage, 'org', {
    id: 'a-webhook',
    url: 'https://example.com/',
    retry: defaultRetryPolicy,
    secrets: [{ sealed: status.deps.vault.seal('a-secret-of-16-letters', 'a-webhook'), createdAt: someTime, expiresAt: null }],
  })
  delivery = (await storeDelivery(status.storage, 'org', webhook, 'failed')).id
  await status.call('POST', '/sources', { name: 'a-source', adapter: 'cloudevents', scheme: 'ptolemy' })
  await status.call('PUT', '/event-types/a.type', {})
  await status.call('PUT', '/directory/users/a.person', {})
  await status.call('PUT', '/directory/teams/a.person', {})

  const { body } = await status.call<Document>('GET', '/openapi.json')
  operations = Object.entries(body.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security, requestBody }]) => ({
        method: method.toUpperCase(),
        path: filled(path),
        takesBody: requestBody !== undefined,
        needsBody: requestBody?.required ?? false,
        scope: security?.[0]?.apiKey[0] ?? 'none',
      })),
    )
    // These are of the ingest service, which has tests of its own.
    .filter(({ method, path }) => !(method === 'POST' && path.endsWith('/events')) && !path.endsWith('/entities'))
})
afterAll(() => status.close())

/** Path parameters of records that are there, so that nothing but what is tested can be wrong. */
const filled = (path: string) =>
  path
    .replace(/^\/webhooks\/\{id\}/, `/webhooks/${webhook}`)
    .replace(/^\/webhook-deliveries\/\{id\}/, `/webhook-deliveries/${delivery}`)
    .replace(/^\/sources\/\{name\}/, '/sources/a-source')
    .replace(/^\/event-types\/\{name\}/, '/event-types/a.type')
    .replace(/^(\/directory\/\w+)\/\{name\}/, '$1/a.person')
    .replace(/\{\w+\}/g, 'unknown')

/** Everything that a request could have written. */
async function written(): Promise<unknown> {
  const { keys, webhooks, sources, eventTypes, redeliveries, deliveries, subscriptions, directory } = status.storage
  const one = await deliveries.find('org', delivery)
  return [
    await keys.count(),
    await webhooks.registryVersion(),
    await sources.list('org'),
    await eventTypes.list('org'),
    await redeliveries.list('org', { limit: 10 }),
    await subscriptions.list('org', webhook),
    await directory.list('org', 'user', { limit: 10 }),
    await directory.list('org', 'team', { limit: 10 }),
    one?.delivery,
    status.queued.length,
  ]
}

function expectProblem(answer: Answer, code: number): ProblemDetails {
  expect(answer.status, answer.text).toBe(code)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  const problem = answer.body as ProblemDetails
  expect(problem).toMatchObject({
    status: code,
    type: expect.stringMatching(/^\/problems\/[a-z_]+$/),
    title: expect.any(String),
    detail: expect.any(String),
  })
  expect(problem.request_id).toBe(answer.headers.get('x-request-id'))
  return problem
}

const url = 'https://example.com/hook'
const hook = (members: object) => ({ url, ...members })
const condition = { field: 'status', op: 'eq', value: 'failed' }
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])

describe('a bad request is refused, says which field is wrong, and writes nothing', () => {
  it.each<Row>([
    ['no url', 'POST', '/webhooks', {}, 422, 'url'],
    ['a url that is none', 'POST', '/webhooks', { url: 'example' }, 422, 'url'],
    ['a private address', 'POST', '/webhooks', { url: 'http://10.0.0.1/' }, 422, 'url'],
    ['this machine', 'POST', '/webhooks', { url: 'http://localhost:6379/' }, 422, 'url'],
    ['a url with a password', 'POST', '/webhooks', { url: 'https://a:b@example.com/' }, 422, 'url'],
    ['a url of another kind', 'POST', '/webhooks', { url: 'file:///etc/passwd' }, 422, 'url'],
    ['a member that there is not', 'POST', '/webhooks', hook({ lable: 'x' }), 422, 'lable'],
    ['a text for a flag', 'POST', '/webhooks', hook({ active: 'yes' }), 422, 'active'],
    ['an unknown scheme', 'POST', '/webhooks', hook({ scheme: 'md5' }), 422, 'scheme'],
    ['an unknown format', 'POST', '/webhooks', hook({ format: 'xml' }), 422, 'format'],
    ['a secret that its scheme cannot use', 'POST', '/webhooks', hook({ secret: 'whsec_!!!!!!!!!!!!' }), 422, 'secret'],
    ['no secret for a scheme that none can be made for', 'POST', '/webhooks', hook({ scheme: 'standard-webhooks-ed25519' }), 422, 'secret'],
    ['a scheme that cannot be chosen by its name alone', 'POST', '/webhooks', hook({ scheme: 'generic-hmac' }), 422, 'scheme'],
    ['a short secret', 'POST', '/webhooks', hook({ secret: 'short' }), 422, 'secret'],
    ['too short a timeout', 'POST', '/webhooks', hook({ timeout_ms: 999 }), 422, 'timeout_ms'],
    ['too long a timeout', 'POST', '/webhooks', hook({ timeout_ms: 30_001 }), 422, 'timeout_ms'],
    ['an unknown retry strategy', 'POST', '/webhooks', hook({ retry: { strategy: 'linear' } }), 422, 'retry.strategy'],
    ['too many attempts', 'POST', '/webhooks', hook({ retry: { strategy: 'exponential', attempts: 51 } }), 422, 'retry.attempts'],
    ['a reserved header', 'POST', '/webhooks', hook({ headers: { Host: 'inside' } }), 422, 'headers.Host'],
    ['a header of the signature', 'POST', '/webhooks', hook({ headers: { 'Webhook-Signature': 'x' } }), 422, 'headers.Webhook-Signature'],
    ['a line break in a header', 'POST', '/webhooks', hook({ headers: { 'x-a': 'a\r\nhost: b' } }), 422, 'headers.x-a'],
    ['Latin letters in a header', 'POST', '/webhooks', hook({ headers: { 'x-a': 'é' } }), 422, 'headers.x-a'],
    ['a header name with a space', 'POST', '/webhooks', hook({ headers: { 'x a': 'b' } }), 422, 'headers.x a'],
    ['an array for an object', 'POST', '/webhooks', [], 422, 'body'],
    ['a limit that is no number', 'GET', '/webhooks?limit=many', undefined, 422, 'query.limit'],
    ['a limit beyond 200', 'GET', '/webhooks?limit=201', undefined, 422, 'query.limit'],
    ['a query that there is not', 'GET', '/webhooks?page=2', undefined, 422, 'query.page'],
    ['a cursor that is none', 'GET', '/webhooks?after=abc', undefined, 422, 'after'],
    [
      'a field to filter by that there is not',
      'POST',
      '/webhooks/filter',
      { filter: { field: 'secret', op: 'eq', value: '' } },
      422,
      'filter.field',
    ],
    ['a trigger that there is not', 'POST', '/webhooks', hook({ triggers: ['a-webhook', 'none'] }), 422, 'triggers[1]'],
    ['a fallback that there is not', 'POST', '/webhooks', hook({ fallback: 'none' }), 422, 'fallback'],
    ['a trigger that is itself', 'PATCH', '/webhooks/a-webhook', { triggers: ['a-webhook'] }, 422, 'triggers[0]'],
    ['a number for a fallback', 'PATCH', '/webhooks/a-webhook', { fallback: 7 }, 422, 'fallback'],
    ['recipients that there are not', 'POST', '/webhooks', hook({ recipients: ['stewards'] }), 422, 'recipients[0]'],
    ['a patch to a private address', 'PATCH', '/webhooks/a-webhook', { url: 'http://127.0.0.1/' }, 422, 'url'],
    ['a patch that takes the url away', 'PATCH', '/webhooks/a-webhook', { url: null }, 422, 'url'],
    ['a patch of half a strategy', 'PATCH', '/webhooks/a-webhook', { retry: { strategy: 'schedule' } }, 422, 'retry.delays_seconds'],
    ['a patch of what cannot be set', 'PATCH', '/webhooks/a-webhook', { id: 'x' }, 422, 'id'],
    ['a patch with a reserved header', 'PATCH', '/webhooks/a-webhook', { headers: { cookie: 'a=b' } }, 422, 'headers.cookie'],
    ['too long an overlap', 'POST', '/webhooks/a-webhook/rotate-secret', { overlap_seconds: 604_801 }, 422, 'overlap_seconds'],
    ['a pattern with a star in the middle', 'POST', '/webhooks/a-webhook/subscriptions', { event_type: 'a.*.b' }, 422, 'event_type'],
    [
      'a filter that there is not',
      'POST',
      '/webhooks/a-webhook/subscriptions',
      { event_type: '*', filters: { teams: ['x'] } },
      422,
      'filters.teams',
    ],
    ['an empty filter', 'POST', '/webhooks/a-webhook/subscriptions', { event_type: '*', filters: { tags: [] } }, 422, 'filters.tags'],
    ['an object for the set', 'PUT', '/webhooks/a-webhook/subscriptions', { event_type: '*' }, 422, 'body'],
    ['a bad type within the set', 'PUT', '/webhooks/a-webhook/subscriptions', ['*', 'a b'], 422, '[1]'],
    ['a bad object within the set', 'PUT', '/webhooks/a-webhook/subscriptions', [{ event_type: 'a b' }], 422, '[0].event_type'],
    [
      'an operator that there is not',
      'POST',
      '/webhook-deliveries/filter',
      { filter: { and: [condition, { ...condition, op: 'is' }] } },
      422,
      'filter.and[1].op',
    ],
    ['a condition without a value', 'POST', '/webhook-deliveries/filter', { filter: { field: 'status', op: 'eq' } }, 422, 'filter.value'],
    ['an empty and', 'POST', '/webhook-deliveries/filter', { filter: { and: [] } }, 422, 'filter.and'],
    ['a text for a filter', 'POST', '/webhook-deliveries/filter', { filter: 'status = failed' }, 422, 'filter'],
    [
      'a time in words',
      'POST',
      '/webhook-deliveries/filter',
      { filter: { field: 'created_at', op: 'gt', value: 'yesterday' } },
      422,
      'filter.value',
    ],
    [
      'four fields to sort by',
      'POST',
      '/webhook-deliveries/filter',
      { sort: ['id', 'status', 'attempts', 'reason'].map((field) => ({ field })) },
      422,
      'sort',
    ],
    [
      'a direction that there is not',
      'POST',
      '/webhook-deliveries/filter',
      { sort: [{ field: 'id', direction: 'up' }] },
      422,
      'sort[0].direction',
    ],
    ['a limit of nothing', 'POST', '/webhook-deliveries/filter', { limit: 0 }, 422, 'limit'],
    ['a cursor of another filter', 'POST', '/webhook-deliveries/filter', { after: 'WyJhIixbXV0' }, 422, 'after'],
    [
      'a count by a field that there is not',
      'POST',
      '/webhook-deliveries/count',
      { filter: { ...condition, field: 'colour' } },
      422,
      'filter.field',
    ],
    ['a count with a sort', 'POST', '/webhook-deliveries/count', { sort: [] }, 422, 'sort'],
    ['everything again, by leaving the filter out', 'POST', '/webhook-deliveries/redeliver', {}, 422, 'filter'],
    ['again by a wrong value', 'POST', '/webhook-deliveries/redeliver', { filter: { ...condition, value: 'lost' } }, 422, 'filter.value'],
    ['a redelivery that there is not', 'DELETE', '/redeliveries/none', undefined, 404],
    ['an unknown adapter', 'POST', '/sources', { name: 'b', adapter: 'cobol' }, 422, 'adapter'],
    ['a source name with a slash', 'POST', '/sources', { name: 'a/b', adapter: 'cloudevents' }, 422, 'name'],
    ['a source name of our own', 'POST', '/sources', { name: 'tidings', adapter: 'cloudevents' }, 422, 'name'],
    ['a source name that is taken', 'POST', '/sources', { name: 'a-source', adapter: 'cloudevents' }, 409, 'name'],
    ['a secret for no scheme', 'POST', '/sources', { name: 'b', adapter: 'cloudevents', secret: 'longenough' }, 422, 'secret'],
    [
      'a source whose secret only it can give',
      'POST',
      '/sources',
      { name: 'b', adapter: 'cloudevents', scheme: 'standard-webhooks-ed25519' },
      422,
      'secret',
    ],
    ['a patch to an unknown scheme', 'PATCH', '/sources/a-source', { scheme: 'none' }, 422, 'scheme'],
    ['a secret of two letters', 'POST', '/sources/a-source/secrets', { secret: 'ab' }, 422, 'secret'],
    ['an event type with a star', 'PUT', '/event-types/a.*', {}, 422, 'param.name'],
    ['a schema that is a text', 'PUT', '/event-types/a.b', { schema: 'object' }, 422, 'schema'],
    ['a key without a scope', 'POST', '/keys', { label: 'x', scopes: [] }, 422, 'scopes'],
    ['a scope that there is not', 'POST', '/keys', { label: 'x', scopes: ['root'] }, 422, 'scopes[0]'],
    ['a key that has expired', 'POST', '/keys', { label: 'x', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }, 422, 'expires_at'],
    ['an event that there is not', 'GET', '/events/none', undefined, 404],
    ['a path that there is not', 'GET', '/webhook', undefined, 404],
  ])('%s: %s %s', async (_, method, path, body, code, field) => {
    const before = await written()

    const problem = expectProblem(await status.call(method, path, body), code)

    if (field) expect(problem.errors?.map((error) => error.field || 'body')).toEqual([field])
    expect(await written()).toEqual(before)
  })
})

describe('every route', () => {
  it('is tried by this test', () => {
    expect(operations.length).toBeGreaterThan(30)
  })

  it('says what it needs without a key, and with one that is not known', async () => {
    for (const { method, path } of operations.filter(({ scope }) => scope !== 'none')) {
      expectProblem(await status.call(method, path, undefined, { key: null }), 401)
      expectProblem(await status.call(method, path, undefined, { key: 'tdk_guessed' }), 401)
    }
  })

  it('refuses a key that lacks the scope', async () => {
    const keys: Record<string, string> = {
      read: await status.makeKey(['ingest']),
      ingest: await status.makeKey(['read', 'write']),
      write: await status.makeKey(['read']),
      admin: await status.makeKey(['read', 'write', 'ingest']),
    }
    for (const { method, path, scope } of operations.filter((operation) => operation.scope !== 'none')) {
      const problem = expectProblem(await status.call(method, path, undefined, { key: keys[scope] as string }), 403)
      expect(problem.detail).toContain(`"${scope}"`)
    }
  })

  it('answers another organization as if nothing were there', async () => {
    const key = await status.makeKey(['admin'], 'stranger')
    const before = await written()
    const body: Record<string, unknown> = { PATCH: {}, PUT: [] }
    for (const { method, path, takesBody } of operations.filter((operation) =>
      /a-webhook|a-source|unknown|[0-9a-f]{12}/.test(operation.path),
    )) {
      const isJsonPatch = method === 'PATCH' && path.startsWith('/api/v1/')
      const isDirectory = path.endsWith('/directory')
      const other = isJsonPatch ? [] : isDirectory ? {} : (body[method] ?? {})
      const posted = path.endsWith('/subscriptions')
        ? { event_type: '*' }
        : path.endsWith('/replay')
          ? { since: '2026-01-01T00:00:00Z' }
          : other
      const sent = method === 'POST' ? posted : other
      expectProblem(await status.call(method, path, takesBody ? sent : undefined, { key }), 404)
    }
    expect(await written()).toEqual(before)
  })

  it('that takes a body refuses what is not JSON, and what is too deep or too large', async () => {
    const before = await written()
    for (const { method, path, needsBody } of operations.filter((operation) => operation.takesBody)) {
      const send = (body: string, headers = {}) => status.call(method, path, body, { headers })
      expectProblem(await send('{"url":'), 400)
      expectProblem(await send('{"a":"\uD800"'), 400)
      expectProblem(await send(JSON.stringify(deep(65))), 400)
      expectProblem(await send('{}', { 'content-type': 'text/plain' }), 415)
      expectProblem(await send('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415)
      expectProblem(await send(JSON.stringify('x'.repeat(1024 * 1024))), 413)
      if (needsBody) expectProblem(await status.call(method, path), 415)
    }
    expect(await written()).toEqual(before)
  })

  it('says with 405 and Allow which methods it takes', async () => {
    const paths = new Set(operations.map(({ path }) => path))
    for (const path of [...paths, '/healthz', '/openapi.json']) {
      const answer = await status.call('OPTIONS', path)
      expectProblem(answer, 405)
      for (const { method } of operations.filter((operation) => operation.path === path))
        expect(answer.headers.get('allow')).toContain(method)
    }
  })
})

it('does not tell a browser to run what a receiver has answered', async () => {
  const answer = await status.call('GET', `/webhook-deliveries/${delivery}`)

  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

it('a fault of ours says nothing of what it was', async () => {
  const broken = { ...aWebhook({ id: 'broken', headers: 'not sealed' }) }
  await status.storage.webhooks.create(broken)

  const answer = await status.call('GET', '/webhooks/broken')

  expectProblem(answer, 500)
  expect(answer.text).not.toMatch(/sealed|stored secret|\.ts|\.js/)
})
