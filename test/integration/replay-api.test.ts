import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redeliverSteadily } from '../../services/status/redeliver.ts'
import type { Replay } from '../../shared/contracts/api/replay.ts'
import { aNewEvent, aSubscription, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

const organizationId = 'org'
const since = new Date(someTime).toISOString()

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

async function storeEvent(type: string, members: { to?: string[]; waits?: boolean } = {}): Promise<string> {
  const { to, waits = false } = members
  const at = status.clock.now()
  const event = aNewEvent({ organizationId, type, ...(to && { to }) }, at)
  await status.storage.events.accept({ events: [event], organizationId, now: at })
  if (!waits) await status.storage.events.markFannedOut([{ id: event.envelope.id, matched: 0 }], at)
  return event.envelope.id
}
const subscribe = (webhookId: string, eventType: string) =>
  status.storage.subscriptions.add(aSubscription({ organizationId, webhookId, eventType, createdAt: status.clock.now() }))
const begin = (webhookId: string, input: Record<string, unknown> = { since }) =>
  status.call<Replay>('POST', `/webhooks/${webhookId}/replay`, input)
const look = async (id: string) => (await status.call<Replay>('GET', `/replays/${id}`)).body

describe('a replay', () => {
  it('brings old events to a webhook that wants them now, each once', async () => {
    const webhookId = await storeWebhook(status.storage, organizationId)
    const { eventId: had } = await storeDelivery(status.storage, organizationId, webhookId, 'succeeded', someTime, { type: 'table.had' })
    const wanted = [await storeEvent('table.a'), await storeEvent('table.b')]
    await storeEvent('user.created')
    await storeEvent('table.to-another', { to: ['another'] })
    await storeEvent('table.waits', { waits: true })
    status.clock.forward(1_000)
    const subscription = await subscribe(webhookId, 'table.*')
    status.clock.forward(1_000)
    const before = status.queued.length

    const { status: code, body } = await begin(webhookId)
    expect([code, body]).toMatchObject([202, { status: 'running', webhook_id: webhookId, since, events: 6, examined: 0, deliveries: 0 }])
    expect(await redeliverSteadily(status.deps)()).toMatchObject({ opened: 2 })

    expect(status.queued.slice(before).map(({ job, turn }) => [job.eventId, job.webhookId, job.generation, turn])).toEqual(
      wanted.map((id) => [id, webhookId, 0, 'bulk']),
    )
    expect(await look(body.id)).toMatchObject({ status: 'finished', examined: 6, deliveries: 2 })
    expect((await status.call('GET', `/webhooks/${webhookId}/replay`)).body).toEqual(await look(body.id))
    const event = await status.call<{ matched: number; deliveries: { data: unknown[] } }>('GET', `/events/${wanted[0]}`)
    expect(event.body).toMatchObject({
      matched: 1,
      deliveries: { data: [{ subscription_ids: [subscription?.id] }] },
      matches: [{ matched: true, subscription: { id: subscription?.id } }],
    })
    expect((await status.call('GET', `/events/${had}`)).body).toMatchObject({ matched: 1 })

    const { body: again } = await begin(webhookId)
    expect(await redeliverSteadily(status.deps)()).toMatchObject({ opened: 0 })
    expect(await look(again.id)).toMatchObject({ status: 'finished', deliveries: 0 })
  })

  it('makes no more in a second than the settings say, goes on where it was, and stops when it is told to', async () => {
    const webhookId = await storeWebhook(status.storage, organizationId)
    await subscribe(webhookId, 'slow.*')
    status.clock.forward(1_000)
    const from = new Date(status.clock.now()).toISOString()
    for (let n = 0; n < 5; n++) await storeEvent(`slow.n${n}`)
    status.clock.forward(1_000)
    const { body } = await begin(webhookId, { since: from })
    const tick = redeliverSteadily({ ...status.deps, settings: { ...status.deps.settings, redeliveryRate: 1 } })

    expect(await tick()).toMatchObject({ opened: 2 })
    status.clock.forward(1_000)
    expect(await tick()).toMatchObject({ opened: 1 })
    expect(await look(body.id)).toMatchObject({ status: 'running', examined: 3, deliveries: 3 })
    expect(await status.call('DELETE', `/replays/${body.id}`)).toMatchObject({ status: 200, body: { status: 'stopped', reason: null } })
    status.clock.forward(1_000)
    expect(await tick()).toMatchObject({ opened: 0 })
  })

  it('ends when its webhook does', async () => {
    const webhookId = await storeWebhook(status.storage, organizationId)
    await subscribe(webhookId, '*')
    const { body } = await begin(webhookId)
    await status.storage.webhooks.update(organizationId, webhookId, { active: false }, status.clock.now())

    expect(await redeliverSteadily(status.deps)()).toMatchObject({ opened: 0 })
    expect(await look(body.id)).toMatchObject({ status: 'stopped', reason: 'the webhook is not active' })
  })

  it('refuses what cannot be, and names it', async () => {
    const [webhookId, asleep] = [
      await storeWebhook(status.storage, organizationId),
      await storeWebhook(status.storage, organizationId, { active: false }),
    ]

    expect((await begin('none')).status).toBe(404)
    expect((await begin(asleep)).status).toBe(409)
    expect(await begin(webhookId, {})).toMatchObject({ status: 422, body: { errors: [{ field: 'since' }] } })
    expect(await begin(webhookId, { since, until: since })).toMatchObject({ status: 422, body: { errors: [{ field: 'since' }] } })
    expect(await begin(webhookId, { since: '2100-01-01T00:00:00Z' })).toMatchObject({ status: 422, body: { errors: [{ field: 'since' }] } })
    const filter = { field: 'status', op: 'eq', value: 'failed' }
    expect(await begin(webhookId, { since, filter })).toMatchObject({ status: 422, body: { errors: [{ field: 'filter.field' }] } })
    expect((await status.call('GET', '/replays/none')).status).toBe(404)
    expect((await status.call('DELETE', '/replays/none')).status).toBe(404)
    expect((await status.call('GET', `/webhooks/${webhookId}/replay`)).status).toBe(404)
    const stranger = await status.makeKey(['admin'], 'stranger')
    expect((await status.call('GET', '/replays', undefined, { key: stranger })).body.data).toEqual([])
    const reader = await status.makeKey(['read'])
    expect((await status.call('POST', `/webhooks/${webhookId}/replay`, { since }, { key: reader })).status).toBe(403)
  })
})
