import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import type { Subscription } from '../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { aWebhook, mask, openMetadataClient, type List, type Problem } from '../support/openmetadata.ts'
import { examples } from '../support/openmetadata-examples.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const { call, create, native, opened } = openMetadataClient(() => status)

describe('the examples of the documentation', () => {
  it.each([
    ['slack', 'slack', 10_000],
    ['pagerduty', 'pagerduty', 15_000],
    ['custom', 'openmetadata', 30_000],
    ['teams', 'msteams', 10_000],
    ['owners', 'openmetadata', 10_000],
    ['domain', 'slack', 10_000],
  ] as const)('%s is created, and is a webhook of the native API', async (name, format, timeout) => {
    const example = examples[name]
    const { webhookConfig: config, ...rest } = await create(example)

    const { webhookConfig: _, ...given } = example
    expect(rest).toMatchObject(given)
    expect(rest).toMatchObject({ fullyQualifiedName: example.name, status: 'active', version: 0.1, deleted: false, updatedBy: 'admin' })
    expect(rest.href).toMatch(new RegExp(`^http://[^/]+/api/v1/webhooks/${rest.id}$`))
    expect(config.timeout * 1000).toBe(timeout)
    expect(await native(rest.id)).toMatchObject({
      label: example.name,
      format,
      scheme: 'openmetadata',
      active: true,
      timeout_ms: timeout,
      batch_size: example.batchSize,
      recipients: name === 'owners' ? ['owners', 'followers'] : [],
    })
    expect((await native(rest.id)).retry).toMatchObject({
      strategy: 'schedule',
      delays_seconds: [60, 300, 900, 3600, 14400, 43200],
      jitter: 0,
    })
    const { body } = await status.call<{ data: Subscription[] }>('GET', `/webhooks/${rest.id}/subscriptions`)
    expect(body.data).toHaveLength(example.eventFilters.length)
  })

  it('keep their secrets to themselves', async () => {
    const { body } = await call<List<OpenMetadataWebhook>>('GET', '')
    const custom = body.data.find(({ name }) => name === 'CustomAppIntegration') as OpenMetadataWebhook
    const slack = body.data.find(({ name }) => name === 'SlackTableNotifications') as OpenMetadataWebhook
    const pagerduty = body.data.find(({ name }) => name === 'QualityTestWebhook') as OpenMetadataWebhook

    expect(custom.webhookConfig).toMatchObject({ secretKey: mask, headers: { Authorization: mask, 'X-Custom-Header': mask } })
    expect(slack.webhookConfig).toMatchObject({
      endpoint: 'https://hooks.slack.com/services/***/***/***',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(slack.webhookConfig).not.toHaveProperty('secretKey')
    expect(JSON.stringify(body)).not.toMatch(/your-hmac|YOUR_|YYY/)
    expect(await opened(custom.id)).toMatchObject({
      secrets: ['your-hmac-secret-key'],
      headers: { authorization: 'Bearer YOUR_TOKEN', 'x-custom-header': 'value' },
    })
    expect(await opened(pagerduty.id)).toMatchObject({ settings: { routing_key: 'YOUR_API_KEY' } })
  })
})

describe('the calls of the documentation', () => {
  it('create, get, update, test, list with a filter, show the log and delete', async () => {
    const key = await status.makeKey(['admin'], 'sample')
    const sample = <T = OpenMetadataWebhook>(method: string, path: string, body?: unknown, headers = {}) =>
      call<T>(method, path, body, { key, headers })
    const webhookConfig = {
      endpoint: 'https://api.company.com/webhook',
      headers: { Authorization: 'Bearer YOUR_TOKEN', 'X-API-Key': 'YOUR_API_KEY' },
    }
    const extension = { 'Data Classification': 'internal', 'Cost Center': 'cc-17', 'Retention Period': '90 days' }

    const { status: code, body: webhook } = await sample('POST', '', {
      name: 'SampleWebhook',
      webhookType: 'Generic',
      eventFilters: [{ eventType: 'entityCreated', entities: ['table'] }],
      webhookConfig,
      owner: { type: 'user', name: 'integration.admin' },
      extension,
    })
    expect([code, webhook.extension]).toEqual([201, extension])
    expect((await sample('GET', `/${webhook.id}`)).body).toEqual(webhook)
    expect((await sample<{ deliveryId: string }>('POST', `/${webhook.id}/test`)).status).toBe(202)
    expect((await sample<List<unknown>>('GET', `/${webhook.id}/deliveries`)).body.paging.total).toBe(1)
    const patch = [{ op: 'replace', path: '/enabled', value: false }]
    const disabled = await sample('PATCH', `/${webhook.id}`, patch, { 'content-type': 'application/json-patch+json' })
    expect(disabled.body).toMatchObject({ enabled: false, status: 'disabled', extension })
    expect((await sample<List<OpenMetadataWebhook>>('GET', '?owner=integration.admin')).body).toEqual({
      data: [disabled.body],
      paging: { total: 1 },
    })
    expect((await sample('DELETE', `/${webhook.id}`)).body.deleted).toBe(true)
    expect((await sample('GET', `/${webhook.id}`)).status).toBe(404)
  })

  it.each([
    ['owner=DataQuality', ['QualityTestWebhook']],
    ['domain=Operations', ['CustomAppIntegration']],
    ['domain=Sales&owner=Sales', ['SalesDomainWebhook']],
    ['tags=Integration.PagerDuty', ['QualityTestWebhook']],
    ['owner=Nobody', []],
  ])('find the examples by %s', async (query, names) => {
    const { body } = await call<List<OpenMetadataWebhook>>('GET', `?${query}`)

    expect(body.data.map(({ name }) => name)).toEqual(names)
  })
})

describe('a webhook', () => {
  it('has the defaults of the schema', async () => {
    const { id, ...webhook } = await create()

    expect(webhook).toMatchObject({ enabled: true, batchSize: 10, tags: null, status: 'active' })
    expect(webhook.webhookConfig).toEqual({
      endpoint: 'https://receiver.example.com/hooks',
      sendToAdmins: false,
      sendToOwners: false,
      sendToFollowers: false,
      timeout: 10,
    })
    expect((await opened(id)).secrets).toEqual([])
  })

  it('is got as it was answered when it was created, with custom properties', async () => {
    const webhook = await create({ extension: { costCenter: 7, 'Data Classification': ['internal'] }, fullyQualifiedName: 'team.hooks' })

    expect((await call('GET', `/${webhook.id}`)).body).toEqual(webhook)
    expect(webhook).toMatchObject({ extension: { costCenter: 7 }, fullyQualifiedName: 'team.hooks' })
  })

  it('has a name of its own, but only within its organization', async () => {
    const { name } = await create()
    const stranger = await status.makeKey(['admin'], 'elsewhere')

    const twice = await call<Problem>('POST', '', aWebhook({ name }))
    const elsewhere = await call('POST', '', aWebhook({ name }), { key: stranger })

    expect(twice).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } })
    expect(elsewhere.status).toBe(201)
    expect((await call('GET', `/${elsewhere.body.id}`)).status).toBe(404)
  })

  it('made by the native API appears with the entity that its subscriptions make', async () => {
    const { body } = await status.call<Webhook>('POST', '/webhooks', { url: 'https://example.com/in', label: 'by hand', timeout_ms: 1_500 })
    await status.call('PUT', `/webhooks/${body.id}/subscriptions`, [
      'table.*',
      { event_type: 'dashboard.softDeleted', filters: { domains: ['Sales'] } },
    ])

    const { body: entity } = await call('GET', `/${body.id}`)

    expect(entity).toMatchObject({ name: body.id, displayName: 'by hand', webhookType: 'Custom', version: 0.1 })
    expect(entity.webhookConfig).toMatchObject({ endpoint: 'https://example.com/in', secretKey: mask, timeout: 2 })
    expect(entity.eventFilters).toEqual([
      ...['entityCreated', 'entityUpdated', 'entitySoftDeleted', 'entityDeleted'].map((eventType) => ({ eventType, entities: ['table'] })),
      { eventType: 'entitySoftDeleted', entities: ['dashboard'], include: ['domain:Sales'] },
    ])
  })

  it('shows what the native API has changed', async () => {
    const webhook = await create({ webhookConfig: { endpoint: 'https://example.com/a', headers: { 'X-One': '1', 'X-Two': '2' } } })

    await status.call('PATCH', `/webhooks/${webhook.id}`, { active: false, headers: { 'x-one': null, 'x-three': '3' }, timeout_ms: 3_000 })
    await status.call('PUT', `/webhooks/${webhook.id}/subscriptions`, ['topic.created'])

    const { body } = await call('GET', `/${webhook.id}`)
    expect(body).toMatchObject({ enabled: false, status: 'disabled', eventFilters: [{ eventType: 'entityCreated', entities: ['topic'] }] })
    expect(body.webhookConfig).toMatchObject({ timeout: 3, headers: { 'X-Two': mask, 'x-three': mask } })
    expect(body.webhookConfig.headers).not.toHaveProperty('X-One')
  })
})

