import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Choices } from '../../shared/contracts/api/choices.ts'
import type { EventSummary } from '../../shared/contracts/api/event.ts'
import type { Preview } from '../../shared/contracts/api/preview.ts'
import type { SignatureCheck } from '../../shared/contracts/api/signature.ts'
import type { Health, Stats } from '../../shared/contracts/api/stats.ts'
import { aNewEvent, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aStart, anEnd } from '../support/outcomes.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const minute = 60_000

describe('figures', () => {
  it('count events and attempts minute by minute, and what waits', async () => {
    const key = await status.makeKey(['read'], 'figures')
    const webhook = await storeWebhook(status.storage, 'figures')
    const now = status.clock.now()
    await storeDelivery(status.storage, 'figures', webhook, 'succeeded', now - 2 * minute)
    await storeDelivery(status.storage, 'figures', webhook, 'failed', now - 2 * minute)
    await storeDelivery(status.storage, 'figures', webhook, 'pending', now - 10_000)
    await storeDelivery(status.storage, 'others', await storeWebhook(status.storage, 'others'), 'failed', now)

    const { status: code, body } = await status.call<Stats>('GET', '/stats?minutes=5', undefined, { key })

    expect(code).toBe(200)
    expect(body.minutes).toHaveLength(5)
    expect(body.minutes.reduce((sum, one) => sum + one.accepted, 0)).toBe(3)
    expect(body.minutes.reduce((sum, one) => sum + one.succeeded, 0)).toBe(1)
    expect(body.minutes.reduce((sum, one) => sum + one.failed, 0)).toBe(1)
    expect(body).toMatchObject({ success_rate: 0.5, latency: { deliveries: 1 }, backlog: { pending: 1, retrying: 0, due: 1 } })
    expect(body.backlog.oldest_accepted_at).toBe(new Date(now - 10_000).toISOString())
  })

  it('of minutes that are over stay as they were counted, and later ones are counted anew', async () => {
    const key = await status.makeKey(['read'], 'later')
    const webhook = await storeWebhook(status.storage, 'later')
    const ask = async () =>
      (await status.call<Stats>('GET', '/stats?minutes=10', undefined, { key })).body.minutes.map(({ accepted }) => accepted)
    await storeDelivery(status.storage, 'later', webhook, 'succeeded', status.clock.now() - 6 * minute)
    const before = await ask()
    await storeDelivery(status.storage, 'later', webhook, 'succeeded', status.clock.now())

    const after = await ask()

    expect(before.reduce((sum, one) => sum + one, 0)).toBe(1)
    expect(after.reduce((sum, one) => sum + one, 0)).toBe(2)
    expect(after.at(-1)).toBe(1)
  })

  it('of each webhook come in 48 stretches', async () => {
    const key = await status.makeKey(['read'], 'health')
    const webhook = await storeWebhook(status.storage, 'health')
    for (const ending of ['succeeded', 'succeeded', 'failed'] as const)
      await storeDelivery(status.storage, 'health', webhook, ending, status.clock.now())

    const { body } = await status.call<Health>('GET', '/stats/webhooks?hours=24', undefined, { key })

    expect(body.stretch_ms).toBe(30 * minute)
    expect(body.webhooks).toEqual([{ webhook_id: webhook, stretches: [{ at: expect.any(String), succeeded: 2, failed: 1 }] }])
    expect((Date.parse(body.webhooks[0]?.stretches[0]?.at ?? '') - Date.parse(body.from)) % body.stretch_ms).toBe(0)
  })
})

describe('accepted events', () => {
  it('can be searched, newest first, page by page, by their organization alone', async () => {
    const key = await status.makeKey(['read'], 'events')
    for (let n = 0; n < 3; n++) {
      const event = aNewEvent(
        { organizationId: 'events', source: n === 1 ? 'catalog' : 'api', entity: { type: 'table', name: `t${n}` } },
        someTime + n,
      )
      await status.storage.events.accept({ events: [event], organizationId: 'events', now: someTime + n })
    }
    type Page = { data: EventSummary[]; meta: { next_cursor: string | null } }
    const names = ({ data }: Page) => data.map(({ entity }) => entity?.name)
    const first = await status.call<Page>('POST', '/events/filter', { limit: 2 }, { key })
    const rest = await status.call<Page>('POST', '/events/filter', { limit: 2, after: first.body.meta.next_cursor }, { key })
    const ofSource = await status.call<Page>('POST', '/events/filter', { filter: { field: 'source', op: 'eq', value: 'catalog' } }, { key })

    expect([names(first.body), names(rest.body), names(ofSource.body)]).toEqual([['t2', 't1'], ['t0'], ['t1']])
    expect((await status.call('POST', '/events/filter', { filter: { field: 'nothing', op: 'eq', value: 1 } }, { key })).status).toBe(422)
    expect((await status.call<Page>('POST', '/events/filter', {}, { key: await status.makeKey(['read'], 'strangers') })).body.data).toEqual(
      [],
    )
  })
})

