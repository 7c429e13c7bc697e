import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import type { Subscription } from '../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { aWebhook, openMetadataClient } from '../support/openmetadata.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const { call, create, native, opened, patch } = openMetadataClient(() => status)

describe('a JSON Patch', () => {
  it('of the documentation disables a webhook, as a new version that says what changed', async () => {
    const webhook = await create()
    status.clock.forward(1_000)

    const { status: code, body } = await patch(webhook.id, { op: 'replace', path: '/enabled', value: false })

    const changeDescription = {
      fieldsAdded: [],
      fieldsUpdated: [{ name: 'enabled', oldValue: true, newValue: false }],
      fieldsDeleted: [],
      previousVersion: 0.1,
    }
    expect(code).toBe(200)
    expect(body).toMatchObject({ enabled: false, status: 'disabled', version: 0.2, changeDescription })
    expect(body.updatedAt).toBe(webhook.updatedAt + 1_000)
    expect((await native(webhook.id)).active).toBe(false)
    const { body: history } = await call<{ versions: OpenMetadataWebhook[] }>('GET', `/${webhook.id}/versions`)
    expect(history).toMatchObject({
      entityType: 'webhook',
      versions: [
        { version: 0.2, changeDescription },
        { version: 0.1, enabled: true },
      ],
    })
    expect((await call('GET', `/${webhook.id}/versions/0.1`)).body).toMatchObject({ enabled: true })
    expect((await call('GET', `/${webhook.id}/versions/0.3`)).status).toBe(404)
  })

  it('takes add, remove, copy, move and test', async () => {
    const webhook = await create({ description: 'old', tags: [{ tagFQN: 'A.B' }] })

    const { body } = await patch(
      webhook.id,
      { op: 'test', path: '/description', value: 'old' },
      { op: 'move', from: '/description', path: '/displayName' },
      { op: 'add', path: '/tags/-', value: { tagFQN: 'C.D' } },
      { op: 'copy', from: '/tags/0', path: '/extension', value: 'ignored' },
      { op: 'add', path: '/eventFilters/0', value: { eventType: 'entityDeleted' } },
      { op: 'remove', path: '/webhookConfig/timeout' },
      { op: 'replace', path: '/webhookType', value: 'GoogleChat' },
    )

    expect(body).toMatchObject({
      displayName: 'old',
      tags: [{ tagFQN: 'A.B' }, { tagFQN: 'C.D' }],
      extension: { tagFQN: 'A.B' },
      eventFilters: [{ eventType: 'entityDeleted' }, { eventType: 'entityUpdated', entities: ['table'] }],
      webhookConfig: { timeout: 10 },
      version: 0.2,
    })
    expect(body).not.toHaveProperty('description')
    expect(body.changeDescription?.fieldsDeleted).toEqual([{ name: 'description', oldValue: 'old' }])
    expect(await native(webhook.id)).toMatchObject({ format: 'googlechat' })
  })

  it('leaves secrets whose masks stay, replaces the others, and tells none', async () => {
    const config = { endpoint: 'https://hooks.slack.com/services/T1/B1/secret', secretKey: 'first', headers: { 'X-A': 'a', 'X-B': 'b' } }
    const webhook = await create({ webhookConfig: config })

    const { body } = await patch(
      webhook.id,
      { op: 'replace', path: '/webhookConfig/headers/X-A', value: 'newer' },
      { op: 'replace', path: '/webhookConfig/timeout', value: 20 },
    )
    const after = await opened(webhook.id)
    await patch(webhook.id, { op: 'replace', path: '/webhookConfig/secretKey', value: 'second' })

    expect(after).toMatchObject({ secrets: ['first'], headers: { 'x-a': 'newer', 'x-b': 'b' } })
    expect((await native(webhook.id)).url).toBe(config.endpoint)
    expect((await opened(webhook.id)).secrets).toEqual(['second'])
    expect(body.changeDescription?.fieldsUpdated.map(({ name }) => name).sort()).toEqual(['webhookConfig.headers', 'webhookConfig.timeout'])
    expect((await call('GET', `/${webhook.id}/versions`)).text).not.toMatch(/newer|first|second|secret"|B1/)
  })

  it('that changes nothing makes no version', async () => {
    const webhook = await create()
    const before = status.announced()

    expect(
      (await patch(webhook.id, { op: 'replace', path: '/enabled', value: true }, { op: 'remove', path: '/enabled' })).body.version,
    ).toBe(0.1)
    expect((await patch(webhook.id)).body).toEqual(webhook)
    expect(status.announced()).toBeLessThanOrEqual(before + 1)
  })

  it('changes a webhook of the native API without touching what it cannot say', async () => {
    const { body: webhook } = await status.call<Webhook>('POST', '/webhooks', { url: 'https://example.com/in', label: 'by hand' })
    await status.call('PUT', `/webhooks/${webhook.id}/subscriptions`, [{ event_type: 'table.*', filters: { owners: ['ada'] } }])

    const { body } = await patch(
      webhook.id,
      { op: 'add', path: '/description', value: 'mine' },
      { op: 'replace', path: '/name', value: 'hand' },
    )

    expect(body).toMatchObject({ name: 'hand', fullyQualifiedName: 'hand', description: 'mine', version: 0.2 })
    expect(await native(webhook.id)).toMatchObject({ scheme: 'standard-webhooks', format: 'tidings', label: 'hand' })
    const { body: held } = await status.call<{ data: Subscription[] }>('GET', `/webhooks/${webhook.id}/subscriptions`)
    expect(held.data).toMatchObject([{ event_type: 'table.*', filters: { owners: ['ada'] } }])
    expect((await call<{ versions: unknown[] }>('GET', `/${webhook.id}/versions`)).body.versions).toHaveLength(2)
  })

  it('is made one after the other, when several come at once', async () => {
    const { id } = await create({ extension: {} })

    const answers = await Promise.all(['a', 'b', 'c'].map((name) => patch(id, { op: 'add', path: `/extension/${name}`, value: 1 })))

    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200])
    expect((await call('GET', `/${id}`)).body).toMatchObject({ extension: { a: 1, b: 1, c: 1 }, version: 0.4 })
  })
})