describe('the list', () => {
  it('is filtered by owner, domain and tags, and paged', async () => {
    const key = await status.makeKey(['admin'], 'lists')
    const add = async (members: object) => (await call('POST', '', aWebhook(members), { key })).body.id
    const list = async (query: string) => {
      const { body, text } = await call<List<OpenMetadataWebhook>>('GET', `?${query}`, undefined, { key })
      return { ids: body.data?.map(({ id }) => id) ?? text, ...body.paging }
    }
    const owned = await add({ owner: { type: 'team', name: 'Sales' }, tags: [{ tagFQN: 'A.B' }, { tagFQN: 'C.D' }] })
    const inDomain = await add({ domain: { type: 'domain', name: 'EMEA', fullyQualifiedName: 'Sales.EMEA' }, tags: [{ tagFQN: 'C.D' }] })
    const plain = await add({})
    const deleted = await add({ owner: { type: 'user', name: 'ada', id: 'u-1' } })
    await call('DELETE', `/${deleted}`, undefined, { key })

    expect(await list('')).toEqual({ ids: [plain, inDomain, owned], total: 3 })
    expect(await list('owner=Sales')).toEqual({ ids: [owned], total: 1 })
    expect(await list('domain=Sales.EMEA')).toEqual({ ids: [inDomain], total: 1 })
    expect(await list('domain=EMEA&tags=C.D')).toEqual({ ids: [inDomain], total: 1 })
    expect(await list('tags=A.B,C.D')).toEqual({ ids: [inDomain, owned], total: 2 })
    expect(await list('tags=A')).toEqual({ ids: [], total: 0 })
    expect(await list('include=deleted&owner=u-1')).toEqual({ ids: [deleted], total: 1 })
    expect((await list('include=all')).total).toBe(4)
    const first = await list('limit=2')
    expect(first).toMatchObject({ ids: [plain, inDomain], total: 3 })
    expect(await list(`limit=2&after=${first.after}`)).toEqual({ ids: [owned], total: 3 })
  })
})
