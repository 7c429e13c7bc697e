import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { ensureAdminKey } from '../../services/status/bootstrap.ts'
import type { Source } from '../../shared/contracts/api/source.ts'
import type { Subscription } from '../../shared/contracts/api/subscription.ts'
import type { Webhook, WebhookWithSecret } from '../../shared/contracts/api/webhook.ts'
import { hashApiKey } from '../../shared/id.ts'
import { anId } from '../support/builders.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'
import { dialects, type Dialect } from '../support/storage.ts'

type Created = z.infer<typeof WebhookWithSecret>
type List<T> = { data: T[]; meta: { next_cursor: string | null; has_more: boolean } }

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const url = 'https://your-app.example.com/webhooks/ptolemy'
const create = async (members = {}): Promise<Created> => (await status.call<Created>('POST', '/webhooks', { url, ...members })).body
const path = ({ id }: { id: string }) => `/webhooks/${id}`

describe('a webhook', () => {
  it('is registered with the body that Ptolemy takes, and answered with the members that Ptolemy gives', async () => {
    const { status: code, body } = await status.call<Created>('POST', '/webhooks', { url, label: 'production', active: true })

    expect(code).toBe(201)
    expect(body).toMatchObject({ url, label: 'production', active: true, created_at: '2026-04-15T09:00:03.000Z' })
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(body).toMatchObject({
      status: 'active',
      failure_details: null,
      timeout_ms: 10_000,
      format: 'tidings',
      scheme: 'standard-webhooks',
    })
  })

  it('shows its secret once, and stores it and its headers sealed', async () => {
    const webhook = await create({ secret: 'a-secret-of-my-own-0123', headers: { 'X-Api-Key': 'hunter2hunter2' } })
    const shown = await status.call('GET', path(webhook))
    const stored = await status.storage.webhooks.load(webhook.id)

    expect(webhook.secret).toBe('a-secret-of-my-own-0123')
    expect(webhook.headers).toEqual({ 'x-api-key': '[hidden]' })
    expect(shown.body).not.toHaveProperty('secret')
    expect(JSON.stringify([shown.body, stored])).not.toMatch(/hunter2|a-secret-of-my-own/)
    expect(status.deps.vault.open(stored?.secrets[0]?.sealed as string, webhook.id)).toBe('a-secret-of-my-own-0123')
    expect(JSON.parse(status.deps.vault.open(stored?.headers as string, webhook.id))).toEqual({ 'x-api-key': 'hunter2hunter2' })
  })

  it('keeps what a patch leaves out, and takes the default for what it nulls', async () => {
    const webhook = await create({
      label: 'a',
      timeout_ms: 5_000,
      headers: { 'x-one': '1', 'x-two': '2' },
      retry: { strategy: 'exponential', attempts: 3 },
    })

    const { body } = await status.call<Webhook>('PATCH', path(webhook), {
      timeout_ms: null,
      headers: { 'X-One': null, 'x-three': '3' },
      retry: { max_seconds: 60 },
    })

    expect(body).toMatchObject({ label: 'a', url, timeout_ms: 10_000, headers: { 'x-two': '[hidden]', 'x-three': '[hidden]' } })
    expect(body.retry).toMatchObject({ strategy: 'exponential', attempts: 3, max_seconds: 60 })
  })

  it('gets a whole new retry policy with another strategy', async () => {
    const webhook = await create()

    const { body } = await status.call<Webhook>('PATCH', path(webhook), { retry: { strategy: 'schedule', delays_seconds: [1, 5] } })

    expect(body.retry).toEqual({ strategy: 'schedule', delays_seconds: [1, 5], jitter: 0.2, honour_retry_after: true })
  })

  it('takes a merge patch under its own media type', async () => {
    const webhook = await create()

    const answer = await status.call(
      'PATCH',
      path(webhook),
      { active: false },
      { headers: { 'content-type': 'application/merge-patch+json' } },
    )

    expect(answer).toMatchObject({ status: 200, body: { active: false, status: 'disabled' } })
  })

  it('signs with the old secret too until the overlap has passed', async () => {
    const webhook = await create()
    const before = status.announced()

    const { body } = await status.call<Created>('POST', `${path(webhook)}/rotate-secret`, { overlap_seconds: 60 })

    expect(body.secret).not.toBe(webhook.secret)
    expect(body.secrets).toHaveLength(2)
    expect(status.announced()).toBe(before + 1)
    const secrets = (await status.storage.webhooks.load(webhook.id))?.secrets ?? []
    expect(secrets.map((one) => status.deps.vault.open(one.sealed, webhook.id))).toEqual([body.secret, webhook.secret])
    expect(secrets[1]?.expiresAt).toBe(status.clock.now() + 60_000)

    status.clock.forward(60_000)
    expect((await status.call<Webhook>('GET', path(webhook))).body.secrets).toHaveLength(1)
  })

  it('keeps the old secret for a day when a rotation says nothing else', async () => {
    const webhook = await create()

    const { status: code, body } = await status.call<Created>('POST', `${path(webhook)}/rotate-secret`)

    expect(code).toBe(200)
    expect(Date.parse(body.secrets[1]?.expires_at as string)).toBe(status.clock.now() + 86_400_000)
  })

  it('shows its last failure, and fails until the next success', async () => {
    const webhook = await create()
    const delivery = aDelivery(anId(), webhook.id)
    const start = aStart(delivery, { at: status.clock.now() })
    await status.storage.deliveries.create([delivery], start.at)
    const end = anEnd(start, 503, { nextAttemptAt: start.at + 5_000 })
    await status.storage.deliveries.record([start, end], end.at)

    const { body } = await status.call<Webhook>('GET', path(webhook))

    expect(body.status).toBe('failing')
    expect(body.failure_details).toMatchObject({ last_failed_status_code: 503, next_attempt: new Date(start.at + 5_000).toISOString() })
    const filtered = await status.call<List<Webhook>>('POST', '/webhooks/filter', {
      filter: { field: 'status', op: 'eq', value: 'failing' },
    })
    expect(filtered.body.data.map((one) => one.id)).toEqual([webhook.id])
  })

  it('is gone once it is removed', async () => {
    const webhook = await create()

    expect((await status.call('DELETE', path(webhook))).status).toBe(204)
    expect((await status.call('GET', path(webhook))).status).toBe(404)
    expect((await status.call('DELETE', path(webhook))).status).toBe(404)
  })

  it('is listed page by page, in the envelope of Ptolemy', async () => {
    const key = await status.makeKey(['write'], 'paging')
    const empty = await status.call('GET', '/webhooks', undefined, { key })
    expect(empty.body).toEqual({ data: [], meta: { next_cursor: null, has_more: false } })
    for (const label of ['a', 'b', 'c']) await status.call('POST', '/webhooks', { url, label }, { key })

    const first = await status.call<List<Webhook>>('GET', '/webhooks?limit=2', undefined, { key })
    const second = await status.call<List<Webhook>>('GET', `/webhooks?limit=2&after=${first.body.meta.next_cursor}`, undefined, { key })

    expect([...first.body.data, ...second.body.data].map((one) => one.label)).toEqual(['c', 'b', 'a'])
    expect([first.body.meta.has_more, second.body.meta.has_more]).toEqual([true, false])
  })

  it('hides what looks secret in its URL from a key that may only read, in filters too', async () => {
    const webhook = await create({ url: 'https://hooks.slack.com/services/T0/B0/abcdef?token=s3cr3t&room=7' })
    const key = await status.makeKey(['read'])

    expect((await status.call<Webhook>('GET', path(webhook), undefined, { key })).body.url).toBe(
      'https://hooks.slack.com/services/***/***/***?token=***&room=7',
    )
    const guess = { filter: { field: 'url', op: 'like', value: 'abc' } }
    expect((await status.call('POST', '/webhooks/filter', guess, { key })).status).toBe(403)
    expect((await status.call<List<Webhook>>('POST', '/webhooks/filter', guess)).body.data).toHaveLength(1)
  })

  it('gets a test event that is stored, queued and addressed to it alone', async () => {
    const webhook = await create()

    const { status: code, body } = await status.call<{ event_id: string; delivery_id: string }>('POST', `${path(webhook)}/test`)

    expect(code).toBe(202)
    expect(status.queued.at(-1)?.job).toMatchObject({
      deliveryId: body.delivery_id,
      eventId: body.event_id,
      webhookId: webhook.id,
      generation: 0,
      step: 0,
    })
    expect(status.bodies.at(-1)).toBe(body.event_id)
    const event = await status.call('GET', `/events/${body.event_id}`)
    expect(event.body).toMatchObject({
      type: 'webhook.test',
      source: 'tidings',
      to: [webhook.id],
      matched: 1,
      deliveries: { data: [{ id: body.delivery_id, status: 'pending' }] },
    })
  })

  it('gets its test event later when Redis is away', async () => {
    const webhook = await create()
    const add = status.deps.queue.add
    status.deps.queue.add = () => Promise.reject(new Error('Redis is away'))

    const { status: code, body } = await status.call<{ event_id: string }>('POST', `${path(webhook)}/test`)
    status.deps.queue.add = add

    expect(code).toBe(202)
    const waiting = await status.storage.events.notFannedOut(status.clock.now() + 1, 10)
    expect(waiting.map((event) => event.envelope.id)).toEqual([body.event_id])
  })

  it('gets no test event while it is not active', async () => {
    const webhook = await create({ active: false })

    expect((await status.call('POST', `${path(webhook)}/test`)).status).toBe(409)
  })
})