describe('a deleted webhook', () => {
  it('is shown where deleted ones are asked for, and comes back as it was', async () => {
    const webhook = await create({ eventFilters: [{ eventType: 'entityCreated', include: ['domain:Sales'] }] })

    const { status: code, body } = await call('DELETE', `/${webhook.id}`)

    expect(code).toBe(200)
    expect(body).toMatchObject({ deleted: true, enabled: false, status: 'disabled', version: 0.2, eventFilters: webhook.eventFilters })
    expect((await call('GET', `/${webhook.id}`)).status).toBe(404)
    expect((await call('GET', `/${webhook.id}?include=deleted`)).body).toEqual(body)
    expect((await status.call('GET', `/webhooks/${webhook.id}`)).status).toBe(404)
    expect((await patch(webhook.id, { op: 'replace', path: '/enabled', value: true })).status).toBe(404)
    expect((await call('DELETE', `/${webhook.id}`)).status).toBe(404)
    expect((await call('POST', '', aWebhook({ name: webhook.name }))).status).toBe(409)

    const restored = await patch(
      webhook.id,
      { op: 'replace', path: '/deleted', value: false },
      { op: 'replace', path: '/enabled', value: true },
    )
    expect(restored.body).toMatchObject({
      deleted: false,
      enabled: true,
      status: 'active',
      version: 0.3,
      eventFilters: webhook.eventFilters,
    })
    const { subscriptions } = await status.storage.subscriptions.inForce()
    expect(subscriptions.filter(({ webhookId }) => webhookId === webhook.id)).toMatchObject([{ eventType: '*.created' }])
  })

  it('leaves nothing but its deliveries when it is deleted for good', async () => {
    const webhook = await create()
    await call('DELETE', `/${webhook.id}`)

    expect((await call('DELETE', `/${webhook.id}?hardDelete=true`)).body).toMatchObject({ deleted: true })
    expect((await call('GET', `/${webhook.id}?include=all`)).status).toBe(404)
    expect((await call('GET', `/${webhook.id}/versions`)).status).toBe(404)
    expect((await call('POST', '', aWebhook({ name: webhook.name }))).status).toBe(201)
  })
})
