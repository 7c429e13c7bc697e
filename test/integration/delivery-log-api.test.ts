import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { eventually } from '../support/eventually.ts'
import { redeliverBetweenTicks, redeliverSteadily } from '../../services/status/redeliver.ts'
import type { Delivery, DeliveryDetail, Redelivery } from '../../shared/contracts/api/delivery.ts'
import type { Event } from '../../shared/contracts/api/event.ts'
import { aNewEvent, aSubscription, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

type Detail = z.infer<typeof DeliveryDetail>
type List<T> = { data: T[]; meta: { next_cursor: string | null; has_more: boolean } }

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const entity = { type: 'table', name: 'warehouse.sales.orders' }
const one = (id: string) => status.call<Detail>('GET', `/webhook-deliveries/${id}`)

/** Of so many failed deliveries of a webhook of its own. */
async function beginRedelivery(count: number): Promise<Redelivery> {
  const webhookId = await storeWebhook(status.storage, 'org')
  for (let n = 0; n < count; n++) await storeDelivery(status.storage, 'org', webhookId, 'failed')
  status.clock.forward(1_000)
  const filter = { field: 'webhook_id', op: 'eq', value: webhookId }
  return (await status.call<Redelivery>('POST', '/webhook-deliveries/redeliver', { filter })).body
}

describe('the delivery log', () => {
  it('answers the request of the Ptolemy guide with the failed deliveries of a webhook', async () => {
    const webhookId = await storeWebhook(status.storage, 'org', { label: 'production' })
    const { id } = await storeDelivery(status.storage, 'org', webhookId, 'failed', someTime, { entity })
    await storeDelivery(status.storage, 'org', webhookId, 'succeeded')
    const mine = { field: 'webhook_id', op: 'eq', value: webhookId }
    const request = {
      filter: { and: [mine, { field: 'status', op: 'eq', value: 'failed' }] },
      sort: [{ field: 'delivered_at', direction: 'desc' }],
    }

    const { status: code, body } = await status.call<List<Delivery>>('POST', '/webhook-deliveries/filter', request)

    expect(code).toBe(200)
    expect(body.meta).toEqual({ next_cursor: null, has_more: false })
    expect(body.data).toMatchObject([
      { id, webhook_id: webhookId, webhook_label: 'production', status: 'failed', event_type: 'table.updated', entity_name: entity.name },
    ])
    expect((await status.call('POST', '/webhook-deliveries/count', { filter: mine })).body).toEqual({ count: 2, exact: true })
  })

  it('can be read to its end page by page', async () => {
    const webhookId = await storeWebhook(status.storage, 'org')
    const filter = { field: 'webhook_id', op: 'eq', value: webhookId }
    for (let n = 0; n < 3; n++) await storeDelivery(status.storage, 'org', webhookId, 'pending', someTime + n)

    const first = await status.call<List<Delivery>>('POST', '/webhook-deliveries/filter', { filter, limit: 2 })
    const second = await status.call<List<Delivery>>('POST', '/webhook-deliveries/filter', {
      filter,
      limit: 2,
      after: first.body.meta.next_cursor,
    })

    expect([...first.body.data, ...second.body.data].map((row) => Date.parse(row.accepted_at) - someTime)).toEqual([2, 1, 0])
    expect([first.body.meta.has_more, second.body.meta.has_more]).toEqual([true, false])
  })

  describe('shows of an attempt', () => {
    /** An attempt as a dispatcher reports it, with the hash of a body. */
    async function attempt(bodyHash: string | undefined, format = 'tidings'): Promise<string> {
      const webhookId = await storeWebhook(status.storage, 'org')
      const event = aNewEvent({ entity })
      const delivery = aDelivery(event.envelope.id, webhookId)
      await status.storage.events.accept({ events: [event], organizationId: 'org', now: someTime })
      await status.storage.deliveries.create([delivery], someTime)
      const { body } = status.deps.formats
        .get('tidings')
        .render({ ...event.envelope, data: '{"rows":3}' }, { webhook: { id: webhookId, label: null }, settings: {}, secrets: [] })
      const hash = bodyHash ?? createHash('sha256').update(body).digest('hex')
      const request = {
        url: 'https://example.com/hook?token=abc',
        headers: { 'webhook-id': event.envelope.id },
        format,
        bodyHash: hash,
        bytes: body.length,
      }
      const start = aStart(delivery)
      const result = {
        outcome: 'rejected' as const,
        statusCode: 500,
        responseHeaders: { 'retry-after': '3' },
        responseBody: 'no',
        responseTruncated: true,
        timings: { headersMs: 3, endMs: 4 },
      }
      await status.storage.deliveries.record([start, anEnd(start, 500, { request, result })], someTime)
      return delivery.id
    }

    it('what was sent, what came back, how long it took and what follows', async () => {
      const [shown] = (await one(await attempt(undefined))).body.attempt_log

      expect(shown).toMatchObject({
        number: 1,
        generation: 0,
        outcome: 'rejected',
        decision: 'answered 500',
        timings: { headers_ms: 3, end_ms: 4 },
      })
      expect(shown?.response).toEqual({ status_code: 500, headers: { 'retry-after': '3' }, body: 'no', truncated: true })
      expect(shown?.request).toMatchObject({
        method: 'POST',
        url: 'https://example.com/hook?token=abc',
        format: 'tidings',
        body_encoding: 'utf8',
        body_note: null,
      })
      expect(JSON.parse(shown?.request?.body ?? '')).toMatchObject({ type: 'table.updated', entity, data: { rows: 3 } })
      expect(shown?.next_attempt_at).toBe(new Date(someTime + 60_000).toISOString())
    })

    it('no body when the format would give another one today, and says so', async () => {
      const changed = (await one(await attempt('0'.repeat(64)))).body.attempt_log[0]?.request
      const gone = (await one(await attempt(undefined, 'once'))).body.attempt_log[0]?.request

      expect(changed).toMatchObject({ body: null, body_note: expect.stringContaining('has changed since') })
      expect(gone).toMatchObject({ body: null, body_note: expect.stringContaining('not installed any more') })
    })

    it('the secrets of its URL to nobody who may only read', async () => {
      const key = await status.makeKey(['read'])

      const { text } = await status.call('GET', `/webhook-deliveries/${await attempt(undefined)}`, undefined, { key })

      expect(text).toContain('https://example.com/hook?token=***')
      expect(text).not.toContain('token=abc')
    })
  })

  it('sends a failed delivery again', async () => {
    const webhookId = await storeWebhook(status.storage, 'org')
    const { id } = await storeDelivery(status.storage, 'org', webhookId, 'failed')

    const { status: code, body } = await status.call('POST', `/webhook-deliveries/${id}/redeliver`)

    expect(code).toBe(202)
    expect(body).toMatchObject({ id, status: 'pending', generation: 1, attempts: 1 })
    expect(status.queued.at(-1)).toMatchObject({ job: { deliveryId: id, webhookId, generation: 1, step: 0 }, delayMs: 0 })
    expect((await status.call('POST', `/webhook-deliveries/${id}/redeliver`)).status).toBe(409)
  })

  it('does not send again to a webhook that is switched off', async () => {
    const webhookId = await storeWebhook(status.storage, 'org', { active: false })
    const { id } = await storeDelivery(status.storage, 'org', webhookId, 'failed')

    const { status: code, body } = await status.call('POST', `/webhook-deliveries/${id}/redeliver`)

    expect(code).toBe(409)
    expect(body.detail).toMatch(/not active/)
  })

  it('sends all that match again, and shows how far it has come', async () => {
    const webhookId = await storeWebhook(status.storage, 'org')
    const filter = { field: 'webhook_id', op: 'eq', value: webhookId }
    for (let n = 0; n < 3; n++) await storeDelivery(status.storage, 'org', webhookId, 'failed')
    status.clock.forward(1_000)
    const before = status.queued.length

    const begun = await status.call<Redelivery>('POST', '/webhook-deliveries/redeliver', { filter })
    const { opened } = await redeliverSteadily(status.deps)()

    expect(begun).toMatchObject({ status: 202, body: { status: 'running', matched: 3, redelivered: 0, filter } })
    expect(opened).toBe(3)
    expect(status.queued.slice(before).map(({ job }) => [job.webhookId, job.generation])).toEqual(Array(3).fill([webhookId, 1]))
    expect((await status.call('GET', `/redeliveries/${begun.body.id}`)).body).toMatchObject({ status: 'finished', redelivered: 3 })
    expect((await status.call<List<Redelivery>>('GET', '/redeliveries')).body.data[0]?.id).toBe(begun.body.id)
    expect(await redeliverSteadily(status.deps)()).toMatchObject({ opened: 0 })
  })

  it('sends no more again in a second than the settings say', async () => {
    const body = await beginRedelivery(7)
    const redeliver = redeliverSteadily({ ...status.deps, settings: { ...status.deps.settings, redeliveryRate: 2 } })

    // two seconds' worth at first, then as time goes by
    expect(await redeliver()).toMatchObject({ opened: 4 })
    expect(await redeliver()).toMatchObject({ opened: 0 })
    status.clock.forward(1_000)
    expect(await redeliver()).toMatchObject({ opened: 2 })
    status.clock.forward(60_000)
    expect(await redeliver()).toMatchObject({ opened: 1 })
    expect((await status.call('GET', `/redeliveries/${body.id}`)).body).toMatchObject({ status: 'finished', redelivered: 7 })
  })

  it('goes on between two ticks, and ends with the process', async () => {
    const body = await beginRedelivery(25)
    const redelivering = redeliverBetweenTicks({ ...status.deps, settings: { ...status.deps.settings, redeliveryRate: 10 } })

    await redelivering.chore()
    expect((await status.call('GET', `/redeliveries/${body.id}`)).body).toMatchObject({ status: 'running', redelivered: 10 })
    status.clock.forward(1_000)
    await eventually(async () => expect((await status.call('GET', `/redeliveries/${body.id}`)).body).toMatchObject({ redelivered: 20 }))
    await redelivering.stop()
    status.clock.forward(1_000)
    await redelivering.chore()

    expect((await status.call('GET', `/redeliveries/${body.id}`)).body).toMatchObject({ status: 'running', redelivered: 20 })
    await status.call('DELETE', `/redeliveries/${body.id}`)
  })

  it('sends nothing again while what it sent before still waits for a dispatcher', async () => {
    const body = await beginRedelivery(12)
    let waiting = 10
    const redeliver = redeliverSteadily({ ...status.deps, queue: { ...status.deps.queue, waiting: async () => waiting } })

    expect(await redeliver()).toEqual({ opened: 0, idle: false })
    waiting = 9
    expect(await redeliver()).toEqual({ opened: 10, idle: false })
    await status.call('DELETE', `/redeliveries/${body.id}`)
  })

  it('rests 25 times as long as a step took, and adds its jobs meanwhile, one after the other', async () => {
    const body = await beginRedelivery(25)
    const before = status.queued.length
    const steps: { at: number; jobs: number }[] = []
    const pieces: number[] = []
    const waiting = async () => {
      status.clock.forward(20)
      steps.push({ at: performance.now(), jobs: status.queued.length - before })
      return 0
    }
    const add = async (...[list]: Parameters<typeof status.deps.queue.add>) => {
      pieces.push(list.length)
      await status.deps.queue.add(list)
    }
    const redelivering = redeliverBetweenTicks({ ...status.deps, queue: { ...status.deps.queue, add, waiting } })

    await redelivering.chore()
    await eventually(() => expect(steps).toHaveLength(2))

    expect((steps[1]?.at as number) - (steps[0]?.at as number)).toBeGreaterThanOrEqual(500)
    expect(steps.map(({ jobs }) => jobs)).toEqual([0, 10])
    expect(pieces.slice(0, 10)).toEqual(Array(10).fill(1))
    await redelivering.stop()
    await status.call('DELETE', `/redeliveries/${body.id}`)
  })

  it('leaves no opened delivery without a job when the process ends', async () => {
    const body = await beginRedelivery(25)
    const before = status.queued.length
    const redelivering = redeliverBetweenTicks(status.deps)

    await redelivering.chore()
    await redelivering.stop()

    expect(status.queued.length - before).toBe(10)
    expect((await status.call('GET', `/redeliveries/${body.id}`)).body).toMatchObject({ redelivered: 10 })
    await status.call('DELETE', `/redeliveries/${body.id}`)
  })

  it('stops sending again when it is told to', async () => {
    const body = await beginRedelivery(1)

    const stopped = await status.call('DELETE', `/redeliveries/${body.id}`)

    expect(stopped).toMatchObject({ status: 200, body: { status: 'stopped', redelivered: 0 } })
    expect(await redeliverSteadily(status.deps)()).toMatchObject({ opened: 0 })
  })
})

describe('an event', () => {
  it('says for each subscription of its time whether it matched, why, and what came of it', async () => {
    const organizationId = 'explained'
    const key = await status.makeKey(['read'], organizationId)
    const [on, off] = [
      await storeWebhook(status.storage, organizationId, { label: 'on' }),
      await storeWebhook(status.storage, organizationId, { label: 'off', active: false }),
    ]
    const wish = (webhookId: string, members = {}) =>
      status.storage.subscriptions.add(aSubscription({ organizationId, webhookId, ...members }))
    const matching = await wish(on, { eventType: 'table.*' })
    const other = await wish(on, { eventType: 'table.*', filters: { domains: ['finance'] } })
    const asleep = await wish(off)
    await wish(on, { eventType: 'later', createdAt: someTime + 1 })
    const { id, eventId } = await storeDelivery(status.storage, organizationId, on, 'succeeded', someTime, { entity })

    const { status: code, body } = await status.call<Event>('GET', `/events/${eventId}`, undefined, { key })

    expect(code).toBe(200)
    expect(body).toMatchObject({ id: eventId, type: 'table.updated', entity, data: { rows: 3 }, matched: 1, to: null })
    expect(Buffer.from(body.raw, 'base64').toString()).toBe('{"data":{"rows":3}}')
    expect(body.deliveries.data).toMatchObject([{ id, status: 'succeeded' }])
    expect(body.matches.map((match) => [match.subscription.id, match.matched, match.clause, match.delivery_id])).toEqual([
      [matching?.id, true, null, id],
      [asleep?.id, true, null, null],
      [other?.id, false, 'domains', null],
    ])
    expect(body.matches[1]?.reason).toMatch(/was not active then/)
    expect(body.matches[2]?.reason).toMatch(/finance/)
  })
})