describe('subscriptions', () => {
  it('are replaced by a bare array of event types, * for all', async () => {
    const webhook = await create()
    await status.call('PUT', `${path(webhook)}/subscriptions`, ['instrument.created', 'instrument.updated'])

    const { status: code, body } = await status.call<List<Subscription>>('PUT', `${path(webhook)}/subscriptions`, ['*'])

    expect(code).toBe(200)
    expect(body.data.map((one) => one.event_type)).toEqual(['*'])
    expect((await status.call<List<Subscription>>('GET', `${path(webhook)}/subscriptions`)).body).toEqual(body)
  })

  it('are added one by one, once each, and removed', async () => {
    const webhook = await create()
    const wish = { event_type: 'table.*', filters: { domains: ['sales'] } }

    const first = await status.call<Subscription>('POST', `${path(webhook)}/subscriptions`, wish)
    const second = await status.call<Subscription>('POST', `${path(webhook)}/subscriptions`, wish)

    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body).toEqual(first.body)
    expect(first.body).toMatchObject({ ...wish, webhook_id: webhook.id })
    expect((await status.call('DELETE', `${path(webhook)}/subscriptions/${first.body.id}`)).status).toBe(204)
    expect((await status.call('DELETE', `${path(webhook)}/subscriptions/${first.body.id}`)).status).toBe(404)
  })
})

