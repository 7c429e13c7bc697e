import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenMetadataDelivery } from '../../shared/contracts/api/openmetadata-calls.ts'
import { anId } from '../support/builders.ts'
import { storeDelivery } from '../support/log.ts'
import { openMetadataClient, type List } from '../support/openmetadata.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const { call, create, patch } = openMetadataClient(() => status)

describe('the status', () => {
  type End = Parameters<typeof anEnd>[2]
  const timedOut = { result: { outcome: 'timed_out', error: 'no answer within 10000 ms', timings: { endMs: 5 } } } as const
  const unreachable = { result: { outcome: 'unreachable', error: 'connection refused', timings: { endMs: 5 } } } as const
  const last = { state: 'failed', nextAttemptAt: null } as const
  const forGood = { result: { outcome: 'rejected', statusCode: 404, permanent: true, timings: { endMs: 5 } }, ...last } as const

  async function fail(id: string, code: number, members: End = {}): Promise<void> {
    const delivery = aDelivery(anId(), id)
    const start = aStart(delivery)
    await status.storage.deliveries.create([delivery], start.at)
    await status.storage.deliveries.record([start, anEnd(start, code, members)], start.at)
  }

  it.each<[string, string, number, End]>([
    ['a 2xx', 'active', 200, {}],
    ['a 4xx', 'awaitingRetry', 429, {}],
    ['a 5xx', 'awaitingRetry', 503, {}],
    ['no answer in time', 'awaitingRetry', 500, timedOut],
    ['a redirect', 'failed', 302, {}],
    ['no connection', 'failed', 500, unreachable],
    ['a refusal for good', 'failed', 404, forGood],
    ['the last of the retries', 'retryLimitReached', 500, last],
    ['the last of the retries without a connection', 'retryLimitReached', 500, { ...unreachable, ...last }],
  ])('after %s is %s', async (_, expected, code, members) => {
    const { id } = await create()

    await fail(id, code, members)

    expect((await call('GET', `/${id}`)).body.status).toBe(expected)
  })

  it('tells the last failure, and that all retries were in vain until something succeeds or a patch enables it', async () => {
    const { id } = await create()
    const shown = async () => (await call('GET', `/${id}`)).body
    await fail(id, 500)
    expect((await shown()).failureDetails).toEqual({
      lastFailedAt: expect.any(Number),
      lastFailedStatusCode: 500,
      lastFailedReason: 'answered 500',
      nextAttempt: expect.any(Number),
    })

    await fail(id, 500, last)
    await fail(id, 500)
    expect((await shown()).status).toBe('retryLimitReached')
    const { body } = await patch(id, { op: 'replace', path: '/enabled', value: true })
    expect(body).toMatchObject({ status: 'active', version: 0.1 })
    await fail(id, 500, last)
    await fail(id, 200)
    expect((await shown()).status).toBe('active')
  })

  it('of one that was created disabled is disabled', async () => {
    expect(await create({ enabled: false })).toMatchObject({ status: 'disabled', enabled: false })
  })
})

describe('test and deliveries', () => {
  it('send a test event, and show it in the log', async () => {
    const { id } = await create()

    const { status: code, body } = await call<{ eventId: string; deliveryId: string }>('POST', `/${id}/test`)

    expect(code).toBe(202)
    expect(status.queued.at(-1)?.job).toMatchObject({ webhookId: id, deliveryId: body.deliveryId })
    const log = await call<List<OpenMetadataDelivery>>('GET', `/${id}/deliveries`)
    expect(log.body).toMatchObject({ data: [{ id: body.deliveryId, eventId: body.eventId, status: 'pending' }], paging: { total: 1 } })
    await patch(id, { op: 'replace', path: '/enabled', value: false })
    expect((await call('POST', `/${id}/test`)).status).toBe(409)
  })

  it('page through the deliveries of one webhook', async () => {
    const { id } = await create()
    const stored = []
    for (const ending of ['succeeded', 'failed', 'pending'] as const) stored.push(await storeDelivery(status.storage, 'org', id, ending))

    const first = await call<List<OpenMetadataDelivery>>('GET', `/${id}/deliveries?limit=2`)
    const second = await call<List<OpenMetadataDelivery>>('GET', `/${id}/deliveries?limit=2&after=${first.body.paging.after}`)

    const all = [...first.body.data, ...second.body.data]
    expect(first.body.paging.total).toBe(3)
    expect(all.map((delivery) => delivery.status).sort()).toEqual(['failed', 'pending', 'succeeded'])
    expect(new Set(all.map((delivery) => delivery.id))).toEqual(new Set(stored.map((delivery) => delivery.id)))
  })
})