describe('a preview', () => {
  it('tells what would have matched, and writes the newest of it in the format', async () => {
    const key = await status.makeKey(['write'], 'preview')
    for (const type of ['table.updated', 'table.deleted', 'dashboard.updated']) {
      const event = aNewEvent(
        { organizationId: 'preview', type, entity: { type: 'table', name: type, domain: 'Sales' } },
        status.clock.now(),
      )
      await status.storage.events.accept({ events: [event], organizationId: 'preview', now: status.clock.now() })
    }
    const subscriptions = [{ event_type: 'table.*', filters: { domains: ['Sales'] } }]

    const { body } = await status.call<Preview>('POST', '/webhooks/preview', { format: 'tidings', subscriptions }, { key })

    expect(body.matching).toMatchObject({ matched: 2, looked_at: 3, all: true })
    expect(body.problem).toBeNull()
    expect(JSON.parse(body.payload?.body ?? '')).toMatchObject({ type: body.matching.events[0]?.type })
    expect(body.payload?.event_id).toBe(body.matching.events[0]?.id)
  })

  it('writes a made-up event where none has matched, and keeps and sends nothing', async () => {
    const before = status.queued.length
    const { body } = await status.call<Preview>('POST', '/webhooks/preview', { url: 'https://hooks.slack.com/services/T0/B0/x' })

    expect(body.matching.matched).toBe(0)
    expect(body.payload).toMatchObject({ event_id: null, format: 'slack', content_type: 'application/json; charset=utf-8' })
    expect(status.queued).toHaveLength(before)
  })

  it('refuses a format and settings that there are not, naming the field', async () => {
    const format = await status.call('POST', '/webhooks/preview', { format: 'xml' })
    const settings = await status.call('POST', '/webhooks/preview', { format: 'tidings', format_settings: { colour: 'red' } })

    expect([format.status, settings.status]).toEqual([422, 422])
    expect(format.body).toMatchObject({ errors: [{ field: 'format' }] })
    expect(settings.body).toMatchObject({ errors: [{ field: 'format_settings.colour' }] })
  })

  it('of what another organization has is not found', async () => {
    const webhook = await storeWebhook(status.storage, 'owner')

    expect((await status.call('POST', '/webhooks/preview', { webhook_id: webhook })).status).toBe(404)
    expect((await status.call('POST', '/webhooks/preview', { event_id: 'unknown' })).status).toBe(404)
  })
})

it('what can be chosen is named, with the settings that it has', async () => {
  const { body } = await status.call<Choices>('GET', '/choices')

  expect(body.formats.map(({ name }) => name)).toEqual(status.deps.formats.names())
  expect(body.formats.find(({ name }) => name === 'template')?.settings).toMatchObject({ type: 'object' })
  expect(body.schemes.find(({ name }) => name === 'generic-hmac')).toMatchObject({ for_webhooks: false })
  expect(body.adapters.find(({ name }) => name === 'openmetadata')).toMatchObject({ scheme: 'openmetadata' })
})

describe('the signature of an attempt', () => {
  it('is checked as a receiver does it, with each secret alone, and none is shown', async () => {
    const { vault, schemes, formats } = status.deps
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const sealed = (text: string, createdAt: number) => ({ sealed: vault.seal(text, 'signed'), createdAt, expiresAt: null })
    const webhook = await storeWebhook(status.storage, 'org', {
      id: 'signed',
      secrets: [sealed('whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', someTime), sealed(secret, someTime - 1)],
    })
    const delivery = await storeDelivery(status.storage, 'org', webhook, 'pending')
    const stored = await status.storage.events.load(delivery.eventId)
    if (!stored) throw new Error('the event is not stored')
    const payload = formats
      .get('tidings')
      .render({ ...stored.envelope, data: stored.data }, { webhook: { id: webhook, label: null }, settings: {}, secrets: [secret] })
    const headers = schemes.get('standard-webhooks').sign({ id: delivery.eventId, now: someTime, body: payload.body, secrets: [secret] })
    const bodyHash = createHash('sha256').update(payload.body).digest('hex')
    const start = aStart(delivery, { at: someTime })
    const request = {
      url: 'http://127.0.0.1:9/',
      headers: { 'content-type': 'application/json', ...headers },
      format: 'tidings',
      bodyHash,
      bytes: payload.body.length,
    }
    await status.storage.deliveries.record([start, anEnd(start, 200, { request })], someTime)

    const path = `/webhook-deliveries/${delivery.id}/attempts/${start.attemptId}/signature`
    const { status: code, body, text } = await status.call<SignatureCheck>('GET', path)

    expect(code).toBe(200)
    expect(body).toMatchObject({ scheme: 'standard-webhooks', result: 'verifies', reason: null })
    expect(body.secrets.map(({ verifies }) => verifies)).toEqual([false, true])
    expect(Object.keys(body.headers).sort()).toEqual(['webhook-id', 'webhook-signature', 'webhook-timestamp'])
    expect(text).not.toMatch(/whsec_|MfKQ9r8/)
    expect((await status.call('GET', path, undefined, { key: await status.makeKey(['read'], 'strangers') })).status).toBe(404)
    expect((await status.call('GET', `/webhook-deliveries/${delivery.id}/attempts/unknown/signature`)).status).toBe(404)
  })
})