describe('a source', () => {
  it('gets a secret, shown once, when it has a scheme and brings none', async () => {
    const { status: code, body } = await status.call<Source & { secret: string }>('POST', '/sources', {
      name: 'signed',
      adapter: 'standard-webhooks',
      scheme: 'standard-webhooks',
    })

    expect(code).toBe(201)
    expect(body.secret).toMatch(/^whsec_/)
    const stored = await status.storage.sources.find('org', 'signed')
    expect(status.deps.vault.open(stored?.secrets[0] as string, body.id)).toBe(body.secret)
    expect((await status.call('GET', '/sources/signed')).text).not.toContain(body.secret)
  })

  it('does not show a secret that it was given, nor make one that it does not need', async () => {
    const given = await status.call('POST', '/sources', {
      name: 'given',
      adapter: 'cloudevents',
      scheme: 'ptolemy',
      secret: 'my own secret'.replaceAll(' ', '-'),
    })
    const open = await status.call('POST', '/sources', { name: 'open', adapter: 'cloudevents' })

    expect(given.body).toMatchObject({ secret: null, secrets: [{}] })
    expect(given.text).not.toContain('my-own-secret')
    expect(open.body).toMatchObject({ secret: null, secrets: [], scheme: null })
  })

  it('takes further secrets, and gives up any but the last', async () => {
    await status.call('POST', '/sources', { name: 'rotating', adapter: 'cloudevents', scheme: 'ptolemy' })
    const { body } = await status.call<Source>('POST', '/sources/rotating/secrets')
    const [fresh, old] = body.secrets

    expect((await status.call('DELETE', `/sources/rotating/secrets/${old?.id}`)).status).toBe(204)
    expect((await status.call('DELETE', `/sources/rotating/secrets/${old?.id}`)).status).toBe(404)
    expect((await status.call('DELETE', `/sources/rotating/secrets/${fresh?.id}`)).status).toBe(409)
    expect((await status.call<Source>('GET', '/sources/rotating')).body.secrets).toEqual([fresh])
  })

  it('gets a secret when a scheme is switched on', async () => {
    await status.call('POST', '/sources', { name: 'later', adapter: 'cloudevents' })

    const { body } = await status.call<Source & { secret: string }>('PATCH', '/sources/later', { scheme: 'ptolemy' })

    expect(body).toMatchObject({ adapter: 'cloudevents', scheme: 'ptolemy', secrets: [{}] })
    expect(body.secret).toMatch(/^whsec_/)
  })

  it('has a name of its own, and can be removed', async () => {
    await status.call('POST', '/sources', { name: 'twice', adapter: 'cloudevents' })

    expect((await status.call('POST', '/sources', { name: 'twice', adapter: 'cloudevents' })).status).toBe(409)
    expect((await status.call('DELETE', '/sources/twice')).status).toBe(204)
    expect((await status.call('GET', '/sources/twice')).status).toBe(404)
  })
})

it('registers an event type, replaces it and removes it', async () => {
  const first = await status.call('PUT', '/event-types/table.updated', { description: 'A table changed.', schema: { type: 'object' } })
  const second = await status.call('PUT', '/event-types/table.updated', {})

  expect([first.status, second.status]).toEqual([201, 200])
  expect(first.body).toMatchObject({ name: 'table.updated', schema: { type: 'object' } })
  expect((await status.call<List<object>>('GET', '/event-types')).body.data).toEqual([second.body])
  expect((await status.call('DELETE', '/event-types/table.updated')).status).toBe(204)
  expect((await status.call('GET', '/event-types/table.updated')).status).toBe(404)
})

describe('an API key', () => {
  it('works until it expires, and is stored as a hash', async () => {
    const soon = new Date(status.clock.now() + 10_000).toISOString()
    const { status: code, body } = await status.call<{ id: string; key: string }>('POST', '/keys', {
      label: 'catalog',
      scopes: ['read', 'read'],
      expires_at: soon,
    })

    expect(code).toBe(201)
    expect(body).toMatchObject({ label: 'catalog', scopes: ['read'], expires_at: soon })
    expect((await status.call('GET', '/webhooks', undefined, { key: body.key })).status).toBe(200)
    expect(JSON.stringify(await status.storage.keys.list('org'))).not.toContain(body.key)
    expect((await status.call('GET', `/keys/${body.id}`)).text).not.toContain(body.key)
    expect((await status.call('DELETE', `/keys/${body.id}`)).status).toBe(204)
    expect((await status.call('GET', `/keys/${body.id}`)).status).toBe(404)
  })

  it('stays when it is the last that can make keys', async () => {
    const key = await status.makeKey(['admin'], 'locked')
    await status.makeKey(['write'], 'locked')
    const [last] = (await status.call<List<{ id: string; scopes: string[] }>>('GET', '/keys', undefined, { key })).body.data.filter((one) =>
      one.scopes.includes('admin'),
    )

    expect((await status.call('PATCH', `/keys/${last?.id}`, { scopes: ['write'] }, { key })).status).toBe(409)
    expect((await status.call('PATCH', `/keys/${last?.id}`, { expires_at: '2999-01-01T00:00:00Z' }, { key })).status).toBe(409)
    expect((await status.call('DELETE', `/keys/${last?.id}`, undefined, { key })).status).toBe(409)

    await status.makeKey(['admin'], 'locked')
    expect((await status.call('DELETE', `/keys/${last?.id}`, undefined, { key })).status).toBe(204)
  })
})

it('makes one admin key at the first start, even where two processes start at once', async () => {
  const { storage, close } = await (dialects[0] as Dialect).open()

  const made = await Promise.all([ensureAdminKey(storage, status.clock), ensureAdminKey(storage, status.clock)])

  const keys = made.filter((key) => key !== undefined)
  expect(keys).toHaveLength(1)
  expect(await storage.keys.findByHash(hashApiKey(keys[0] as string), 0)).toMatchObject({ organizationId: 'default', scopes: ['admin'] })
  expect(await ensureAdminKey(storage, status.clock)).toBeUndefined()
  await close()
})
